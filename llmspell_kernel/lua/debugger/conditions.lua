-- Conditions and log messages of breakpoints, which running code meets again and again.
-- Arguments: the host's table, the module evaluation.lua.
local host, evaluation = ...
local compile, environment = evaluation.compile, evaluation.environment
local message_of, run = evaluation.message_of, evaluation.run
local byte, find, match, sub = string.byte, string.find, string.match, string.sub
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

-- The position of the brace that closes an expression which begins at `start`, nil if there is none.
local function closing(text, start)
  local depth, i = 1, start
  while i <= #text do
    local c = sub(text, i, i)
    local level = match(text, "^%[(=*)%[", i)
    if level then
      local _, last = find(text, "]" .. level .. "]", i, true)
      i = last or #text
    elseif c == '"' or c == "'" then
      i = i + 1
      while i <= #text and sub(text, i, i) ~= c do
        i = i + (sub(text, i, i) == "\\" and 2 or 1)
      end
    elseif c == "{" then
      depth = depth + 1
    elseif c == "}" then
      depth = depth - 1
      if depth == 0 then return i end
    end
    i = i + 1
  end
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

-- A log message with the values of its `{expression}`s; `\{` is a brace.
local function interpolate(frame, text)
  local parts, n, i = {}, 0, 1
  while i <= #text do
    local opening = find(text, "[\\{]", i) or #text + 1
    parts[n + 1] = sub(text, i, opening - 1)
    n = n + 1
    local last = byte(text, opening) == 123 and closing(text, opening + 1)
    if last then
      parts[n + 1] = shown(frame, sub(text, opening + 1, last - 1))
    elseif match(text, "^\\[{}]", opening) then
      last = opening + 1
      parts[n + 1] = sub(text, last, last)
    else
      last = opening
      parts[n + 1] = sub(text, opening, opening)
    end
    n = n + 1
    i = last + 1
  end
  return concat(parts)
end

return { condition = condition, interpolate = interpolate }
