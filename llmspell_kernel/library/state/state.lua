-- The global `State`: values that last.
local host, helpers = ...
local fail, argument, no_option = helpers.fail, helpers.argument, helpers.no_option
local select, tostring, type, pairs, next = select, tostring, type, pairs, next
local find = string.find
local GLOBAL = "global"

---Values that last, by scope and key. They are kept in the store of the settings: other cells, scripts and
---kernels see them at once, and they are there after a restart.
---
---A scope is any text: `"global"`, or a kind with an ID such as `"user:alice"`, `"session:ID"`, `"agent:NAME"`,
---`"tool:NAME"`, `"workflow:ID"`, `"hook:NAME"`, or your own. A value is a string, a number, a boolean or a table
---of such; it comes back as it was, with integers, floats, bytes, holes, and `JSON.null`.
---@class State
local State = {}

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local function check(scope, key, func)
  if type(scope) ~= "string" then argument(scope, "scope", "string", func) end
  if type(key) ~= "string" then argument(key, "key", "string", func) end
end

local function lifetime(options, func)
  if options == nil then return nil end
  argument(options, "options", "table", func)
  for name in pairs(options) do
    if name ~= "ttl" then bad("options", func, no_option(tostring(name), { "ttl" })) end
  end
  local ttl = options.ttl
  if ttl ~= nil and not (type(ttl) == "number" and ttl > 0 and ttl < 1e12) then
    bad("options.ttl", func, "seconds above 0 expected, got " .. tostring(ttl))
  end
  return ttl
end

---Writes a value.
---@param scope string
---@param key string
---@param value any nil removes it.
---@param options? table `ttl`: seconds until it is gone.
function State.save(scope, key, value, options)
  check(scope, key, "State.save")
  host.save(scope, key, value, lifetime(options, "State.save"), "State.save")
end

---Reads a value.
---@param scope string
---@param key string
---@return any value nil if there is none.
function State.load(scope, key)
  check(scope, key, "State.load")
  return host.load(scope, key)
end

-- Whether it could be meant as options, in a call without a scope.
local function is_like_options(value)
  return type(value) == "table" and next(value) == "ttl" and next(value, "ttl") == nil
end

-- (key, value) or (scope, key, value, options): by how many there are.
local function write(func, scope, key, ...)
  local value, options = ...
  local count = select("#", ...)
  if count == 0 then
    scope, key, value = GLOBAL, scope, key
  elseif count == 1 and type(scope) == "string" and scope ~= GLOBAL and not find(scope, ":", 1, true)
    and is_like_options(value) then
    fail("'" .. func .. "' cannot tell what is meant: for the time limit of a value in the scope global write "
      .. func .. "('global', key, value, {ttl = ...}); for the table {ttl = ...} in the scope '" .. scope
      .. "' write State.save(scope, key, {ttl = ...})")
  end
  check(scope, key, func)
  host.save(scope, key, value, lifetime(options, func), func)
end

local function read(func, scope, ...)
  local key = ...
  if select("#", ...) == 0 then
    scope, key = GLOBAL, scope
  end
  check(scope, key, func)
  return host.load(scope, key)
end

---Writes a value: `State.set(key, value)` in the scope `global`, or `State.set(scope, key, value)`.
---@overload fun(key: string, value: any)
---@param scope string A scope; `"global"` is that of the form without one.
---@param key string
---@param value any nil removes it.
---@param options? table `ttl`: seconds until it is gone; only with a scope: `State.set("global", key, value, {ttl = 60})`.
function State.set(scope, key, ...) return write("State.set", scope, key, ...) end

---Writes a value, as `State.set` does.
---@overload fun(key: string, value: any)
---@param scope string
---@param key string
---@param value any nil removes it.
---@param options? table `ttl`: seconds until it is gone; only with a scope.
function State.write(scope, key, ...) return write("State.write", scope, key, ...) end

---Reads a value: `State.get(key)` in the scope `global`, or `State.get(scope, key)`.
---@overload fun(key: string): any
---@param scope string
---@param key string
---@return any value nil if there is none.
function State.get(scope, ...) return read("State.get", scope, ...) end

