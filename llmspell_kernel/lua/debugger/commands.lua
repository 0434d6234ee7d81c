-- What the host can ask of the debugger. Frames are known to it by numbers, which are never used again.
local host, engine, threads, variables, evaluation = ...
local raw_metatable = host.debug.getmetatable
local error, rawget, tostring, type = error, rawget, tostring, type
local format = string.format

local MOST = 1000 -- frames, where all are asked for

local frames, last_frame = {}, 0 -- of the current stop

local function forget()
  frames = {}
  variables.forget()
  evaluation.forget()
end

-- A new number for a call; those that it had before stay good.
local function number(frame)
  last_frame = last_frame + 1
  frames[last_frame] = frame
  return last_frame
end

-- The frame that the host calls `id`; nil for none.
local function frame_of(id)
  if not id then return nil end
  local frame = frames[id]
  if not frame then
    error(format("there is no frame %s now: it belongs to code that has gone on; ask for the stack again", tostring(id)), 0)
  end
  return frame
end

local function thread_of(id)
  local thread = threads.thread_of(id)
  if not thread then error(format("there is no thread %s: it has ended; ask for the threads again", tostring(id)), 0) end
  return thread
end

local commands = {}

function commands.threads() return threads.list(engine.stopped_thread()) end

function commands.stack(id, start, count)
  local rows, total = threads.frames(thread_of(id), start, count > 0 and count or MOST)
  for i = 1, #rows do rows[i].id = number(rows[i]) end
  return rows, total
end

function commands.scopes(id) return variables.scopes(frame_of(id)) end

commands.variables = variables.variables
commands.set_variable = evaluation.set_variable

function commands.evaluate(id, code, context) return evaluation.evaluated(frame_of(id), code, context) end

function commands.set_expression(id, target, code)
  return evaluation.set_expression(frame_of(id), target, code)
end

function commands.copy_to_globals(id, name, destination)
  return evaluation.copy_to_globals(frame_of(id), name, destination)
end

-- In a box, for what is shown as in a notebook.
function commands.value(id, name)
  local found, value = evaluation.value_of(frame_of(id), name)
  if not found then error(format("there is no variable %s here", name), 0) end
  return { n = 1, value }
end

function commands.complete(id, ...) return evaluation.complete(frame_of(id), ...) end

function commands.error_here()
  local box, uncaught = engine.error_here()
  if not box then error("the code has not stopped on an error", 0) end
  local metatable = type(box[1]) == "table" and raw_metatable(box[1])
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  return uncaught, type(name) == "string" and name or nil
end

commands.resume = function()
  forget()
  engine.go_on(nil)
end

commands.step = function(how, id)
  engine.go_on(how, id)
  forget()
end

return { commands = commands, forget = forget }
