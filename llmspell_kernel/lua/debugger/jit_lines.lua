-- LuaJIT tells of a line as of a new one whenever a call in it has returned. This keeps which calls are within which
-- line with a breakpoint, so that it counts as reached once. (A loop on a single line counts as reached once, too.)
-- Everything here is called by the line hook: level 1 is here, 2 the hook, 3 the function that it was called for.
local host = ...
local getinfo = host.debug.getinfo
local floor, setmetatable = math.floor, setmetatable

local HERE = 3 -- levels above the innermost call that counts, from a function called by one of these

local lines = setmetatable({}, { __mode = "k" }) -- thread -> {{depth, line}, ...}, the innermost last

local function depth()
  local last, beyond = HERE, HERE + 1
  while getinfo(beyond, "l") do last, beyond = beyond, beyond * 2 end
  while beyond - last > 1 do
    local middle = floor((last + beyond) / 2)
    if getinfo(middle, "l") then last = middle else beyond = middle end
  end
  return last - HERE
end

-- A line with a breakpoint has begun in the running thread.
local function begin(thread, line)
  local list = lines[thread] or {}
  lines[thread] = list
  list[#list + 1] = { depth = depth(), line = line }
end

-- Whether the running thread, of whose line the hook was told, only goes on with one that has begun.
local function goes_on(thread, line)
  local list = lines[thread]
  if not list then return false end
  for i = #list, 1, -1 do
    local each = list[i]
    if getinfo(each.depth + 3, "l") then return false end -- in a call within that line
    if each.line == line and getinfo(each.depth + 2, "l") then return true end
    list[i] = nil
  end
  lines[thread] = nil
  return false
end

-- The running thread has called a function: what was at its place has ended.
local function enter(thread)
  local list = lines[thread]
  if not list then return end
  for i = #list, 1, -1 do
    if getinfo(list[i].depth + 3, "l") then return end
    list[i] = nil
  end
end

return {
  begin = begin, goes_on = goes_on, enter = enter,
  forget = function() lines = setmetatable({}, { __mode = "k" }) end,
}
