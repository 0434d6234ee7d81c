-- coroutine.create, resume and wrap that keep track of the running coroutine, so that an interrupt
-- finds it, and that let no coroutine swallow the end of a cell.
local host = ...
local create, resume, running, status = coroutine.create, coroutine.resume, coroutine.running, coroutine.status
local close = coroutine.close
local error, type = error, type
local adopt, check, where = host.adopt, host.check, host.where

-- The interrupter reads the memory of this upvalue: it never holds anything but a thread (or false).
local current = running() or false

local function settle(previous, ok, ...)
  current = previous
  -- The end of a cell reaches resume as an ordinary failure: raise it again in the caller.
  if not ok then check() end
  return ok, ...
end

function coroutine.resume(co, ...)
  if type(co) ~= "thread" then error("bad argument #1 to 'resume' (coroutine expected)", 2) end
  local previous = current
  current = co
  return settle(previous, resume(co, ...))
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

local function unwrap(co, previous, ok, ...)
  current = previous
  if ok then return ... end
  check()
  local message = ...
  if status(co) == "dead" and host.lua_version > 501 then
    host.keep_frames(co, message)
    if close then close(co) end
    if type(message) == "string" then message = where() .. message end
  end
  error(message, 0)
end

function coroutine.wrap(body)
  local co = new(body, "wrap")
  return function(...)
    local previous = current
    current = co
    return unwrap(co, previous, resume(co, ...))
  end
end

return {
  peek = function() return current end,
  reset = function() current = running() or false end,
}
