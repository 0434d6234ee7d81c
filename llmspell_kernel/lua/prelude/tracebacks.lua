-- What a failed cell leaves: the error value as text and the frames from the raise to the cell.
local host = ...
local getinfo = debug.getinfo
local type, tostring, getmetatable, rawget, pcall, setmetatable, rawequal = type, tostring, getmetatable, rawget, pcall, setmetatable, rawequal
local xpcall, error = xpcall, error
local sub, format = string.sub, string.format
local RUNTIME = "=[llmspell"
local RUNNER = "=[llmspell] cells"
local LIMIT = 200

local function frame_of(info, level)
  return {
    level = level, source = info.source, place = info.short_src, line = info.currentline, name = info.name,
    kind = info.namewhat, what = info.what, first = info.linedefined, func = info.func,
    tail = info.istailcall or false, python = info.what == "C" and host.is_python(info.func) or false,
    main = host.is_main(info.func) or false,
  }
end

-- Frames of the running thread from `level` down to the cell's, or of a coroutine's whole stack; those of
-- the runtime are left out, and those of error and xpcall, which say nothing.
local function collect(thread, level)
  local frames, n = {}, 0
  while n < LIMIT do
    local info
    if thread then info = getinfo(thread, level, "nSlf") else info = getinfo(level, "nSlf") end
    if not info or info.source == RUNNER then break end
    if sub(info.source, 1, #RUNTIME) == RUNTIME then
      -- What a function of ours has called last is Python's side of it.
      if n > 0 and frames[n].python and frames[n].level == level - 1 then n = n - 1 end
    elseif info.func ~= xpcall and info.func ~= error then
      n = n + 1
      frames[n] = frame_of(info, level)
    end
    level = level + 1
  end
  for i = n + 1, #frames do frames[i] = nil end
  return frames
end

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
