-- What a script must not have: a way from Lua into Python's objects or into the runtime's own functions.
-- Runs last, when the rest of the prelude has taken what it needs.
local host = ...
local raw = {}
for name, f in pairs(debug) do raw[name] = f end
local type, error, getmetatable, pairs, tonumber = type, error, getmetatable, pairs, tonumber
local is_own = host.is_own
local io_type = io.type
local raw_error, raw_setfenv = error, setfenv

debug.sethook, debug.gethook = host.sethook, host.gethook

-- From here on only the debugger's and the tracebacks' own copies see the runtime.
if not host.trusted then

  local function is_ours(f)
    if type(f) ~= "function" then return false end
    return is_own(raw.getinfo(f, "S").source)
  end

  -- Python objects are userdata, and so are open files; only files are a script's own.
  -- LuaJIT's cdata has the metatable of its ffi.
  local function is_foreign(value)
    local kind = type(value)
    return (kind == "userdata" and not io_type(value)) or kind == "cdata"
  end

  -- getmetatable answers this for Python objects, whose metatable could destroy them.
  raw.getmetatable(host.check).__metatable = false

  -- The arguments of a C function's frame may be Python objects; only Lua frames of the user's are open.
  local function level_is_ours(thread, level)
    if type(level) ~= "number" then return is_ours(level) end
    local info
    if thread then info = raw.getinfo(thread, level, "S") else info = raw.getinfo(level + 2, "S") end
    return info ~= nil and (info.what == "C" or is_own(info.source))
  end

  local function checked_level(level, position, caller)
    local kind = type(level)
    if kind == "number" or kind == "function" then return level end
    local number = kind == "string" and tonumber(level)
    if number then return number end
    error("bad argument #" .. position .. " to '" .. caller .. "' (number expected, got " .. kind .. ")", 3)
  end

  -- Levels count from the caller of these wrappers, so each adds its own frame.
  local function shifted(level) return type(level) == "number" and level + 1 or level end

  debug.getregistry, debug.setuservalue, debug.getuservalue, debug.debug, debug.setcstacklimit = nil, nil, nil, nil, nil

  function debug.getmetatable(value)
    if is_foreign(value) then return nil end
    return (raw.getmetatable(value))
  end

  function debug.setmetatable(value, metatable)
    if is_foreign(value) or io_type(value) then
      error("bad argument #1 to 'setmetatable' (this value's metatable cannot be changed)", 2)
    end
    return (raw.setmetatable(value, metatable))
  end

  function debug.getupvalue(f, index)
    if is_ours(f) then return nil end
    local name, value = raw.getupvalue(f, index)
    if is_foreign(value) then value = nil end
    return name, value
  end

  function debug.setupvalue(f, index, value)
    if is_ours(f) then return nil end
    return (raw.setupvalue(f, index, value))
  end

  function debug.upvalueid(f, index)
    if is_ours(f) then return nil end
    return (raw.upvalueid(f, index))
  end

  function debug.upvaluejoin(f1, n1, f2, n2)
    if is_ours(f1) or is_ours(f2) then
      error("bad argument to 'upvaluejoin' (a function of the runtime)", 2)
    end
    raw.upvaluejoin(f1, n1, f2, n2)
  end

  function debug.getlocal(thread, level, index)
    if type(thread) ~= "thread" then
      -- Of a function that does not run only the names of its parameters are known.
      thread = checked_level(thread, 1, "getlocal")
      if type(thread) ~= "function" and level_is_ours(nil, thread) then return nil end
      local name, value = raw.getlocal(shifted(thread), level)
      return name, value
    end
    level = checked_level(level, 2, "getlocal")
    if type(level) == "number" and level_is_ours(thread, level) then return nil end
    return raw.getlocal(thread, level, index)
  end

  function debug.setlocal(thread, level, index, value)
    if type(thread) ~= "thread" then
      thread = checked_level(thread, 1, "setlocal")
      if level_is_ours(nil, thread) then return nil end
      return (raw.setlocal(shifted(thread), level, index))
    end
    level = checked_level(level, 2, "setlocal")
    if level_is_ours(thread, level) then return nil end
    return (raw.setlocal(thread, level, index, value))
  end

  -- LuaJIT: ffi and the pointers of string.buffer reach any memory, jit.util and jit.profile the machine below.
  if not host.machine_code then
    for _, name in pairs({ "ffi", "string.buffer", "jit.util", "jit.profile" }) do
      package.loaded[name], package.preload[name] = nil, nil
    end
  end
  if setfenv then
    local raw_getfenv = getfenv
    function setfenv(f, env)
      f = checked_level(f, 1, "setfenv")
      if is_ours(f) or (type(f) == "number" and f > 0 and level_is_ours(nil, f)) then
        error("'setfenv' cannot change the environment of a function of the runtime", 2)
      end
      return raw_setfenv(f ~= 0 and shifted(f) or f, env)
    end
    function getfenv(f)
      f = checked_level(f == nil and 1 or f, 1, "getfenv")
      return (raw_getfenv(f ~= 0 and shifted(f) or f))
    end
    debug.setfenv, debug.getfenv = nil, nil
  end
  python = nil
  package.loaded.python = nil
end

-- The standard library as scripts get it, for what of ours is loaded later, when they may have changed it.
local standard = { _G = _G }
for name, value in pairs(_G) do
  if type(value) == "table" and value ~= _G then
    local copy = {}
    for key, each in pairs(value) do copy[key] = each end
    standard[name] = copy
  elseif type(value) == "function" then
    standard[name] = value
  end
end

function host.load_apart(source, name)
  local f, message = host.raw_load(source, name, "t", standard)
  if not f then raw_error(message, 0) end
  if raw_setfenv then raw_setfenv(f, standard) end
  return f
end
