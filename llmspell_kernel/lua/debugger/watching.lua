-- Finds the code that late breakpoints are in, while nothing is stepped through. A line hook would make all code
-- many times slower; so there is a call hook, and the line hook only while a function with such a breakpoint runs.
-- Every thread is in one of three states, each with a hook of its own:
--   calls    no such function is on its stack: calls are watched;
--   lines    one runs: its lines are watched, and what it calls and when it returns;
--   returns  one may be on the stack, but what it has called runs: calls and returns are watched.
-- An error may unwind such functions unnoticed: then a state stays too careful, until the stack is looked at again.
-- LuaJIT has one hook for all threads, and tells of no function in C that returns: there, `lines` stays as long as
-- such a function is on any stack.
-- Arguments: what breakpoints.lua and jit_lines.lua give; `now` is what breakpoints.lua says.
local host, breakpoints, now, jit_lines = ...
local getinfo, getlocal = host.debug.getinfo, host.debug.getlocal
local gethook, sethook = host.debug.gethook, host.debug.sethook
local running, status = coroutine.running, coroutine.status
local next, setmetatable, type = next, setmetatable, type
local jit = jit
local is_own, period, raw_xpcall = host.is_own, host.period, host.raw_xpcall
local debugger = host.debugger
local arm, dispatch, threads = debugger.arm, debugger.dispatch, debugger.threads
local main = host.main_thread
local late_lines, reach_late, first_line = breakpoints.late_lines, breakpoints.reach_late, breakpoints.first_line

local UNNAMED = "(temporary)" -- what Lua calls a first parameter that is none
local OF_C = "(C temporary)"  -- the same in a function of C that has been given something
local FIRST_PATIENCE, MOST_PATIENCE = 64, 65536
local DEEPEST = 2000          -- the deepest stack that is looked through while code runs
local CALLER = 4              -- for a hook: the level of what has called its function, seen from within xpcall

local kinds = setmetatable({}, { __mode = "k" }) -- function -> what it is, as `kind_of` says
local names = {}              -- first parameter -> {[second parameter] = true}, of the functions to be found
local learnt = 0              -- how often they have become others
local unnamed = false         -- whether one of them has no parameters
local hooks, masks = {}, { calls = "c", lines = jit and "lc" or "lcr", returns = "cr" }
local states = setmetatable({}, { __mode = "k" }) -- thread -> its state; none: calls
local patience, left = FIRST_PATIENCE, FIRST_PATIENCE -- events until the stack is looked at again

local function key(thread)
  if jit then return host end
  return thread or (running())
end

-- Which functions -------------------------------------------------------------------------------------

-- Whether any of the entries is for a function that begins at a line.
local function is_meant(entry, first)
  for i = 1, #entry do
    if not entry[i].first or entry[i].first == first then return true end
  end
  return false
end

-- Whether any of the lines is in a function, and has code there.
local function has_code(f, info, lines)
  local is_chunk = info.what == "main"
  local first, active = first_line(info), nil
  for line, entry in next, lines do
    if (is_chunk or (line >= info.linedefined and line <= info.lastlinedefined)) and is_meant(entry, first) then
      active = active or getinfo(f, "L").activelines
      if active[line] then return true end
    end
  end
  return false
end

-- true for a function with a late breakpoint, false for another one of the user's, "own" and "C".
local function kind_of(f)
  local kind = kinds[f]
  if kind == nil then
    if f == nil then return "C" end
    local info = getinfo(f, "Sf")
    local lines = breakpoints.late_in(info.source)
    if info.what == "C" then
      kind = "C"
    elseif is_own(info.source) then
      kind = "own"
    else
      kind = lines ~= nil and has_code(f, info, lines)
    end
    kinds[f] = kind
  end
  return kind
end

-- Looks through the stack of a thread, nil for the running one: "lines" if a function with a late breakpoint is
-- the innermost one of the user's, "returns" if there is one or may be, else nil.
local function state_of(thread, limit)
  local innermost = true
  for level = thread and 0 or 2, limit do
    local info
    if thread then info = getinfo(thread, level, "f") else info = getinfo(level, "f") end
    if not info then return nil end
    local kind = info.func and kind_of(info.func)
    if kind == true then return innermost and "lines" or "returns" end
    if kind == false then innermost = false end
  end
  return "returns"
end

-- The same for all threads of LuaJIT together.
local function state_of_all(limit)
  local found = state_of(nil, limit)
  if not found and main and running() then found = state_of(main, limit) end
  if not found and not main and running() then found = "returns" end
  for thread in next, threads do
    if found then break end
    if thread ~= running() and status(thread) ~= "dead" then found = state_of(thread, limit) end
  end
  return found and "lines"
end

-- The states ------------------------------------------------------------------------------------------

-- Whether the interrupter has put its hook in place of ours; then it is heard before anything else.
local function is_interrupted()
  local _, _, count = gethook()
  return count ~= period
end

-- Whether these hooks are the wanted ones.
local function is_watching() return debugger.hook ~= nil and debugger.hook == debugger.wanted end

