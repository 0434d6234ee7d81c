-- Whole values between Lua and Python as MessagePack: one string crosses the border instead of every table.
-- `encode` answers nil and a reason for what MessagePack cannot say; a slower way then tells where it is.
local host = ...
local null = host.null
local type, next, rawget, rawlen = type, next, rawget, rawlen
local getmetatable, setmetatable = getmetatable, setmetatable
local char, byte, sub, find, concat = string.char, string.byte, string.sub, string.find, table.concat
local pack, unpack = string.pack, string.unpack
local frexp, ldexp, floor, huge = math.frexp, math.ldexp, math.floor, math.huge
local utf8_length = utf8 and utf8.len
local MAX_DEPTH = 200

rawlen = rawlen or function(t) return #t end

-- Lua 5.1 has no string.pack and no integers: whole numbers up to 2^53 count as such.
local kind_of = math.type
  or function(v)
    local whole = v == floor(v) and v >= -9007199254740992 and v <= 9007199254740992 and not (v == 0 and 1 / v < 0)
    return whole and "integer" or "float"
  end

local function big_endian(v, bytes)
  local parts = {}
  for i = bytes, 1, -1 do
    parts[i] = char(v % 256)
    v = floor(v / 256)
  end
  return concat(parts)
end

local function pack_u16(v) return pack and pack(">I2", v) or big_endian(v, 2) end
local function pack_u32(v) return pack and pack(">I4", v) or big_endian(v, 4) end

local function pack_integer_by_hand(_, _, v)
  if v >= 0 then return "\211" .. big_endian(v, 8) end
  -- Two's complement in two halves: 2^64 - |v| is beyond what a double counts exactly.
  local low = v % 4294967296
  return "\211" .. big_endian((v - low) / 4294967296 % 4294967296, 4) .. big_endian(low, 4)
end

local function pack_double_by_hand(_, _, v)
  if v ~= v then return "\203\127\248\0\0\0\0\0\0" end
  local sign = 0
  if v < 0 or (v == 0 and 1 / v < 0) then
    sign, v = 128, -v
  end
  if v == huge then return "\203" .. char(sign + 127, 240) .. "\0\0\0\0\0\0" end
  if v == 0 then return "\203" .. char(sign) .. "\0\0\0\0\0\0\0" end
  local fraction, exponent = frexp(v)
  exponent = exponent + 1022
  if exponent < 1 then -- subnormal
    fraction, exponent = ldexp(fraction, exponent), 0
  else
    fraction = fraction * 2 - 1
  end
  local mantissa = ldexp(fraction, 52)
  local high = floor(mantissa / 281474976710656)
  return "\203" .. char(sign + floor(exponent / 16), exponent % 16 * 16 + high) .. big_endian(mantissa % 281474976710656, 6)
end

local pack_integer, pack_double = pack or pack_integer_by_hand, pack or pack_double_by_hand
local INTEGER, DOUBLE = ">Bi8", ">Bd"

-- Whether a string is UTF-8, as Python reads it.
local function is_utf8_by_hand(s)
  local i, n = 1, #s
  while i <= n do
    local b, more, least = byte(s, i), 0, 0
    if b >= 128 then
      local code
      if b >= 194 and b < 224 then
        more, code, least = 1, b - 192, 128
      elseif b >= 224 and b < 240 then
        more, code, least = 2, b - 224, 2048
      elseif b >= 240 and b < 245 then
        more, code, least = 3, b - 240, 65536
      else
        return false
      end
      for _ = 1, more do
        i = i + 1
        local c = byte(s, i)
        if not c or c < 128 or c > 191 then return false end
        code = code * 64 + c - 128
      end
      if code < least or code > 1114111 or (code >= 55296 and code <= 57343) then return false end
    end
    i = i + 1
  end
  return true
end

local is_text = utf8_length
  or function(s) return not find(s, "[\128-\255]") or is_utf8_by_hand(s) end

local function packed_string(s)
  local n = #s
  if is_text(s) then
    if n < 32 then return char(160 + n) .. s end
    if n < 65536 then return "\218" .. pack_u16(n) .. s end
    return "\219" .. pack_u32(n) .. s
  end
  if n < 65536 then return "\197" .. pack_u16(n) .. s end
  return "\198" .. pack_u32(n) .. s
end

local SMALL = {}
for i = 0, 127 do
  SMALL[i] = char(i)
end

