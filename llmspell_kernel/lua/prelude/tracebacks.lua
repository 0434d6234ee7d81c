-- What a failed cell leaves: the error value as text and the frames from the raise to the cell.
local host = ...
local getinfo = debug.getinfo
local type, tostring, getmetatable, rawget, pcall, rawequal = type, tostring, getmetatable, rawget, pcall, rawequal
local xpcall, error = xpcall, error
local is_own = host.is_own
local find, gmatch, match, sub, format = string.find, string.gmatch, string.match, string.sub, string.format
local floor, concat, tonumber = math.floor, table.concat, tonumber
local RUNNER = "=[llmspell] cells"
host.runner = RUNNER
local C_LINE, OWN_LINE, RUNNER_LINE = "\t[C]: in ", "\t[llmspell] ", "\t[llmspell] cells:"
local INNERMOST, OUTERMOST = 100, 8 -- getinfo walks the stack: the outermost of a deep one cost most

local function frame_of(info, level)
  return {
    level = level, source = info.source, place = info.short_src, line = info.currentline, name = info.name,
    kind = info.namewhat, what = info.what, first = info.linedefined, func = info.func,
    tail = info.istailcall or false, python = info.what == "C" and host.is_python(info.func) or false,
    main = host.is_main(info.func) or false,
  }
end

-- debug.getinfo of a thread, or of the running one with levels that count from the caller.
local function info_at(thread, level, what)
  local info
  if thread then info = getinfo(thread, level, what) else info = getinfo(level + 1, what) end
  return info
end

-- The last level there is, `level` being one.
local function last_level(thread, level)
  local beyond = level + 1
  while info_at(thread, beyond + 1, "l") do level, beyond = beyond, beyond * 2 end
  while beyond - level > 1 do
    local middle = floor((level + beyond) / 2)
    if info_at(thread, middle + 1, "l") then level = middle else beyond = middle end
  end
  return level
end

-- Frames of the running thread from `level` down to the cell's, or of a coroutine's whole stack; those of
-- the runtime and what they have called are left out, and those of error and xpcall, which say nothing. Of
-- a very deep stack the middle is left out: {omitted = n}.
local function collect(thread, level)
  local frames, n = {}, 0
  local may_skip = true
  while true do
    local info = info_at(thread, level, "nSlf")
    -- The handler is in the stack when an interrupt comes while an error is being described.
    if not info or (info.source == RUNNER and info.func ~= host.handler) then break end
    if is_own(info.source) then
      if n > 0 and frames[n].what == "C" and frames[n].level == level - 1 then n = n - 1 end
    elseif info.func ~= xpcall and info.func ~= error then
      n = n + 1
      frames[n] = frame_of(info, level)
    end
    level = level + 1
    if n == INNERMOST and may_skip then
      may_skip = false
      local outermost = last_level(thread, level) - OUTERMOST
      if outermost > level then
        n = n + 1
        frames[n] = { omitted = outermost - level }
        level = outermost
      end
    end
  end
  for i = n + 1, #frames do frames[i] = nil end
  return frames
end

-- debug.traceback's text without the frames of the runtime: a function of ours is one of C's, and what it has called
-- is left out. `start` is where the frames begin.
local function without_own(text, start)
  local lines, n = {}, 0
  for line in gmatch(sub(text, start), "[^\n]+") do
    local name = line
    if sub(line, 1, #OWN_LINE) == OWN_LINE then
      if n > 0 and sub(lines[n], 1, #C_LINE) == C_LINE then n = n - 1 end
      name = match(line, ": in (%a+ '[^']+')$")
      if name and (sub(name, 1, 7) == "upvalue" or sub(name, 1, 5) == "local") then name = nil end
      if sub(line, 1, #RUNNER_LINE) == RUNNER_LINE then
        if lines[n] == "\t(...tail calls...)" then n = n - 1 end
        name = "?"
      end
      name = name and C_LINE .. name
    end
    if name then
      n = n + 1
      lines[n] = name
    end
  end
  return sub(text, 1, start - 1) .. concat(lines, "\n", 1, n)
end

local raw_traceback = debug.traceback

local function traceback(...)
  local thread, message, level = ...
  local position, text = 3, nil
  if type(thread) ~= "thread" then thread, message, level, position = nil, thread, message, 2 end
  local number = tonumber(level == nil and (thread and 0 or 1) or level)
  if not number then
    error("bad argument #" .. position .. " to 'traceback' (number expected, got " .. type(level) .. ")", 2)
  elseif thread then
    text = raw_traceback(thread, message, number)
  else
    -- A tail call has taken its caller's place.
    if number == 1 or not getinfo(1, "t").istailcall then number = number + 1 end
    text = raw_traceback(message, number)
  end
  if type(text) ~= "string" then return text end
  local length = (type(message) == "string" or type(message) == "number") and #tostring(message) or 0
  local _, heading = find(text, "stack traceback:\n", length + 1, true)
  return heading and without_own(text, heading + 1) or text
end

if host.lua_version > 501 then debug.traceback = traceback end -- LuaJIT does not tell of tail calls

local inner -- {message, frames} of the coroutine that failed last

local function keep_frames(co, message)
  inner = { message, collect(co, 0) }
end

local function belongs(problem, message)
  if rawequal(problem, message) then return true end
  return type(problem) == "string" and type(message) == "string" and sub(problem, -#message) == message
end

local function name_of(value)
  local metatable = getmetatable(value)
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  return type(name) == "string" and name or nil
end

-- Kept for an end that reaches the host as a Python exception and not as what xpcall returned.
local last_frames

local function report(problem)
  local kind = type(problem)
  local ok, text = pcall(tostring, problem)
  if ok and type(text) == "number" then text = format("%.14g", text) end -- LuaJIT's __tostring may return anything
  if not ok or type(text) ~= "string" then
    text = format("(error object is a %s value, and its __tostring failed)", kind)
  end
  local frames = collect(nil, 3)
  if inner and belongs(problem, inner[1]) then
    local all = inner[2]
    local n = #all
    for i = 1, #frames do all[n + i] = frames[i] end
    frames = all
  end
  inner = nil
  last_frames = frames
  local metatable = kind == "table" and getmetatable(problem)
  local described = kind ~= "table" or (type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil)
  return {
    kind = kind, text = text, name = kind == "table" and name_of(problem) or nil,
    described = described, value = problem, frames = frames,
  }
end

local function take_last_frames()
  local frames = last_frames
  last_frames = nil
  return frames
end

return { take_last_frames = take_last_frames, report = report, keep_frames = keep_frames }
