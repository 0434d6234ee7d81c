-- The global `timer`: functions called later, and waiting.
local host, helpers = ...
local fail, argument = helpers.fail, helpers.argument
local select, setmetatable, type = select, setmetatable, type
local unpack = table.unpack or unpack
local LONGEST = 1e9 -- seconds, about thirty years

---Functions called later. They are called between cells: a cell that runs holds them up.
---@class timer
local timer = {}

---@class timer.handle
local handle = {}

local Handle = {
  __index = handle,
  __name = "timer.handle",
  __tostring = function(self)
    return "timer: " .. self.kind .. " " .. self.seconds .. " s, " .. (host.is_waiting(self.number) and "waiting" or "over")
  end,
}

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local function check_seconds(seconds, func, least)
  argument(seconds, "seconds", "number", func)
  if not (seconds >= least and seconds <= LONGEST) then
    bad("seconds", func, "a number from " .. least .. " to 1e9 expected, got " .. seconds)
  end
end

local function start(kind, seconds, callback, least, ...)
  local func = "timer." .. kind
  check_seconds(seconds, func, least)
  argument(callback, "callback", "function", func)
  local n, values = select("#", ...), { ... }
  local number = host[kind](seconds, function()
    callback(unpack(values, 1, n))
    return true
  end)
  return setmetatable({ number = number, kind = kind, seconds = seconds }, Handle)
end

---Ends the timer.
---@return boolean was_waiting Whether it would have called again.
function handle:cancel()
  if type(self) ~= "table" or type(self.number) ~= "number" then
    bad("self", "handle:cancel", "a timer expected; call it as handle:cancel()")
  end
  return host.cancel(self.number)
end

---Calls a function once, later. What it prints and its errors are shown below the cell that started it.
---@param seconds number
---@param callback function
---@param ... any Given to the function.
---@return timer.handle
function timer.after(seconds, callback, ...) return start("after", seconds, callback, 0, ...) end

---Calls a function again and again, until it raises an error or the timer is cancelled.
---@param seconds number From one call to the next, at least 0.001.
---@param callback function
---@param ... any Given to the function.
---@return timer.handle
function timer.every(seconds, callback, ...) return start("every", seconds, callback, 0.001, ...) end

---Ends all timers.
---@return number count How many were waiting.
function timer.cancel_all() return host.cancel_all() end

---Waits; an interrupt ends the wait. Timers do not call meanwhile.
---@param seconds number
function timer.sleep(seconds)
  check_seconds(seconds, "timer.sleep", 0)
  host.sleep(seconds)
end

return timer
