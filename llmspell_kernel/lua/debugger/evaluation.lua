-- Runs code of the debugger's user at a place: expressions, and statements of a console.
-- The code's names are found through its environment, see bindings.lua. It runs in a coroutine of its own.
-- Arguments: the host's table, the modules previews.lua, bindings.lua and variables.lua.
local host, previews, bindings, variables = ...
local raw_load, ending = host.raw_load, host.ending
local getupvalue, setupvalue = host.debug.getupvalue, host.debug.setupvalue
local create, resume, status, close = coroutine.create, coroutine.resume, coroutine.status, coroutine.close
local concat = table.concat
local error, next, pcall, rawget, select, setmetatable, tostring, type =
  error, next, pcall, rawget, select, setmetatable, tostring, type
local find, gmatch, gsub, match = string.find, string.gmatch, string.gsub, string.match
local unpack = table.unpack or unpack
local read, write, find_variable = bindings.read, bindings.write, bindings.find

local CHUNK = "=debug console"
local PLACE = "^debug console:(%d+): "
local KEEP = host.keep_name

local temporaries = {} -- locals that statements of the console have declared: name -> {closure, upvalue index}
local stop = {}        -- changes when the code goes on: frames are gone then

-- Environments ---------------------------------------------------------------------------------------

-- The same as in cells: a closure over locals, and their names.
local function keep(closure, names)
  local places, index = {}, 1
  local name = getupvalue(closure, index)
  while name do
    places[name] = index
    index = index + 1
    name = getupvalue(closure, index)
  end
  local position = 0
  for declared in gmatch(names, "[^,]+") do
    position = position + 1
    if places[declared] then
      temporaries[declared] = { closure, places[declared] }
    else -- a constant
      local value = select(position, closure())
      temporaries[declared] = { function() return value end, 1 }
    end
  end
end

-- An environment whose variables are those of the frame that `frame()` answers.
local function environment(frame)
  local env = setmetatable({}, {
    __index = function(_, name)
      if name == KEEP then return keep end
      local temporary = temporaries[name]
      if temporary then
        local _, value = getupvalue(temporary[1], temporary[2])
        return value
      end
      local value = read(frame(), name)
      if value == nil and name == "_ENV" then return bindings.environment(frame()) end -- LuaJIT has no such upvalue
      return value
    end,
    __newindex = function(_, name, value)
      local temporary = temporaries[name]
      if temporary then setupvalue(temporary[1], temporary[2], value) else write(frame(), name, value) end
    end,
    __metatable = false,
  })
  previews.hide(env)
  return env
end

-- The environment of code that the user types. Functions made by it may outlive the frame; then they find what a
-- new cell would.
local function environment_at(frame)
  local made_at = stop
  return environment(function() return made_at == stop and frame or nil end)
end

-- Messages -------------------------------------------------------------------------------------------

-- An error value that is no string as text.
local function text_of(problem)
  local metatable = host.debug.getmetatable(problem)
  local describes = type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil
  if type(problem) ~= "number" and not describes then return "error value: " .. previews.text(problem) end
  local ok, text = pcall(tostring, problem)
  local kind = ok and type(text)
  if kind == "string" or kind == "number" then return tostring(text) end
  return "error object is a " .. type(problem) .. " value"
end

-- An error as text for whoever typed `code`: without our place, and names of variables called what they are.
local function message_of(frame, problem, code)
  local text = type(problem) == "string" and problem or text_of(problem)
  local line = match(text, PLACE)
  local is_told = line and code and find(code, "\n", 1, true)
  if line then text = (is_told and "line " .. line .. ": " or "") .. gsub(text, PLACE, "") end
  return (gsub(text, "global '([%a_][%w_]*)'", function(name)
    local ok, kind = pcall(find_variable, frame, name)
    if temporaries[name] or ok and kind == "kept" then kind = "local" end
    if kind == "local" or kind == "upvalue" then return kind .. " '" .. name .. "'" end
  end))
end

-- Source that nests too deeply fails with an error, not with a message.
local function compile(code, env)
  local ok, f, message = pcall(raw_load, code, CHUNK, "t", env)
  if not ok then return nil, f end
  return f, message
end

-- Running --------------------------------------------------------------------------------------------

local function pack(...) return { n = select("#", ...), ... } end

-- Calls f in a coroutine: true and its values packed, or false and the error value. An end of the whole cell is no
-- error of the code's: it goes on.
local function apart(f, ...)
  local result
  local function body(...) result = pack(pcall(f, ...)) end
  local co = create(body)
  local ok, problem = resume(co, ...)
  if ok and not result then
    if close and status(co) == "suspended" then close(co) end
    return false, "the code yields: coroutine.yield cannot be called from the debugger"
  end
  if ok and not result[1] then ok, problem = false, result[2] end
  if not ok then
    if ending() then error(problem, 0) end
    return false, problem
  end
  for i = 1, result.n do result[i] = result[i + 1] end
  result.n = result.n - 1
  return true, result
