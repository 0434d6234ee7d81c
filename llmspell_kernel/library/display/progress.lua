-- `display.progress`: bars that count a loop, or are moved by hand.
local host, helpers = ...
local fail, argument = helpers.fail, helpers.argument
local getmetatable, ipairs, next, rawget, setmetatable, type = getmetatable, ipairs, next, rawget, setmetatable, type
local ipairs_step = ipairs({})

local function bad(name, func, problem)
  fail("bad argument '" .. name .. "' to '" .. func .. "' (" .. problem .. ")")
end

local function typed(value) return value == nil and "no value" or type(value) end

local looping = {} -- the bars of loops that have not ended, by number

---A progress bar.
---@class display.bar
---@field count number How many steps are done.
---@field total? number How many there will be.
local bar = {}

-- Called by a `for` loop for its next values; how many steps there were is reported now and then only.
local function next_values(self, ...)
  if (...) == nil then
    self.count, self.finished = self.taken, true
    looping[self.number] = nil
    host.done(self.number, self.count)
    return nil
  end
  self.taken = self.taken + 1
  self.count = self.taken - 1
  if self.count >= self.report_at then self.report_at = host.move(self.number, self.count) end
  return ...
end

local Bar = {
  __index = bar,
  __name = "display.bar",
  __mimebundle = {},
  __call = function(self)
    if not self.advance_loop then bad("iterable", "display.progress", "this bar was made without anything to loop over") end
    if self.finished then return nil end
    looping[self.number] = self
    return self:advance_loop()
  end,
}

local function check_bar(self, func)
  if type(self) ~= "table" or type(self.number) ~= "number" then
    bad("self", func, "a progress bar expected, got " .. typed(self) .. "; call it as bar:advance(n)")
  end
end

---Moves the bar on.
---@param n? number How many steps; 1 if it is left out.
---@param text? string What to show instead of the label.
---@return display.bar
function bar:advance(n, text)
  check_bar(self, "bar:advance")
  if n ~= nil then argument(n, "n", "number", "bar:advance") end
  if text ~= nil then host.text(self.number, argument(text, "text", "string", "bar:advance")) end
  self.count = self.count + (n or 1)
  host.move(self.number, self.count)
  return self
end

---Sets the bar to a number of steps.
---@param count number
---@param text? string What to show instead of the label.
---@return display.bar
function bar:set(count, text)
  check_bar(self, "bar:set")
  return self:advance(argument(count, "count", "number", "bar:set") - self.count, text)
end

---Ends the bar; what is missing to its total is not filled in.
---@param text? string What to show instead of the label.
function bar:done(text)
  check_bar(self, "bar:done")
  if text ~= nil then host.text(self.number, argument(text, "text", "string", "bar:done")) end
  host.done(self.number, self.count)
end

local function over_range(last)
  return function(self)
    local i = self.taken + 1
    return next_values(self, i <= last and i or nil)
  end
end

local function over_list(list)
  return function(self)
    local i = self.taken + 1
    local value = list[i]
    if value == nil then return next_values(self, nil) end
    return next_values(self, i, value)
  end
end

local function over_iterator(iterator, state, control)
  local function step(self, ...)
    control = ...
    return next_values(self, ...)
  end
  return function(self) return step(self, iterator(state, control)) end
end

local function count_of(iterator, state)
  if type(state) ~= "table" then return nil end
  if iterator == ipairs_step then return #state end
  if iterator ~= next then return nil end
  local count = 0
  for _ in next, state do count = count + 1 end
  return count
end

local function is_callable(value)
  if type(value) == "function" then return true end
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, "__call") ~= nil
end

-- What to loop over, how many there are, and the label, of the arguments of display.progress.
local function subject_of(label, subject, ...)
  local kind = type(subject)
  if kind == "number" then
    if subject ~= subject or subject < 0 then bad("iterable", "display.progress", "a number >= 0 expected, got " .. subject) end
    return over_range(subject), subject, label or (...)
  elseif is_callable(subject) then
    local state, control = ...
    if not label and type(state) == "string" and control == nil then
      return over_iterator(subject), nil, state
    end
    return over_iterator(subject, state, control), count_of(subject, state), label
  elseif kind == "table" then
    return over_list(subject), #subject, label or (...)
  elseif kind == "nil" then
    return nil, nil, label or (...)
  end
  bad("iterable", "display.progress", "number, table or iterator expected, got " .. kind)
end

---A progress bar, which shows rate and remaining time.
---In a loop it counts by itself: `for i in display.progress(100, "work") do`, `for i, v in display.progress(list) do`,
---`for k, v in display.progress("work", pairs(t)) do` (before several values the label comes first).
---Otherwise move it: `bar = display.progress(100)`, `bar:advance()`, `bar:done()`.
---@param iterable? number|table|function How many steps, a list, or an iterator.
---@param label? string
---@return display.bar
local function progress(iterable, label, ...)
  local advance_loop, total, text
  if type(iterable) == "string" then
    advance_loop, total, text = subject_of(iterable, label, ...)
  else
    advance_loop, total, text = subject_of(nil, iterable, label, ...)
  end
  if text ~= nil then argument(text, "label", "string", "display.progress") end
  return setmetatable({
    number = host.start(total, text), advance_loop = advance_loop, count = 0, taken = 0, report_at = 0, total = total,
  }, Bar)
end

-- Called when a cell has ended, by whatever means: its loops will not go on.
local function leave_loops()
  for number, left in next, looping do
    looping[number] = nil
    host.leave(number, left.count)
  end
end

return progress, leave_loops