local function head(n, small, limit, middle, large)
  if n < limit then return char(small + n) end
  if n < 65536 then return middle .. pack_u16(n) end
  return large .. pack_u32(n)
end

local HEADS = {} -- of short strings
for i = 0, 31 do
  HEADS[i] = char(160 + i)
end

local MANY, FIELDS, SHORT_TEXT, SHORT_KEY = 16, 8, 256, 32 -- records of a list, their fields, bytes
local SHAPES, MISSES = 500, 50 -- a list with more of them is no list of records
local FORMATS = { string = "s1", integer = "i8", float = "d", yes = "c0", no = "c0" }
local TAGS = { string = "\217", integer = "\211", float = "\203", yes = "\195", no = "\194" }

-- pack with the prefixes and values of so many fields.
local pack_fields = {
  function(f, p, v) return pack(f, p[1], v[1]) end,
  function(f, p, v) return pack(f, p[1], v[1], p[2], v[2]) end,
  function(f, p, v) return pack(f, p[1], v[1], p[2], v[2], p[3], v[3]) end,
  function(f, p, v) return pack(f, p[1], v[1], p[2], v[2], p[3], v[3], p[4], v[4]) end,
  function(f, p, v) return pack(f, p[1], v[1], p[2], v[2], p[3], v[3], p[4], v[4], p[5], v[5]) end,
  function(f, p, v) return pack(f, p[1], v[1], p[2], v[2], p[3], v[3], p[4], v[4], p[5], v[5], p[6], v[6]) end,
  function(f, p, v)
    return pack(f, p[1], v[1], p[2], v[2], p[3], v[3], p[4], v[4], p[5], v[5], p[6], v[6], p[7], v[7])
  end,
  function(f, p, v)
    return pack(f, p[1], v[1], p[2], v[2], p[3], v[3], p[4], v[4], p[5], v[5], p[6], v[6], p[7], v[7], p[8], v[8])
  end,
}

-- Which of FORMATS a value has, and what is packed of it; nil for what is no short leaf.
local function leaf(v)
  local kind = type(v)
  if kind == "string" then
    if #v < SHORT_TEXT and is_text(v) then return "string", v end
  elseif kind == "number" then
    return kind_of(v), v
  elseif kind == "boolean" then
    return v and "yes" or "no", ""
  end
end

