-- The global `Debug`.
local host, helpers = ...
local fail, argument, no_option = helpers.fail, helpers.argument, helpers.no_option
local type, tostring, setmetatable, pairs = type, tostring, setmetatable, pairs
local getinfo, collectgarbage, time, concat = debug.getinfo, collectgarbage, os.time, table.concat

---Messages with levels and modules, timers, and values as text.
---@class Debug
local Debug = {}

---A measurement. Times are in milliseconds.
---@class Debug.timer
---@field id string
---@field name string
local timer = {}

local function optional(value, name, expected, func)
  if value ~= nil then argument(value, name, expected, func) end
  return value
end

local function as_message(message) return type(message) == "string" and message or tostring(message) end

---Takes a message.
---@param level string "trace", "debug", "info", "warn" or "error".
---@param message any Shown as `tostring` has it.
---@param module? string Where it comes from, for filters: "app.net".
function Debug.log(level, message, module)
  argument(level, "level", "string", "Debug.log")
  host.log(level, as_message(message), optional(module, "module", "string", "Debug.log"))
end

---A message with data beside it.
---@param level string
---@param message any
---@param data any A table, or what else JSON has a word for; anything else is shown as text.
---@param module? string
function Debug.logWithData(level, message, data, module)
  argument(level, "level", "string", "Debug.logWithData")
  host.log(level, as_message(message), optional(module, "module", "string", "Debug.logWithData"), data)
end

---A message of the level "trace".
---@param message any
---@param module? string
function Debug.trace(message, module) Debug.log("trace", message, module) end

---A message of the level "debug".
---@param message any
---@param module? string
function Debug.debug(message, module) Debug.log("debug", message, module) end

---A message of the level "info".
---@param message any
---@param module? string
function Debug.info(message, module) Debug.log("info", message, module) end

---A message of the level "warn".
---@param message any
---@param module? string
function Debug.warn(message, module) Debug.log("warn", message, module) end

---A message of the level "error". It raises nothing.
---@param message any
---@param module? string
function Debug.error(message, module) Debug.log("error", message, module) end

---From now on messages from this level on are written; "off" writes none.
---@param level string
function Debug.setLevel(level) host.set_level(argument(level, "level", "string", "Debug.setLevel")) end

---The least that is written.
---@return string level
function Debug.getLevel() return host.level() end

---Whether messages are written at all; they are kept all the same.
---@param enabled boolean
function Debug.setEnabled(enabled) host.set_enabled(argument(enabled, "enabled", "boolean", "Debug.setEnabled")) end

---Whether messages are written.
---@return boolean enabled
function Debug.isEnabled() return host.is_enabled() end

---Whether the messages of some modules are written. The filter that was added last counts.
---@param pattern string With `*` and `?`: "net.*".
---@param enabled boolean
function Debug.addModuleFilter(pattern, enabled)
  argument(pattern, "pattern", "string", "Debug.addModuleFilter")
  host.add_filter(pattern, "wildcard", argument(enabled, "enabled", "boolean", "Debug.addModuleFilter"))
end

---A filter with another kind of pattern.
---@param pattern string
---@param kind string "exact", "wildcard", "regex", or "hierarchical" (a module and all below it).
---@param enabled boolean
function Debug.addAdvancedFilter(pattern, kind, enabled)
  argument(pattern, "pattern", "string", "Debug.addAdvancedFilter")
  argument(kind, "kind", "string", "Debug.addAdvancedFilter")
  host.add_filter(pattern, kind, argument(enabled, "enabled", "boolean", "Debug.addAdvancedFilter"))
end

---Takes a filter away.
---@param pattern string
---@return boolean was_there
function Debug.removeModuleFilter(pattern) return host.remove_filter(argument(pattern, "pattern", "string", "Debug.removeModuleFilter")) end

---Takes all filters away.
function Debug.clearModuleFilters() host.clear_filters() end

---What counts for modules that no filter matches; they are written by default.
---@param enabled boolean
function Debug.setDefaultFilterEnabled(enabled)
  host.set_default(argument(enabled, "enabled", "boolean", "Debug.setDefaultFilterEnabled"))
end

---The filters.
---@return table summary `default_enabled`, and `rules` of `pattern`, `type` and `enabled`.
function Debug.getFilterSummary() return host.filters() end

---The latest messages, the oldest first, also those that were not written.
---@param limit? number At most so many.
---@return table entries Of `timestamp`, `level`, `message`, `module`, `metadata`.
function Debug.getCapturedEntries(limit) return host.kept(optional(limit, "limit", "number", "Debug.getCapturedEntries")) end

---Forgets the messages so far.
function Debug.clearCaptured() host.clear() end

local Timer = {
  __index = timer,
  __name = "Debug.timer",
  __tostring = function(self) return "timer: " .. self.name end,
}

local function id_of(self, method)
  if type(self) ~= "table" or type(self.id) ~= "string" then
    fail("bad argument 'self' to 'timer:" .. method .. "' (a timer expected; call it as timer:" .. method .. "())")
  end
  return self.id
end

