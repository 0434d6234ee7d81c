-- Lists variables and their children as rows, and assigns them. A row is a table with the fields of model.Variable;
-- what has children has a reference, a number that is good until `forget`.
-- Nothing of the program's runs for a list: tables are read raw, no metamethod is called.
-- What cannot be done is an error, a message for whoever asked.
-- Arguments: the host's table, the modules previews.lua, bindings.lua, entries.lua.
local host, previews, bindings, entries = ...
local raw_metatable, setupvalue = host.debug.getmetatable, host.debug.setupvalue
local name_of = host.introspection.name_of
local text, type_of, children_of = previews.text, previews.type_of, previews.children_of
local is_identifier, name_of_key, path_to = previews.is_identifier, previews.name_of_key, previews.path_to
local concat, sort = table.concat, table.sort
local find, format, match, sub = string.find, string.format, string.match, string.sub
local error, next, rawget, rawset, tonumber, tostring, type = error, next, rawget, rawset, tonumber, tostring, type
local globals = _G

local containers, last_reference = {}, 0

local STALE = "there is no list of variables %s now: it belongs to an earlier stop; ask for the scopes again"
local OURS = { _G = true, _VERSION = true, _ = true, In = true, Out = true }

-- A container is what `variables` lists: {kind, frame, path, ...}; `setters` has what assigns each row that was listed.
local function new_reference(container)
  last_reference = last_reference + 1
  containers[last_reference] = container
  container.setters = {}
  return last_reference
end

-- The row of a value. `path` is the expression that gives it, nil where there is none; `prefix` the same as what can
-- be indexed, if it is another.
local function row(value, name, path, frame, prefix)
  local named, indexed = children_of(value)
  local reference = 0
  if named + indexed > 0 then
    reference = new_reference({ kind = type(value), value = value, path = prefix or path, frame = frame })
  end
  return {
    name = name, value = text(value), type = type_of(value), reference = reference, named = named, indexed = indexed,
    evaluate_name = path or "", read_only = false, internal = false,
  }
end

-- A row that stands for a group of others.
local function group(name, value, container, named)
  return {
    name = name, value = value, type = "", reference = new_reference(container), named = named or 0, indexed = 0,
    evaluate_name = "", read_only = true, internal = true,
  }
end

