-- The hook that every Lua thread can get. It is registered with the debug library, but taken away again
-- by the host: the interrupter installs it from outside through the C API, only when a cell has to end.
-- Where that is impossible, host.period is the instruction count at which it always fires.
local host = ...
local raw_sethook, getinfo = debug.sethook, debug.getinfo
local running, is_own = coroutine.running, host.is_own
local status = coroutine.status
local next, type, setmetatable, error, loadlib = next, type, setmetatable, error, package.loadlib
local check, on_hook, period = host.check, host.on_hook, host.period
local release, allow_holding = host.release_from_hook, host.allow_holding

-- The debug library as Lua made it: the sandbox changes the one that scripts see.
host.debug = {}
for name, f in next, debug do host.debug[name] = f end

local one_for_all = host.lua_version == 501 -- LuaJIT has a single hook for all threads
local user_hooks = setmetatable({}, { __mode = "k" }) -- thread -> {hook, mask, count}

local function key(thread)
  if one_for_all then return host end
  return thread or (running())
end

-- What the debugger wants, if there is one: `attend` is called when the host asks for attention, `hook` is
-- installed with `mask` and `count` in every thread that runs; `wanted`, if there is one, gives the hook and the
-- mask of a thread in their place. It hands on what is not its own to `dispatch`.
local debugger = {}
host.debugger = debugger

-- LuaJIT's coroutine.running answers nothing here. Its C API knows the main thread, by a function that can as well
-- be called from Lua; nil where the module does not export it.
local function find_main()
  local push_thread = loadlib(host.module_file, "lua_pushthread")
  return push_thread and push_thread() or nil
end

host.main_thread = running() or find_main()

local arm

local function dispatch(event, line)
  if on_hook() then
    release()
    if debugger.attend then debugger.attend() end
    debugger.arm_active() -- what called us has taken the place of any other hook, and is gone
  end
  local user = user_hooks[key()]
  if not user or (event == "count" and user.count == 0) then return end
  if is_own(getinfo(2, "S").source) then return end
  return user.hook(event, line) -- a tail call: at level 2 the hook finds the function that runs
end

raw_sethook(dispatch, "", period > 0 and period or 1)
-- The debug library keeps hook functions by thread in the registry, from the first sethook on.
local hook_table = not one_for_all and debug.getregistry()._HOOKKEY or nil
-- Weak: every coroutine there is.
local threads = hook_table or setmetatable({}, { __mode = "k" })

-- Makes a new coroutine interruptible.
local function adopt(thread)
  if one_for_all then
    threads[thread] = true
    return
  end
  if period > 0 then
    raw_sethook(thread, dispatch, "", period)
  else
    hook_table[thread] = dispatch
  end
end

-- Gives a thread (nil: the running one) the hook that is wanted now.
function arm(thread)
  local hook, mask, count = dispatch, "", 0
  local user = user_hooks[key(thread)]
  if debugger.hook then
    hook, mask, count = debugger.hook, debugger.mask, debugger.count
    if debugger.wanted then hook, mask = debugger.wanted(thread) end
  elseif user then
    mask, count = user.mask, user.count
  end
  if count == 0 then count = period end
  if thread then raw_sethook(thread, hook, mask, count) else raw_sethook(hook, mask, count) end
  if mask == "" and count == 0 and not one_for_all then adopt(key(thread)) end
end

-- The same for every thread that is running or waits for one that it has resumed.
local function arm_active()
  arm()
  if one_for_all then return end
  for thread in next, hook_table do
    -- The table is its own metatable, with a string as key.
    if type(thread) == "thread" and status(thread) == "normal" then arm(thread) end
  end
end

local function sethook(thread, hook, mask, count)
  check() -- a loop that only sets hooks would start the count anew for ever
  if type(thread) ~= "thread" then
    thread, hook, mask, count = nil, thread, hook, mask
  end
  if hook ~= nil and type(hook) ~= "function" then
    error("bad argument 'hook' to 'sethook' (function expected, got " .. type(hook) .. ")", 2)
  end
  mask, count = mask or "", count or 0
  if hook == nil or (mask == "" and count == 0) then
    user_hooks[key(thread)] = nil
    mask, count = "", 0
  else
    user_hooks[key(thread)] = { hook = hook, mask = mask, count = count }
  end
  local any = next(user_hooks) ~= nil
  host.set_user_hooked(any)
  allow_holding(not any)
  arm(thread)
end

local function gethook(thread)
  local user = user_hooks[key(thread)]
  if user then return user.hook, user.mask, user.count end
  return nil
end

-- The end of a cell takes all hooks away, also from coroutines that have yielded just as they were hooked; the
-- user's own, or the debugger's, come back.
local function restore()
  if debugger.hook or user_hooks[key()] then arm() end
  if one_for_all then return end
  for thread in next, hook_table do
    if type(thread) == "thread" and status(thread) == "suspended" then arm(thread) end
  end
end

-- Of the debugger's in code; does nothing where there is none.
function debug.breakpoint()
  if debugger.breakpoint then debugger.breakpoint() end
end

debugger.arm, debugger.arm_active, debugger.dispatch = arm, arm_active, dispatch
debugger.threads = threads

return { adopt = adopt, sethook = sethook, gethook = gethook, restore = restore }
