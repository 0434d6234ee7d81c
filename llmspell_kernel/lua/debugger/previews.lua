-- Values as text on one line. Nothing of the value's own is called, but by `described`: no metamethod runs.
-- Arguments: the host's table, the module strings.lua.
local host, strings = ...
local quote, boundary, is_utf8 = strings.quote, strings.boundary, strings.is_utf8
local getinfo, getlocal, getupvalue = host.debug.getinfo, host.debug.getlocal, host.debug.getupvalue
local raw_metatable = host.debug.getmetatable
local is_own, qualified = host.is_own, host.introspection.name_of
local byte, find, format, gsub, sub = string.byte, string.find, string.format, string.gsub, string.sub
local concat, sort = table.concat, table.sort
local floor = math.floor
local next, pcall, rawequal, rawget, setmetatable, tostring, type =
  next, pcall, rawequal, rawget, setmetatable, tostring, type
local coroutine_status = coroutine.status
local math_type = math.type
local globals = _G
local rawlen = rawlen or function(t) return #t end -- where it is missing, # ignores __len

local STRING = 200    -- bytes of a string that are shown
local NESTED = 40     -- of one within a table
local PREVIEW = 100   -- bytes of a table's text, beyond which no entry is added
local ENTRIES = 20    -- entries of a table's text
local LOOKED_AT = 50  -- keys that are looked at for it
local COUNTED = 200   -- keys that are counted to say how many children a table has
local IDENTIFIER = host.lua_version == 501 and "^[%a_\128-\255][%w_\128-\255]*$" or "^[%a_][%w_]*$"

local KEYWORDS = {}
gsub("and break do else elseif end false for function goto if in local nil not or repeat return then true until while",
  "%a+", function(word) KEYWORDS[word] = true end)

local python_metatable = raw_metatable(host.check)

local function is_python(value)
  return type(value) == "userdata" and rawequal(raw_metatable(value), python_metatable)
end

