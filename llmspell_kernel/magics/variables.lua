-- The user's variables. Arguments: the prelude's cells module, and a table whose keys are the globals that are not
-- the user's. Tables are read raw: no metamethod runs. Loaded before any code of the user's, who may give each
-- standard name another value.
local cells, hidden = ...
local globals = _G
local kept_names, value_of = cells.names, cells.value_of
local getmetatable, rawget, rawset = debug.getmetatable, rawget, rawset
local next, sort, tostring, type = next, table.sort, tostring, type
local gmatch, math_type = string.gmatch, math.type

local function kind_of(value)
  local meta = getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  if type(name) == "string" and type(value) ~= "string" then return name end
  return math_type and math_type(value) or type(value)
end

-- Bytes of a string, entries of a table.
local function size_of(value)
  if type(value) == "string" then return #value end
  if type(value) ~= "table" then return nil end
  local count = 0
  for _ in next, value do count = count + 1 end
  return count
end

local function row(name, scope, value)
  return { name = name, scope = scope, kind = kind_of(value), size = size_of(value), packed = { n = 1, value } }
end

local function by_name(a, b) return a.name < b.name end

-- Locals of earlier cells, and globals that no such local hides.
local function list()
  local rows, locals = {}, {}
  for name in gmatch(kept_names(), "[^,]+") do
    local _, value = value_of(name)
    locals[name] = true
    if value ~= nil then rows[#rows + 1] = row(name, "local", value) end
  end
  for name, value in next, globals do
    if type(name) == "string" and not hidden[name] and not locals[name] then
      rows[#rows + 1] = row(name, "global", value)
    end
  end
  sort(rows, by_name)
  return rows
end

local function clear()
  for name in next, globals do
    if not hidden[name] then globals[name] = nil end
  end
end

local function get(name) return rawget(globals, name) end

local function set(name, value) rawset(globals, name, value) end

-- Whether a name means anything: a local of an earlier cell, or a global.
local function defined(name)
  local _, value = value_of(name)
  return value ~= nil or rawget(globals, name) ~= nil
end

-- The first value of a result as text, nil if it is nil.
local function text(packed)
  local value = packed[1]
  return value ~= nil and tostring(value) or nil
end

return { list = list, clear = clear, get = get, set = set, defined = defined, text = text }
