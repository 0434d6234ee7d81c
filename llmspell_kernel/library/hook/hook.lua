-- The global `Hook`: functions that are called at points of what happens.
local host, helpers = ...
local fail, argument, no_option = helpers.fail, helpers.argument, helpers.no_option
local pairs, setmetatable, tostring, type = pairs, setmetatable, tostring, type

---Functions that are called before and after things happen, and may change or stop them.
---
---A function gets a table with `point`, `component` (`type`, `name`), `data` (what it is about), `correlation_id`,
---`language` and `metadata`. What it returns decides:
---
---| it returns | then |
---| --- | --- |
---| nothing, `true`, `"continue"` | it goes on |
---| `"skip"`, `{type = "skipped", reason = ...}` | it is not done, without an error |
---| another string, `{type = "cancel", reason = ...}` | it is not done; the string is in the error |
---| `{type = "modified", data = {...}}` | it goes on with these entries of `data` changed |
---| `{type = "replace", data = ...}` | it is not done; this is its result |
---| `{type = "redirect", target = ...}` | something else is done: another tool, another key |
---| `{type = "retry", delay_ms = ..., max_attempts = ...}` | it is done again |
---
---A hook that fails is told on stderr and otherwise changes nothing.
---@class Hook
local Hook = {}

---A registered hook.
---@class Hook.handle
local handle = {}
local Handle = { __index = handle, __name = "Hook.handle", __metatable = "Hook.handle" }
local hooks = setmetatable({}, { __mode = "k" }) -- handle -> {id, point}

function Handle.__tostring(self)
  local known = hooks[self]
  return known and "hook " .. known[1] .. " at " .. known[2] or "hook"
end

local function known(self, func)
  local found = hooks[self]
  if not found then fail("bad argument 'self' to '" .. func .. "' (a hook expected; call it as hook:" .. func .. "())") end
  return found
end

---@return string id
function handle:id() return known(self, "id")[1] end

---@return string point Where it is called.
function handle:hook_point() return known(self, "hook_point")[2] end

---Ends the hook. One that is no longer referred to goes on.
---@return boolean ended Whether it was registered.
function handle:unregister() return host.unregister(known(self, "unregister")[1]) end

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local function call(f, context) return (f(context)) end

local adopted
local OPTIONS = { name = "string", description = "string", tags = "table", priority = "string" }

local function check_options(options)
  argument(options, "options", "table", "Hook.register")
  for name, value in pairs(options) do
    local expected = OPTIONS[name]
    if not expected then
      bad("options", "Hook.register", no_option(tostring(name), { "name", "description", "priority", "tags" }))
    end
    if type(value) ~= expected then bad("options." .. name, "Hook.register", expected .. " expected, got " .. type(value)) end
  end
  return options
end

---Has a function called at a point, until it is unregistered. `SystemStartup` is past when scripts run: there it is
---called at once. A hook is not called for what it does itself.
---@param point string One of `Hook.points()`, or `"custom:"` and a name of your own, for `Hook.run`.
---@param callback fun(context: table): any
---@param priority? string|table `"highest"`, `"high"`, `"normal"`, `"low"`, `"lowest"`; or the options.
---@param options? table `name`, `description`, `tags`, `priority`.
---@return Hook.handle
function Hook.register(point, callback, priority, options)
  argument(point, "point", "string", "Hook.register")
  argument(callback, "callback", "function", "Hook.register")
  if type(priority) == "table" then priority, options = nil, priority end
  options = options == nil and {} or check_options(options)
  if priority == nil then priority = options.priority or "normal" end
  argument(priority, "priority", "string", "Hook.register")
  if not adopted then
    adopted = true
    host.adopt(call)
  end
  local id = host.register(point, callback, priority, options.name or "", options.description or "", options.tags)
  local self = setmetatable({}, Handle)
  hooks[self] = { id, point }
  return self
end

---Ends a hook.
---@param hook Hook.handle|string What `Hook.register` has answered, or its id.
---@return boolean ended false if it is no hook, or none any more.
function Hook.unregister(hook)
  if type(hook) == "string" then return host.unregister(hook) end
  local found = type(hook) == "table" and hooks[hook]
  return found and host.unregister(found[1]) or false
end

---The registered hooks: `id`, `name`, `hook_point`, `priority`, `language`, `version`, `description`, `tags`, `calls`,
---`failures`, `last_error`, and `circuit` (`"closed"`: it is called, `"open"`: it rests after too many failures,
---`"half_open"`: it is tried again).
---@param filter? string|table A point, or a table with `hook_point`, `language`, `priority`, `tag`.
---@return table hooks
function Hook.list(filter)
  if filter ~= nil and type(filter) ~= "string" then argument(filter, "filter", "table", "Hook.list") end
  return host.list(filter)
end

---The points, by the kind of component that they belong to.
---@return table points
function Hook.points() return host.points() end

---Calls the hooks at a point of your own.
---@param point string A name that begins with `custom:`.
---@param data? table
---@return table decision `action` (`"continue"`, `"replace"`, `"redirect"`, `"retry"`, `"skip"`), `data`, `value` ... An error if one cancels.
function Hook.run(point, data)
  argument(point, "point", "string", "Hook.run")
  if data ~= nil then argument(data, "data", "table", "Hook.run") end
  return host.run(point, data)
end

---Switches on a hook that comes with the program, or changes its options.
---@param name string `"logging"`, `"metrics"`, `"debugging"`, `"caching"`, `"rate_limit"`, `"retry"`, `"cost_tracking"`, `"security"`.
---@param options? table
function Hook.enable(name, options)
  argument(name, "name", "string", "Hook.enable")
  if options ~= nil then argument(options, "options", "table", "Hook.enable") end
  host.enable(name, options)
end

---Switches off a hook that comes with the program.
---@param name string
---@return boolean was_on
function Hook.disable(name)
  argument(name, "name", "string", "Hook.disable")
  return host.disable(name)
end

---The hooks that come with the program: `name`, `enabled`, `description`, `options`.
---@return table hooks
function Hook.builtin() return host.builtin() end

---What a hook that comes with the program has found.
---@param name string
---@return table report
function Hook.report(name)
  argument(name, "name", "string", "Hook.report")
  return host.report(name)
end

return Hook
