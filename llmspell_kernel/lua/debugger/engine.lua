-- Stops running code, holds it while the host looks at it, and lets it go on as asked.
-- Breakpoints that were there when their code was compiled are calls of `reach` in it. Everything else needs
-- the line hook, which is installed only while code is stepped through, is about to pause, or has
-- breakpoints that came later ("late").
-- The host's functions: wait(may_block) answers nothing, or a function and its arguments; answer(ok, ...);
-- stopped(reason, thread, text, ids); resumed(); write(text, source, line); expired(): whether the command that is being
-- carried out has used up its time.
local host, control, threads, evaluation = ...
local getinfo, getlocal, sethook = host.debug.getinfo, host.debug.getlocal, host.debug.sethook
local running, status, resume, create = coroutine.running, coroutine.status, coroutine.resume, coroutine.create
local error, next, pcall, tostring, type = error, next, pcall, tostring, type
local jit = jit
local concat, find = table.concat, string.find
local is_own, check, ending = host.is_own, host.check, host.ending
local release, limit_memory = host.release, host.limit_memory
local debugger = host.debugger
local arm, arm_active, dispatch = debugger.arm, debugger.arm_active, debugger.dispatch
local globals = _G
local raw_xpcall = host.raw_xpcall
local main = host.main_thread

local NONE = 1000000 -- no function has so many locals
local PATIENCE = 4 -- times that the host asks for attention and finds the same condition being evaluated

local points = {}       -- key of a source -> {[line] = {breakpoint, ...}}
local sites = {}        -- id of an inserted call -> {points = points[key], line, condition}
local inserted = {}     -- source -> {[line] = points[key]}, the lines with inserted calls
local late = {}         -- source -> {[line] = {points, first}}
local late_lines = {}   -- line -> true if any source has such a breakpoint there

local busy = false      -- stopped, or serving the host: nothing else stops
local stopped           -- the thread that is stopped
local leaving = false
local missed = false    -- the host has asked for attention while it was busy
local evaluating = false
local evaluations, seen, patience = 0, 0, 0
local mode, target      -- how it goes on, and from which frame
local rest_of_line      -- a line that is gone on with, not arrived at
local waiting = false   -- a step over a call waits for its return
local arriving          -- the thread of a step that ends at the inserted call which comes next
local filters = {}      -- raised, uncaught
local error_box, error_is_uncaught -- of the stop: {value}

-- The running thread; LuaJIT's coroutine.running answers nothing in the main one.
local function here() return running() or main end

-- Serving the host -----------------------------------------------------------------------------------

local function finish(ok, ...)
  limit_memory(false)
  if not ok and ending() then error((...), 0) end
  control.answer(ok, ...)
end

local function handle(limited, f, ...)
  if not f then return false end
  limit_memory(limited)
  finish(pcall(f, ...))
  return not leaving
end

local function serve(limited, may_block)
  repeat until not handle(limited, control.wait(may_block))
end

-- Serves in a coroutine of its own, so that what is looked at is always another thread, and its hook works though
-- this may be called from one.
local function serve_apart(may_block)
  local limited = limit_memory(false)
  local ok, problem
  repeat
    busy, missed, leaving = true, false, false
    ok, problem = pcall(resume, create(serve), limited, may_block)
    busy = false
    may_block = false -- one more round for what came while it was leaving
  until not ok or not (missed or leaving)
  limit_memory(limited)
  check()
  if not ok then error(problem, 0) end
end

-- Stopping -------------------------------------------------------------------------------------------

local line_hook

-- Installs or removes the line hook as the mode and the late breakpoints want it.
local function watch_lines()
  local wanted = mode ~= nil or next(late_lines) ~= nil
  local before = debugger.hook
  debugger.hook = wanted and line_hook or nil
  debugger.mask, debugger.count = mode == "out" and "lr" or "l", 0
  if wanted or before then arm_active() end
end

-- `thread` is the one to be looked at, if not the running one.
local function stop(reason, text, hit, thread)
  if busy then return end
  if not (thread or here()) then return end -- LuaJIT's main thread where nothing knows it
  debugger.hook = nil
  mode, target, arriving, rest_of_line, waiting = nil, nil, nil, nil, false
  stopped = thread or here()
  release()
  control.stopped(reason, threads.id_of(stopped), text or "", hit and concat(hit, ",") or "")
  local ok, problem = pcall(serve_apart, true)
  stopped, error_box = nil, nil
  if not ok then mode = nil end
  control.resumed()
  watch_lines()
  if not ok then error(problem, 0) end