-- Adds the row of a variable; `set(value)` assigns it, without it the row is read-only.
local function add(rows, container, value, name, path, set)
  local setters = container.setters
  local shown, count = name, 1
  while rows[shown] do -- two keys that look alike
    count = count + 1
    shown = name .. " (" .. count .. ")"
  end
  rows[shown] = true
  setters[shown] = set and { set = set, path = path }
  local each = row(value, shown, path, container.frame)
  each.read_only = not set
  rows[#rows + 1] = each
end

-- Groups of a frame ----------------------------------------------------------------------------------

local list = {} -- kind -> function(container, rows): all rows

function list.locals(container, rows)
  local frame = container.frame
  local variables = frame and bindings.locals(frame) or {}
  for i = 1, #variables do
    local each = variables[i]
    add(rows, container, each.value, each.shown, not each.is_hidden and each.name or nil,
      function(value) bindings.set_local(frame, each.index, value) end)
  end
end

local function add_upvalues(container, rows, f, has_names)
  local variables = bindings.upvalues(f)
  for i = 1, #variables do
    local each = variables[i]
    add(rows, container, each.value, each.shown, has_names and not each.is_hidden and each.name or nil,
      not each.read_only and function(value) setupvalue(f, each.index, value) end)
  end
end

function list.upvalues(container, rows)
  local f = bindings.function_of(container.frame)
  if f then add_upvalues(container, rows, f, true) end
end

list["function"] = function(container, rows) add_upvalues(container, rows, container.value, false) end

function list.varargs(container, rows)
  local frame = container.frame
  local values, n = bindings.varargs(frame)
  for i = 1, n do
    add(rows, container, values[i], "[" .. format("%d", i) .. "]", format("(select(%d, ...))", i),
      function(value) bindings.set_vararg(frame, i, value) end)
  end
end

-- Whether a global is there without the user's doing.
local function is_library(name, value)
  if OURS[name] then return true end
  local kind = type(value)
  return (kind == "function" or kind == "table") and name_of(value) == name
end

-- Names of globals in order, at most as many as entries.lua sorts, and whether those are all.
local function global_names(library)
  local names, n = {}, 0
  for name, value in next, globals do
    if (type(name) == "string" and is_library(name, value)) == library then
      if n >= entries.SORTED then return names, false end
      n = n + 1
      names[n] = name
    end
  end
  return entries.sorted(names), true
end

local function global_path(name)
  if is_identifier(name) then return name end
  return path_to("_G", name)
end

local function add_globals(container, rows, library)
  local names, complete = global_names(library)
  for i = 1, #names do
    local name = names[i]
    add(rows, container, rawget(globals, name), name_of_key(name), global_path(name),
      not library and function(value) rawset(globals, name, value) end)
  end
  if not complete then
    rows[#rows + 1] = {
      name = format("[more than %d globals]", entries.SORTED), value = "the others are in _G", type = "", reference = 0,
      named = 0, indexed = 0, evaluate_name = "", read_only = true, internal = true,
    }
  end
end

-- The locals of earlier cells that the frame does not already show.
local function add_kept(container, rows)
  local kept = bindings.kept()
  sort(kept, function(a, b) return a.name < b.name end)
  for i = 1, #kept do
    local name = kept[i].name
    local kind = bindings.find(container.frame, name)
    if kind == "kept" or kind == "global" then
      add(rows, container, kept[i].value, name, name, function(value) host.set_kept(name, value) end)
    end
  end
end

function list.kept(container, rows) add_kept(container, rows) end

function list.library(container, rows) add_globals(container, rows, true) end

function list.globals(container, rows)
  if container.frame then add_kept(container, rows) end
  add_globals(container, rows, false)
  rows[#rows + 1] = group("[library]", "standard library and runtime", { kind = "library", frame = container.frame })
end

-- Values -----------------------------------------------------------------------------------------------

local function add_metatable(container, rows)
  local metatable = raw_metatable(container.value)
  if not metatable then return end
  local path = container.path and "debug.getmetatable(" .. container.path .. ")"
  local each = row(metatable, "[metatable]", path, container.frame)
  each.read_only, each.internal = true, true
  rows[#rows + 1] = each
end

function list.userdata(container, rows) add_metatable(container, rows) end

local function add_entry(container, rows, key)
  local t = container.value
  add(rows, container, rawget(t, key), name_of_key(key), path_to(container.path, key),
    function(value) rawset(t, key, value) end) -- as it is listed: __newindex could put it elsewhere
end

-- The rows of a table, of the part `first` .. `last` of its array, or of its keys from the one after `skipped` on.
function list.table(container, rows, filter, start, count)
  local t, path, frame = container.value, container.path, container.frame
  local known = container.known
  if not known or (start == 0 and not container.skipped) then -- on from there it is paged through
    known = entries.listing(t, container.first, container.last)
    container.known = known
  end
  if container.skipped then filter, start = "named", start + container.skipped end
  local page = entries.page(known, filter, start, count)
  for i = page.first, page.last do add_entry(container, rows, i) end
  for i = 1, #page.groups do
    local first, last = page.groups[i][1], page.groups[i][2]
    local part = { kind = "table", value = t, path = path, frame = frame, first = first, last = last }
    rows[#rows + 1] = group(format("[%d .. %d]", first, last), format("%d elements", last - first + 1), part)
  end
  for i = 1, #page.keys do add_entry(container, rows, page.keys[i]) end
  if page.rest then
    local others = { kind = "table", value = t, path = path, frame = frame, known = known, skipped = page.next }
    rows[#rows + 1] = group("[more]", page.rest, others)
  end
  if page.metatable then add_metatable(container, rows) end
end

-- What the host calls --------------------------------------------------------------------------------

local function rows_of(container, filter, start, count)
  local rows = {}
  if container.kind == "table" then
    list.table(container, rows, filter, start, count)
    return rows
  end
  if filter == "indexed" then return rows end
  list[container.kind](container, rows)
  if start == 0 and (count == 0 or count >= #rows) then return rows end
  local page = {}
  for i = start + 1, count == 0 and #rows or start + count do page[#page + 1] = rows[i] end
  return page
end

local function container_of(reference)
  local container = containers[reference]
  if not container then error(format(STALE, tostring(reference)), 0) end
  return container
end

-- What the user has defined: the locals of cells and the globals, without those of the library.
local function user_variables()
  local container, rows = { kind = "globals", setters = {} }, {}
  add_kept(container, rows)
  add_globals(container, rows, false)
  return rows
end

-- The children of a reference, of 0 what the user has defined. `count` 0: all, of a large table those that come first
-- and groups of the others.
local function variables(reference, filter, start, count)
  if reference == 0 then return user_variables() end
  return rows_of(container_of(reference), filter or "", start or 0, count or 0)
end

local function scope(name, kind, frame, named, expensive)
  return {
    name = name, kind = kind, reference = new_reference({ kind = kind, frame = frame }),
    named = named or 0, indexed = 0, expensive = expensive or false,
  }
end

-- The groups of variables that a frame has; without a frame the locals of earlier cells and the globals.
local function scopes(frame)
  local rows = {}
  if not frame then
    rows[1] = scope("Locals of cells", "locals", nil)
    containers[rows[1].reference].kind = "kept"
  else
    local f = bindings.function_of(frame)
    if f then
      rows[1] = scope("Locals", "locals", frame, #bindings.locals(frame))
      local captured, _, extra = #bindings.upvalues(f), bindings.varargs(frame)
      if captured > 0 then rows[#rows + 1] = scope("Upvalues", "upvalues", frame, captured) end
      if extra > 0 then rows[#rows + 1] = scope("Varargs", "varargs", frame, extra) end
    end
  end
  rows[#rows + 1] = scope("Globals", "globals", frame, 0, true)
  return rows
end

-- The setter of a row by its name; also of an entry that was not listed yet.
local function setter_of(container, name)
  local setter = container.setters[name]
  if setter ~= nil then return setter end
  if container.kind ~= "table" then
    rows_of(container, "", 0, 0)
    return container.setters[name]
  end
  local key = tonumber(match(name, "^%[(%-?[%d%.]+)%]$")) or (is_identifier(name) and name)
  if not key then return nil end
  add_entry(container, {}, key)
  return container.setters[name]
end

-- Assigns `value(frame)` to a row; answers the new row.
local function set_variable(reference, name, value_of)
  local container = container_of(reference)
  local setter = setter_of(container, name)
  if not setter then
    if setter == false or sub(name, 1, 1) == "[" then error(name .. " cannot be changed", 0) end
    error("there is no variable " .. name .. " here", 0)
  end
  local value = value_of(container.frame)
  setter.set(value)
  return row(value, name, setter.path, container.frame)
end

-- Values that an expression has given, packed, as one row whose children are the first one's.
local function result(packed, code, frame)
  local path = packed.n == 1 and match(code, "^%s*=?%s*(.-)%s*$") or nil
  local is_name = path and find(path, "^[%a_\128-\255][%w_\128-\255%.]*$")
  local each = row(packed[1], code, path, frame, path and not is_name and "(" .. path .. ")")
  local texts = {}
  for i = 1, packed.n do texts[i] = previews.described(packed[i]) end
  each.value = concat(texts, ", ")
  if packed.n == 0 then each.type = "" end
  return each
end

return {
  scopes = scopes, variables = variables, set_variable = set_variable, result = result, row = row,
  -- The code goes on: references are no longer good, and nothing is held.
  forget = function() containers = {} end,
}
