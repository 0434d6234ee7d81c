-- The variables that code sees at a place: those of a frame {thread = t, depth = n}, or with no frame the locals of
-- earlier cells and the globals. The frame's thread is never the running one.
-- Arguments: the host's table, the module previews.lua.
local host, previews = ...
local raw = host.debug
local getinfo, getlocal, setlocal = raw.getinfo, raw.getlocal, raw.setlocal
local getupvalue, setupvalue, getfenv = raw.getupvalue, raw.setupvalue, raw.getfenv
local is_shown = previews.is_shown
local error, gmatch, rawequal, rawget, rawset, type = error, string.gmatch, rawequal, rawget, rawset, type
local kept_names, value_of, set_kept, is_main = host.kept_names, host.value_of, host.set_kept, host.is_main
local globals = _G

local function level_of(frame)
  local level = host.level_of(frame)
  if level < 0 then error("this frame has ended", 0) end
  return level
end

-- The function of a frame, nil where there is none to look into.
local function function_of(frame)
  local info = getinfo(frame.thread, level_of(frame), "fS")
  if not info or info.what == "C" then return nil end
  return info.func
end

-- Reading a whole group ------------------------------------------------------------------------------

-- The locals in the order of their declarations as {name, value, index, shown}; `shown` is the name, marked where a
-- later local of the same name hides this one.
local function locals(frame)
  local thread, level = frame.thread, level_of(frame)
  local list, n, index = {}, 0, 1
  local name, value = getlocal(thread, level, index)
  while name do
    if is_shown(name, value) then
      n = n + 1
      list[n] = { name = name, value = value, index = index, shown = name }
    end
    index = index + 1
    name, value = getlocal(thread, level, index)
  end
  local seen = {}
  for i = n, 1, -1 do
    local each = list[i]
    local inner = seen[each.name] or 0
    seen[each.name] = inner + 1
    if inner > 0 then each.shown = each.name .. " (outer" .. (inner > 1 and " " .. inner or "") .. ")" end
    each.is_hidden = inner > 0
  end
  return list
end

-- The same for what a function has captured. Functions of LuaJIT have their environment beside their upvalues.
local function upvalues(f)
  local list, n, index = {}, 0, 1
  local name, value = getupvalue(f, index)
  local seen = {}
  while name do
    if is_shown(name, value) then
      n = n + 1
      local before = seen[name] or 0
      seen[name] = before + 1
      local shown = before > 0 and name .. " (" .. before + 1 .. ")" or name
      list[n] = { name = name, value = value, index = index, shown = shown, is_hidden = before > 0 }
    end
    index = index + 1
    name, value = getupvalue(f, index)
  end
  if getfenv and is_shown("_ENV", getfenv(f)) then
    list[n + 1] = { name = "_ENV", value = getfenv(f), shown = "_ENV", read_only = true }
  end
  return list
end

-- Functions of Lua 5.5 may keep their varargs in a table with a name, the local behind the parameters.
local function vararg_table(frame)
  if host.lua_version < 505 then return nil end
  local thread, level = frame.thread, level_of(frame)
  local info = getinfo(thread, level, "uS")
  if info.what == "C" or not info.isvararg then return nil end
  local _, t = getlocal(thread, level, info.nparams + 1)
  return type(t) == "table" and type(rawget(t, "n")) == "number" and t or nil
end

-- The values of the `...` of a frame, and how many they are.
local function varargs(frame)
  local thread, level = frame.thread, level_of(frame)
  local list, n = {}, 0
  local t = vararg_table(frame)
  if t then
    n = rawget(t, "n")
    for i = 1, n do list[i] = rawget(t, i) end
    return list, n
  end
  local name, value = getlocal(thread, level, -1)
  while name do
    n = n + 1
    list[n] = value
    name, value = getlocal(thread, level, -n - 1)
  end
  return list, n
end

-- Finding one by name ----------------------------------------------------------------------------------

local function find_local(thread, level, name)
  local found, value, index = nil, nil, 1
  local each, its_value = getlocal(thread, level, index)
  while each do
    if each == name then found, value = index, its_value end
    index = index + 1
    each, its_value = getlocal(thread, level, index)
  end
  return found, value
end

local function find_upvalue(f, name)
  local index = 1
  local each, value = getupvalue(f, index)
  while each do
    if each == name then return index, value end
    index = index + 1
    each, value = getupvalue(f, index)
  end
end

-- The table that a frame's code finds its globals in.
local function environment(frame)
  if not frame then return globals end
  if not getfenv then
    local index, value = find_local(frame.thread, level_of(frame), "_ENV")
    if index then return value end
  end
  local f = function_of(frame)
  if not f then return globals end
  if getfenv then return getfenv(f) end
  local index, value = find_upvalue(f, "_ENV")
  if index then return value end
  return globals
end

-- Code of a cell sees the locals of earlier cells before the globals; other code finds them only by the debugger.
local function is_cell(frame) return not frame or is_main(function_of(frame)) end

local function is_global(env, name) return type(env) ~= "table" or rawget(env, name) ~= nil end

-- What kind of variable a name is ("local", "upvalue", "kept", "global"), and its value unless it is a global, whose
-- table is the third result.
local function find(frame, name)
  local f
  if frame then
    local index, value = find_local(frame.thread, level_of(frame), name)
    if index then return "local", value end
    f = function_of(frame)
    if f then
      index, value = find_upvalue(f, name)
      if index then return "upvalue", value end
    end
  end
  local env = environment(frame)
  if is_cell(frame) or not is_global(env, name) then
    local known, value = value_of(name)
    if known then return "kept", value end
  end
  return "global", nil, env
end

local function check(env)
  if env == nil then error("the code has no globals here: its _ENV is nil", 0) end
end

local function read(frame, name)
  local kind, value, env = find(frame, name)
  if kind ~= "global" then return value end
  check(env)
  return env[name]
end

-- Assigns as code at that place would; what is no variable there becomes a global.
local function write(frame, name, value)
  local kind, _, env = find(frame, name)
  if kind == "local" then
    local level = level_of(frame)
    setlocal(frame.thread, level, find_local(frame.thread, level, name), value)
  elseif kind == "upvalue" then
    local f = function_of(frame)
    setupvalue(f, find_upvalue(f, name), value)
  elseif kind == "kept" then
    set_kept(name, value)
  else
    check(env)
    env[name] = value
  end
end

-- Assigning one of a group -------------------------------------------------------------------------------

local function set_local(frame, index, value) setlocal(frame.thread, level_of(frame), index, value) end

local function set_vararg(frame, position, value)
  local t = vararg_table(frame)
  if t then rawset(t, position, value) else setlocal(frame.thread, level_of(frame), -position, value) end
end

-- A global, or a local of an earlier cell; no metamethod of a strict _G stands in the way.
local function set_global(name, value)
  if value_of(name) then set_kept(name, value) else rawset(globals, name, value) end
end

-- The names of the locals of earlier cells, each with its value.
local function kept()
  local list, n = {}, 0
  for name in gmatch(kept_names(), "[^,]+") do
    local _, value = value_of(name)
    n = n + 1
    list[n] = { name = name, value = value }
  end
  return list
end

return {
  locals = locals, upvalues = upvalues, varargs = varargs, kept = kept, function_of = function_of,
  environment = environment, find = find, read = read, write = write,
  set_local = set_local, set_upvalue = setupvalue, set_vararg = set_vararg, set_global = set_global,
}
