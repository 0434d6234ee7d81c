-- What a cell's results look like. Arguments: the modules pretty.lua and records.lua.
-- Returns {show = show, show_values = show_values, parts = parts, text = text, is_object = is_object}.

local pretty, records = ...
local format_packed, metafield, describe_error, pack =
  pretty.format_packed, pretty.metafield, pretty.describe_error, pretty.pack
local html = records.html
local next, pcall, rawget, type = next, pcall, rawget, type

-- The data and metadata a value gives of itself through its metatable's __mimebundle (a table, or a
-- function that gets the value and returns them); or nil, nil and what went wrong, if anything.
local function own_bundle(value)
  local bundle = metafield(value, "__mimebundle")
  if bundle == nil or type(bundle) == "table" then
    return bundle
  end
  local ok, data, metadata = pcall(bundle, value)
  if not ok then
    return nil, nil, describe_error(data)
  elseif type(data) ~= "table" then
    return nil, nil, "it returned a " .. type(data) .. " value, not a table of MIME types"
  end
  return data, type(metadata) == "table" and metadata or nil
end

-- Whether a value wants nothing shown: its __mimebundle is an empty table.
local function is_silent(value)
  local bundle = metafield(value, "__mimebundle")
  return type(bundle) == "table" and next(bundle) == nil
end

local function all_silent(packed)
  for i = 1, packed.n do
    if not is_silent(packed[i]) then return false end
  end
  return packed.n > 0
end

-- The values packed[1] .. packed[packed.n] as: text, HTML, data, metadata, problem; each but the
-- first may be nil, the text only if `data` has one.
local function show(packed, options)
  if all_silent(packed) then
    return nil, nil, {}
  elseif packed.n ~= 1 then
    return format_packed(packed, options)
  end
  local value = packed[1]
  local data, metadata, problem = own_bundle(value)
  if data then
    local has_text = rawget(data, "text/plain") ~= nil
    return not has_text and format_packed(packed, options) or nil, nil, data, metadata
  end
  return format_packed(packed, options), html(value), nil, nil, problem
end

-- Several values of which one has more than text, each as `show` takes it; nil for all others.
local function parts(packed)
  local is_rich = false
  for i = 1, packed.n > 1 and packed.n or 0 do
    local value = packed[i]
    is_rich = is_rich or (metafield(value, "__mimebundle") ~= nil and not is_silent(value)) or html(value) ~= nil
  end
  if not is_rich then return nil end
  local each = {}
  for i = 1, packed.n do each[i] = { n = 1, packed[i] } end
  return each
end

-- Whether an empty table stands for an empty JSON object.
local function is_object(t)
  return metafield(t, "__jsontype") == "object"
end

return {
  show = show,
  show_values = function(options, ...) return show(pack(...), options) end,
  parts = parts,
  text = function(options, ...) return format_packed(pack(...), options) end,
  is_object = is_object,
}
