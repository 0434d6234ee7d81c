-- Lua threads and the calls on their stacks, as the debugger shows them. Everything here looks at threads other
-- than the running one, so levels need no correction: 0 is the call that goes on next.
-- A frame is {thread = t, depth = n}: the n-th call from the outermost one, which stays while calls come and go.
local host = ...
local getinfo = host.debug.getinfo
local running, status = coroutine.running, coroutine.status
local is_own, is_python, is_main = host.is_own, host.is_python, host.is_main
local next, setmetatable, type = next, setmetatable, type
local floor, format = math.floor, string.format
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
    python = info.what == "C" and is_python(info.func) or false, main = is_main(info.func) or info.what == "main",
  }
end

-- The calls of the user's on a thread's stack, innermost first; ours, and what only they have called, are left out.
local function frames(thread)
  local list, n = {}, 0
  local total = count(thread)
  local last_level
  for level = 0, total - 1 do
    local info = getinfo(thread, level, "nSlf")
    if is_own(info.source) then
      if n > 0 and list[n].what == "C" and not list[n].python and last_level == level - 1 then n = n - 1 end
    elseif info.func ~= xpcall and info.func ~= error and (n > 0 or info.what ~= "C") then
      n = n + 1
      list[n] = describe(info, thread, total - level)
      last_level = level
    end
  end
  if thread == main then -- what has begun the code is not the user's
    while n > 0 and list[n].what == "C" and not list[n].python do n = n - 1 end
  end
  for i = n + 1, #list do list[i] = nil end
  return list
end

-- The innermost call of the user's on a thread's stack, as a frame; nil if there is none.
local function innermost(thread)
  local total = count(thread)
  for level = 0, total - 1 do
    local info = getinfo(thread, level, "S")
    if info.what ~= "C" and not is_own(info.source) then return { thread = thread, depth = total - level } end
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
  frames = frames, innermost = innermost, list = list,
}