---Starts a measurement.
---@param name string Timers of one name are reported together.
---@return Debug.timer
function Debug.timer(name)
  argument(name, "name", "string", "Debug.timer")
  return setmetatable({ id = host.start(name), name = name }, Timer)
end

---Ends it. What it took stays the same from then on.
---@return number milliseconds
function timer:stop() return host.stop(id_of(self, "stop")) end

---Notes how far it is.
---@param name string
---@return number milliseconds
function timer:lap(name)
  argument(name, "name", "string", "timer:lap")
  return host.mark(id_of(self, "lap"), "lap", name)
end

---How long it has been running, or took.
---@return number milliseconds
function timer:elapsed() return host.elapsed(id_of(self, "elapsed")) end

---Notes something that happened while a timer ran.
---@param measurement Debug.timer|string The timer, or its id.
---@param event string
---@param metadata? any
---@return number milliseconds Since the timer's start.
function Debug.recordEvent(measurement, event, metadata)
  local id = type(measurement) == "string" and measurement or id_of(measurement, "recordEvent")
  argument(event, "event", "string", "Debug.recordEvent")
  return host.mark(id, "event", event, metadata)
end

---What the timers come to, as a table for people.
---@return string report
function Debug.performanceReport() return host.report() end

---What the timers come to, with all laps and events, as JSON text.
---@return string json
function Debug.jsonReport() return host.json_report() end

---What the timers come to, one within the other, in the format of flamegraph.pl: `outer;inner microseconds`.
---@return string lines
function Debug.flameGraph() return host.flame_graph() end

local function labelled(text, label) return label and label .. ": " .. text or text end

local DUMP = { depth = true, length = true, width = true, string_length = true }
-- As the original calls them.
local OTHER_NAMES = { max_depth = "depth", max_collection_size = "length", max_string_length = "string_length" }

---A value as text.
---@param value any
---@param label? string Comes before it.
---@return string text
function Debug.dump(value, label)
  return labelled(host.text(value, { depth = 6 }), optional(label, "label", "string", "Debug.dump"))
end

---A value as text on one line.
---@param value any
---@param label? string
---@return string text
function Debug.dumpCompact(value, label)
  optional(label, "label", "string", "Debug.dumpCompact")
  return labelled(host.text(value, { width = 1e9 }), label)
end

---A value as text with everything that it holds.
---@param value any
---@param label? string
---@return string text
function Debug.dumpVerbose(value, label)
  optional(label, "label", "string", "Debug.dumpVerbose")
  return labelled(host.text(value, { depth = 150, length = 1e6, string_length = 1e6 }), label)
end

---A value as text within limits.
---@param value any
---@param options table `depth` of nested tables, `length` of each, `width` in columns, `string_length`.
---@param label? string
---@return string text
function Debug.dumpWithOptions(value, options, label)
  argument(options, "options", "table", "Debug.dumpWithOptions")
  optional(label, "label", "string", "Debug.dumpWithOptions")
  local limits = {}
  for given, limit in pairs(options) do
    local name = OTHER_NAMES[given] or given
    if name == "compact_mode" then
      if limit then limits.width = 1e9 end
    elseif not DUMP[name] then
      fail("bad argument 'options' to 'Debug.dumpWithOptions' ("
        .. no_option(tostring(name), { "depth", "length", "width", "string_length" }) .. ")")
    else
      limits[name] = argument(limit, "options." .. name, "number", "Debug.dumpWithOptions")
    end
  end
  return labelled(host.text(value, limits), label)
end

---What Lua and the process take.
---@return table stats `lua_bytes`, `process_bytes`, `active_timers`.
function Debug.memoryStats()
  return { lua_bytes = collectgarbage("count") * 1024, process_bytes = host.memory(), active_timers = host.running() }
end

---The same with the time.
---@return table snapshot `timestamp_secs` and `memory_stats`.
function Debug.memorySnapshot() return { timestamp_secs = time(), memory_stats = Debug.memoryStats() } end

-- The frames of the user's functions from the caller on.
local function frames(options, func)
  optional(options, "options", "table", func)
  local most = options and options.max_depth or host.depth()
  local found, level = {}, 3
  while #found < most do
    local info = getinfo(level, "Sln")
    if not info then break end
    if info.what ~= "C" and info.source:sub(1, 10) ~= "=[llmspell" then
      found[#found + 1] = {
        name = info.name or (info.what == "main" and "main chunk") or "function <" .. info.short_src .. ":" .. info.linedefined .. ">",
        source = info.short_src,
        line = info.currentline,
      }
    end
    level = level + 1
  end
  return found
end

---Who has called whom, up to here.
---@param options? table `max_depth`: at most so many.
---@return string trace A line for each, the innermost first.
function Debug.stackTrace(options)
  local lines = { "stack trace:" }
  for _, frame in pairs(frames(options, "Debug.stackTrace")) do
    lines[#lines + 1] = "  " .. frame.source .. ":" .. frame.line .. ": in " .. frame.name
  end
  return concat(lines, "\n")
end

---The same as JSON text.
---@param options? table `max_depth`: at most so many.
---@return string json A list of `name`, `source` and `line`.
function Debug.stackTraceJson(options) return host.json(frames(options, "Debug.stackTraceJson")) end

return Debug
