-- The breakpoints that code comes to: whether they stop it, by their conditions and hit counts, and what they log.
-- Arguments: `now` is shared with engine.lua: busy (stopped, or serving the host: nothing else stops), evaluating
-- (a condition or a log's text), arriving (the thread of a step that ends at the inserted call which comes next), and
-- stop_at(line, kind, remark, ids), which stops; it knows a kind itself if there is none.
local host, control, threads, evaluation, now = ...
local getinfo, raw_metatable = host.debug.getinfo, host.debug.getmetatable
local running, resume, create = coroutine.running, coroutine.resume, coroutine.create
local error, next, pcall, rawget, tostring, type = error, next, pcall, rawget, tostring, type
local check, release, is_main = host.check, host.release, host.is_main
local main = host.main_thread

local PATIENCE = 4 -- times that the host asks for attention and finds the same condition being evaluated

local points = {}     -- key of a source -> {[line] = {breakpoint, ...}}
local sites = {}      -- id of an inserted call -> {points = points[key], line, condition}
local testing = {}    -- id -> true for those that the code makes only where their condition is true
local changed = {}    -- id -> true for those of them whose condition is another one now
local stepping = false
local always = false  -- what the code looks at, see instrumentation.py: nothing, `changed` or, for steps, `testing`
local inserted = {}   -- source -> {[line] = points[key]}, the lines with inserted calls
local late = {}       -- source -> {[line that hooks hear of] = {{points, line, first, calls}, ...}}
local late_lines = {} -- line -> true if any source has such a breakpoint there
local evaluations, seen, patience = 0, 0, 0

-- Conditions and logs --------------------------------------------------------------------------------

-- Runs f in a coroutine, where hooks work and this thread can be looked at.
local function apart(f, ...)
  local function pass(resumed, ...)
    if not resumed then return false, (...) end
    return ...
  end
  return pass(resume(create(f), ...))
end

-- Whether a breakpoint's condition is true: ok, value or message. The code may have computed it: `condition` is
-- a function, or 1 for true and 0 for false.
local function evaluated(breakpoint, condition)
  if condition == 0 or condition == 1 then return true, condition == 1 end
  evaluations = evaluations + 1
  now.evaluating = true
  local ok, value
  if condition then
    ok, value = pcall(condition)
  else
    local thread = running() or main
    ok, value = apart(function() return evaluation.condition(threads.innermost(thread), breakpoint.condition) end)
  end
  now.evaluating = false
  if not ok then check() end
  return ok, value
end

-- An error value as text.
local function text_of(problem)
  if type(problem) == "string" then return problem end
  local metatable = raw_metatable(problem)
  if type(metatable) ~= "table" or rawget(metatable, "__tostring") == nil then return evaluation.preview(problem) end
  local ok, text = pcall(tostring, problem)
  return ok and type(text) == "string" and text or type(problem)
end

local function write_log(breakpoint, info)
  local thread = running() or main
  evaluations = evaluations + 1
  now.evaluating = true
  local ok, text = apart(function()
    return true, evaluation.interpolate(threads.innermost(thread), breakpoint.log)
  end)
  now.evaluating = false
  if not ok then
    check()
    text = "<" .. text_of(text) .. ">"
  end
  release()
  control.write(text, info.source, breakpoint.line)
end

-- The host has asked for attention while something was evaluated: ends what takes too long.
local function insist()
  if seen ~= evaluations then
    seen, patience = evaluations, 0
  else
    patience = patience + 1
    if patience >= PATIENCE then error("it did not end within a second", 0) end
  end
end

local compare = {
  ["=="] = function(hits, n) return hits == n end, [">"] = function(hits, n) return hits > n end,
  [">="] = function(hits, n) return hits >= n end, ["<"] = function(hits, n) return hits < n end,
  ["<="] = function(hits, n) return hits <= n end, ["%"] = function(hits, n) return hits % n == 0 end,
}

-- Counts a breakpoint as reached: whether it stops, and a remark on its condition.
local function reached(breakpoint, condition, inlined)
  if breakpoint.condition then
    if breakpoint.inlined ~= inlined then condition = nil end
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

-- Called by the code itself, before the statement where a breakpoint was when it was compiled. `condition` is as for
-- `evaluated`; false if the code does not dare to compute it.
local function reach(id, condition)
  local site = sites[id]
  local list = site and site.points[site.line]
  if not list or now.busy or now.evaluating then return end
  local arrived = now.arriving
  if arrived then
    now.arriving = nil
    if arrived == (running() or main) then
      local hit, remark, kind = reach_all(list, condition, site.condition, 2)
      now.stop_at(site.line, hit and kind, remark, hit)
      return
    end
  end
  if #list == 1 and type(condition) == "function" and list[1].inlined == site.condition then
    -- The usual case of a condition that is false, without detours.
    evaluations = evaluations + 1
    now.evaluating = true
    local ok, value = pcall(condition)
    now.evaluating = false
    if ok and not value then return end
    if not ok then check() end
    condition = ok and 1 or function() error(value, 0) end
  end
  local hit, remark, kind = reach_all(list, condition, site.condition, 2)
  if hit then now.stop_at(site.line, kind, remark, hit) end
end

-- Where the function begins that getinfo has told of (with "Sf"): 0 for the code of a whole source.
local function first_line(info)
  return (info.what == "main" or is_main(info.func)) and 0 or info.linedefined
end

-- Late breakpoints that hooks hear of at a line: those of the source's, and those of functions that begin there.
local function reach_late(line)
  local info = getinfo(3, "Sf")
  local lines = late[info.source]
  local entry = lines and lines[line]
  if not entry then return nil end
  local hit, remark, kind
  local first = first_line(info)
  for i = 1, #entry do
    local each = entry[i]
    if not each.first or each.first == first then
      local list = each.points[each.line]
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

-- The host's commands --------------------------------------------------------------------------------

local function set_always() always = stepping and testing or next(changed) and changed or false end

-- Has the code make the calls of a source whose condition is no longer that of the breakpoints there.
local function check_tests(lines)
  for id in next, testing do
    local site = sites[id]
    if site.points == lines then
      local list = lines[site.line] or {}
      changed[id] = nil
      for i = 1, #list do
        if list[i].inlined ~= site.condition then changed[id] = true end
      end
    end
  end
  set_always()
end

-- list: {{line, id, condition, inlined, compare, wanted, log}, ...} of a path, all of its breakpoints of one kind.
local function set_points(path, list)
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
  check_tests(lines)
end

-- A source is compiled anew.
local function begin_source(source) inserted[source] = {} end

local function add_site(id, path, source, line, condition, tests)
  points[path] = points[path] or {}
  sites[id] = { points = points[path], line = line, condition = condition }
  inserted[source][line] = points[path]
  if tests then testing[id] = true end
end

-- lines: {{line, hook, path, first, calls}, ...} of a source whose code was compiled without them; none: forget it.
-- `hook`: the line that hooks hear of when the code comes to the breakpoint's; `first`: where the function begins
-- that counts, 0 for the code of the whole source, nothing for any.
-- `calls`: {{first, second}, ...}, the first two parameters of each function that has code there, "" for none and
-- "..." for those without names.
-- Answers whether this has changed anything.
local function set_late(source, lines)
  if #lines == 0 and not late[source] then return false end
  late[source] = nil
  for i = 1, #lines do
    local each = lines[i]
    points[each.path] = points[each.path] or {}
    late[source] = late[source] or {}
    local entry = late[source][each.hook] or {}
    entry[#entry + 1] = { points = points[each.path], line = each.line, first = each.first, calls = each.calls }
    late[source][each.hook] = entry
  end
  for line in next, late_lines do late_lines[line] = nil end
  for _, lines_of in next, late do
    for line in next, lines_of do late_lines[line] = true end
  end
  return true
end

-- Calls f with the first two parameters of each function that has a late breakpoint.
local function each_late_call(f)
  for _, lines in next, late do
    for _, entry in next, lines do
      for i = 1, #entry do
        local calls = entry[i].calls
        for j = 1, #calls do f(calls[j][1], calls[j][2]) end
      end
    end
  end
end

local function clear()
  points, sites, inserted, late = {}, {}, {}, {}
  testing, changed = {}, {}
  set_always()
  for line in next, late_lines do late_lines[line] = nil end
end

return {
  late_lines = late_lines, reach = reach, reach_late = reach_late, first_line = first_line,
  insist = insist, text_of = text_of,
  set_points = set_points, begin_source = begin_source, add_site = add_site, set_late = set_late, clear = clear,
  always = function() return always end, -- for its upvalue, which the code shares
  -- Whether the code shall make every inserted call, because a step may arrive at any of them.
  call_all = function(wanted)
    stepping = wanted
    set_always()
  end,
  each_late_call = each_late_call,
  -- The late breakpoints of a source by the line that hooks hear of, nil if it has none.
  late_in = function(source) return late[source] end,
  -- The points of a line with an inserted call, if there are any now.
  inserted_at = function(source, line)
    local lines = inserted[source]
    return lines and lines[line] and lines[line][line]
  end,
}