-- The running thread is in another state from now on.
local function change(state)
  if is_interrupted() then
    local before = learnt
    dispatch("count")
    if learnt ~= before then state = "lines" end -- what has been decided may be wrong by now
  end
  if not is_watching() then return arm() end
  states[key()] = state
  left = patience
  sethook(hooks[state], masks[state], period)
end

-- Looks at the stack again: the state may be too careful. The longer it is right, the more seldom that is done.
local function look_again()
  local limit = patience * 3 < DEEPEST and patience * 3 or DEEPEST
  local found
  if jit then found = state_of_all(limit) else found = state_of(nil, limit) end
  if not found then
    patience = FIRST_PATIENCE
    if jit then jit_lines.forget() end
    change("calls")
  else
    if patience < MOST_PATIENCE then patience = patience * 2 end
    left = patience
    if not jit and found == "returns" then change("returns") end
  end
end

local function ignore() end

-- The hooks: level 1 is the hook, 2 the function that it was called for, 3 what has called that. They do as little as
-- they can: the name of a parameter costs much less than to look for a function.

function hooks.calls(event)
  if event == "count" then return dispatch(event) end
  local seconds = names[getlocal(2, 1) or UNNAMED]
  if not seconds or not seconds[getlocal(2, 2) or UNNAMED] then return end
  if event ~= "return" and kind_of(getinfo(2, "f").func) == true then change("lines") end
end

function hooks.returns(event)
  if event == "return" then
    local ok, name = false, nil
    if not unnamed then ok, name = raw_xpcall(getlocal, ignore, CALLER, 1) end
    if not ok or names[name] then
      local caller = getinfo(3, "f")
      if caller and kind_of(caller.func) == true then return change("lines") end
    end
    left = left - 1
    if left <= 0 then look_again() end
  elseif event == "count" then
    return dispatch(event)
  else
    local seconds = names[getlocal(2, 1)]
    if seconds and seconds[getlocal(2, 2)] and kind_of(getinfo(2, "f").func) == true then change("lines") end
  end
end

-- What may be a function with a late breakpoint is taken for one.
function hooks.lines(event, line)
  if event == "line" then
    local goes_on = jit and jit_lines.goes_on(running() or main, line)
    if late_lines[line] and not goes_on and not now.busy and not now.evaluating then
      if jit then jit_lines.begin(running() or main, line) end
      local hit, remark, kind = reach_late(line)
      if hit then
        now.stop_at(line, kind, remark, hit)
        return
      end
    end
    left = left - 1
    if left <= 0 then look_again() end
  elseif event == "count" then
    return dispatch(event)
  elseif jit then
    if event == "call" then jit_lines.enter(running() or main) end
  elseif event == "return" then
    if unnamed then
      local caller = getinfo(3, "f")
      if not caller or kind_of(caller.func) ~= true then change("returns") end
    else
      local ok, name = raw_xpcall(getlocal, ignore, CALLER, 1)
      if not ok or not names[name] then change("returns") end
    end
  else
    local name = getlocal(2, 1)
    local seconds = names[name]
    if name and name ~= OF_C and not (seconds and seconds[getlocal(2, 2)]) then change("returns") end
  end
end

-- The engine's wishes ---------------------------------------------------------------------------------

-- What the Luas call a parameter of each name.
local function local_names(name)
  if name == "" then return { UNNAMED } end
  if name == "..." then return { UNNAMED, "(*temporary)", "(vararg table)" } end
  return { name }
end

local function add_names(first, second)
  if first == "" or first == "..." then unnamed = true end
  local firsts, seconds = local_names(first), local_names(second)
  for i = 1, #firsts do
    local known = names[firsts[i]] or {}
    names[firsts[i]] = known
    for j = 1, #seconds do known[seconds[j]] = true end
  end
end

-- The late breakpoints have changed.
local function learn()
  for f in next, kinds do kinds[f] = nil end
  for name in next, names do names[name] = nil end
  unnamed = false
  learnt = learnt + 1
  breakpoints.each_late_call(add_names)
end

-- From now on these hooks are the wanted ones: finds the state of every thread that has begun.
local function begin()
  for thread in next, states do states[thread] = nil end
  patience, left = FIRST_PATIENCE, FIRST_PATIENCE
  if jit then
    states[host] = state_of_all(DEEPEST)
    return
  end
  if main then states[main] = state_of(main, DEEPEST) end
  for thread in next, threads do
    if type(thread) == "thread" and status(thread) ~= "dead" then states[thread] = state_of(thread, DEEPEST) end
  end
end

-- They no longer are: a coroutine that is suspended has one still.
local function finish()
  if jit then return arm() end
  for thread in next, threads do
    if type(thread) == "thread" then arm(thread) end
  end
end

-- The hook and the mask of a thread, or of all of them.
local function wanted(thread)
  local state = states[key(thread)] or "calls"
  return hooks[state], masks[state]
end

return { learn = learn, begin = begin, finish = finish, wanted = wanted }