end

-- The same for a function that was compiled from `code`, whose `...` is the frame's.
local function run(f, frame, code)
  if not frame or not find(code, "...", 1, true) then return apart(f) end
  local values, n = bindings.varargs(frame)
  return apart(f, unpack(values, 1, n))
end

local function trimmed(code) return match(code, "^%s*=?%s*(.-)%s*$") end

-- An expression list; with `statements` whatever else Lua can run. True and the values {n = count, ...}, or
-- false and a message.
local function evaluate_code(frame, code, statements)
  code = trimmed(code)
  if code == "" then return false, "there is no expression" end
  if code == "_ENV" then return true, pack(bindings.environment(frame)) end
  local env = environment_at(frame)
  local f, message = compile("return " .. code .. "\n", env)
  if not f and statements then
    local problem
    f, problem = compile(code, env)
    if not find(message, "near '?<eof>'?$") then message = problem end -- not an expression without its end
  elseif not f and compile(code, env) then
    message = "only expressions can be evaluated here, not statements: " .. code
  end
  if not f then return false, message_of(frame, message, code) end
  local ok, result = run(f, frame, code)
  if not ok then return false, message_of(frame, result, code) end
  return true, result
end

-- True and the values {n = count, ...}, or false and a message. `context` as in DAP: statements run in "repl" only.
local function evaluate(frame, code, context) return evaluate_code(frame, code, context == "repl") end

-- The value of one expression: ok, value or message.
local function value_of(frame, code)
  local text, env = trimmed(code), environment_at(frame)
  if compile("return " .. text .. "\n", env) and not compile("return (" .. text .. "\n)", env) and text ~= "" then
    return false, "one value is wanted here, not a list: " .. text
  end
  local ok, result = evaluate_code(frame, code, false)
  if not ok then return false, result end
  return true, result[1]
end

-- Assigning --------------------------------------------------------------------------------------------

-- What cannot be done is an error here, a message for whoever asked.
local function checked(ok, result)
  if not ok then error(result, 0) end
  return result
end

-- Assigns to the row of a list, see variables.lua; answers the new row.
local function set_variable(reference, name, code)
  return variables.set_variable(reference, name, function(frame) return checked(value_of(frame, code)) end)
end

-- target = value, as that statement would: metamethods run. Answers the row of the value.
local function set_expression(frame, target, code)
  target = trimmed(target)
  local env = environment_at(frame)
  local assign = compile("return (" .. target .. "\n)", env) and compile(target .. " = (...)\n", env)
  if not assign then
    error("cannot assign to " .. target .. "; name a variable, or a field such as t.name or t[1]", 0)
  end
  local value = checked(value_of(frame, code))
  local ok, problem = apart(assign, value)
  if not ok then error(message_of(frame, problem), 0) end
  return variables.row(value, target, target, frame)
end

-- Gives the value of an expression to a global (or to the local of earlier cells with that name); answers its row.
local function copy_to_globals(frame, code, name)
  if not previews.is_identifier(name) then
    error("'" .. name .. "' is no name for a variable; use letters, digits and _", 0)
  end
  local value = checked(value_of(frame, code))
  local source = trimmed(code)
  if value == nil and previews.is_identifier(source) and not temporaries[source]
    and find_variable(frame, source) == "global" then
    error("there is no variable " .. source .. " here", 0)
  end
  bindings.set_global(name, value)
  return variables.row(value, name, name)
end

-- The values of an expression as one row; in the context "clipboard" its text is whole.
local function evaluated(frame, code, context)
  local packed = checked(evaluate(frame, code, context))
  local row = variables.result(packed, code, frame)
  if context == "clipboard" then
    local texts = {}
    for i = 1, packed.n do texts[i] = host.text(packed[i]) end
    row.value = concat(texts, "\t")
  end
  return row
end

return {
  evaluate = evaluate, evaluated = evaluated, value_of = value_of,
  set_variable = set_variable, set_expression = set_expression, copy_to_globals = copy_to_globals,
  -- The code goes on: frames and what the console has declared are gone.
  forget = function()
    stop, temporaries = {}, {}
  end,
  -- For other files of ours.
  preview = previews.text, environment = environment, compile = compile, run = run, message_of = message_of,
  each_temporary = function(visit)
    for name, temporary in next, temporaries do
      local _, value = getupvalue(temporary[1], temporary[2])
      visit(name, value)
    end
  end,
}
