-- The global `Streaming`.
local _, helpers = ...
local fail, argument = helpers.fail, helpers.argument
local type, error, select, setmetatable = type, error, select, setmetatable
local unpack = table.unpack or unpack
local create, resume, status = coroutine.create, coroutine.resume, coroutine.status
local yield, running = coroutine.yield, coroutine.running

---Values that come one after the other.
---@class Streaming
local Streaming = {}

---A stream. In a `for` loop it is its own iterator.
---@class Streaming.stream
local stream = {}

local DONE = {}
local threads = setmetatable({}, { __mode = "k" })
local ahead = setmetatable({}, { __mode = "k" }) -- a value that was made to know whether there is one

local function check(self, method)
  if type(self) ~= "table" or threads[self] == nil then
    fail("bad argument 'self' to 'stream:" .. method .. "' (a stream expected; call it as stream:" .. method .. "())")
  end
end

-- The next value; DONE where there is none. A yield of nil is a value that nobody can see: it is passed over.
local function made(self)
  local thread = threads[self]
  while status(thread) ~= "dead" do
    local ok, value = resume(thread)
    if not ok then error(value, 0) end
    if status(thread) ~= "dead" and value ~= nil then return value end
  end
  return DONE
end

local function take(self)
  local value = ahead[self]
  if value ~= nil then
    if value ~= DONE then ahead[self] = nil end
    return value
  end
  value = made(self)
  if value == DONE then ahead[self] = DONE end
  return value
end

---The next value. An error of the function that makes them is raised here.
---@return any value nil after the last one.
function stream:next()
  check(self, "next")
  local value = take(self)
  if value ~= DONE then return value end
  return nil
end

---Whether there is no value left. To know it, the next one is made.
---@return boolean done
function stream:isDone()
  check(self, "isDone")
  if ahead[self] == nil then ahead[self] = made(self) end
  return ahead[self] == DONE
end

---All values that are left.
---@param limit? number At most so many.
---@return table values
function stream:collect(limit)
  check(self, "collect")
  if limit ~= nil then argument(limit, "limit", "number", "stream:collect") end
  local values = {}
  while not limit or #values < limit do
    local value = take(self)
    if value == DONE then break end
    values[#values + 1] = value
  end
  return values
end

local Stream = {
  __index = stream,
  __name = "Streaming.stream",
  __call = function(self) return self:next() end,
  __tostring = function(self) return "stream: " .. (ahead[self] == DONE and "done" or status(threads[self])) end,
}

---A stream of the values that a function yields. It runs only as far as values are asked for.
---@param producer function Calls `Streaming.yield` for each value.
---@param ... any Given to the function.
---@return Streaming.stream
function Streaming.create(producer, ...)
  argument(producer, "producer", "function", "Streaming.create")
  local n, given = select("#", ...), { ... }
  local self = setmetatable({}, Stream)
  threads[self] = create(function() producer(unpack(given, 1, n)) end)
  return self
end

---Gives a value to the one who reads the stream. Only within the function of a stream.
---@param value any Not nil.
function Streaming.yield(value)
  if value == nil then fail("bad argument 'value' to 'Streaming.yield' (a value expected, got no value)") end
  local thread, is_main = running()
  if thread == nil or is_main then fail("Streaming.yield was called outside of a stream's function (Streaming.create)") end
  yield(value)
end

return Streaming
