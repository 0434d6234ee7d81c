-- One debugging session with nvim-dap; prints as JSON what it saw. Arguments: the checkout of nvim-dap, the
-- folder of the configuration, its options as JSON, the program, and the line of the breakpoint.
local checkout, folder, options, program, line = arg[1], arg[2], vim.json.decode(arg[3]), arg[4], tonumber(arg[5])
vim.opt.runtimepath:append(checkout)
vim.opt.runtimepath:append(folder)
local dap = require("dap")
require("llmspell").setup(options)

local seen = { stops = {}, locals = {}, console = "" }
local terminated = false
dap.listeners.after.event_output.test = function(_, body)
  seen.console = seen.console .. body.output
end
dap.listeners.after.event_terminated.test = function()
  terminated = true
end

local function wait(what, condition)
  assert(vim.wait(60000, condition, 20), "waited in vain for " .. what)
end

local last
-- nvim-dap makes new frames at each stop, and then asks for their scopes and variables.
local function wait_stopped(what)
  local frame
  wait(what, function()
    local session = dap.session()
    frame = session and session.current_frame
    return frame and frame ~= last and frame.scopes and frame.scopes[1] and frame.scopes[1].variables
  end)
  last = frame
  table.insert(seen.stops, frame.name .. ":" .. frame.line)
  for _, variable in pairs(frame.scopes[1].variables) do
    seen.locals[variable.name] = variable.value
  end
end

vim.cmd.edit(program)
vim.api.nvim_win_set_cursor(0, { line, 0 })
dap.set_breakpoint()
dap.run(require("llmspell").configurations[1])
wait_stopped("the breakpoint")
dap.step_over()
wait_stopped("the step")
dap.continue()
wait("the end", function()
  return terminated
end)
wait("the session to close", function()
  return dap.session() == nil
end)
io.write("\n" .. vim.json.encode(seen))
