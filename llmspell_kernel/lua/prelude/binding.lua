-- Turns Python functions into Lua functions whose errors are Lua errors with the position of the caller.
-- A guarded Python function answers (true, results...) or (false, message).
local release, limit_memory, check = ...
local getinfo = debug.getinfo
local error, type, sub = error, type, string.sub

local RUNTIME = "=[llmspell"

-- Whether a chunk of that source (as getinfo gives it) is one of ours.
local function is_own(source) return sub(source, 1, #RUNTIME) == RUNTIME end

-- "chunk:line: " of the innermost frame that is the user's, as luaL_where would give it.
local function where()
  local level = 2
  local info = getinfo(level, "Sl")
  while info do
    if info.what ~= "C" and not is_own(info.source) then
      if info.currentline > 0 then return info.short_src .. ":" .. info.currentline .. ": " end
      return ""
    end
    level = level + 1
    info = getinfo(level, "Sl")
  end
  return ""
end

-- Raises `message` (a string gets the position of the user's code).
local function fail(message)
  if type(message) == "string" then message = where() .. message end
  error(message, 0)
end

-- A failure is either text for fail, or another Lua function's error value to pass on as it is, or the end of
-- the cell: a hook is there then, which has usually raised it before this function's first instruction.
local function finish(limited, ok, ...)
  if limited then limit_memory(true) end
  if ok then return ... end
  check()
  local value, as_is = ...
  if as_is then error(value, 0) end
  fail(value)
end

local function bind(raw)
  return function(...)
    release() -- what was printed before is seen before
    return finish(limit_memory(false), raw(...))
  end
end

-- Arguments of the user's function, checked by name: argument(value, "delay", "number", "timer.after").
local function argument(value, name, expected, func)
  local actual = type(value)
  if actual ~= expected then
    if value == nil then actual = "no value" end
    fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. expected .. " expected, got " .. actual .. ")")
  end
  return value
end

-- Stands for JSON's null in tables, where nil would leave nothing.
local null = setmetatable({}, {
  __name = "JSON.null",
  __tostring = function() return "null" end,
  __newindex = function() fail("JSON.null has no fields") end,
  __metatable = false,
})

return { is_own = is_own, bind = bind, fail = fail, where = where, argument = argument, null = null }
