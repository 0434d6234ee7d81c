-- Names functions: what they are called, which parameters they take, where they were written.
-- Argument: the table of globals (default _G). Returns {describe = describe}.
-- Reads tables raw: no metamethod runs.

local globals = ... or _G
local loaded = package and package.loaded or {}

local getinfo, getlocal = debug.getinfo, debug.getlocal
local concat, find, match, next, rawequal, sub, tostring, type =
  table.concat, string.find, string.match, next, rawequal, string.sub, tostring, type

local OWN_SOURCE = "=[llmspell]" -- chunks with this source are part of the product
local LUAJIT_PLACE = "[builtin:" -- LuaJIT's library functions that are bytecode
local MODULE_ENTRIES = 500       -- a table with more is data, not a module

-- Keeps the shorter of two names, so that string.format is not shown as a long alias.
local function remember(names, value, name)
  local known = names[value]
  if not known or #name < #known or (#name == #known and name < known) then
    names[value] = name
  end
end

local function is_public(key)
  return type(key) == "string" and find(key, "^%a[%w_]*$") ~= nil
end

local function remember_module(names, prefix, module)
  local entries = 0
  for key, value in next, module do
    entries = entries + 1
    if entries > MODULE_ENTRIES then
      return
    end
    if type(value) == "function" and is_public(key) then
      remember(names, value, prefix .. "." .. key)
    end
  end
end

local function collect_names()
  local names = {}
  for key, value in next, loaded do
    if is_public(key) and type(value) == "table" and not rawequal(value, globals) then
      remember_module(names, key, value)
    end
  end
  for key, value in next, globals do
    if is_public(key) then
      if type(value) == "function" then
        remember(names, value, key)
      elseif type(value) == "table" then
        remember_module(names, key, value)
      end
    end
  end
  return names
end

local function parameters(f, info)
  local list = {}
  for i = 1, info.nparams or 0 do
    list[i] = getlocal(f, i) or "?"
  end
  if info.isvararg or not info.nparams then
    list[#list + 1] = "..."
  end
  return "(" .. concat(list, ", ") .. ")"
end

-- The heading of a function ("function name(a, b)", "builtin function print") and its place
-- ("cell [3]:12"; nil for builtins). `cache` is a table that serves one piece of text.
local function describe(f, cache)
  cache.names = cache.names or collect_names()
  local name = cache.names[f]
  local info = getinfo(f, "Su")
  if info.what == "C" or sub(info.short_src, 1, #LUAJIT_PLACE) == LUAJIT_PLACE then
    return "builtin function " .. (name or match(tostring(f), "0x%x+") or "?"), nil
  end
  local heading = "function" .. (name and " " .. name or "") .. parameters(f, info)
  if sub(info.source, 1, #OWN_SOURCE) == OWN_SOURCE then
    return "builtin " .. heading, nil
  end
  return heading, info.short_src .. ":" .. info.linedefined
end

return { describe = describe }
