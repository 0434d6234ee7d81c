-- The global `Artifact`: what sessions have made.
local host, helpers = ...
local argument = helpers.argument

---What sessions have made, kept byte for byte. An artifact is known by its session and a table: `content_hash`, `session_id`, `sequence`.
---@class Artifact
local Artifact = {}

local function optional(value, name, expected, func)
  if value ~= nil then argument(value, name, expected, func) end
end

-- An empty or missing id means the current session.
local function session_of(session_id, func)
  optional(session_id, "session_id", "string", func)
  return session_id or ""
end

---Stores content under a name. A name that the session already has gets its next version.
---@param session_id string Empty for the current session.
---@param artifact_type string `"agent_output"`, `"tool_result"`, `"user_input"`, `"system_generated"`, or a word of your own.
---@param name string Up to 255 characters.
---@param content string Up to 100 MB; kept byte for byte.
---@param metadata? table `description`, `mime_type`, `tags`, `parent_artifact`, `created_by`; what else it has is `custom`.
---@return table artifact_id `content_hash`, `session_id`, `sequence`.
function Artifact.store(session_id, artifact_type, name, content, metadata)
  local func = "Artifact.store"
  argument(artifact_type, "artifact_type", "string", func)
  argument(name, "name", "string", func)
  argument(content, "content", "string", func)
  optional(metadata, "metadata", "table", func)
  return host.store(session_of(session_id, func), artifact_type, name, content, metadata)
end

---Stores what a file has, under the file's name or the `name` of the metadata.
---@param session_id string Empty for the current session.
---@param path string
---@param artifact_type string
---@param metadata? table
---@return table artifact_id
function Artifact.store_file(session_id, path, artifact_type, metadata)
  local func = "Artifact.store_file"
  argument(path, "path", "string", func)
  argument(artifact_type, "artifact_type", "string", func)
  optional(metadata, "metadata", "table", func)
  return host.store_file(session_of(session_id, func), path, artifact_type, metadata)
end

---An artifact: its content, which is checked, and what is known about it.
---@param session_id string
---@param artifact_id table What `Artifact.store` has answered.
---@return table artifact `metadata` (`name`, `artifact_type`, `mime_type`, `size`, `tags`, `custom`, `version`, `created_at` ...) and `content`.
function Artifact.get(session_id, artifact_id)
  argument(artifact_id, "artifact_id", "table", "Artifact.get")
  local metadata, content = host.get(session_of(session_id, "Artifact.get"), artifact_id)
  return { metadata = metadata, content = content }
end

---The last version of a name.
---@param session_id string Empty for the current session.
---@param name string
---@return table artifact As `Artifact.get`.
function Artifact.latest(session_id, name)
  argument(name, "name", "string", "Artifact.latest")
  local metadata, content = host.latest(session_of(session_id, "Artifact.latest"), name)
  return { metadata = metadata, content = content }
end

---What is known about the artifacts of a session, in the order in which they were stored.
---@param session_id? string Empty for the current session.
---@return table artifacts
function Artifact.list(session_id) return host.list(session_of(session_id, "Artifact.list")) end

---Removes an artifact. Content that others have too stays.
---@param session_id string
---@param artifact_id table
function Artifact.delete(session_id, artifact_id)
  argument(artifact_id, "artifact_id", "table", "Artifact.delete")
  host.delete(session_of(session_id, "Artifact.delete"), artifact_id)
end

---What is known about the artifacts that fit in every way, the newest first.
---@param filters? table `session_id` (all sessions without it), `type`, `name_pattern` (with `*` and `?`), `tags` (it has all of them), `created_after`, `created_before`, `min_size`, `max_size`, `limit`.
---@return table artifacts
function Artifact.query(filters)
  optional(filters, "filters", "table", "Artifact.query")
  return host.query(filters)
end

return Artifact
