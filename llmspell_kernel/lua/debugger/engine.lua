-- Stops running code, holds it while the host looks at it, and lets it go on as asked.
-- Breakpoints that were there when their code was compiled are calls in it. Everything else needs the line hook,
-- which is installed while code is stepped through or is about to pause, and where breakpoints came later ("late").
-- breakpoints.lua knows both kinds, watching.lua finds the code with late ones.
-- The host's functions: wait(may_block) answers nothing, or a function and its arguments; answer(ok, ...);
-- stopped(reason, thread, text, ids); resumed(); write(text, source, line); shown_line(source, line, function_line): as
-- in lines.py; expired(): whether the command that is being carried out has used up its time. `now` is what
-- breakpoints.lua says.
local host, control, threads, breakpoints, now, jit_lines, watching = ...
local getinfo, getlocal, sethook = host.debug.getinfo, host.debug.getlocal, host.debug.sethook
local running, status, resume, create = coroutine.running, coroutine.status, coroutine.resume, coroutine.create
local error, next, pcall, rawequal, setmetatable, type = error, next, pcall, rawequal, setmetatable, type
local jit = jit
local concat, find = table.concat, string.find
local is_own, check, ending = host.is_own, host.check, host.ending
local release, limit_memory = host.release, host.limit_memory
local debugger = host.debugger
local arm, arm_active, dispatch = debugger.arm, debugger.arm_active, debugger.dispatch
local late_lines, reach_late = breakpoints.late_lines, breakpoints.reach_late
local first_line, text_of = breakpoints.first_line, breakpoints.text_of
local globals = _G
local raw_xpcall = host.raw_xpcall
local main = host.main_thread

local NONE = 1000000 -- no function has so many locals
local ATTEMPTS = 3

now.busy, now.evaluating = false, false
local stopped           -- the thread that is stopped
local leaving = false
local missed = false    -- the host has asked for attention while it was busy
local mode, target      -- how it goes on, and from which frame
local rest_of_line      -- a line that is gone on with, not arrived at
local waiting = false   -- a step over a call waits for its return
local watched = false   -- coroutines may have a hook that watches for late breakpoints
local error_box, error_is_uncaught -- of the stop: {value}
local passed_on         -- {value} of an error that has stopped the code, and is raised once more

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
  local failures = 0
  local ok, served, problem
  repeat
    now.busy, missed, leaving = true, false, false
    ok, served, problem = pcall(resume, create(serve), limited, may_block)
    now.busy = false
    if ok and not served then -- the hook has ended a command just as that had ended by itself
      control.answer(false, problem)
      failures = failures + 1
    else
      may_block = false -- one more round for what came while it was leaving
    end
  until not ok or failures == ATTEMPTS or (served and not (missed or leaving))
  limit_memory(limited)
  check()
  if not ok then error(served, 0) end
end

-- Stopping -------------------------------------------------------------------------------------------

local line_hook

-- Installs or removes hooks as the mode and the late breakpoints want it.
local function watch()
  local before = debugger.hook
  breakpoints.call_all(mode ~= nil)
  debugger.hook, debugger.wanted, debugger.count = nil, nil, 0
  if mode then
    debugger.hook, debugger.mask, debugger.count = line_hook, mode == "out" and "lr" or "l", mode == "pause" and 1 or 0
    if jit and next(late_lines) then debugger.mask = debugger.mask .. "c" end
  elseif next(late_lines) then
    watching.begin()
    debugger.hook, debugger.wanted = watching.wanted, watching.wanted
    watched = true
  elseif watched then
    watching.finish()
    watched = false
  end
  if debugger.hook or before then arm_active() end
end

-- Tells the host of the stop and serves it. Busy from the start: what it asks for while it is still being told must
-- wait, or it would be served within the hook of that call, and find the host's own calls on the stack.
local function hold(reason, text, hit)
  now.busy = true
  control.stopped(reason, threads.id_of(stopped), text or "", hit and concat(hit, ",") or "")
  serve_apart(true)
end

-- `thread` is the one to be looked at, if not the running one.
local function stop(reason, text, hit, thread)
  if now.busy then return end
  if not (thread or here()) then return end -- LuaJIT's main thread where nothing knows it
  debugger.hook = nil
  mode, target, rest_of_line, waiting, now.arriving = nil, nil, nil, false, nil
  stopped = thread or here()
  release()
  local ok, problem = pcall(hold, reason, text, hit)
  now.busy, stopped, error_box = false, nil, nil
  if not ok then mode = nil end
  control.resumed()
  watch()
  if not ok then error(problem, 0) end
end

local function reason_of_mode()
  return mode == "pause" and "pause" or mode == "entry" and "entry" or "step"
end

-- Stops before a line, or in its inserted call. For LuaJIT what goes on, and goes on after each call, is a new line.
function now.stop_at(line, kind, remark, hit)
  stop(kind or reason_of_mode(), remark, hit)
  if mode and jit then rest_of_line = line end
end
local stop_at = now.stop_at

-- Stepping -------------------------------------------------------------------------------------------

-- Whether the thread of the target has yielded or ended: then control has gone on outside of it.
local function has_left_thread()
  if target.thread == main then return false end
  local state = status(target.thread)
  return state ~= "normal" and state ~= "running"
end

