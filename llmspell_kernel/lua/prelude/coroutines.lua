-- coroutine.create, resume and wrap that keep track of the running coroutine, so that an interrupt
-- finds it, and that let no coroutine swallow the end of a cell; and an xpcall whose handlers do not see that end.
local host = ...
local create, resume, running, status = coroutine.create, coroutine.resume, coroutine.running, coroutine.status
local close = coroutine.close
local error, setmetatable, type = error, setmetatable, type
local adopt, check, ending, is_own = host.adopt, host.check, host.ending, host.is_own
local getinfo = debug.getinfo
local debugger = host.debugger
local arm = debugger.arm

-- The interrupter reads the memory of this upvalue: it never holds anything but a thread (or false).
local current = running() or false

-- Who has called a coroutine that coroutine.wrap made, while a debugger may want to know what catches its errors.
local callers = setmetatable({}, { __mode = "kv" })
debugger.callers = callers

local function settle(co, previous, ok, ...)
  current = previous
  if not ok then
    -- The end of a cell reaches resume as an ordinary failure: raise it again in the caller.
    check()
    if debugger.failed then debugger.failed(co, (...)) end
  end
  return ok, ...
end

function coroutine.resume(co, ...)
  if type(co) ~= "thread" then error("bad argument #1 to 'resume' (coroutine expected)", 2) end
  local previous = current
  current = co
  if debugger.hook then arm(co) end
  return settle(co, previous, resume(co, ...))
end

-- Closing runs the coroutine's __close methods in it.
local function close_within(co)
  local previous = current
  current = co
  return settle(co, previous, close(co))
end

if close then
  function coroutine.close(co)
    if type(co) ~= "thread" then host.fail("bad argument #1 to 'close' (coroutine expected)") end
    local state = status(co)
    if state == "suspended" or state == "dead" then return close_within(co) end
    local _, is_main = running()
    if host.lua_version > 504 and co == current and not is_main then return close(co) end
    host.fail("cannot close a " .. state .. " coroutine")
  end
end

local function new(body, caller)
  if type(body) ~= "function" then
    error("bad argument #1 to '" .. caller .. "' (function expected)", 3)
  end
  local co = create(body)
  adopt(co)
  return co
end

function coroutine.create(body)
  local co = new(body, "create")
  return co
end

-- "chunk:line: " of what has called a coroutine of ours; nothing if that is no Lua code, as luaL_where has it.
local function caller()
  local level = 2
  local info = getinfo(level, "Sl")
  while info and is_own(info.source) do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  if not info or info.currentline < 1 then return "" end
  return info.short_src .. ":" .. info.currentline .. ": "
end

local function unwrap(co, previous, ok, ...)
  current = previous
  if ok then return ... end
  check()
  local message = ...
  local told = debugger.failed and debugger.failed(co, message, true)
  if status(co) == "dead" then
    host.keep_frames(co, message)
    if close then close_within(co) end
    if host.lua_version > 501 and type(message) == "string" then message = caller() .. message end
  end
  if told then debugger.passed_on(message) end
  error(message, 0)
end

function coroutine.wrap(body)
  local co = new(body, "wrap")
  return function(...)
    local previous = current
    current = co
    if debugger.hook then arm(co) end
    if debugger.failed then callers[co] = previous end
    return unwrap(co, previous, resume(co, ...))
  end
end

-- While a hook raises the end of a cell, Lua calls the message handler with hooks switched off: a handler of
-- the user's that loops could not be ended, so it is not called.
local raw_pcall, raw_xpcall, traceback = pcall, xpcall, debug.traceback
host.raw_pcall, host.raw_xpcall = raw_pcall, raw_xpcall

function xpcall(f, handler, ...)
  local raised = debugger.raised
  if type(handler) ~= "function" or (handler == traceback and not raised) then
    return raw_xpcall(f, handler, ...)
  end
  return raw_xpcall(f, function(...)
    if ending() then return (...) end
    if raised then raised(...) end
    return handler(...)
  end, ...)
end

-- Where a hook fires only now and then, what is caught here could be the end of the cell.
if host.period > 0 then
  local function caught(ok, ...)
    if not ok then check() end
    return ok, ...
  end
  local guarded_xpcall = xpcall
  function pcall(...) return caught(raw_pcall(...)) end
  function xpcall(...) return caught(guarded_xpcall(...)) end
end

return {
  peek = function() return current end,
  -- After a cell that was ended wherever it was, also within our own functions.
  reset = function()
    current = running() or false
    host.restore()
    host.release()
  end,
}
