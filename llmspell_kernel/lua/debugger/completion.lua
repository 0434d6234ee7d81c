-- Candidates for the debug console. No code of the program's runs.
-- Arguments: the host's table, the modules previews.lua, bindings.lua, evaluation.lua.
local host, previews, bindings, evaluation = ...
local concat, match = table.concat, string.match
local next, type = next, type

local function function_detail(value)
  return type(value) == "function" and match(previews.text(value), "%(.-%)") or ""
end

local function kind_of(value)
  local kind = type(value)
  return kind == "function" and "local function" or kind == "table" and "local instance" or "local value"
end

-- The names that a frame adds to those of a new cell: name -> value.
local function names_of(frame)
  local found = {}
  local function add(list)
    for i = 1, #list do
      local each = list[i]
      if not each.is_hidden then found[each.name] = { each.value } end
    end
  end
  if frame then
    local f = bindings.function_of(frame)
    if f then
      add(bindings.upvalues(f))
      add(bindings.locals(frame))
    end
  end
  evaluation.each_temporary(function(name, value) found[name] = { value } end)
  return found
end

-- Candidates as prelude/introspection.lua gives them. A lone word has no separator; otherwise kind, root and keys say
-- what the separator follows, kind being "name" or "string".
local function complete(frame, separator, prefix, kind, root, ...)
  local names = names_of(frame)
  if separator == "" then
    local out = { host.introspection.variables(prefix) }
    if out[1] == "" then out[1] = nil end
    for name, box in next, names do
      out[#out + 1] = name .. "\0" .. kind_of(box[1]) .. "\0" .. function_detail(box[1])
    end
    return concat(out, "\0")
  end
  if kind == "name" and names[root] then
    if names[root][1] == nil then return "" end
    kind, root = "string", names[root][1] -- of that kind the root is the value itself
  end
  return host.introspection.fields(separator, prefix, kind, root, ...)
end

return { complete = complete }
