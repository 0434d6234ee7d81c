-- Runs cells. Top-level locals outlive their cell: each `local` statement is followed by a call that gives
-- a closure over its variables to `keep`; a later cell that uses the names is compiled inside a function that
-- declares them, whose upvalues are then joined to the kept ones. So they stay one and the same variable
-- for later cells and for the closures that captured them.
local host = ...
local raw_load, release, limit_memory = host.raw_load, host.release, host.limit_memory
local xpcall, select, type, pairs, setmetatable = xpcall, select, type, pairs, setmetatable
local collectgarbage = collectgarbage
local getinfo, rawset = debug.getinfo, rawset
local is_own = host.is_own
local getupvalue, setupvalue, upvaluejoin = debug.getupvalue, debug.setupvalue, debug.upvaluejoin
local stdout, stderr = io.stdout, io.stderr
local error, pcall, gmatch, concat = error, pcall, string.gmatch, table.concat
local unpack = table.unpack or unpack

local globals = _G
local kept = {} -- name -> {closure, upvalue index} or {constant = true, value = ...}
local mains = setmetatable({}, { __mode = "k" })
local KEEP, SHOW = host.keep_name, host.show_name
local BREAK, TYPE, ALWAYS = host.break_name, host.type_name, host.always_name
local debugger = host.debugger

-- Source that nests too deeply fails with an error that is no message about source: the caller's handler of
-- errors must not see it.
local function load(...)
  local ok, f, message = pcall(raw_load, ...)
  if not ok then return nil, f end
  return f, message
end

-- names: "a,b:const" as the statement declares them, in order.
local function keep(closure, names)
  if type(closure) ~= "function" or type(names) ~= "string" then return end
  local info = getinfo(closure, "S")
  if info.what == "C" or is_own(info.source) then return end -- called by a script itself
  local index, places = 1, {}
  local name = getupvalue(closure, index)
  while name do
    places[name] = index
    index = index + 1
    name = getupvalue(closure, index)
  end
  local position = 0
  for declared, attribute in gmatch(names, "([^,:]+):?(%a*)") do
    position = position + 1
    if places[declared] and attribute ~= "const" then
      kept[declared] = { closure, places[declared] }
    else
      kept[declared] = { constant = true, value = (select(position, closure())) }
    end
  end
end

-- The results of a cell's last call: what io.write answers is for chaining, not for showing.
local function show(...)
  if select("#", ...) == 1 and ((...) == stdout or (...) == stderr) then return end
  return ...
end

-- Makes upvalues of f, which is compiled but has not run, one with variables of that name: {closure, index}.
local function join(f, variables)
  local index = 1
  local name = getupvalue(f, index)
  while name do
    local variable = variables[name]
    if variable and not variable.constant then upvaluejoin(f, index, variable[1], variable[2]) end
    index = index + 1
    name = getupvalue(f, index)
  end
end

-- What inserted code uses is constant, but for one variable that it shares with the debugger.
local function join_inserted(main)
  if debugger.always then join(main, { [ALWAYS] = { debugger.always, 1 } }) end
end

-- The function of a cell whose text uses kept names or declares locals; nil and a message if it has none.
local function wrapped(source, chunk_name, candidates)
  local declared, values, n = { KEEP, SHOW, BREAK, TYPE, ALWAYS }, { keep, show, debugger.reach, type, false }, 5
  for name in gmatch(candidates, "[^,]+") do
    local variable = kept[name]
    if variable then
      n = n + 1
      declared[n] = variable.constant and host.const and name .. " <const>" or name
      values[n] = variable.value
    end
  end
  local head = "local " .. concat(declared, ",") .. " = ... return function(...) "
  local outer, message = load(head .. source .. "\nend", chunk_name)
  if not outer then return nil, message end
  local main = outer(unpack(values, 1, n))
  join(main, kept)
  join_inserted(main)
  return main
end

