-- Turns values into the text a user sees.
-- Arguments: the modules functions.lua and strings.lua. Returns {format, format_raw, format_packed, inline, metafield,
-- describe_error, pack}.
-- Tables are read raw: of a value's metamethods only __tostring is called, and protected.
-- Bytes that are not UTF-8 are passed on as they are: whoever decodes the text escapes them.

local functions, strings = ...
local describe_function = functions.describe
local quote, long_bracket, boundary, columns = strings.quote, strings.long_bracket, strings.boundary, strings.columns

local find, string_format, gsub, match, rep, sub =
  string.find, string.format, string.gsub, string.match, string.rep, string.sub
local concat, sort = table.concat, table.sort
local floor, max, min = math.floor, math.max, math.min
local next, pcall, rawequal, rawget, select, tostring, type = next, pcall, rawequal, rawget, select, tostring, type
local raw_metatable = debug.getmetatable
local coroutine_status = coroutine.status
local math_type = math.type
local rawlen = rawlen or function(t) return #t end -- where it is missing, # ignores __len

local DEFAULTS = { depth = 6, length = 100, width = 80, string_length = 1000, bytes = 2097152 }
local MAX_DEPTH = 150 -- more nesting than any reader follows, less than the Lua stack holds
local HINT = "%config display_bytes = "
local FILLED = 20 -- columns; lists of longer items have one a line

-- Keys looked at beyond those that are shown, for one text: with more, sorting or even counting
-- takes longer than a reader waits (a step over a large hash part costs 0.3 us).
local SURVEY_STEPS = 50000
local SORTED_KEYS = 10000

local KEYWORDS = {}
gsub("and break do else elseif end false for function goto if in local nil not or repeat return then true until while",
  "%a+", function(word) KEYWORDS[word] = true end)

-- Strings ------------------------------------------------------------------------------------

local function write_string(s, state, level)
  if level == 0 then
    local whole = s
    if #s > state.bytes then
      s = sub(s, 1, boundary(s, state.bytes))
      state.unread = state.unread + #whole - #s
    end
    return long_bracket(s) or quote(s)
  end
  if #s <= state.string_length then
    return quote(s)
  end
  local length = boundary(s, state.string_length)
  return quote(sub(s, 1, length)) .. "... (" .. #s - length .. " more bytes)"
end

-- What a value says of itself ------------------------------------------------------------------

local function metafield(value, name)
  local metatable = raw_metatable(value)
  if type(metatable) == "table" then
    return rawget(metatable, name)
  end
  return nil
end

local function describe_error(problem)
  local kind = type(problem)
  if kind == "string" then
    return match(problem, "^[^\n]*")
  elseif kind == "number" then
    return tostring(problem)
  end
  return "(error object is a " .. kind .. " value)"
end

-- What __tostring says, nil where there is none; never raises.
local function own_text(value)
  local handler = metafield(value, "__tostring")
  if handler == nil then
    return nil
  end
  local ok, text = pcall(handler, value)
  if not ok then
    return "<error in __tostring: " .. describe_error(text) .. ">"
  end
  local kind = type(text)
  if kind == "number" then
    return tostring(text)
  elseif kind ~= "string" then
    return "<error in __tostring: it returned a " .. kind .. " value, not a string>"
  end
  return text
end

local function type_name(value)
  local name = metafield(value, "__name")
  return type(name) == "string" and name or nil
end

local function write_own_text(text, state, level, indent)
  if level == 0 then
    return text
  end
  if #text > state.string_length then
    local length = boundary(text, state.string_length)
    text = sub(text, 1, length) .. "... (" .. #text - length .. " more bytes)"
  end
  return (gsub(text, "\n", "\n" .. rep(" ", indent)))
end

-- Scalars ----------------------------------------------------------------------------------------

local function write_function(f, state, level)
  local heading, place = describe_function(f, state)
  if level > 0 then
    return "<" .. heading .. (place and ": " .. place or "") .. ">"
  end
  return place and heading .. " -- " .. place or heading
end

local function write_thread(thread)
  local ok, status = pcall(coroutine_status, thread)
  return "<thread: " .. (ok and status or "unknown") .. ">"
end

local function write_userdata(value)
  local name = type_name(value)
  if type(value) ~= "userdata" then -- LuaJIT's cdata prints its type and value itself
    local ok, text = pcall(tostring, value)
    return ok and text or "<" .. type(value) .. ">"
  end
  local address = match(string_format("%s", tostring(value)), "0x%x+")
  return "<" .. (name or "userdata") .. (address and ": " .. address or "") .. ">"
end

-- Tables -----------------------------------------------------------------------------------------

local write

local function is_identifier(key)
  return find(key, "^[%a_][%w_]*$") ~= nil and not KEYWORDS[key]
end

local function write_key(key, state, level, indent)
  if type(key) == "string" and is_identifier(key) and #key <= state.string_length then
    return key
  end
  -- A table as key shows its own items, not theirs.
  local inner = type(key) == "table" and max(level + 1, state.depth - 1) or level + 1
  return "[" .. write(key, state, inner, indent, indent) .. "]"
end

