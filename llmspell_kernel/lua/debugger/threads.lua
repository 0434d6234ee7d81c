-- Lua threads and the calls on their stacks, as the debugger shows them. Everything here looks at threads other
-- than the running one, so levels need no correction: 0 is the call that goes on next.
-- A frame is {thread = t, depth = n}: the n-th call from the outermost one, which stays while calls come and go.
-- The host's functions: python_begin() and python_calls(bound, name), of python_calls.py.
local host = ...
local getinfo, getupvalue = host.debug.getinfo, host.debug.getupvalue
local python_begin, python_calls = host.python_begin, host.python_calls
local running, status = coroutine.running, coroutine.status
local is_own, is_python, is_main = host.is_own, host.is_python, host.is_main
local next, setmetatable, type = next, setmetatable, type
local floor, format, min = math.floor, string.format, math.min
local xpcall, error = xpcall, error

local MAIN = 1
local threads = host.debugger.threads -- every coroutine
local main = host.main_thread

local ids = setmetatable({}, { __mode = "k" }) -- thread -> id
local by_id = setmetatable({}, { __mode = "v" })
local last_id = MAIN

local function id_of(thread)
  if thread == main then return MAIN end
  local id = ids[thread]
  if not id then
    last_id = last_id + 1
    id = last_id
    ids[thread], by_id[id] = id, thread
  end
  return id
end

local function thread_of(id)
  if id == MAIN then return main end
  return by_id[id]
end

-- How many calls are on a thread's stack.
local function count(thread)
  if not getinfo(thread, 0, "l") then return 0 end
  local last, beyond = 0, 1
  while getinfo(thread, beyond, "l") do last, beyond = beyond, beyond * 2 end
  while beyond - last > 1 do
    local middle = floor((last + beyond) / 2)
    if getinfo(thread, middle, "l") then last = middle else beyond = middle end
  end
  return last + 1
end

local function level_of(frame) return count(frame.thread) - frame.depth end

local function describe(info, thread, depth)
  return {
    thread = thread, depth = depth, name = info.name, source = info.source, place = info.short_src,
    line = info.currentline, what = info.what, first = info.linedefined,
    main = is_main(info.func) or info.what == "main",
  }
end

-- What binding.lua has been given to call, if that is what the function at a level does.
local function bound_by(thread, level)
  local info = getinfo(thread, level, "fS")
  if not info or not is_own(info.source) then return nil end
  local index = 1
  local name, value = getupvalue(info.func, index)
  while name do
    if name == "raw" then return value end
    index = index + 1
    name, value = getupvalue(info.func, index)
  end
  return nil
end

-- Adds the frames of a Python function that Lua has called, or one that stands for them, to a list of n.
local function add_python(list, n, thread, level, depth, name)
  local called = { python_calls(bound_by(thread, level + 1), name) }
  for i = 2, #called, 3 do
    n = n + 1
    list[n] = {
      thread = thread, depth = depth, what = "Python", name = called[i], file = called[i + 1], line = called[i + 2],
    }
  end
  if #called == 1 then
    n = n + 1
    list[n] = { thread = thread, depth = depth, what = "Python", name = called[1] }
  end
  return n
end

-- The calls from one level to another: the user's and Python's, innermost first; ours, and what only they have
-- called, are left out. `begun` tells that there are calls of the user's within them.
local function walk(thread, total, first, last, begun)
  local list, n = {}, 0
  local last_level
  python_begin()
  for level = first, last do
    local info = getinfo(thread, level, "nSlf")
    if is_own(info.source) then
      if n > 0 and list[n].what == "C" and last_level == level - 1 then n = n - 1 end
    elseif info.what == "C" and is_python(info.func) then
      n = add_python(list, n, thread, level, total - level, info.name)
    elseif info.func == xpcall or info.func == error or not (begun or n > 0 or info.what ~= "C") then
      last_level = nil
    else
      n = n + 1
      list[n] = describe(info, thread, total - level)
      last_level = level
    end
  end
  if thread == main and last == total - 1 then -- what has begun the code is not the user's
    while n > 0 and list[n].what == "C" do n = n - 1 end
  end
  for i = n + 1, #list do list[i] = nil end
  return list, n
