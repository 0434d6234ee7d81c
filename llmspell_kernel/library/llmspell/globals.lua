-- The user's variables, for keeping them. Tables are read raw: no metamethod runs. Arguments: the prelude's module of
-- cells, a table whose keys are the globals that are not the user's, and JSON.null.
local cells, hidden, null = ...
local globals = _G
local getmetatable = debug.getmetatable
local next, rawequal, rawget, rawset, sort, tostring, type = next, rawequal, rawget, rawset, table.sort, tostring, type
local find, format, gmatch = string.find, string.format, string.gmatch

local function step(path, key)
  if type(key) == "string" and find(key, "^[%a_][%w_]*$") then return path .. "." .. key end
  return path .. "[" .. (type(key) == "string" and format("%q", key) or tostring(key)) .. "]"
end

-- A reader of one run: answers why a value cannot be kept, nil if it can. Notes which tables are in two places.
local function reader(notes)
  local places = {} -- table -> where it was first
  local open = {}

  local function problem(value, path)
    local kind = type(value)
    if kind == "function" then return path .. " is a function: run the cell that defines it again" end
    if rawequal(value, null) then return nil end
    if kind ~= "table" then
      if kind == "userdata" or kind == "thread" or kind == "cdata" then return path .. " is a " .. kind end
      return nil
    end
    if open[value] then return path .. " is a table that contains itself" end
    if places[value] then
      notes[#notes + 1] = path .. " is the same table as " .. places[value] .. ", and will be a copy of it"
      return nil
    end
    places[value] = path
    local meta = getmetatable(value)
    if meta ~= nil and not (type(meta) == "table" and rawget(meta, "__jsontype")) then
      return path .. " has a metatable, which would be lost"
    end
    open[value] = true
    for key, item in next, value do
      if type(item) == "table" or type(item) == "function" or type(item) == "userdata" or type(item) == "thread" then
        local found = problem(item, step(path, key))
        if found then return found end
      end
    end
    open[value] = nil
  end

  return function(value, path)
    local found = problem(value, path)
    if found then open = {} end
    return found
  end
end

-- The variables by name, as {name, scope, value, problem}, and notes.
local function list()
  local rows, notes, locals = {}, {}, {}
  for name in gmatch(cells.names(), "[^,]+") do
    local _, value = cells.value_of(name)
    locals[name] = true
    if value ~= nil then rows[#rows + 1] = { name = name, scope = "local", value = value } end
  end
  for name, value in next, globals do
    if not hidden[name] and type(name) == "string" and not locals[name] then
      rows[#rows + 1] = { name = name, scope = "global", value = value }
    end
  end
  sort(rows, function(a, b) return a.name < b.name end)
  local read = reader(notes)
  for i = 1, #rows do
    rows[i].problem = read(rows[i].value, rows[i].name)
  end
  return rows, notes
end

local function set(name, value) rawset(globals, name, value) end

-- Whether a name means anything now: a local of an earlier cell, or a global.
local function is_set(name)
  local _, value = cells.value_of(name)
  return value ~= nil or rawget(globals, name) ~= nil
end

return { list = list, set = set, is_set = is_set }
