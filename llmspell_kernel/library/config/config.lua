-- The global `Config`: the settings.
local host, helpers = ...
local argument = helpers.argument

---The settings that the script runs under. Secrets are hidden, and what a script changes lasts as long as it runs.
---@class Config
local Config = {}

---All settings, as tables within tables.
---@return table settings
function Config.get() return host.table() end

---One section, or one setting, by its name.
---@param name string Such as `"kernel"` or `"engines.lua.stdlib"`.
---@return any value nil if there is none of that name.
function Config.getSection(name)
  argument(name, "name", "string", "Config.getSection")
  return host.section(name)
end

---The engine that scripts run in if none is named.
---@return string engine
function Config.getDefaultEngine() return host.default_engine() end

---The names of the providers that are enabled.
---@return table names
function Config.listProviders() return host.providers() end

---One provider. Instead of its key it has `has_api_key`.
---@param name string
---@return table|nil provider nil if there is none of that name.
function Config.getProvider(name)
  argument(name, "name", "string", "Config.getProvider")
  return host.provider(name)
end

---Adds a provider, or replaces it. As in the settings, keys that they do not list are kept as options of the
---provider; a listed key that is misspelt is an error.
---@param name string
---@param provider table As in the settings: `provider_type`, `base_url`, `api_key_env`, `default_model` ...
function Config.setProvider(name, provider)
  argument(name, "name", "string", "Config.setProvider")
  argument(provider, "provider", "table", "Config.setProvider")
  host.set_provider(name, provider)
end

---What scripts are allowed, and their limits.
---@return table security
function Config.getSecurity() return host.security() end

---Is refused: scripts may not change what they are allowed.
---@param security table
function Config.setSecurity(security)
  argument(security, "security", "table", "Config.setSecurity")
  host.set_security()
end

---What tools may do: the section `tools` of the settings.
---@return table tools
function Config.getTools() return host.tools() end

---Lets tools use one more folder, with all that lies in it, for as long as the script runs.
---@param path string The folder, which must exist; relative ones are against the working directory.
function Config.addAllowedPath(path)
  argument(path, "path", "string", "Config.addAllowedPath")
  host.add_allowed_path(path)
end

---Whether tools may open connections to other machines.
---@return boolean allowed
function Config.isNetworkAccessAllowed() return host.may_use_network() end

---Whether scripts may use files.
---@return boolean allowed
function Config.isFileAccessAllowed() return host.may_use_files() end

---Whether scripts may start processes.
---@return boolean allowed
function Config.isProcessSpawnAllowed() return host.may_start_processes() end

---What scripts may do with the settings: `read`, `modify_providers`, `modify_tools`, `modify_runtime`,
---`modify_security`, `access_secrets`.
---@return table permissions
function Config.getPermissions() return host.permissions() end

---Keeps the settings as they are now.
---@return string snapshot Its name, for `Config.restoreSnapshot`.
function Config.snapshot() return host.snapshot() end

---Makes the settings what they were at a snapshot.
---@param snapshot string
function Config.restoreSnapshot(snapshot)
  argument(snapshot, "snapshot", "string", "Config.restoreSnapshot")
  host.restore(snapshot)
end

---All settings as JSON.
---@return string json
function Config.toJson() return host.json() end

return Config