local function stop_here(line)
  local info = getinfo(3, "Sf")
  if is_own(info.source) then return end
  local is_target = target and here() == target.thread and getinfo(target.depth + 2, "l")
    and not getinfo(target.depth + 3, "l")
  if rest_of_line then
    if rest_of_line == line and is_target then
      if not jit then rest_of_line = nil end
      return
    end
    rest_of_line = nil
  end
  if not now.arriving and breakpoints.inserted_at(info.source, line) then
    now.arriving = here() -- the call that comes next stops, and says which breakpoints those are
    return
  end
  now.arriving = nil
  -- A function is made on the line of its `end`, in the middle of its statement or before the rest of it.
  local shown = control.shown_line(info.source, line, first_line(info))
  if shown ~= line and is_target and target.line == shown then
    rest_of_line = shown
    return
  end
  stop_at(line)
  if mode and shown ~= line then rest_of_line = shown end
end

-- Level 1 is the hook, 2 the function it was called for: a call at depth d from the outermost is at level 2, and
-- the outermost one at level d + 1. So there is a level n + 2 exactly if that function is deeper than n.

-- Stops in the middle of a line, if it is the user's; `info` is getinfo's, with "Sl".
local function stop_within(reason, info)
  if is_own(info.source) then return end
  stop(reason)
  if mode then rest_of_line = info.currentline end -- for Lua what goes on here is a new line
end

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
      stop_within("step", getinfo(3, "Sl"))
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

-- Calls and returns, and what comes when the host wants attention. Takes the hook's own place on the stack.
local function on_other_event(event, line)
  if mode == "pause" and event == "count" then -- at once: there may be no other line
    stop_within("pause", getinfo(2, "Sl"))
    return
  end
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
end

function line_hook(event, line)
  if now.busy or now.evaluating then
    if event == "line" then return end
    return dispatch(event, line)
  end
  if event == "call" and jit then
    jit_lines.enter(here())
    return
  end
  if event ~= "line" then return on_other_event(event, line) end
  local goes_on = jit and jit_lines.goes_on(here(), line)
  if late_lines[line] and not goes_on then
    if jit then jit_lines.begin(here(), line) end
    local hit, remark, kind = reach_late(line)
    if hit then
      stop_at(line, kind, remark, hit)
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
  else
    arm() -- a coroutine that was hooked for a step that has ended
  end
end

-- Errors ---------------------------------------------------------------------------------------------

local function stop_on_error(problem, uncaught, thread)
  if now.busy or now.evaluating or ending() then return end
  local known = passed_on
  passed_on = nil
  if known and rawequal(known[1], problem) then return end
  if type(problem) == "string" and find(problem, "stack overflow", 1, true) then return end
  error_box, error_is_uncaught = { problem }, uncaught
  stop("exception", text_of(problem), nil, thread)
end

local function on_raised(problem) stop_on_error(problem, false) end
local function on_uncaught(problem) stop_on_error(problem, true) end

-- A coroutine has failed; its calls are still on its stack, unless it had ended before. Answers whether the stop
-- for this error is over; coroutine.wrap (`goes_on`) then tells which value it raises in its caller.
local function on_failed(thread, problem, goes_on)
  if now.busy or now.evaluating or not getinfo(thread, 0, "l") then return false end
  local uncaught = goes_on and not threads.is_caught()
  if not (debugger.raised or uncaught) then return false end
  stop_on_error(problem, uncaught, thread)
  return true
end

local function watched_pcall(f, ...)
  return raw_xpcall(f, function(problem)
    if not ending() then on_raised(problem) end
    return problem
  end, ...)
end

local replaced_pcall

local function set_filters(raised, uncaught)
  debugger.raised = raised and on_raised or nil
  debugger.uncaught = (uncaught or raised) and on_uncaught or nil
  debugger.failed = (uncaught or raised) and on_failed or nil
  debugger.passed_on = function(problem) passed_on = { problem } end
  if raised and not replaced_pcall then
    replaced_pcall = globals.pcall
    host.introspection.stand_in(watched_pcall, replaced_pcall)
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

local function go_on(how, id)
  mode = how
  if how then
    local thread = threads.thread_of(id) or stopped
    local frame = threads.innermost(thread)
    target = { thread = thread, depth = frame and frame.depth or 0, line = frame and frame.line }
  end
  leaving = true
end

-- Called by the hook when the host wants attention.
local function attend()
  if control.expired() then error("it did not end in time", 0) end
  if now.evaluating then
    breakpoints.insist()
  elseif now.busy then
    missed = true
  else
    serve_apart(false)
  end
end

local function breakpoint_in_code()
  if not now.busy and not now.evaluating then stop("breakpoint") end
end

return {
  -- Switches the debugger on or off.
  enable = function(on)
    debugger.attend = on and attend or nil
    if jit then interpret(on) end
    debugger.reach, debugger.always = breakpoints.reach, breakpoints.always
    debugger.breakpoint = on and breakpoint_in_code or nil
    if not on then
      breakpoints.clear()
      watching.learn()
      mode, now.arriving = nil, nil
      set_filters(false, false)
      watch()
    end
  end,
  set_points = breakpoints.set_points, begin_source = breakpoints.begin_source, add_site = breakpoints.add_site,
  set_late = function(...)
    if breakpoints.set_late(...) then
      watching.learn()
      watch()
    end
  end,
  set_filters = set_filters,
  go_on = go_on,
  -- The code stops where it is ("pause"), or at the next line that it comes to ("entry").
  stop_soon = function(how)
    mode = how
    watch()
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
    mode, stopped, error_box, rest_of_line, waiting, passed_on = nil, nil, nil, nil, false, nil
    now.arriving, now.busy, now.evaluating = nil, false, false
    jit_lines.forget()
    watch()
  end,
  -- Runs f without stopping in it.
  quietly = function(f, ...)
    local function done(...)
      now.busy = false
      return ...
    end
    now.busy = true
    return done(pcall(f, ...))
  end,
}
