-- Conditions and log messages of breakpoints, which running code meets again and again.
-- Arguments: the host's table, the module evaluation.lua.
local host, evaluation = ...
local compile, environment = evaluation.compile, evaluation.environment
local message_of, run = evaluation.message_of, evaluation.run
local concat = table.concat
local type = type

local COMPILED = 100 -- expressions that are kept compiled

local looked_at -- the frame that compiled expressions see
local env = environment(function() return looked_at end)
local compiled, count = {}, 0

local function expression(code)
  local f = compiled[code]
  if f then return f end
  local message
  f, message = compile("return " .. code .. "\n", env)
  if not f then return nil, message end
  if count >= COMPILED then compiled, count = {}, 0 end
  compiled[code], count = f, count + 1
  return f
end

-- True and the values of an expression list, or false and a message. Quick when it is called again with the same code.
local function evaluate(frame, code)
  local f, message = expression(code)
  if not f then return false, message_of(frame, message) end
  local before = looked_at
  looked_at = frame
  local ok, result = run(f, frame, code)
  looked_at = before
  if not ok then return false, message_of(frame, result) end
  return true, result
end

-- ok, value or message.
local function condition(frame, code)
  local ok, result = evaluate(frame, code)
  if not ok then return false, result end
  return true, result[1]
end

local function shown(frame, code)
  local ok, result = evaluate(frame, code)
  if not ok then return "<error: " .. result .. ">" end
  local texts = {}
  for i = 1, result.n do
    local value = result[i]
    texts[i] = type(value) == "string" and value or host.inline(value, 200)
  end
  return concat(texts, ", ")
end

-- A log message with values in it; parts: {{text = text} or {code = expression}, ...}.
local function interpolate(frame, parts)
  local texts = {}
  for i = 1, #parts do
    local part = parts[i]
    texts[i] = part.code and shown(frame, part.code) or part.text
  end
  return concat(texts)
end

return { condition = condition, interpolate = interpolate }
