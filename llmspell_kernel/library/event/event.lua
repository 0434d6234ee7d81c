-- The global `Event`: what components tell each other.
local host, helpers = ...
local fail, argument, no_option = helpers.fail, helpers.argument, helpers.no_option
local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type
local sort = table.sort

---What components tell each other: scripts publish events and subscribe to them, and so do the kernel, tools,
---sessions and `State`. A pattern is a type of events in which `*` stands for any text, dots included:
---`"tool.completed"`, `"tool.*"`, `"*"`.
---@class Event
local Event = {}

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local function check_options(options, kinds, func)
  argument(options, "options", "table", func)
  for name, value in pairs(options) do
    local expected = kinds[name]
    if not expected then
      local known = {}
      for each in pairs(kinds) do known[#known + 1] = each end
      sort(known)
      bad("options", func, no_option(tostring(name), known))
    end
    if type(value) ~= expected then
      bad("options." .. name, func, expected .. " expected, got " .. type(value))
    end
  end
  return options
end

local function check_text(value, name, func)
  argument(value, name, "string", func)
  if value == "" then bad(name, func, "a text expected, got an empty string") end
end

-- Of what Python hands over one by one.
local function event_table(id, event_type, data, language, timestamp, sequence, correlation, source, target, priority, ttl, tags)
  return {
    id = id,
    event_type = event_type,
    data = data,
    language = language,
    timestamp = timestamp,
    sequence = sequence,
    metadata = {
      correlation_id = correlation,
      source = source,
      target = target,
      tags = tags or {},
      priority = priority,
      ttl = ttl,
    },
    schema_version = "1.0",
    serialization_version = "1.0",
  }
end

local function call(f, ...)
  f(event_table(...))
  return true
end

local adopted
local function adopt()
  if not adopted then
    adopted = true
    host.adopt(call)
  end
end

local PUBLISH = {
  language = "string", correlation_id = "string", ttl_seconds = "number", source = "string", target = "string",
  tags = "table", priority = "number",
}

local function check_publish(options)
  check_options(options, PUBLISH, "Event.publish")
  local ttl = options.ttl_seconds
  if ttl and not (ttl >= 0 and ttl < 1e12) then
    bad("options.ttl_seconds", "Event.publish", "seconds expected, got " .. tostring(ttl))
  end
  for _, tag in ipairs(options.tags or {}) do
    if type(tag) ~= "string" then bad("options.tags", "Event.publish", "a list of strings expected") end
  end
end

---Tells everybody who has subscribed. Functions that have subscribed are called before it returns; those of events
---that are published in such a function, when it has returned.
---@param event_type string Dotted, such as `"order.created"`.
---@param data? any A string, a number, a boolean or a table of such; no more than `events.max_event_size_bytes`.
---@param options? table `correlation_id`, `ttl_seconds` (nobody gets it later), `source`, `target`, `tags`, `priority`, `language`.
---@return boolean published true; false where filters of the settings or a hook leave it out. More than the settings allow, and what a hook cancels, is an error.
function Event.publish(event_type, data, options)
  check_text(event_type, "event_type", "Event.publish")
  if options == nil then return host.publish(event_type, data) end
  check_publish(options)
  return host.publish(
    event_type, data, options.correlation_id, options.ttl_seconds, options.language or "lua",
    options.source or "script", options.target or "", options.tags, options.priority or 0
  )
end

---Has the events that match kept for `Event.receive`, or calls a function with each: at once for those that are
---published by the code that runs, and between cells or within `Event.receive` for those of others. An error in it
---is told on stderr and harms nobody else.
---@param pattern string
---@param options? table|function The function, or a table with `language`.
---@param callback? fun(event: table) The function, behind options.
---@return string id For `Event.receive` and `Event.unsubscribe`.
function Event.subscribe(pattern, options, callback)
  check_text(pattern, "pattern", "Event.subscribe")
  if type(options) == "function" then options, callback = nil, options end
  if callback ~= nil then
    argument(callback, "callback", "function", "Event.subscribe")
    adopt()
  end
  local language = "lua"
  if options ~= nil then
    language = check_options(options, { language = "string" }, "Event.subscribe").language or language
  end
  return host.subscribe(pattern, language, callback)
end

---Calls a function with each event that matches; the same as `Event.subscribe(pattern, callback)`.
---@param pattern string
---@param callback fun(event: table)
---@return string id For `Event.unsubscribe`.
function Event.on(pattern, callback)
  check_text(pattern, "pattern", "Event.on")
  argument(callback, "callback", "function", "Event.on")
  adopt()
  return host.subscribe(pattern, "lua", callback)
end

local function received(id, ...)
  if id == nil then return nil end
  return event_table(id, ...)
end

---The next event of a subscription; waits for it.
---@param id string What `Event.subscribe` has answered.
---@param timeout_ms? number How long to wait; 5000 by default.
---@return table|nil event nil if none has come in time.
function Event.receive(id, timeout_ms)
  argument(id, "id", "string", "Event.receive")
  if timeout_ms == nil then timeout_ms = 5000 end
  argument(timeout_ms, "timeout_ms", "number", "Event.receive")
  if not (timeout_ms >= 0 and timeout_ms < 1e12) then
    bad("timeout_ms", "Event.receive", "milliseconds from 0 expected, got " .. tostring(timeout_ms))
  end
  return received(host.receive(id, timeout_ms / 1000))
end

---Ends a subscription.
---@param id string
---@return boolean ended Whether there was one of this id.
function Event.unsubscribe(id)
  argument(id, "id", "string", "Event.unsubscribe")
  return host.unsubscribe(id)
end

---What is subscribed to: `id`, `pattern`, `language`, `callback` (whether a function is called), `waiting` (events
---to be received), `dropped` (events for which there was no room).
---@return table subscriptions
function Event.list_subscriptions() return host.subscriptions() end

---Counters: `event_bus_stats` with `events_processed`, `rate_limit_violations`, `buffer_size`, `events_by_type` ...,
---and `bridge_stats` with `active_subscriptions`, `subscriptions_by_language`, `events_dropped` ...
---@return table stats
function Event.get_stats() return host.stats() end

local HISTORY = { pattern = "string", correlation_id = "string", since = "number", limit = "number" }

---Earlier events, the oldest first. As many are kept as the settings `events.buffer_size` and
---`events.buffer_size_bytes` say.
---@param options? table `pattern`, `correlation_id`, `since` (a sequence number), `limit` (the latest so many).
---@return table events
function Event.history(options)
  if options == nil then return host.history("*") end
  if type(options) == "string" then options = { pattern = options } end
  check_options(options, HISTORY, "Event.history")
  return host.history(options.pattern or "*", options.correlation_id, options.since, options.limit)
end

---What belongs together has the same correlation id: all events of a cell, or of `Event.correlated`.
---@return string correlation_id The running one.
function Event.correlation_id() return host.correlation_id() end

---Calls a function; what is published meanwhile has a correlation id of its own.
---@param correlation_id string|nil A new one if nil.
---@param body function
---@return any ... What the function returns.
function Event.correlated(correlation_id, body)
  if correlation_id ~= nil then check_text(correlation_id, "correlation_id", "Event.correlated") end
  argument(body, "body", "function", "Event.correlated")
  return host.correlated(correlation_id, body)
end

return Event