local function path_to(state, level)
  local parts = {}
  for i = 1, level do
    local key = state.keys[i]
    if type(key) == "string" and is_identifier(key) then
      parts[i] = "." .. key
    else
      parts[i] = "[" .. (type(key) == "string" and quote(key) or tostring(key)) .. "]"
    end
  end
  return level == 0 and "." or concat(parts)
end

local function is_integer(key)
  if math_type then
    return math_type(key) == "integer"
  end
  return key == floor(key) and key - key == 0
end

-- The globals as they were at the start, and the modules.
local globals, loaded, initial = _G, package and package.loaded or {}, {}
for name, value in next, globals do initial[name] = value end

-- Whether a global is the script's own.
local function is_own(name, value)
  return not rawequal(value, initial[name]) and not rawequal(value, rawget(loaded, name))
end

-- The script's own globals before all others.
local function own_first(keys)
  local own, others = {}, {}
  for i = 1, #keys do
    local list = is_own(keys[i], rawget(globals, keys[i])) and own or others
    list[#list + 1] = keys[i]
  end
  for i = 1, #others do own[#own + 1] = others[i] end
  return own
end

-- The text of a table that is one of the globals among all of them and not the script's own.
local function global_in_short(t, state, level)
  if level > 0 and state.active[globals] == level - 1 and not is_own(state.keys[level], t) then
    return rawequal(t, rawget(loaded, state.keys[level])) and "<module>" or "{...}"
  end
end

-- Keys in the order people read them: integers, floats, strings, booleans, others as they come.
-- Sorted by kind without a comparison function, which makes 10,000 strings a matter of milliseconds.
local function sorted(keys)
  local integers, floats, strings, booleans, others = {}, {}, {}, {}, {}
  for i = 1, #keys do
    local key = keys[i]
    local kind = type(key)
    local bucket = others
    if kind == "string" then
      bucket = strings
    elseif kind == "number" then
      bucket = is_integer(key) and integers or floats
    elseif kind == "boolean" then
      bucket = booleans
    end
    bucket[#bucket + 1] = key
  end
  sort(integers)
  sort(floats)
  sort(strings)
  if #booleans == 2 then
    booleans[1], booleans[2] = false, true
  end
  local all = integers
  for _, bucket in next, { floats, strings, booleans, others } do
    for i = 1, #bucket do
      all[#all + 1] = bucket[i]
    end
  end
  return all
end

-- How many entries follow `last`, and whether that is exact; steps are taken from the text's budget.
local function count_after(t, last, state)
  local count = 0
  for _ in next, t, last do
    if state.steps <= 0 then
      return count, false
    end
    state.steps = state.steps - 1
    count = count + 1
  end
  return count, true
end

-- How many entries a table has beside the first `shown` of its array part.
local function count_beyond_array(t, shown, state)
  local count, exact = count_after(t, nil, state)
  local length = rawlen(t)
  if not exact and length > count then -- too long to walk; the border is the honest figure
    return length - shown, true
  end
  return count - shown, exact
end

-- What of a table is shown: the length of its array part, its other keys in order, how many
-- entries are left out, whether that figure is exact.
local function survey(t, state)
  local room, run = state.length, 0
  while run < room and rawget(t, run + 1) ~= nil do
    run = run + 1
  end
  if run == room then
    local more, exact = count_beyond_array(t, run, state)
    return run, {}, more, exact
  end
  local keys, count, last = {}, 0, nil
  local affordable = max(room, min(SORTED_KEYS, state.steps))
  for key in next, t do
    if type(key) ~= "number" or key < 1 or key > run or not is_integer(key) then
      count = count + 1
      keys[count] = key
      last = key
      if count > affordable then
        break
      end
    end
  end
  local more, exact = 0, true
  if count > affordable then
    more, exact = count_after(t, last, state)
  end
  state.steps = state.steps - max(0, count - room)
  keys = sorted(keys)
  if rawequal(t, globals) then keys = own_first(keys) end
  for i = count, room - run + 1, -1 do
    keys[i] = nil
    more = more + 1
  end
  return run, keys, more, exact
end

-- Adds one entry's text to `items`; whether it is still a single line.
local function add_item(items, key, named, value, state, level, indent)
  state.keys[level + 1] = key
  local prefix = ""
  if named then
    prefix = write_key(key, state, level, indent) .. " = "
  end
  local text = prefix .. write(value, state, level + 1, indent, indent + columns(prefix, state.width))
  items[#items + 1] = text
  if type(value) ~= "table" then
    state.left = state.left - #text - indent - 2
  end
  local width = columns(text, state.width)
  items.width = items.width + width + 2
  if not named and type(value) ~= "table" and width <= FILLED then items.short = items.short + 1 end
  return not find(text, "\n", 1, true)
end

local function write_items(t, state, level, indent)
  local run, keys, more, exact = survey(t, state)
  local items, one_line = { width = 0, short = 0 }, true
  local total = run + #keys
  for i = 1, total do
    if state.left <= 0 then
      more = more + total - i + 1
      state.stopped = true
      break
    end
    local key = i
    if i > run then
      key = keys[i - run]
    end
    one_line = add_item(items, key, i > run, rawget(t, key), state, level, indent) and one_line
  end
  if more > 0 then
    local text = "... " .. (exact and "" or "more than ") .. string_format("%d", more) .. " more"
    items[#items + 1] = text
    items.width = items.width + #text + 2
  end
  return items, one_line, run
end

-- The items with those of the array part put together to lines, if all of these are short.
local function filled(items, run, room)
  if items.short < min(run, #items) then
    return items
  end
  local lines, line, taken = {}, {}, 0
  for i = 1, #items do
    local width = columns(items[i], room) + 2
    if #line > 0 and (taken + width > room + 1 or i > run) then
      lines[#lines + 1], line, taken = concat(line, ", "), {}, 0
    end
    line[#line + 1], taken = items[i], taken + width
  end
  lines[#lines + 1] = concat(line, ", ")
  return lines
end

local function write_table(t, state, level, indent, column)
  local ancestor = state.active[t]
  if ancestor then
    return "<cycle: " .. path_to(state, ancestor) .. ">"
  end
  local name = type_name(t)
  local prefix = name and name .. " " or ""
  if next(t) == nil then
    return prefix .. "{}"
  elseif level >= state.depth then
    return prefix .. "{...}"
  end
  local short = global_in_short(t, state, level)
  if short then return short end
  state.active[t] = level
  local items, one_line, run = write_items(t, state, level, indent + 2)
  state.active[t] = nil
  -- items.width counts a separator too many: the place of the braces.
  if one_line and column + #prefix + items.width <= state.width then
    return prefix .. "{" .. concat(items, ", ") .. "}"
  end
  items = filled(items, run, state.width - indent - 2)
  local pad = "\n" .. rep(" ", indent)
  return prefix .. "{" .. pad .. "  " .. concat(items, "," .. pad .. "  ") .. pad .. "}"
end

-- The text of a value at nesting `level`, on a line indented by `indent` of which `column` columns are taken.
function write(value, state, level, indent, column)
  local kind = type(value)
  if kind == "string" then
    return write_string(value, state, level)
  end
  local own = not state.raw and own_text(value)
  if own then
    return write_own_text(own, state, level, indent)
  elseif kind == "table" then
    return write_table(value, state, level, indent, column)
  elseif kind == "function" then
    return write_function(value, state, level)
  elseif kind == "thread" then
    return write_thread(value)
  elseif kind == "number" or kind == "boolean" or kind == "nil" then
    return tostring(value)
  elseif state.raw then
    return "<" .. (type_name(value) or kind) .. ">"
  end
  return write_userdata(value)
end

-- Whole texts --------------------------------------------------------------------------------------

local function new_state(options)
  options = options or {}
  local state = { active = {}, keys = {}, steps = SURVEY_STEPS, unread = 0 }
  for name, default in next, DEFAULTS do
    state[name] = options[name] or default
  end
  state.depth = min(state.depth, MAX_DEPTH)
  state.left = state.bytes
  return state
end

local function cut(text, state)
  if #text <= state.bytes and state.unread == 0 and not state.stopped then
    return text
  end
  local length = #text > state.bytes and boundary(text, state.bytes) or #text
  local rest = #text - length + state.unread
  local what = state.stopped and "cut at " .. string_format("%d", state.bytes) .. " bytes"
    or string_format("%d", rest) .. " more bytes"
  return sub(text, 1, length) .. "\n... (" .. what .. "; for more: " .. HINT .. string_format("%d", 10 * state.bytes) .. ")"
end

-- One value as text. `options`: depth, length, width, string_length, bytes; defaults for what is missing.
local function format(value, options)
  local state = new_state(options)
  return cut(write(value, state, 0, 0, 0), state)
end

-- The same without calling anything of the value's.
local function format_raw(value, options)
  local state = new_state(options)
  state.raw = true
  return cut(write(value, state, 0, 0, 0), state)
end

-- The values packed[1] .. packed[packed.n]: on one line with tabs, as print does, if they fit there,
-- otherwise one below the other.
local function format_packed(packed, options)
  local state = new_state(options)
  local texts, width = {}, 0
  for i = 1, packed.n do
    if state.left <= 0 then
      state.stopped = true
      break
    end
    local text = write(packed[i], state, 0, 0, 0)
    texts[i] = text
    width = find(text, "\n", 1, true) and state.width + 2 or width + columns(text, state.width) + 1
    if type(packed[i]) ~= "table" then
      state.left = state.left - #text
    end
  end
  return cut(concat(texts, width - 1 <= state.width and "\t" or "\n"), state)
end

-- One value on one line, shallow: for cells of tables and for previews. A string stays unquoted.
local function inline(value, length)
  local text = value
  if type(value) ~= "string" then
    text = format(value, { depth = 3, length = 20, width = 1000000, string_length = 80, bytes = 4 * length })
  end
  if #text > length then
    text = sub(text, 1, boundary(text, length)) .. "..."
  end
  return text
end

return {
  format = format,
  format_raw = format_raw,
  format_packed = format_packed,
  inline = inline,
  metafield = metafield,
  describe_error = describe_error,
  pack = function(...) return { n = select("#", ...), ... } end,
}