-- Bytes beyond ASCII: characters as they are, what is none escaped.
local function escaped(bytes)
  if is_utf8(bytes) then return bytes end
  local parts, position = {}, 1
  while position <= #bytes do
    local length = byte(bytes, position) >= 240 and 4 or byte(bytes, position) >= 224 and 3 or 2
    local character = sub(bytes, position, position + length - 1)
    if #character < length or not is_utf8(character) then
      character, length = format("\\x%02x", byte(bytes, position)), 1
    end
    parts[#parts + 1] = character
    position = position + length
  end
  return concat(parts)
end

-- Text that is UTF-8 and has one line: what a client sends back can be compared with it.
local function clean(text)
  if find(text, "%c") then text = gsub(text, "%c", function(c) return format("\\%d", byte(c)) end) end
  if not is_utf8(text) then text = gsub(text, "[\128-\255]+", escaped) end
  return text
end

local function type_name(value)
  local metatable = raw_metatable(value)
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  return type(name) == "string" and type(value) ~= "string" and clean(name) or nil
end

local function type_of(value)
  local kind = type(value)
  if kind == "number" and math_type then return math_type(value) end
  return not is_python(value) and type_name(value) or kind
end

local function string_text(s, length)
  if #s <= length then return clean(quote(s)) end
  local cut = boundary(s, length)
  return clean(quote(sub(s, 1, cut))) .. format("... (%d more bytes)", #s - cut)
end

local function function_text(f)
  local name, info = qualified(f), getinfo(f, "Su")
  if info.what == "C" or find(info.short_src, "[builtin:", 1, true) then
    return "builtin function" .. (name and " " .. name or "")
  end
  local list = {}
  for i = 1, info.nparams or 0 do list[i] = getlocal(f, i) or "?" end
  if info.isvararg then list[#list + 1] = "..." end
  local heading = "function" .. (name and " " .. name or "") .. "(" .. concat(list, ", ") .. ")"
  if is_own(info.source) then return "builtin " .. heading end
  return clean(heading .. ": " .. info.short_src .. ":" .. format("%d", info.linedefined))
end

local function userdata_text(value)
  if is_python(value) then return "<userdata>" end
  if type(value) ~= "userdata" then -- LuaJIT's cdata prints its type and value itself
    local ok, text = pcall(tostring, value)
    return ok and clean(text) or "<" .. type(value) .. ">"
  end
  local ok, address = pcall(format, "%p", value)
  return "<" .. (type_name(value) or "userdata") .. (ok and ": " .. address or "") .. ">"
end

local function is_identifier(key)
  return type(key) == "string" and find(key, IDENTIFIER) ~= nil and not KEYWORDS[key] and is_utf8(key)
end

-- Keys ---------------------------------------------------------------------------------------------

local text

-- A key as it is shown: `name`, `[3]`, `["a b"]`, `[table: 0x...]`.
local function name_of_key(key)
  local kind = type(key)
  if kind == "string" then
    if #key <= STRING and is_identifier(key) then return clean(key) end
    return "[" .. string_text(key, STRING) .. "]"
  elseif kind == "table" or kind == "function" or kind == "thread" then
    local ok, address = pcall(format, "%p", key)
    return "[" .. kind .. (ok and ": " .. address or "") .. "]"
  end
  return "[" .. text(key) .. "]"
end

-- A string as Lua code on one line, whatever its bytes.
local function literal(s)
  return '"' .. gsub(s, '[%c"\\\128-\255]', function(c) return format("\\%03d", byte(c)) end) .. '"'
end

local function number_literal(n)
  if n ~= n or n - n ~= 0 then return nil end
  if math_type and math_type(n) == "float" or n ~= floor(n) then return format("%.17g", n) end
  return format("%d", n)
end

-- What follows a table's expression to index it with `key`; nil where no code can say it.
local function key_expression(key)
  local kind = type(key)
  if kind == "string" then
    if is_identifier(key) then return "." .. key end
    if is_utf8(key) and not find(key, "%c") then return "[" .. quote(key) .. "]" end
    return "[" .. literal(key) .. "]"
  elseif kind == "number" then
    local number = number_literal(key)
    return number and "[" .. number .. "]"
  elseif kind == "boolean" then
    return "[" .. tostring(key) .. "]"
  end
end

-- The expression of an entry, nil if that of its table is unknown or the key cannot be written.
local function path_to(parent, key)
  local step = parent and key_expression(key)
  return step and parent .. step
end

-- Tables -------------------------------------------------------------------------------------------

local function is_index(key, length)
  return type(key) == "number" and key >= 1 and key <= length and key == floor(key)
end

local function order(a, b)
  if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
  return type(a) < type(b)
end

-- The keys beside 1 .. length, at most LOOKED_AT + 1 of them; those of a small table in order.
local function other_keys(t, length)
  local keys, n = {}, 0
  for key in next, t do
    if not is_index(key, length) then
      n = n + 1
      keys[n] = key
      if n > LOOKED_AT then return keys, n end
    end
  end
  sort(keys, order)
  return keys, n
end

local function table_text(t, depth, outer)
  local name = type_name(t)
  local prefix = name and name .. " " or ""
  if next(t) == nil then return prefix .. "{}" end
  if depth > 1 or rawequal(t, outer) then return prefix .. "{...}" end
  local items, n, size, length = {}, 0, #prefix, rawlen(t)
  local function add(item)
    n = n + 1
    items[n] = item
    size = size + #item + 2
  end
  local function has_room() return n < ENTRIES and size < PREVIEW end
  local i = 1
  while i <= length and has_room() do
    add(text(rawget(t, i), depth + 1, t))
    i = i + 1
  end
  if i <= length then
    items[n + 1] = format("... %d more", length - i + 1)
    return prefix .. "{" .. concat(items, ", ") .. "}"
  end
  local keys, count = other_keys(t, length)
  for j = 1, count do
    if j > LOOKED_AT or not has_room() then
      items[n + 1] = count > LOOKED_AT and "..." or format("... %d more", count - j + 1)
      break
    end
    add(name_of_key(keys[j]) .. " = " .. text(rawget(t, keys[j]), depth + 1, t))
  end
  return prefix .. "{" .. concat(items, ", ") .. "}"
end

-- A value as text on one line. Of nested tables the outer two show their entries; `depth` and the table around are for
-- the inner ones.
function text(value, depth, outer)
  local kind = type(value)
  if kind == "string" then return string_text(value, depth and NESTED or STRING) end
  if kind == "table" then return table_text(value, depth or 0, outer) end
  if kind == "function" then return function_text(value) end
  if kind == "thread" then return "<thread: " .. coroutine_status(value) .. ">" end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  return userdata_text(value)
end

-- The same for a value that was asked for by name: what it says of itself (__tostring) comes first.
local function described(value)
  local metatable = raw_metatable(value)
  if (type(value) == "table" or type(value) == "userdata") and not is_python(value)
    and type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil then
    return clean(host.inline(value, STRING))
  end
  return text(value)
end

-- Children -----------------------------------------------------------------------------------------

-- Whether an upvalue or local is none of the program's: temporaries of Lua's, and our own.
local function is_hidden(name)
  return name == "" or byte(name) == 40 or sub(name, 1, 11) == "__llmspell_"
end

local hidden_environments = setmetatable({}, { __mode = "k" }) -- those of code that was typed into the debugger

-- Whether a local or upvalue is shown.
local function is_shown(name, value)
  if name ~= "_ENV" then return not is_hidden(name) end
  return not rawequal(value, globals) and not (value ~= nil and hidden_environments[value])
end

local function count_upvalues(f)
  local info = getinfo(f, "S")
  if info.what == "C" or is_own(info.source) then return 0 end
  local count, i = 0, 1
  local name, value = getupvalue(f, i)
  while name do
    if is_shown(name, value) then count = count + 1 end
    i = i + 1
    name, value = getupvalue(f, i)
  end
  return count
end

-- How many children a value has: the named ones (of a large table at least so many), and the length of the array part.
local function children_of(value)
  local kind = type(value)
  if kind == "function" then return count_upvalues(value), 0 end
  if kind == "userdata" then return not is_python(value) and raw_metatable(value) and 1 or 0, 0 end
  if kind ~= "table" then return 0, 0 end
  local indexed, named, steps = rawlen(value), raw_metatable(value) and 1 or 0, 0
  -- What comes after the array part: usually all the rest. To be sure one would have to walk through all of it.
  local start
  if indexed > COUNTED then
    start = indexed
    named = named + 1
  end
  for key in next, value, start do
    steps = steps + 1
    if not is_index(key, indexed) then named = named + 1 end
    if steps >= 2 * COUNTED then break end
  end
  return named, indexed
end

return {
  text = text, described = described, type_of = type_of, name_of_key = name_of_key, path_to = path_to,
  children_of = children_of, is_shown = is_shown, is_index = is_index, is_identifier = is_identifier,
  hide = function(env) hidden_environments[env] = true end,
}
