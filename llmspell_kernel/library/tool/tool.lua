-- The global `Tool`: calling tools.
local host, helpers = ...
local argument, fail, no_option = helpers.argument, helpers.fail, helpers.no_option
local type, setmetatable, rawget, tostring = type, setmetatable, rawget, tostring
local ipairs, pairs, pcall = ipairs, pairs, pcall

---Tools: files, data, media, the web and more, each called by its name with a table of parameters.
---@class Tool
local Tool = {}

local error_meta = {
  __name = "Tool.Error",
  __tostring = function(self) return rawget(self, "message") or "unknown error" end,
}
error_meta.__concat = function(a, b) return tostring(a) .. tostring(b) end

-- The answer as scripts see it. Its JSON is there as `_raw_text`, but not among its pairs.
local function answered(result, raw)
  local failure = result.error
  if type(failure) == "table" then setmetatable(failure, error_meta) end
  return setmetatable(result, { __index = { _raw_text = raw } })
end

local function call(name, params, func)
  argument(name, "name", "string", func)
  if params ~= nil then argument(params, "params", "table", func) end
  return answered(host.call(name, params))
end

local handle_meta = {
  __name = "Tool.Handle",
  __tostring = function(self) return "Tool: " .. tostring(rawget(self, "name")) end,
}

-- What Tool.get and Tool["name"] answer.
local function handle(about)
  local name = about.name
  function about.execute(self, params)
    if self ~= about and params == nil then params = self end -- called with a dot
    return call(name, params, name .. ":execute")
  end
  function about.getSchema() return Tool.get_schema(name) end
  about.schema = { name = name, description = about.description, parameters = host.parameters(name) }
  return setmetatable(about, handle_meta)
end

---Every tool.
---@return table tools A list of `{name, description, version}`.
function Tool.list() return host.summaries() end

---A tool with what it takes: `name`, `description`, `version`, `schema`, `:execute(params)`, `:getSchema()`.
---`Tool["name"]` is the same.
---@param name string
---@return table|nil tool nil if there is none.
function Tool.get(name)
  argument(name, "name", "string", "Tool.get")
  local about = host.get(name)
  return about and handle(about)
end

---Calls a tool.
---@param name string Its name, such as `"text-manipulator"`.
---@param params? table Its parameters, by name.
---@return table answer `operation`, `success`, `result`, and if it did not succeed `error.message`; `metadata`.
function Tool.execute(name, params) return call(name, params, "Tool.execute") end

---Calls a tool, as `Tool.execute` does.
---@param name string Its name, such as `"text-manipulator"`.
---@param params? table Its parameters, by name; `Tool.get_schema(name)` says which.
---@return table answer `operation`, `success`, `result`, and if it did not succeed `error.message`; `metadata`.
function Tool.invoke(name, params) return call(name, params, "Tool.invoke") end

local CALL_KEYS = { tool = true, name = true, params = true, parameters = true, [1] = true, [2] = true }

---Calls several tools, one after the other.
---@param calls table A list of `{tool = "name", params = {...}}`.
---@param options? table `stop_on_error`: end with the first call that does not succeed.
---@return table answers For each call what `Tool.execute` answers; an error is an answer with `success = false`.
function Tool.batch(calls, options)
  argument(calls, "calls", "table", "Tool.batch")
  if options ~= nil then
    argument(options, "options", "table", "Tool.batch")
    for key in pairs(options) do
      if key ~= "stop_on_error" then
        fail("bad argument 'options' to 'Tool.batch' (" .. no_option(tostring(key), { "stop_on_error" }) .. ")")
      end
    end
  end
  local answers = {}
  for i, each in ipairs(calls) do
    argument(each, "calls[" .. i .. "]", "table", "Tool.batch")
    local name = each.tool or each.name or each[1]
    argument(name, "calls[" .. i .. "].tool", "string", "Tool.batch")
    for key in pairs(each) do
      if not CALL_KEYS[key] then
        fail("bad argument 'calls[" .. i .. "]' to 'Tool.batch' (there is no field " .. tostring(key) .. "; there are tool and params)")
      end
    end
    local params = each.params or each.parameters or each[2]
    local ok, answer = pcall(call, name, params, "Tool.batch")
    if not ok then
      local operation = type(params) == "table" and params.operation or name
      answer = { operation = operation, success = false, error = setmetatable({ message = answer }, error_meta), metadata = {} }
    end
    answers[i] = answer
    if options and options.stop_on_error and not answer.success then break end
  end
  return answers
