-- A list of records, or a list of equally long lists, as an HTML table.
-- Argument: the module pretty.lua. Returns {html = html}.
-- Tables are read raw, and of a long list only the rows that are shown.

local pretty = ...
local inline, metafield = pretty.inline, pretty.metafield

local concat, find, floor, gsub, min, next, rawget, sort, string_format, tostring, type =
  table.concat, string.find, math.floor, string.gsub, math.min, next, rawget, table.sort, string.format, tostring, type
local rawlen = rawlen or function(t) return #t end -- where it is missing, # ignores __len

local DEFAULT_ROWS = 60
local MAX_COLUMNS = 50  -- a wider table is read more easily as text
local CELL_LENGTH = 200 -- bytes
local WORD_LENGTH = 40  -- bytes; a longer word may be broken
local STRAY_KEYS = 1000 -- entries looked at to see that a list is only a list

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(text)
  return (gsub(text, "[&<>\"']", ENTITIES))
end

-- Whether a value is a table without a text or picture of its own.
local function is_plain(value)
  return type(value) == "table" and metafield(value, "__tostring") == nil
    and metafield(value, "__mimebundle") == nil
end

-- Whether a table has only the keys 1 .. length (looked at as far as is quick).
local function is_list(t, length)
  local seen = 0
  for key in next, t do
    seen = seen + 1
    if type(key) ~= "number" or key < 1 or key > length or key ~= floor(key) then
      return false
    elseif seen >= STRAY_KEYS then
      return true
    end
  end
  return seen == length
end

-- What a record is called comes first, then the rest by name.
local function comes_before(a, b)
  if a == "name" or b == "name" then
    return b ~= "name"
  end
  return a < b
end

-- The sorted keys of a record; nil if it is no record.
local function record_keys(record)
  local keys = {}
  for key in next, record do
    if type(key) ~= "string" or #keys >= MAX_COLUMNS then
      return nil
    end
    keys[#keys + 1] = key
  end
  sort(keys, comes_before)
  return keys
end

-- The columns of records: those of the first, then what later ones add; nil if the rows are no
-- records, or have so little in common that most cells would be empty.
local function record_columns(list, rows)
  local columns, known, filled = {}, {}, 0
  for row = 1, rows do
    local keys = record_keys(rawget(list, row))
    if not keys then
      return nil
    end
    filled = filled + #keys
    for i = 1, #keys do
      if not known[keys[i]] then
        known[keys[i]] = true
        columns[#columns + 1] = keys[i]
      end
    end
  end
  if #columns == 0 or #columns > MAX_COLUMNS or 2 * filled < rows * #columns then
    return nil
  end
  return columns
end

-- The columns of equally long lists of scalars: 1 .. n; nil if the rows are anything else.
local function list_columns(list, rows)
  local width = rawlen(rawget(list, 1))
  if rows < 2 or width == 0 or width > MAX_COLUMNS then
    return nil
  end
  for row = 1, rows do
    local cells = rawget(list, row)
    if rawlen(cells) ~= width or not is_list(cells, width) then
      return nil
    end
    for i = 1, width do
      if type(rawget(cells, i)) == "table" then
        return nil
      end
    end
  end
  local columns = {}
  for i = 1, width do
    columns[i] = i
  end
  return columns
end

local function cell(tag, text, is_number, in_one_line)
  local style = "text-align: " .. (is_number and "right" or "left") .. (in_one_line and "; white-space: nowrap" or "")
  return "<" .. tag .. ' style="' .. style .. '">' .. text .. "</" .. tag .. ">"
end

local function value_cell(value)
  if value == nil then
    return "<td></td>"
  end
  -- Browsers break ids and times at each hyphen.
  local in_one_line = type(value) == "string" and #value <= WORD_LENGTH and find(value, "-", 2, true) and not find(value, "%s")
  return cell("td", escape(inline(value, CELL_LENGTH)), type(value) == "number", in_one_line)
end

local function head(list, columns, rows)
  local cells = { "<th></th>" }
  for i = 1, #columns do
    local is_number = false
    for row = 1, rows do
      local value = rawget(rawget(list, row), columns[i])
      if value ~= nil then
        is_number = type(value) == "number"
        break
      end
    end
    cells[i + 1] = cell("th", escape(inline(tostring(columns[i]), CELL_LENGTH)), is_number)
  end
  return "<thead>\n<tr>" .. concat(cells) .. "</tr>\n</thead>"
end

local function body(list, columns, rows)
  local lines = {}
  for row = 1, rows do
    local record, cells = rawget(list, row), { "<th>" .. string_format("%d", row) .. "</th>" }
    for i = 1, #columns do
      cells[i + 1] = value_cell(rawget(record, columns[i]))
    end
    lines[row] = "<tr>" .. concat(cells) .. "</tr>"
  end
  return "<tbody>\n" .. concat(lines, "\n") .. "\n</tbody>"
end

-- The HTML of a list of records; nil where text says it better. `options.rows`: rows shown.
local function html(value, options)
  if not is_plain(value) then
    return nil
  end
  local length = rawlen(value)
  if length == 0 or not is_list(value, length) then
    return nil
  end
  local rows = min(length, options and options.rows or DEFAULT_ROWS)
  for row = 1, rows do
    if not is_plain(rawget(value, row)) then
      return nil
    end
  end
  local columns = record_columns(value, rows) or list_columns(value, rows)
  if not columns then
    return nil
  end
  local parts = { '<table border="1" class="dataframe">', head(value, columns, rows), body(value, columns, rows), "</table>" }
  if length > rows then
    parts[#parts + 1] = "<p>... " .. string_format("%d", length - rows) .. " more rows</p>"
  end
  return concat(parts, "\n")
end

return { html = html }
