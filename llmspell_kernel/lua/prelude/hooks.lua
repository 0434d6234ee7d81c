-- The hook that every Lua thread can get. It is registered with the debug library, but taken away again
-- by the host: the interrupter installs it from outside through the C API, only when a cell has to end.
-- Where that is impossible, host.period is the instruction count at which it always fires.
local host = ...
local raw_sethook, raw_gethook = debug.sethook, debug.gethook
local running = coroutine.running
local type, setmetatable, error = type, setmetatable, error
local check, period = host.check, host.period

local one_for_all = host.lua_version == 501 -- LuaJIT has a single hook for all threads
local user_hooks = setmetatable({}, { __mode = "k" })

local function key(thread)
  if one_for_all then return host end
  return thread or (running())
end

local function dispatch(event, line)
  check()
  local user = user_hooks[key()]
  if user then user(event, line) end
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
  if type(thread) ~= "thread" then
    thread, hook, mask, count = nil, thread, hook, mask
  end
  if hook ~= nil and type(hook) ~= "function" then
    error("bad argument 'hook' to 'sethook' (function expected, got " .. type(hook) .. ")", 2)
  end
  user_hooks[key(thread)] = hook
  if hook == nil then mask, count = "", period end
  if thread then
    raw_sethook(thread, dispatch, mask or "", count or 0)
  else
    raw_sethook(dispatch, mask or "", count or 0)
  end
  if hook == nil then adopt(key(thread)) end
end

local function gethook(thread)
  local hook = user_hooks[key(thread)]
  if not hook then return nil end
  local _, mask, count
  if thread then _, mask, count = raw_gethook(thread) else _, mask, count = raw_gethook() end
  return hook, mask, count
end

return { adopt = adopt, sethook = sethook, gethook = gethook }