end

---Whether there is a tool of that name.
---@param name string
---@return boolean exists
function Tool.exists(name)
  argument(name, "name", "string", "Tool.exists")
  return host.exists(name)
end

---The categories that have tools.
---@return table names
function Tool.categories() return host.categories() end

---The tools of a category, or whose description has a word in it.
---@param filter? table `category`, `tag`; other keys are an error.
---@return table tools A list of `{name, description, category, version}`.
function Tool.discover(filter)
  if filter ~= nil then argument(filter, "filter", "table", "Tool.discover") end
  filter = filter or {}
  if filter.category ~= nil then argument(filter.category, "filter.category", "string", "Tool.discover") end
  if filter.tag ~= nil then argument(filter.tag, "filter.tag", "string", "Tool.discover") end
  local unknown
  for key in pairs(filter) do
    if key ~= "category" and key ~= "tag" then unknown = tostring(key) end
  end
  return host.discover(filter.category, filter.tag, unknown)
end

---The tools in whose name, description, category or operations one of the words occurs. Those come first in which
---more of the words occur, then those that fit better.
---@param words string
---@param category? string
---@return table tools As `Tool.discover` answers.
function Tool.search(words, category)
  argument(words, "words", "string", "Tool.search")
  if category ~= nil then argument(category, "category", "string", "Tool.search") end
  return host.search(words, category)
end

---What is known of a tool: also `category`, `security_level`, `operations`, `origin`.
---@param name string
---@return table info
function Tool.get_info(name)
  argument(name, "name", "string", "Tool.get_info")
  return host.info(name)
end

---What a tool takes.
---@param name string
---@return table schema `{name, description, parameters}`; each parameter is `{name, type, description, required, default}`; `json_schema` is the same as JSON Schema.
function Tool.get_schema(name)
  argument(name, "name", "string", "Tool.get_schema")
  local about = host.info(name)
  return {
    name = about.name,
    description = about.description,
    parameters = host.parameters(name),
    json_schema = host.schema(name),
  }
end

---Has a function asked before tools are called: it gets a table and answers true to allow the call; anything else
---refuses it, and a text is the reason. The table has `tool`, `operation`, `params`, `category`, `security_level`, and
---`acts`: whether this call writes or removes files, starts a program, sends something or changes a database. Such a
---call counts as privileged, whatever the tool's level. If the settings want the user to be asked
---(`tools.approval`), that comes on top. The function itself must not call tools of the levels that it is asked about.
---@param approver function|nil nil ends it.
---@param level? string Ask for calls of this level and above: `"safe"`, `"restricted"` (the default), `"privileged"`.
function Tool.approve(approver, level)
  if approver ~= nil then argument(approver, "approver", "function", "Tool.approve") end
  if level ~= nil then argument(level, "level", "string", "Tool.approve") end
  host.approve(approver, level)
end

---Adds a tool of the script's.
---@param definition table `name`, `description`, `parameters` (a list of `{name, type, description, required, default}`, or JSON Schema), `execute` (a function that gets the parameters and answers the result).
---@return string name
function Tool.register(definition)
  argument(definition, "definition", "table", "Tool.register")
  local execute = definition.execute
  argument(execute, "definition.execute", "function", "Tool.register")
  local rest = {}
  for key, value in pairs(definition) do
    if key ~= "execute" then rest[key] = value end
  end
  return host.register(rest, execute)
end

---Removes a tool that the script has added.
---@param name string
---@return boolean removed false if there was none.
function Tool.unregister(name)
  argument(name, "name", "string", "Tool.unregister")
  return host.unregister(name)
end

return setmetatable(Tool, {
  __name = "Tool",
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    local about = host.get(name)
    return about and handle(about)
  end,
})
