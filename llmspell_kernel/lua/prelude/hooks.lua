-- The hook that every Lua thread can get. It is registered with the debug library, but taken away again
-- by the host: the interrupter installs it from outside through the C API, only when a cell has to end.
-- Where that is impossible, host.period is the instruction count at which it always fires.
local host = ...
local raw_sethook, getinfo = debug.sethook, debug.getinfo
local running, is_own = coroutine.running, host.is_own
local next, type, setmetatable, error = next, type, setmetatable, error
local check, on_hook, period = host.check, host.on_hook, host.period
local release, allow_holding = host.release_from_hook, host.allow_holding

local one_for_all = host.lua_version == 501 -- LuaJIT has a single hook for all threads
local user_hooks = setmetatable({}, { __mode = "k" }) -- thread -> {hook, mask, count}

local function key(thread)
  if one_for_all then return host end
  return thread or (running())
end

local function dispatch(event, line)
  if on_hook() then release() end
  local user = user_hooks[key()]
  if not user or (event == "count" and user.count == 0) then return end
  if is_own(getinfo(2, "S").source) then return end
  return user.hook(event, line) -- a tail call: at level 2 the hook finds the function that runs
end

raw_sethook(dispatch, "", period > 0 and period or 1)
-- The debug library keeps hook functions by thread in the registry, from the first sethook on.
local hook_table = not one_for_all and debug.getregistry()._HOOKKEY or nil

-- Makes a new coroutine interruptible.
local function adopt(thread)
  if one_for_all then return end
  if period > 0 then
    raw_sethook(thread, dispatch, "", period)
  else
    hook_table[thread] = dispatch
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
  if count == 0 then count = period end
  if thread then raw_sethook(thread, dispatch, mask, count) else raw_sethook(dispatch, mask, count) end
  if not user_hooks[key(thread)] then adopt(key(thread)) end
end

local function gethook(thread)
  local user = user_hooks[key(thread)]
  if user then return user.hook, user.mask, user.count end
  return nil
end

-- The end of a cell takes all hooks away; the user's own comes back.
local function restore()
  local user = user_hooks[key()]
  if user then raw_sethook(dispatch, user.mask, user.count > 0 and user.count or period) end
end

return { adopt = adopt, sethook = sethook, gethook = gethook, restore = restore }
