-- The global `JSON`.
local host, helpers = ...
local fail, argument, no_option = helpers.fail, helpers.argument, helpers.no_option
local pairs, tostring = pairs, tostring
local type, rawget, setmetatable, getmetatable, floor = type, rawget, setmetatable, getmetatable, math.floor

---JSON text to values and back.
---@class JSON
---@field null any Stands for null in tables.
local JSON = { null = helpers.null }

local ARRAY, OBJECT = { __jsontype = "array" }, { __jsontype = "object" }

local function options_of(options, func, ...)
  if options == nil then return {} end
  argument(options, "options", "table", func)
  local names, known = { ... }, {}
  for i = 1, #names do known[names[i]] = true end
  for name in pairs(options) do
    if not known[name] then
      fail("bad argument 'options' to '" .. func .. "' (" .. no_option(tostring(name), names) .. ")")
    end
  end
  return options
end

---The value of a JSON text. An integer beyond 64 bits becomes a float.
---@param text string
---@param options? table `null = true` makes nulls `JSON.null`; otherwise they are nil, and leave nothing in a table.
---@return any value
function JSON.parse(text, options)
  argument(text, "text", "string", "JSON.parse")
  return host.parse(text, options_of(options, "JSON.parse", "null").null == true)
end

---The JSON text of a value; an object's keys are sorted. NaN and the infinities are null.
---@param value any Without functions, userdata and coroutines, and not within itself.
---@param options? table `indent`: spaces of each level, or `pretty = true` for 2; otherwise it is a single line.
---@return string text
function JSON.stringify(value, options)
  options = options_of(options, "JSON.stringify", "indent", "pretty")
  local indent = options.indent or (options.pretty and 2) or 0
  if type(indent) ~= "number" or indent < 0 or indent > 16 or indent ~= floor(indent) then
    fail("bad argument 'options.indent' to 'JSON.stringify' (a whole number from 0 to 16 expected)")
  end
  return host.stringify(value, indent)
end

---A value as JSON text, as `JSON.stringify` makes it.
---@param value any
---@param options? table As those of `JSON.stringify`.
---@return string text
function JSON.encode(value, options) return JSON.stringify(value, options) end

---The value that a JSON text stands for, as `JSON.parse` reads it.
---@param text string
---@param options? table As those of `JSON.parse`.
---@return any value
function JSON.decode(text, options) return JSON.parse(text, options) end

local function marked(value, mark, name)
  if value ~= nil then argument(value, "value", "table", name) end
  local meta = getmetatable(value or nil)
  if meta ~= nil and not (type(meta) == "table" and rawget(meta, "__jsontype")) then fail("bad argument 'value' to '" .. name .. "' (it has a metatable already)") end
  return setmetatable(value or {}, mark)
end

---Makes a table be `[]` when it is empty.
---@param value? table A new one by default.
---@return table value
function JSON.array(value) return marked(value, ARRAY, "JSON.array") end

---Makes a table be `{}` when it is empty, which matters where an empty table is `[]` (messages, `display`).
---@param value? table A new one by default.
---@return table value
function JSON.object(value) return marked(value, OBJECT, "JSON.object") end

return JSON