---Reads a value, as `State.get` does.
---@overload fun(key: string): any
---@param scope string
---@param key string
---@return any value nil if there is none.
function State.read(scope, ...) return read("State.read", scope, ...) end

---Whether there is a value: `State.exists(key)` in the scope `global`, or `State.exists(scope, key)`.
---@overload fun(key: string): boolean
---@param scope string
---@param key string
---@return boolean exists
function State.exists(scope, ...)
  local key = ...
  if select("#", ...) == 0 then scope, key = GLOBAL, scope end
  check(scope, key, "State.exists")
  return host.exists(scope, key)
end

---Removes a value: `State.delete(key)` in the scope `global`, or `State.delete(scope, key)`.
---@overload fun(key: string): boolean
---@param scope string
---@param key string
---@return boolean was_there
function State.delete(scope, ...)
  local key = ...
  if select("#", ...) == 0 then scope, key = GLOBAL, scope end
  check(scope, key, "State.delete")
  return host.delete(scope, key)
end

local function scope_of(scope, func)
  if scope == nil then return GLOBAL end
  return argument(scope, "scope", "string", func)
end

---The keys of a scope, in order.
---@param scope string
---@param prefix? string Only keys that begin so.
---@return string[] keys
function State.list_keys(scope, prefix)
  argument(scope, "scope", "string", "State.list_keys")
  if prefix ~= nil then argument(prefix, "prefix", "string", "State.list_keys") end
  return host.keys(scope, prefix or "")
end

---The keys of a scope, in order.
---@param scope? string By default `global`.
---@return string[] keys
function State.keys(scope) return host.keys(scope_of(scope, "State.keys"), "") end

---The keys of a scope, in order, as `State.keys` has them.
---@param scope? string By default `global`.
---@return string[] keys
function State.list(scope) return host.keys(scope_of(scope, "State.list"), "") end

---The values of a scope by key.
---@param scope? string By default `global`.
---@return table values
function State.all(scope) return host.all(scope_of(scope, "State.all")) end

---The scopes that have values, in order.
---@return string[] scopes
function State.scopes() return host.scopes() end

---Removes all values of a scope.
---@param scope string
---@return integer count How many there were.
function State.clear(scope)
  argument(scope, "scope", "string", "State.clear")
  return host.clear(scope)
end

---What is known of a value beside it.
---@param scope string
---@param key string
---@return table|nil facts `scope`, `key`, `version` (how often it was written), `size_bytes`, `expires_at`.
function State.info(scope, key)
  check(scope, key, "State.info")
  return host.info(scope, key)
end

-- Several steps at once

---Writes a value if another one is there as expected; nobody can write in between.
---@param scope string
---@param key string
---@param expected any What must be there; nil for nothing.
---@param value any nil removes it.
---@return boolean written false if something else was there.
function State.compare_and_set(scope, key, expected, value)
  check(scope, key, "State.compare_and_set")
  return host.compare_and_set(scope, key, expected, value)
end

---Adds to a number, which is 0 if there is none yet; nobody can write in between.
---@param scope string
---@param key string
---@param by? number By default 1.
---@return number sum
function State.increment(scope, key, by)
  check(scope, key, "State.increment")
  if by ~= nil then argument(by, "by", "number", "State.increment") end
  return host.increment(scope, key, by or 1)
end

---Calls a function; what it does with `State` happens as a whole, or, if it raises an error, not at all.
---If another writer was faster, the function is called again.
---@param body function
---@return any ... What the function returns.
function State.transaction(body)
  argument(body, "body", "function", "State.transaction")
  return host.transaction(body)
end

-- Scopes of agents, tools and workflows

---Reads a value of an agent.
---@param id string
---@param key string
---@return any value
function State.agent_get(id, key)
  argument(id, "id", "string", "State.agent_get")
  argument(key, "key", "string", "State.agent_get")
  return host.load("agent:" .. id, key)
end

---Writes a value of an agent.
---@param id string
---@param key string
---@param value any nil removes it.
function State.agent_set(id, key, value)
  argument(id, "id", "string", "State.agent_set")
  argument(key, "key", "string", "State.agent_set")
  host.save("agent:" .. id, key, value, nil, "State.agent_set")