-- The same for a cell that uses more names than a function may have locals or upvalues (200 and 255, in
-- LuaJIT 60): there the kept variables are reached through the environment.
local function enclosed(source, chunk_name, candidates)
  local variables = {
    [KEEP] = { constant = true, value = keep }, [SHOW] = { constant = true, value = show },
    [BREAK] = { constant = true, value = debugger.reach }, [TYPE] = { constant = true, value = type },
    [ALWAYS] = debugger.always and { debugger.always, 1 },
  }
  for name in gmatch(candidates, "[^,]+") do variables[name] = kept[name] end
  local environment = setmetatable({}, {
    __index = function(_, name)
      local variable = variables[name]
      if not variable then return globals[name] end
      if variable.constant then return variable.value end
      local _, value = getupvalue(variable[1], variable[2])
      return value
    end,
    __newindex = function(_, name, value)
      local variable = variables[name]
      if not variable then
        globals[name] = value
      elseif variable.constant then
        error("attempt to assign to const variable '" .. name .. "'", 2)
      else
        setupvalue(variable[1], variable[2], value)
      end
    end,
  })
  return load(source, chunk_name, "t", environment)
end

-- Only text: byte code can break the memory of the process.
local function plain(source, chunk_name) return load(source, chunk_name, "t") end

local function pack(ok, ...)
  limit_memory(false)
  if not ok then
    -- Out of memory Lua calls no handler; LuaJIT frees nothing by itself before the next allocation fails.
    if type((...)) == "string" then collectgarbage() end
    release()
    return false, (...)
  end
  release()
  local n = select("#", ...)
  if n == 0 then return true end
  return true, { n = n, ... }
end

local function traced(problem)
  limit_memory(false)
  if debugger.uncaught then debugger.uncaught(problem) end
  return host.report(problem)
end
host.handler = traced

-- Runs a compiled cell: true and its values {n = ..., ...} (nothing if it has none), or false and what
-- the traceback handler made of the error.
local function run(main)
  mains[main] = true
  limit_memory(true)
  return pack(xpcall(main, traced))
end

local function pass(ok, ...)
  limit_memory(false)
  if not ok and type((...)) == "string" then collectgarbage() end
  release()
  return ok, ...
end

-- Calls a function of the user's for Python: true and its results, or false and the report.
local function protected(f, ...)
  limit_memory(true)
  return pass(xpcall(f, traced, ...))
end

local function names()
  local list = {}
  for name in pairs(kept) do list[#list + 1] = name end
  return concat(list, ",")
end

local function value_of(name)
  local variable = kept[name]
  if not variable then return false end
  if variable.constant then return true, variable.value end
  local _, value = getupvalue(variable[1], variable[2])
  return true, value
end

local function set_value(name, value)
  local variable = kept[name]
  if not variable then return false end
  if variable.constant then error("attempt to assign to const variable '" .. name .. "'", 0) end
  setupvalue(variable[1], variable[2], value)
  return true
end

local function forget(name)
  if name then kept[name] = nil else for each in pairs(kept) do kept[each] = nil end end
end

local In, Out = {}, {}
globals.In, globals.Out = In, Out

local function remember_input(number, source) rawset(In, number, source) end

-- Several values are remembered as a list.
local function remember_output(number, packed)
  local value = packed[1]
  if packed.n > 1 then value = packed end
  rawset(Out, number, value)
  rawset(globals, "_", packed[1]) -- scripts may have made _G strict
end

local function forget_history()
  for number in pairs(In) do In[number] = nil end
  for number in pairs(Out) do Out[number] = nil end
  globals._ = nil
end

return {
  remember_input = remember_input, remember_output = remember_output, forget_history = forget_history,
  wrapped = wrapped, enclosed = enclosed, plain = plain, run = run, protected = protected,
  names = names, value_of = value_of, set_value = set_value, forget = forget,
  is_main = function(f) return mains[f] end,
  mark_main = function(f) mains[f] = true end,
  join_inserted = join_inserted,
}