-- The shape of the records that have one field more: what comes before each value, and the format of them all.
local function longer(shape, key, kind)
  if #key >= SHORT_KEY or not is_text(key) then return false end
  local prefix = HEADS[#key] .. key .. TAGS[kind]
  local prefixes, format = {}, shape.format .. "c" .. #prefix .. FORMATS[kind]
  for i = 1, #shape.prefixes do
    prefixes[i] = shape.prefixes[i]
  end
  prefixes[#prefixes + 1] = prefix
  return { prefixes = prefixes, format = format, head = char(128 + #prefixes), longer = {} }
end

-- A function that writes down small records of leaves, each with one call of string.pack: records of a list have mostly the
-- same keys, in the same order. It answers nil for other tables, which are written down entry by entry.
local function record_packer()
  local empty = { prefixes = {}, format = ">", longer = {} }
  local values = {}
  local shapes, misses = 0, 0

  -- The shape with one field more; false if there is none.
  local function extended(shape, key, kind)
    local by_kind = shape.longer[key]
    if not by_kind then
      by_kind = {}
      shape.longer[key] = by_kind
    end
    local found = by_kind[kind]
    if found == nil then
      shapes = shapes + 1
      found = shapes <= SHAPES and longer(shape, key, kind)
      by_kind[kind] = found
    end
    return found
  end

  local function pack_record(t)
    local shape, n = empty, 0
    for key, v in next, t do
      local kind, packed = leaf(v)
      if not kind or n == FIELDS or type(key) ~= "string" then return nil end
      shape, n = extended(shape, key, kind), n + 1
      if not shape then return nil end
      values[n] = packed
    end
    if n > 0 then return shape.head .. pack_fields[n](shape.format, shape.prefixes, values) end
  end

  return function(t)
    if misses > MISSES then return nil end
    local record = pack_record(t)
    if not record then misses = misses + 1 end
    return record
  end
end

-- One encoding: parts[1..n] so far, and the keys seen. A cycle ends as what is nested too deep. The kinds of values
-- that most tables hold are written down where they are met, without a call for each.
local function encoder(empty)
  local parts, n = {}, 0
  local keys = {}
  local encode

  local function packed_key(key)
    local packed = packed_string(key)
    keys[key] = packed
    return packed
  end

  local function encode_array(t, count, depth)
    n = n + 1
    parts[n] = head(count, 144, 16, "\220", "\221")
    local as_record = count >= MANY and pack and record_packer()
    for i = 1, count do
      local v = rawget(t, i) -- not __index
      local kind = type(v)
      local record = kind == "table" and as_record and as_record(v)
      if record then
        n = n + 1
        parts[n] = record
      elseif kind == "string" then
        local short = HEADS[#v]
        if short and is_text(v) then
          parts[n + 1], parts[n + 2] = short, v
          n = n + 2
        else
          n = n + 1
          parts[n] = packed_string(v)
        end
      elseif kind == "number" then
        n = n + 1
        if kind_of(v) == "integer" then
          parts[n] = SMALL[v] or pack_integer(INTEGER, 211, v)
        else
          parts[n] = pack_double(DOUBLE, 203, v)
        end
      else
        local problem = encode(v, kind, depth + 1)
        if problem then return problem end
      end
    end
  end

  local function encode_map(t, depth)
    n = n + 1
    local place, count = n, 0
    for key, v in next, t do
      count = count + 1
      local kind = type(key)
      if kind == "string" then
        n = n + 1
        parts[n] = keys[key] or packed_key(key)
      else
        if key == true and rawget(t, 1) ~= nil or key == false and rawget(t, 0) ~= nil then return "same keys" end
        local problem = encode(key, kind, MAX_DEPTH)
        if problem then return problem end
      end
      kind = type(v)
      if kind == "string" then
        local short = HEADS[#v]
        if short and is_text(v) then
          parts[n + 1], parts[n + 2] = short, v
          n = n + 2
        else
          n = n + 1
          parts[n] = packed_string(v)
        end
      elseif kind == "number" then
        n = n + 1
        if kind_of(v) == "integer" then
          parts[n] = SMALL[v] or pack_integer(INTEGER, 211, v)
        else
          parts[n] = pack_double(DOUBLE, 203, v)
        end
      else
        local problem = encode(v, kind, depth + 1)
        if problem then return problem end
      end
    end
    parts[place] = head(count, 128, 16, "\222", "\223")
  end

  local function encode_table(t, depth)
    if depth >= MAX_DEPTH then return "nested too deep" end
    local length = rawlen(t)
    if length > 0 then
      local count = 0
      for _ in next, t do
        count = count + 1
      end
      if count == length then return encode_array(t, count, depth) end
    elseif next(t) == nil then
      local meta = getmetatable(t)
      local kind = type(meta) == "table" and rawget(meta, "__jsontype") or empty
      n = n + 1
      parts[n] = t == null and "\192" or kind == "object" and "\128" or "\144"
      return nil
    end
    return encode_map(t, depth)
  end

  encode = function(v, kind, depth)
    if kind == "table" then return encode_table(v, depth) end
    n = n + 1
    if kind == "string" then
      parts[n] = packed_string(v)
    elseif kind == "number" then
      parts[n] = kind_of(v) == "integer" and pack_integer(INTEGER, 211, v) or pack_double(DOUBLE, 203, v)
    elseif kind == "boolean" then
      parts[n] = v and "\195" or "\194"
    elseif kind == "nil" then
      parts[n] = "\192"
    else
      return kind
    end
  end

  return function(v)
    local problem = encode(v, type(v), 0)
    if problem then return nil, problem end
    return concat(parts, "", 1, n)
  end
end

-- `empty` says what an empty table is that does not say it itself: "object" or "array".
local function encode(v, empty) return encoder(empty)(v) end

local function read_big_endian(s, pos, bytes)
  local v = 0
  for i = pos, pos + bytes - 1 do
    v = v * 256 + byte(s, i)
  end
  return v
end

local function read_double_by_hand(s, pos)
  local b1, b2 = byte(s, pos, pos + 1)
  local sign = b1 >= 128 and -1 or 1
  local exponent = b1 % 128 * 16 + floor(b2 / 16)
  local mantissa = b2 % 16 * 281474976710656 + read_big_endian(s, pos + 2, 6)
  if exponent == 2047 then return mantissa == 0 and sign * huge or 0 / 0 end
  if exponent == 0 then return sign * ldexp(mantissa, -1074) end
  return sign * ldexp(mantissa + 4503599627370496, exponent - 1075)
end

local function read_signed_by_hand(s, pos, bytes)
  local v = read_big_endian(s, pos, bytes)
  if byte(s, pos) < 128 then return v end
  -- Minus what is missing to the next power, byte by byte, so that nothing is rounded on the way.
  local missing = 0
  for i = pos, pos + bytes - 1 do
    missing = missing * 256 + 255 - byte(s, i)
  end
  return -(missing + 1)
end

local unsigned = unpack and function(s, pos, bytes) return (unpack(">I" .. bytes, s, pos)) end or read_big_endian
local signed = unpack and function(s, pos, bytes) return (unpack(">i" .. bytes, s, pos)) end or read_signed_by_hand
local double = unpack and function(s, pos) return (unpack(">d", s, pos)) end or read_double_by_hand

-- What a byte begins: how many bytes a number, a length or a count behind it has.
local UNSIGNED = { [204] = 1, [205] = 2, [206] = 4, [207] = 8 }
local SIGNED = { [208] = 1, [209] = 2, [210] = 4, [211] = 8 }
local STRING = { [217] = 1, [218] = 2, [219] = 4, [196] = 1, [197] = 2, [198] = 4 }
local ARRAY = { [220] = 2, [221] = 4 }
local MAP = { [222] = 2, [223] = 4 }

local TWO_TO_64 = 18446744073709551616

local EMPTY_OBJECT, EMPTY_ARRAY = { __jsontype = "object" }, { __jsontype = "array" }

-- Empty tables know that they were arrays, or objects, if `marks` is "arrays", or "all"; `nothing` is what null becomes.
local function decode(s, marks, nothing)
  local pos = 1
  local marks_arrays, marks_objects = marks ~= "none", marks == "all"
  local read

  local function array(n)
    local t = {}
    if n == 0 and marks_arrays then return setmetatable(t, EMPTY_ARRAY) end
    for i = 1, n do
      t[i] = read()
    end
    return t
  end

  local function map(n)
    local t = {}
    if n == 0 and marks_objects then return setmetatable(t, EMPTY_OBJECT) end
    for _ = 1, n do
      local key = read()
      t[key] = read()
    end
    return t
  end

  local function number_of(kind)
    if kind == 203 then
      pos = pos + 8
      return double(s, pos - 8)
    end
    local bytes = UNSIGNED[kind]
    local from = pos
    if bytes then
      pos = pos + bytes
      local v = unsigned(s, from, bytes)
      return v < 0 and v + TWO_TO_64 or v -- beyond what an integer can be
    end
    bytes = SIGNED[kind]
    pos = pos + bytes
    return signed(s, from, bytes)
  end

  local function length_of(bytes)
    pos = pos + bytes
    return unsigned(s, pos - bytes, bytes)
  end

  local function text(n)
    pos = pos + n
    return sub(s, pos - n, pos - 1)
  end

  read = function()
    local kind = byte(s, pos)
    pos = pos + 1
    if kind < 128 then return kind end
    if kind < 144 then return map(kind - 128) end
    if kind < 160 then return array(kind - 144) end
    if kind < 192 then return text(kind - 160) end
    if kind >= 224 then return kind - 256 end
    if kind == 192 then return nothing end
    if kind == 194 then return false end
    if kind == 195 then return true end
    if STRING[kind] then return text(length_of(STRING[kind])) end
    if ARRAY[kind] then return array(length_of(ARRAY[kind])) end
    if MAP[kind] then return map(length_of(MAP[kind])) end
    return number_of(kind)
  end

  return read()
end

-- The first table within a value that has both 1 and true, or both 0 and false, as keys: the keys that lead there, and
-- the two. Outside of Lua each is one key.
local function find_same_keys(v)
  local seen, path = {}, {}

  local function find(t, depth)
    if seen[t] then return nil end
    seen[t] = true
    if rawget(t, 1) ~= nil and rawget(t, true) ~= nil then return 1, true end
    if rawget(t, 0) ~= nil and rawget(t, false) ~= nil then return 0, false end
    for key, item in next, t do
      if type(item) == "table" and depth < MAX_DEPTH then
        path[depth] = key
        local number, truth = find(item, depth + 1)
        if number then return number, truth end
        path[depth] = nil
      end
    end
  end

  local number, truth = find(v, 1)
  return path, number, truth
end

return { encode = encode, decode = decode, find_same_keys = find_same_keys, null = null }