end

-- Breakpoints ----------------------------------------------------------------------------------------

-- Runs f in a coroutine, where hooks work and this thread can be looked at.
local function apart(f, ...)
  local function pass(resumed, ...)
    if not resumed then return false, (...) end
    return ...
  end
  return pass(resume(create(f), ...))
end

local function evaluated(breakpoint, condition)
  evaluations = evaluations + 1
  evaluating = true
  local ok, value
  if condition then
    ok, value = pcall(condition)
  else
    local thread = here()
    ok, value = apart(function() return evaluation.condition(threads.innermost(thread), breakpoint.condition) end)
  end
  evaluating = false
  if not ok then check() end
  return ok, value
end

local function text_of(problem)
  if type(problem) == "string" then return problem end
  local ok, text = pcall(tostring, problem)
  return ok and type(text) == "string" and text or type(problem)
end

local function write_log(breakpoint, info)
  local thread = here()
  evaluations = evaluations + 1
  evaluating = true
  local ok, text = apart(function()
    return true, evaluation.interpolate(threads.innermost(thread), breakpoint.log)
  end)
  evaluating = false
  if not ok then
    check()
    text = "<" .. text_of(text) .. ">"
  end
  release()
  control.write(text, info.source, info.currentline)
end

local compare = {
  ["=="] = function(hits, n) return hits == n end, [">"] = function(hits, n) return hits > n end,
  [">="] = function(hits, n) return hits >= n end, ["<"] = function(hits, n) return hits < n end,
  ["<="] = function(hits, n) return hits <= n end, ["%"] = function(hits, n) return hits % n == 0 end,
}

-- Counts a breakpoint as reached: whether it stops, and a remark on its condition.
local function reached(breakpoint, condition, inlined)
  if breakpoint.condition then
    if breakpoint.condition ~= inlined then condition = nil end
    local ok, value = evaluated(breakpoint, condition)
    if not ok then return true, "the condition " .. breakpoint.condition .. " failed: " .. text_of(value) end
    if not value then return false end
  end
  breakpoint.hits = breakpoint.hits + 1
  if breakpoint.compare and not compare[breakpoint.compare](breakpoint.hits, breakpoint.wanted) then return false end
  return true
end

