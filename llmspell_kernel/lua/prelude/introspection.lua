-- Looks at values for completion and inspection. Everything is read raw: no metamethod runs, an __index is
-- followed only where it is a table, and __metatable hides nothing.
-- A place is (kind, root, keys...): of kind "name" the root is a variable, of kind "kept" a local of an
-- earlier cell, of kind "string" it is the value itself.
local host = ...
local getinfo, getlocal, raw_metatable = debug.getinfo, debug.getlocal, debug.getmetatable
local next, pcall, rawequal, rawget, select, type = next, pcall, rawequal, rawget, select, type
local find, gmatch, lower, sub = string.find, string.gmatch, string.lower, string.sub
local concat = table.concat
local math_type = math.type
local rawlen = rawlen or function(t) return #t end -- where it is missing, # ignores __len
local kept_names, value_of = host.kept_names, host.value_of
local globals, package = _G, package
local loaded = package.loaded

local MAX_INDEX = 100    -- tables followed through __index; they may form a circle
local MAX_STEPS = 20000  -- keys looked at for one answer
local MAX_MATCHES = 3000
local MAX_KEY = 200      -- bytes of a key that is offered
local ARRAY = 5000       -- a longer array part is stepped over
local IDENTIFIER = host.lua_version == 501 and "^[%a_\128-\255][%w_\128-\255]*$" or "^[%a_][%w_]*$"

local KEYWORDS = {}
for word in gmatch("and break do else elseif end false for function if in local nil not or repeat return then "
  .. "true until while " .. (host.lua_version == 501 and "" or "goto"), "%a+") do KEYWORDS[word] = true end

-- Names --------------------------------------------------------------------------------------------

local names = {}    -- function or table -> its qualified name, such as "string.format" or "file:read"
local standard = {} -- the same, for functions of the standard library

local function name_module(name, module)
  if type(module) ~= "table" or rawequal(module, globals) then return end
  names[module] = names[module] or name
  for key, value in next, module do
    if type(key) == "string" and type(value) == "function" and not names[value] then
      names[value] = name .. "." .. key
    end
  end
end

-- Called when the standard library is as scripts will find it, and before any script runs.
local function name_standard_library()
  for name, module in next, loaded do
    if type(name) == "string" then name_module(name, module) end
  end
  for name, value in next, globals do
    if type(value) == "function" then names[value] = name end
  end
  for name, method in next, rawget(raw_metatable(io.stdout), "__index") do
    if type(method) == "function" then names[method] = "file:" .. name end
  end
  for value, name in next, names do
    if type(value) == "function" then standard[value] = name end
  end
end

-- Objects of ours ------------------------------------------------------------------------------------

-- Values of a library of ours whose fields the host knows, see describe_objects.
local libraries = {}

-- The library that a value belongs to, and its key there; nil for all others.
local function object_of(value)
  for i = 1, #libraries do
    local key = libraries[i].key_of(value)
    if key ~= nil then return libraries[i], key end
  end
end