end

---Reads a value of a tool.
---@param id string
---@param key string
---@return any value
function State.tool_get(id, key)
  argument(id, "id", "string", "State.tool_get")
  argument(key, "key", "string", "State.tool_get")
  return host.load("tool:" .. id, key)
end

---Writes a value of a tool.
---@param id string
---@param key string
---@param value any nil removes it.
function State.tool_set(id, key, value)
  argument(id, "id", "string", "State.tool_set")
  argument(key, "key", "string", "State.tool_set")
  host.save("tool:" .. id, key, value, nil, "State.tool_set")
end

---The output of a workflow's step, or any other value of the workflow.
---@param id string
---@param step string The step's name, or a key as `State.workflow_list` has it.
---@return any value
function State.workflow_get(id, step)
  argument(id, "id", "string", "State.workflow_get")
  argument(step, "step", "string", "State.workflow_get")
  local output = host.load("workflow:" .. id, "step:" .. step .. ":output")
  if output ~= nil then return output end
  return host.load("workflow:" .. id, step)
end

---The keys of a workflow's values.
---@param id string
---@return string[] keys
function State.workflow_list(id)
  argument(id, "id", "string", "State.workflow_list")
  return host.keys("workflow:" .. id, "")
end

-- Migrations

---Says how values change from one version of your data to the next, for `State.migrate`.
---@param from string A version, such as `"1.0.0"`, which is what a new store has.
---@param to string A later version.
---@param change function Is called with scope, key and value; what it returns is the new value, nil removes it.
function State.register_migration(from, to, change)
  argument(from, "from", "string", "State.register_migration")
  argument(to, "to", "string", "State.register_migration")
  argument(change, "change", "function", "State.register_migration")
  host.register_migration(from, to, change)
end

---Brings all values to another version of your data, all of them or none, after a backup.
---@param version string
---@return table result `success`, `status`, `from_version`, `to_version`, `items_migrated`, `duration_ms`,
---`warnings`, `errors`; or `success = false` and `error`.
function State.migrate(version)
  argument(version, "version", "string", "State.migrate")
  return host.migrate(version)
end

---Where the data stand.
---@return table status `current_version`, `latest_version`, `store_version`, `enabled`, `pending`, `last`.
function State.get_migration_status() return host.migration_status() end

---The versions that migrations lead to, and the current one.
---@return string[] versions
function State.get_schema_versions() return host.schema_versions() end

-- Backups

---Backs up the whole store, on a server what the tenant has.
---@param incremental? boolean Only what has changed since the last backup.
---@return table result `success`, `id`, `path`, `kind`, `created_at`, `size_bytes`, `entries`; or `success = false`
---and `error`.
function State.create_backup(incremental) return host.create_backup(incremental and true or false) end

---The backups of this store, the newest first.
---@return table[] backups
function State.list_backups() return host.list_backups() end

---Makes the store what it was, all of it or nothing; before, what is there now is backed up.
---@param id string
---@return table result `success`, `id`, `safety_backup`, `written`, `deleted`; or `success = false` and `error`.
function State.restore_backup(id)
  argument(id, "id", "string", "State.restore_backup")
  return host.restore_backup(id)
end

---Computes the checksums of a backup anew.
---@param id string
---@return table result `success`, `id`, `is_valid`, `entries`, `problems`; or `success = false` and `error`.
function State.validate_backup(id)
  argument(id, "id", "string", "State.validate_backup")
  return host.validate_backup(id)
end

---Removes backups that are too many or too old for the settings.
---@param dry_run? boolean Removes nothing.
---@return table result `success`, `removed` (their ids), `kept`, `freed_bytes`, `dry_run`.
function State.cleanup_backups(dry_run) return host.cleanup_backups(dry_run and true or false) end

---What the store and its backups take.
---@return table usage `backend`, `location`, `size_bytes`, `entries`, `total_entries`, `backup_count`,
---`backup_size_bytes`.
function State.get_storage_usage() return host.storage_usage() end

return State