-- The ids of those in a list that stop here, if any do; what there is to say; and why it stops.
local function reach_all(list, condition, inlined, level)
  local hit, remark
  local kind = "function breakpoint"
  for i = 1, #list do
    local breakpoint = list[i]
    local stops, problem = reached(breakpoint, condition, inlined)
    if stops and breakpoint.log and not problem then
      write_log(breakpoint, getinfo(level + 1, "Sl"))
    elseif stops then
      hit = hit or {}
      hit[#hit + 1] = breakpoint.id
      remark = remark or problem
      if not breakpoint.is_function then kind = "breakpoint" end
    end
  end
  return hit, remark, kind
end

local function reason_of_mode()
  return mode == "pause" and "pause" or mode == "entry" and "entry" or "step"
end

-- Stops before a line, or in its inserted call. For LuaJIT what goes on, and goes on after each call, is a new line.
local function stop_in_line(line, ...)
  stop(...)
  if mode and jit then rest_of_line = line end
end

-- Called by the code itself, before the statement where a breakpoint was when it was compiled.
local function reach(id, condition)
  local site = sites[id]
  local list = site and site.points[site.line]
  if not list or busy or evaluating then return end
  local arrived = arriving
  arriving = nil
  if arrived and arrived == here() then
    local hit, remark, kind = reach_all(list, condition, site.condition, 2)
    stop_in_line(site.line, hit and kind or reason_of_mode(), remark, hit)
    return
  end
  if #list == 1 and condition and list[1].condition == site.condition then
    -- The usual case of a condition that is false, without detours.
    evaluations = evaluations + 1
    evaluating = true
    local ok, value = pcall(condition)
    evaluating = false
    if ok and not value then return end
    if not ok then check() end
    -- It is true (or has failed): count it with what it came to.
    local known = ok and function() return value end or function() error(value, 0) end
    condition = known
  end
  local hit, remark, kind = reach_all(list, condition, site.condition, 2)
  if hit then stop_in_line(site.line, kind, remark, hit) end
end

-- Late breakpoints of a line: those of the source's, and those of functions that begin there.
local function reach_late(line)
  local info = getinfo(3, "S")
  local lines = late[info.source]
  local entry = lines and lines[line]
  if not entry then return nil end
  local hit, remark, kind
  for i = 1, #entry do
    local each = entry[i]
    if not each.first or each.first == info.linedefined then
      local list = each.points[line]
      local ids, problem, reason
      if list then ids, problem, reason = reach_all(list, nil, nil, 3) end
      if ids then
        hit, remark, kind = hit or {}, remark or problem, kind or reason
        for j = 1, #ids do hit[#hit + 1] = ids[j] end
      end
    end
  end
  return hit, remark, kind
end

-- Stepping -------------------------------------------------------------------------------------------

-- Whether the thread of the target has yielded or ended: then control has gone on outside of it.
local function has_left_thread()
  if target.thread == main then return false end
  local state = status(target.thread)
  return state ~= "normal" and state ~= "running"
end

local function stop_here(line)
  local info = getinfo(3, "S")
  if is_own(info.source) then return end
  if rest_of_line then
    if rest_of_line == line and here() == target.thread and getinfo(target.depth + 2, "l")
      and not getinfo(target.depth + 3, "l") then
      if not jit then rest_of_line = nil end
      return
    end
    rest_of_line = nil
  end
  local lines = inserted[info.source]
  if lines and lines[line] and lines[line][line] and not arriving then
    arriving = here() -- the call that comes next stops, and says which breakpoints those are
    return
  end
  arriving = nil
  stop_in_line(line, reason_of_mode())
end

-- Level 1 is the hook, 2 the function it was called for: a call at depth d from the outermost is at level 2, and
-- the outermost one at level d + 1. So there is a level n + 2 exactly if that function is deeper than n.

-- While a call is being stepped out of: when it returns, the next instruction of the user's is the place.
local function watch_return(event, is_there)
  if event == "return" then
    debugger.count = 1
    arm()
  elseif event == "count" and debugger.count == 1 then
    if is_there then
      debugger.count = 0
      arm()
    else
      local info = getinfo(3, "Sl")
      if is_own(info.source) then return end
      stop("step")
      -- For Lua what goes on here is a new line.
      if mode then rest_of_line = info.currentline end
    end
  end
end

-- Within a call that is stepped over only returns matter (pcall's too, after an error): there are fewer of them than
-- lines. LuaJIT does not tell of all.
local function wait_for_return()
  if jit or next(late_lines) then return end
  waiting = mode == "over"
  sethook(line_hook, "r", host.period)
end

function line_hook(event, line)
  if busy or evaluating then
    if event == "line" then return end
    return dispatch(event, line)
  end
  if event ~= "line" then
    if mode == "out" and here() == target.thread and event ~= "call" then
      local depth = target.depth
      if event == "return" and pcall(getlocal, depth + 3, NONE) then return end -- deeper; pcall is one level more
      watch_return(event, getinfo(depth + 1, "l") ~= nil)
    elseif waiting and event == "return" then
      -- Is what returns still deeper than what the step's call has called?
      if here() == target.thread and pcall(getlocal, target.depth + 4, NONE) then return end
      waiting = false
    end
    dispatch(event, line)
    if event == "return" and mode ~= "out" then arm() end -- lines again, or nothing if the step is over
    return
  end
  if late_lines[line] then
    local hit, remark, kind = reach_late(line)
    if hit then
      stop(kind, remark, hit)
      return
    end
  end
  if mode == "over" or mode == "out" then
    if here() == target.thread then
      if getinfo(target.depth + (mode == "over" and 2 or 1), "l") then
        wait_for_return()
        return
      end
    elseif not has_left_thread() then
      return
    end
    stop_here(line)
  elseif mode then
    stop_here(line)
  elseif not next(late_lines) then
    arm() -- a coroutine that was hooked for a step that has ended
  end
end

-- Errors ---------------------------------------------------------------------------------------------

local function stop_on_error(problem, uncaught, thread)
  if busy or evaluating or ending() then return end
  if type(problem) == "string" and find(problem, "stack overflow", 1, true) then return end
  error_box, error_is_uncaught = { problem }, uncaught
  stop("exception", text_of(problem), nil, thread)
end

local function on_raised(problem) stop_on_error(problem, false) end
local function on_uncaught(problem) stop_on_error(problem, true) end

-- A coroutine has failed; its calls are still on its stack.
local function on_failed(thread, problem) stop_on_error(problem, false, thread) end

local function watched_pcall(f, ...)
  return raw_xpcall(f, function(problem)
    if not ending() then on_raised(problem) end
    return problem
  end, ...)
end

local replaced_pcall

local function set_filters(raised, uncaught)
  filters.raised, filters.uncaught = raised, uncaught
  debugger.raised = raised and on_raised or nil
  debugger.uncaught = (uncaught or raised) and on_uncaught or nil
  debugger.failed = raised and on_failed or nil
  if raised and not replaced_pcall then
    replaced_pcall = globals.pcall
    globals.pcall = watched_pcall
  elseif not raised and replaced_pcall then
    if globals.pcall == watched_pcall then globals.pcall = replaced_pcall end
    replaced_pcall = nil
  end
end

-- LuaJIT ---------------------------------------------------------------------------------------------

-- Its compiled code never looks at hooks: while the debugger is on nothing is compiled.
local compiled_before = false

local function interpret(on)
  if on then
    compiled_before = jit.status()
    jit.off()
    jit.flush()
  elseif compiled_before then
    jit.on()
  end
end

-- The host's commands --------------------------------------------------------------------------------

local function go_on(how, id, depth)
  mode = how
  if how then
    local thread = threads.thread_of(id) or stopped
    local frame = threads.innermost(thread)
    target = { thread = thread, depth = frame and frame.depth or 0 }
  end
  leaving = true
end

-- Called by the hook when the host wants attention.
local function attend()
  if control.expired() then error("it did not end in time", 0) end
  if evaluating then
    if seen ~= evaluations then
      seen, patience = evaluations, 0
    else
      patience = patience + 1
      if patience >= PATIENCE then error("it did not end within a second", 0) end
    end
    return
  end
  if busy then missed = true else serve_apart(false) end
end

local function rebuild_late_lines()
  late_lines = {}
  for _, lines in next, late do
    for line in next, lines do late_lines[line] = true end
  end
  watch_lines()
end

return {
  -- Switches the debugger on or off.
  enable = function(on)
    debugger.attend = on and attend or nil
    if jit then interpret(on) end
    debugger.reach = on and reach or debugger.reach
    debugger.breakpoint = on and function() if not busy and not evaluating then stop("breakpoint") end end or nil
    if not on then
      points, sites, inserted, late, late_lines, mode, arriving = {}, {}, {}, {}, {}, nil, nil
      set_filters(false, false)
      watch_lines()
    end
  end,
  -- list: {{line, id, condition, compare, wanted, log}, ...} of a path, all of its breakpoints of one kind.
  set_points = function(path, list)
    local lines = points[path] or {}
    points[path] = lines
    local before = {}
    for line, each in next, lines do
      for i = 1, #each do before[each[i].id] = each[i].hits end
      lines[line] = nil
    end
    for i = 1, #list do
      local breakpoint = list[i]
      breakpoint.hits = before[breakpoint.id] or 0
      local here_too = lines[breakpoint.line] or {}
      here_too[#here_too + 1] = breakpoint
      lines[breakpoint.line] = here_too
    end
  end,
  -- A source is compiled anew.
  begin_source = function(source) inserted[source] = {} end,
  add_site = function(id, path, source, line, condition)
    points[path] = points[path] or {}
    sites[id] = { points = points[path], line = line, condition = condition }
    inserted[source][line] = points[path]
  end,
  -- lines: {{line, path, first}, ...} of a source whose code was compiled without them; none: forget it.
  set_late = function(source, lines)
    late[source] = nil
    for i = 1, #lines do
      local each = lines[i]
      points[each.path] = points[each.path] or {}
      late[source] = late[source] or {}
      local entry = late[source][each.line] or {}
      entry[#entry + 1] = { points = points[each.path], first = each.first }
      late[source][each.line] = entry
    end
    rebuild_late_lines()
  end,
  set_filters = set_filters,
  go_on = go_on,
  -- The code stops at the next line that it comes to; `how` is "pause" or "entry".
  stop_soon = function(how)
    mode = how
    watch_lines()
  end,
  serve_now = function() serve_apart(false) end,
  stopped_thread = function() return stopped end,
  -- The error of the stop: a box with its value, and whether it is uncaught.
  error_here = function() return error_box, error_is_uncaught end,
  -- A cell begins: the end of the one before may have taken its hook away.
  begin = function()
    if debugger.hook then arm() end
  end,
  -- A cell has ended, wherever it was, and with it the steps through it.
  finish = function()
    mode, arriving, stopped, error_box = nil, nil, nil, nil
    busy, evaluating = false, false
    watch_lines()
  end,
  -- Runs f without stopping in it.
  quietly = function(f, ...)
    local function done(...)
      busy = false
      return ...
    end
    busy = true
    return done(pcall(f, ...))
  end,
}