-- Each library is a table of
--   key_of(value): what the host knows the value by, a number for an object, a string for a function that makes
--     such objects of a table of attributes; nil for everything else
--   index(object, key): a field
--   methods: a table
--   members(key): names of the attributes, one a line
--   help(key[, attribute]): type, explanation, list of the attributes
-- All of them are the library's own and run no code of the user's; they may raise.
local function describe_objects(library) libraries[#libraries + 1] = library end

-- Values -------------------------------------------------------------------------------------------

local function metafield(value, name)
  local metatable = raw_metatable(value)
  return metatable and rawget(metatable, name)
end

-- The table that `value` inherits from, if its __index is one.
local function inherited(value)
  local index = metafield(value, "__index")
  if type(index) == "table" then return index end
end

local function step(value, key)
  for _ = 1, MAX_INDEX do
    if type(value) == "table" then
      local found = rawget(value, key)
      if found ~= nil then return found end
      local library = object_of(value)
      if library then
        local ok, field = pcall(library.index, value, key)
        return ok and field or nil
      end
    end
    value = inherited(value)
    if value == nil then return nil end
  end
end

local function root_value(kind, root)
  if kind == "string" then return true, root end
  local known, value = value_of(root)
  if known or kind == "kept" then return known, value end
  value = step(globals, root)
  if value == nil and root == "_ENV" then value = globals end
  return value ~= nil, value, globals
end

-- Whether there is such a place, its value, the table it is a field of, and its last key.
local function resolve(kind, root, ...)
  local known, value, parent = root_value(kind, root)
  local key = root
  for i = 1, select("#", ...) do
    if value == nil then return false end
    parent, key = value, (select(i, ...))
    value = step(parent, key)
    known = value ~= nil
  end
  return known, value, parent, key
end

-- Completion ---------------------------------------------------------------------------------------

local function callable(value)
  return type(value) == "function" or type(metafield(value, "__call")) == "function"
end

local function kind_of(value, modules)
  local kind = type(value)
  if kind == "function" then return "function" end
  if kind ~= "table" then return "value" end
  if modules[value] or names[value] then return "module" end
  if rawget(value, "__index") ~= nil or callable(value) then return "class" end
  return "instance"
end

-- "(a, b, ...)", from the parameter after `skipped`.
local function parameters(f, skipped)
  local info = getinfo(f, "u")
  local list = {}
  for i = 1 + skipped, info.nparams or 0 do list[#list + 1] = getlocal(f, i) or "?" end
  if info.isvararg or not info.nparams then list[#list + 1] = "..." end
  return "(" .. concat(list, ", ") .. ")"
end

local function detail_of(value, separator)
  if type(value) ~= "function" then return "" end
  return standard[value] or parameters(value, separator == ":" and 1 or 0)
end

local function fits(key, value, separator)
  if separator == '["' then return #key <= MAX_KEY and not find(key, "\0", 1, true) end
  return #key <= MAX_KEY and find(key, IDENTIFIER) and not KEYWORDS[key] and (separator ~= ":" or callable(value))
end

-- Adds the attributes that the host knows, or those that an object is made with.
local function collect_attributes(out, library, key, prefix)
  local ok, members = pcall(library.members, key)
  if not ok then return end
  for name in gmatch(members, "[^\n]+") do
    if lower(sub(name, 1, #prefix)) == prefix then
      local n = #out
      out[n + 1], out[n + 2], out[n + 3] = name, "value", ""
    end
  end
end

-- Adds key, kind and detail of each field of `value` that begins with `prefix` (lower case; the key's own case
-- does not matter) to `out`, the nearest of each key.
local function collect(out, seen, value, separator, prefix)
  local modules = {}
  for _, module in next, loaded do
    if type(module) == "table" then modules[module] = true end
  end
  local length, steps, n = #prefix, 0, #out
  for _ = 1, MAX_INDEX do
    if type(value) == "table" then
      local start
      local array = rawlen(value)
      if array > ARRAY then start = array end
      for key, field in next, value, start do
        steps = steps + 1
        if steps > MAX_STEPS or n >= 3 * MAX_MATCHES then return end
        if type(key) == "string" and (length == 0 or lower(sub(key, 1, length)) == prefix)
          and not seen[key] and fits(key, field, separator) then
          seen[key] = true
          out[n + 1], out[n + 2], out[n + 3] = key, kind_of(field, modules), detail_of(field, separator)
          n = n + 3
        end
      end
    end
    value = inherited(value)
    if value == nil then return end
  end
end

-- Answers are key, kind and detail of each match, all joined by NUL bytes. A detail is the qualified name of a
-- function of the standard library, or another function's parameters in brackets.
local function fields(separator, prefix, kind, root, ...)
  local _, value = resolve(kind, root, ...)
  if value == nil then return "" end
  local out = {}
  local library, object = object_of(value)
  if separator == "{" or (type(object) == "number" and separator ~= ":") then
    if library and (type(object) == "string") == (separator == "{") then
      collect_attributes(out, library, object, prefix)
    end
  else
    collect(out, {}, type(object) == "number" and library.methods or value, separator, prefix)
  end
  return concat(out, "\0")
end

-- The locals of earlier cells, of a kind that begins with "local ", and the globals.
local function variables(prefix)
  local out, seen = {}, {}
  for name in gmatch(kept_names(), "[^,]+") do
    if lower(sub(name, 1, #prefix)) == prefix then
      local _, value = value_of(name)
      local n = #out
      seen[name] = true
      out[n + 1], out[n + 2], out[n + 3] = name, "local " .. kind_of(value, {}), detail_of(value)
    end
  end
  collect(out, seen, globals, ".", prefix)
  return concat(out, "\0")
end

-- Names of modules that are loaded or can be loaded without a file, joined by NUL bytes; and the search path.
local function modules()
  local out = {}
  for _, list in next, { loaded, rawget(package, "preload") } do
    for name in next, type(list) == "table" and list or {} do
      if type(name) == "string" and not find(name, "\0", 1, true) then out[#out + 1] = name end
    end
  end
  local path = rawget(package, "path")
  return concat(out, "\0"), type(path) == "string" and path or ""
end

-- Inspection ---------------------------------------------------------------------------------------

-- The name of the variable that holds `value`, if there is one.
local function variable_of(value)
  for name in gmatch(kept_names(), "[^,]+") do
    local _, other = value_of(name)
    if rawequal(other, value) then return name end
  end
  for name, other in next, globals do
    if rawequal(other, value) and type(name) == "string" then return name end
  end
end

local function metatable_name(value)
  local metatable = raw_metatable(value)
  if not metatable or type(value) == "string" then return nil end
  local name = rawget(metatable, "__name")
  if type(name) == "string" then return name end
  return variable_of(metatable)
end

local function type_name(value)
  return type(value) == "number" and math_type and math_type(value) or type(value)
end

local function qualified_name(value, parent, key)
  local kind = type(value)
  if kind == "function" or kind == "table" then return names[value] end
  local owner = parent and names[parent]
  if type(key) ~= "string" then return nil end
  return owner and owner .. "." .. key or rawequal(parent, globals) and key or nil
end

local function describe_function(answer, f, skipped)
  local info = getinfo(f, "S")
  answer.source, answer.first, answer.last = info.source, info.linedefined, info.lastlinedefined
  answer.builtin = info.what == "C" or sub(info.short_src, 1, 9) == "[builtin:"
  answer.parameters = parameters(f, skipped)
  answer.is_function = true
end

-- What the host knows of an object, or of an attribute of one.
local function describe_object(answer, value, parent, key)
  local library, object = object_of(value)
  local attribute
  if not library and type(key) == "string" and type(value) ~= "function" then
    library, object = object_of(parent)
    attribute = key
  end
  if not library then return end
  local ok, kind, explanation, members = pcall(library.help, object, attribute)
  if ok then answer.object, answer.explanation, answer.members = kind, explanation, members end
end

-- What there is to say about a place, nil if there is nothing. `preview` makes text of a value.
local function describe(preview, options, kind, root, ...)
  local known, value, parent, key = resolve(kind, root, ...)
  if not known then return nil end
  local answer = {
    type = type_name(value),
    qualified = qualified_name(value, parent, key),
    metatable = metatable_name(value),
  }
  local call = type(value) == "table" and metafield(value, "__call")
  if type(value) == "function" then
    describe_function(answer, value, 0)
  elseif type(call) == "function" then
    describe_function(answer, call, 1)
    answer.is_callable_table = true
  end
  if type(value) ~= "function" then answer.preview = preview(value, options) end
  describe_object(answer, value, parent, key)
  return answer
end

return {
  name_module = name_module,
  name_of = function(value) return names[value] end,
  -- From now on `value` is called as what it takes the place of.
  stand_in = function(value, original) names[value], standard[value] = names[original], standard[original] end,
  describe_objects = describe_objects,
  name_standard_library = name_standard_library,
  fields = fields,
  variables = variables,
  modules = modules,
  describe = describe,
}
