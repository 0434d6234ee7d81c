-- Writes strings as Lua reads them, and measures them. Returns {quote, long_bracket, boundary, columns, is_utf8}.

local byte, char, find, string_format, gsub, match =
  string.byte, string.char, string.find, string.format, string.gsub, string.match
local utf8_length = utf8 and utf8.len

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }
for code = 0, 127 do
  local control = char(code)
  if find(control, "%c") and not ESCAPES[control] then
    ESCAPES[control] = string_format("\\%03d", code)
  end
end

-- Double-quoted as Lua reads it. %q is several times faster than gsub; it writes line breaks and
-- control characters less readably, so it serves strings that have none.
local function quote(s)
  if match(s, "^[ -~]*()") > #s or match(s, "^%C*()") > #s then
    if find(s, '"', 1, true) or find(s, "\\", 1, true) then
      return (string_format("%q", s))
    end
    return '"' .. s .. '"'
  end
  return '"' .. gsub(s, '[%c"\\]', ESCAPES) .. '"'
end

local function is_utf8(s)
  if utf8_length then
    return utf8_length(s) ~= nil
  end
  if match(s, "^[%z\1-\127]*()") > #s then
    return true
  end
  s = gsub(s, "[\240-\244][\128-\191][\128-\191][\128-\191]", "")
  s = gsub(s, "[\224-\239][\128-\191][\128-\191]", "?")
  s = gsub(s, "[\194-\223][\128-\191]", "?")
  return not find(s, "[\128-\255]")
end

-- A string of several lines in long brackets, so that its lines are lines; nil where that would
-- not read back as the same string.
local function long_bracket(s)
  if not find(s, "\n", 1, true) or match(s, "^[^%z\1-\8\11-\31\127]*()") <= #s or not is_utf8(s) then
    return nil
  end
  local level, closed = "", s .. "]"
  while find(closed, "]" .. level .. "]", 1, true) do
    level = level .. "="
  end
  return "[" .. level .. "[\n" .. s .. "]" .. level .. "]"
end

-- The greatest length <= n at which `s` can be cut without splitting a UTF-8 sequence.
local function boundary(s, n)
  for back = 0, 3 do
    local following = byte(s, n - back + 1)
    if not following or following < 128 or following > 191 then
      return n - back
    end
  end
  return n
end

-- Columns that `text` takes, by code points; where that decides nothing about `limit`, by bytes.
local function columns(text, limit)
  if #text <= limit or #text > 4 * limit then
    return #text
  end
  return #gsub(text, "[\128-\191]", "")
end

return { quote = quote, long_bracket = long_bracket, boundary = boundary, columns = columns, is_utf8 = is_utf8 }
