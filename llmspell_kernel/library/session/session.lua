-- The global `Session`: sessions by their ids.
local host, helpers = ...
local fail, argument = helpers.fail, helpers.argument
local pairs, setmetatable, type = pairs, setmetatable, type

---Sessions: what belongs together because it was done together. A session is known by its id, a string.
---@class Session
local Session = {}

---@class Session.Builder
local builder = {}

local Builder = {
  __index = builder,
  __name = "Session.Builder",
  __tostring = function(self) return "Session.Builder: " .. (self.options.name or "without a name") end,
}

local function options_of(self, method)
  if type(self) ~= "table" or type(self.options) ~= "table" then
    fail("bad argument 'self' to 'builder:" .. method .. "' (a builder expected; call it as builder:" .. method .. "(...))")
  end
  return self.options
end

local function with(self, method, key, value, expected)
  local options = options_of(self, method)
  argument(value, key, expected, "builder:" .. method)
  options[key] = value
  return self
end

local function optional(value, name, expected, func)
  if value ~= nil then argument(value, name, expected, func) end
end

local function id_of(id, func) return argument(id, "session_id", "string", func) end

---Makes a session, which is active then.
---@param options? table `name`, `description`, `tags`, `parent_session_id`, `custom_metadata`. What else it has goes into `custom_metadata`.
---@return string session_id
function Session.create(options)
  optional(options, "options", "table", "Session.create")
  return host.create(options)
end

---Makes a session step by step: `Session.builder():name("june"):tag("report"):build()`.
---@return Session.Builder
function Session.builder() return setmetatable({ options = {} }, Builder) end

---@param name string
---@return Session.Builder
function builder:name(name) return with(self, "name", "name", name, "string") end

---@param description string
---@return Session.Builder
function builder:description(description) return with(self, "description", "description", description, "string") end

---Adds a tag.
---@param tag string
---@return Session.Builder
function builder:tag(tag)
  local options = options_of(self, "tag")
  argument(tag, "tag", "string", "builder:tag")
  local tags = options.tags or {}
  tags[#tags + 1] = tag
  options.tags = tags
  return self
end

---Sets all tags.
---@param tags table
---@return Session.Builder
function builder:tags(tags)
  local copy = {}
  for key, tag in pairs(argument(tags, "tags", "table", "builder:tags")) do
    copy[key] = tag
  end
  return with(self, "tags", "tags", copy, "table")
end

---The session that it comes from.
---@param session_id string
---@return Session.Builder
function builder:parent(session_id) return with(self, "parent", "parent_session_id", session_id, "string") end

---What else is to be known of it.
---@param custom_metadata table
---@return Session.Builder
function builder:metadata(custom_metadata) return with(self, "metadata", "custom_metadata", custom_metadata, "table") end

---Makes the session.
---@return string session_id
function builder:build() return host.create(options_of(self, "build")) end

---What is known of a session: `id`, `name`, `description`, `tags`, `status`, `created_at`, `updated_at`, `parent_session_id`, `custom_metadata`, `operation_count`, `artifact_count` ...
---@param session_id string
---@return table session
function Session.get(session_id) return host.get(id_of(session_id, "Session.get")) end

---The sessions that there are, the newest first.
---@param filters? table `tags` (it has all of them), `status`, `name`, `parent_session_id`, `limit`.
---@return table sessions
function Session.list(filters)
  optional(filters, "filters", "table", "Session.list")
  return host.list(filters)
end

---Changes `name`, `description`, `tags` or `parent_session_id`; `custom_metadata` is added to what there is.
---@param session_id string
---@param changes table
function Session.update(session_id, changes)
  id_of(session_id, "Session.update")
  argument(changes, "changes", "table", "Session.update")
  host.update(session_id, changes)
end

---Returns when everything that ran in it until now is stored.
---@param session_id string
function Session.save(session_id) host.save(id_of(session_id, "Session.save")) end

---Its id, if it is there.
---@param session_id string
---@return string session_id
function Session.load(session_id) return host.load(id_of(session_id, "Session.load")) end

---Ends a session: it takes no more runs and artifacts.
---@param session_id string
function Session.complete(session_id) host.act("complete", id_of(session_id, "Session.complete")) end

---Ends a session that has come to nothing.
---@param session_id string
---@param reason? string
function Session.fail(session_id, reason)
  optional(reason, "reason", "string", "Session.fail")
  host.act("fail", id_of(session_id, "Session.fail"), reason)
end

---Lets a session rest; `Session.resume` goes on with it.
---@param session_id string
function Session.suspend(session_id) host.act("suspend", id_of(session_id, "Session.suspend")) end

---Goes on with a session that rests, or that has expired because nothing was done in it.
---@param session_id string
function Session.resume(session_id) host.act("resume", id_of(session_id, "Session.resume")) end

---Puts a session away: it is kept, and nothing about it changes any more.
---@param session_id string
function Session.archive(session_id) host.act("archive", id_of(session_id, "Session.archive")) end

---Removes a session with its artifacts and what is known of its runs.
---@param session_id string
function Session.delete(session_id) host.delete(id_of(session_id, "Session.delete")) end

---The session that what runs here belongs to. In a notebook it is that of the notebook.
---@return string|nil session_id nil if there is none.
function Session.get_current() return host.current() end

---Chooses the session that what runs from now on belongs to.
---@param session_id string|nil nil for none.
function Session.set_current(session_id)
  optional(session_id, "session_id", "string", "Session.set_current")
  host.set_current(session_id)
end

---What ran in a session, in order: `sequence`, `number`, `code`, `status`, `started_at`, `duration_ms`, `stdout`, `stderr`, `result`, `error`, `displays`, `stored` ...
---@param session_id? string The current one if it is left out.
---@return table runs
function Session.runs(session_id)
  optional(session_id, "session_id", "string", "Session.runs")
  return host.runs(session_id)
end

---Whether anything has run in it that can be run again.
---@param session_id string
---@return boolean
function Session.can_replay(session_id) return host.can_replay(id_of(session_id, "Session.can_replay")) end

---Runs again what ran in a session, in a Lua of its own that begins empty, and compares what it shows.
---State, sessions and artifacts of the replay are its own; files and programs are the real ones.
---@param session_id string
---@param options? table `mode` ("exact", "modified", "simulate", "debug"), `compare_results`, `timeout_seconds`, `stop_on_error`, `modifications`, `from_step`, `to_step`, `ignore_addresses`, `ignore_timings`, `metadata`; also what `Replay.create_config` has made.
---@return table report `success`, `status`, `cells` (each with `identical`, `differences`, `diff`), `diff` ...
function Session.replay(session_id, options)
  optional(options, "options", "table", "Session.replay")
  return host.replay(id_of(session_id, "Session.replay"), options)
end

---What a replay would have to run: `total_cells`, `duration_ms`, `first_run_at`, `last_run_at`, `failed_cells` ...
---@param session_id string
---@return table metadata
function Session.get_replay_metadata(session_id)
  return host.replay_metadata(id_of(session_id, "Session.get_replay_metadata"))
end

---The sessions in which something has run, the newest first.
---@return table sessions
function Session.list_replayable() return host.replayable() end

return Session
