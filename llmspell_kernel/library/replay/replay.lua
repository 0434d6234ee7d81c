-- The global `Replay`: what replaying sessions needs.
local host, helpers = ...
local fail, argument = helpers.fail, helpers.argument
local setmetatable, tostring, type, floor = setmetatable, tostring, type, math.floor

---How sessions are replayed, when something is to be done again, and comparing what came out.
---@class Replay
local Replay = {}

---The modes by name: `exact`, `modified`, `simulate`, `debug`.
---@type table
Replay.modes = { exact = "exact", modified = "modified", simulate = "simulate", debug = "debug" }
local MODES = { exact = true, modified = true, simulate = true, debug = true }

local function optional(value, name, expected, func)
  if value ~= nil then argument(value, name, expected, func) end
end

local function bad(name, func, problem) fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")") end

---@class Replay.Config
local config = {}
local Config = {
  __index = config,
  __name = "Replay.Config",
  __tostring = function(self) return "Replay.Config: " .. self.mode end,
}

---Adds a modification.
---@param modification table What `Replay.create_modification` has made.
---@return Replay.Config self
function config:add_modification(modification)
  argument(modification, "modification", "table", "config:add_modification")
  self.modifications[#self.modifications + 1] = modification
  return self
end

---A configuration for `Session.replay`; its fields may be set: `compare_results`, `timeout_seconds`, `stop_on_error`, `metadata`, `modifications` ...
---@param mode? string One of `Replay.modes`; `"exact"` if it is left out.
---@return Replay.Config
function Replay.create_config(mode)
  optional(mode, "mode", "string", "Replay.create_config")
  if mode ~= nil and not MODES[mode] then
    bad("mode", "Replay.create_config", "one of exact, modified, simulate, debug expected, got '" .. mode .. "'")
  end
  return setmetatable({
    mode = mode or "exact",
    compare_results = true,
    timeout_seconds = 300,
    stop_on_error = false,
    metadata = {},
    modifications = {},
  }, Config)
end

---Other code for one run of a session.
---@param path string Which: `"cells.3.code"`, or `"cells.3.skip"` with true.
---@param value any The code that runs instead.
---@param enabled? boolean true if it is left out.
---@return table modification
function Replay.create_modification(path, value, enabled)
  argument(path, "path", "string", "Replay.create_modification")
  optional(enabled, "enabled", "boolean", "Replay.create_modification")
  if enabled == nil then enabled = true end
  host.check_modification(path, value)
  return { path = path, value = value, enabled = enabled }
end

-- Dates are computed up to here: the year 9000.
local LATEST = 221845392000

local function seconds(value, name, func, least)
  argument(value, name, "number", func)
  if not (value >= least and value <= LATEST) then
    bad(name, func, "a number from " .. least .. " to " .. LATEST .. " expected, got " .. tostring(value))
  end
  return value
end

---@class Replay.Schedule
local schedule = {}
local Schedule = {
  __index = schedule,
  __name = "Replay.Schedule",
  __tostring = function(self) return "Replay.Schedule: " .. self.type end,
}

---The next times, in seconds since the epoch; fewer if the schedule ends before.
---@param count? integer 1 if it is left out.
---@param after? number Seconds since the epoch; now if it is left out.
---@return table times
function schedule:next_times(count, after)
  optional(count, "count", "number", "schedule:next_times")
  if count and not (count >= 0 and count <= 1e6 and count == floor(count)) then
    bad("count", "schedule:next_times", "a whole number from 0 to 1,000,000 expected, got " .. tostring(count))
  end
  if after ~= nil then seconds(after, "after", "schedule:next_times", 0) end
  return host.next_times(self, after, count or 1)
end

---The next time.
---@param after? number Seconds since the epoch; now if it is left out.
---@return number|nil time Seconds since the epoch; nil if there is none any more.
function schedule:next_time(after) return self:next_times(1, after)[1] end

---When something is to be done again.
---@class Replay.schedules
Replay.schedules = {}

---Once.
---@param delay_seconds number From now.
---@return Replay.Schedule
function Replay.schedules.once(delay_seconds)
  seconds(delay_seconds, "delay_seconds", "Replay.schedules.once", 0)
  return setmetatable({ type = "once", delay_seconds = delay_seconds, created_at = host.now() }, Schedule)
end

---Again and again.
---@param initial_delay_seconds number From now until the first time.
---@param interval_seconds number From one time to the next.
---@param max_executions? integer How often at most.
---@return Replay.Schedule
function Replay.schedules.interval(initial_delay_seconds, interval_seconds, max_executions)
  local func = "Replay.schedules.interval"
  seconds(initial_delay_seconds, "initial_delay_seconds", func, 0)
  seconds(interval_seconds, "interval_seconds", func, 0.001)
  if max_executions ~= nil then seconds(max_executions, "max_executions", func, 1) end
  return setmetatable({
    type = "interval",
    initial_delay_seconds = initial_delay_seconds,
    interval_seconds = interval_seconds,
    max_executions = max_executions,
    created_at = host.now(),
  }, Schedule)
end

---As cron says.
---@param expression string Minute, hour, day of the month, month, day of the week; or `@hourly`, `@daily` ...
---@param timezone? string Such as `"Europe/Berlin"`; this machine's if it is left out.
---@return Replay.Schedule
function Replay.schedules.cron(expression, timezone)
  argument(expression, "expression", "string", "Replay.schedules.cron")
  optional(timezone, "timezone", "string", "Replay.schedules.cron")
  host.check_cron(expression, timezone)
  return setmetatable({ type = "cron", expression = expression, timezone = timezone }, Schedule)
end

---@class Replay.Comparator
local comparator = {}
local Comparator = {
  __index = comparator,
  __name = "Replay.Comparator",
  __tostring = function() return "Replay.Comparator" end,
}

---Compares two values place by place. Two strings that are both JSON are compared as what they say. Paths are those of
---JSONPath: the first item of a list is `[0]`.
---@param expected any
---@param actual any
---@return table report `identical`, `similarity_score` (0 to 1), `summary`, and `differences` if there are any.
function comparator:compare_json(expected, actual)
  if type(self) ~= "table" or type(self.options) ~= "table" then
    bad("self", "comparator:compare_json", "a comparator expected; call it as comparator:compare_json(...)")
  end
  return host.compare(expected, actual, self.options)
end

---Something that compares values.
---@param options? table `tolerance` for numbers; `ignore`, paths such as `"$.time"`.
---@return Replay.Comparator
function Replay.create_comparator(options)
  optional(options, "options", "table", "Replay.create_comparator")
  return setmetatable({ options = options or {} }, Comparator)
end

return Replay