end

-- To see that nothing of the runtime's is on the stack each call would have to be looked at, and the time that
-- takes grows with the square of their number: in a deep stack only the calls at its ends are, and in between
-- every call counts.
local INNERMOST, OUTERMOST = 400, 20

-- At most `wanted` of the frames of a thread, from the one after `start` innermost ones on, and how many there are.
local function frames(thread, start, wanted)
  local total = count(thread)
  local between = total - INNERMOST - OUTERMOST
  if between < 0 then between = 0 end
  local inner, n = walk(thread, total, 0, (between > 0 and INNERMOST or total) - 1, false)
  local outer, m = {}, 0
  if between > 0 then outer, m = walk(thread, total, total - OUTERMOST, total - 1, true) end
  local rows = {}
  for i = start + 1, min(start + wanted, n + between + m) do
    local row
    if i <= n then
      row = inner[i]
    elseif i > n + between then
      row = outer[i - n - between]
    else
      local level = INNERMOST + i - n - 1
      row = describe(getinfo(thread, level, "nSlf"), thread, total - level)
    end
    rows[#rows + 1] = row
  end
  return rows, n + between + m
end

-- The innermost call of the user's on a thread's stack, as a frame; nil if there is none.
local function innermost(thread)
  local total = count(thread)
  for level = 0, total - 1 do
    local info = getinfo(thread, level, "Sl")
    if info.what ~= "C" and not is_own(info.source) then
      return { thread = thread, depth = total - level, line = info.currentline }
    end
  end
  return nil
end

local function thread_name(thread)
  if thread == main then return "main" end
  local total = count(thread)
  for level = total - 1, 0, -1 do
    local info = getinfo(thread, level, "nSl")
    if info.what ~= "C" and not is_own(info.source) then
      return format("coroutine at %s:%d", info.short_src, info.linedefined)
    end
  end
  return "coroutine"
end

local function row(thread)
  return { id = id_of(thread), name = thread_name(thread), status = thread == main and "" or status(thread) }
end

local catches = { [host.raw_pcall] = true, [host.raw_xpcall] = true }
local callers, runner = host.debugger.callers, host.runner

-- Whether code of the user's catches an error that is raised in the running thread: with a pcall, or by having
-- called the thread, or one that has called it, with coroutine.resume.
local function is_caught()
  local thread = running() or main
  while thread do
    local level = 0
    local info = getinfo(thread, level, "fn")
    while info do
      if info.name == "__gc" then return true end
      level = level + 1
      if catches[info.func] then return getinfo(thread, level, "S").source ~= runner end
      info = getinfo(thread, level, "fn")
    end
    if thread == main then return false end
    thread = callers[thread]
    if thread == false then thread = main end
  end
  return true
end

-- The main thread and the coroutines that have not ended, as rows {id, name, status}. `stopped` is the thread that
-- is being looked at; the running one is ours.
local function list(stopped)
  local hidden = running()
  local rows = { row(main) }
  rows[1].status = stopped == main and "stopped" or "running"
  local function add(thread)
    if thread == hidden or thread == main or (status(thread) == "dead" and thread ~= stopped) then return end
    local each = row(thread)
    if thread == stopped then each.status = "stopped" end
    rows[#rows + 1] = each
  end
  local seen = {}
  for _, known in next, { threads, ids } do
    for thread in next, known do
      if type(thread) == "thread" and not seen[thread] then
        seen[thread] = true
        add(thread)
      end
    end
  end
  return rows
end

return {
  id_of = id_of, thread_of = thread_of, count = count, level_of = level_of,
  frames = frames, innermost = innermost, list = list, is_caught = is_caught,
}
