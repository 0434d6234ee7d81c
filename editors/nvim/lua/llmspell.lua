-- Debugs Lua programs and Jupyter kernels from Neovim with nvim-dap. Needs Neovim 0.9 or newer.
--
--   require("llmspell").setup()
--   require("llmspell").setup({ command = { "/path/to/.venv/bin/llmspell" } })

local M = {}

local options = {
  command = { "llmspell" }, -- runs programs; or a function that answers such a list
  runtime_folder = nil, -- of Jupyter's connection files; by default where Jupyter writes them
}

local uv = vim.uv or vim.loop

local function complain(message)
  vim.notify(message, vim.log.levels.ERROR, { title = "llmspell" })
end

local function new_token()
  return (uv.random(16):gsub(".", function(byte)
    return string.format("%02x", string.byte(byte))
  end))
end

-- The command that runs the program of a launch configuration and listens for us.
function M.command_line(config)
  local command = type(options.command) == "function" and options.command() or options.command
  local line = vim.list_extend({}, command)
  vim.list_extend(line, { "debug", "--listen", "127.0.0.1:0", "--wait" })
  if config.stopOnEntry then
    table.insert(line, "--stop-on-entry")
  end
  if config.language then
    vim.list_extend(line, { "--language", config.language })
  end
  table.insert(line, config.program)
  if config.args and #config.args > 0 then
    table.insert(line, "--")
    vim.list_extend(line, config.args)
  end
  return line
end

-- What nvim-dap connects to; the token goes into the request, not into the configuration of the user.
local function server(host, port, token)
  return {
    type = "server",
    host = host,
    port = port,
    enrich_config = function(config, continue)
      continue(vim.tbl_extend("force", config, { token = token }))
    end,
  }
end

-- What a program has written until it listens. jobstart hands over lists of lines, whose first one continues
-- the last one of the list before.
local function listening_port(written, data)
  written[#written] = written[#written] .. data[1]
  vim.list_extend(written, data, 2)
  for number = 1, #written - 1 do
    local port = written[number]:match("^listening on %S+:(%d+)%s*$")
    if port then
      return tonumber(port)
    end
  end
  return nil
end

-- Starts the program, and tells nvim-dap where it listens. The program's own output arrives as events.
local function launch(answer, config)
  if not config.program or vim.fn.filereadable(config.program) == 0 then
    complain(("There is no Lua file %s to debug; look at program in the configuration."):format(config.program))
    return
  end
  local command = M.command_line(config)
  local token = new_token()
  local listens = false
  local written, errors = { "" }, {}
  local settings = {
    cwd = config.cwd,
    env = vim.tbl_extend("force", config.env or {}, { LLMSPELL_DEBUG_TOKEN = token }),
    on_stdout = function(_, data)
      local port = not listens and listening_port(written, data)
      if port then
        listens = true
        answer(server("127.0.0.1", port, token))
      end
    end,
    on_stderr = function(_, data)
      if not listens then
        vim.list_extend(errors, data)
      end
    end,
    on_exit = function(_, status)
      if not listens then
        local text = table.concat(errors, "\n")
        complain(("%s ended with status %d before it listened.\n%s"):format(command[1], status, text))
      end
    end,
  }
  local started, job = pcall(vim.fn.jobstart, command, settings)
  if not started or job <= 0 then
    complain(
      ("Cannot run %s: install it (pip install llmspell-kernel), or say where it is: "):format(command[1])
        .. 'require("llmspell").setup({ command = { "/path/to/llmspell" } })'
    )
  end
end

-- Host, port and token of the kernel of a connection file; nil and what is wrong with it otherwise.
function M.read_connection_file(file)
  local opened, lines = pcall(vim.fn.readfile, file)
  if not opened then
    return nil, ("Cannot read the connection file %s."):format(file)
  end
  local decoded, content = pcall(vim.json.decode, table.concat(lines, "\n"))
  if not decoded or type(content) ~= "table" then
    return nil, ("The connection file %s is no JSON."):format(file)
  end
  if type(content.llmspell_dap_port) ~= "number" then
    return nil,
      ("The kernel of %s does not listen for debuggers. "):format(file)
        .. "Start it with --dap-port=0, for example: llmspell kernel start -- --dap-port=0"
  end
  return {
    file = file,
    name = content.jupyter_session or content.kernel_name or vim.fn.fnamemodify(file, ":t:r"),
    host = "127.0.0.1",
    port = content.llmspell_dap_port,
    token = content.llmspell_dap_token ~= "" and content.llmspell_dap_token or nil,
  }
end

local function attach(answer, config)
  if config.connectionFile then
    local kernel, problem = M.read_connection_file(config.connectionFile)
    if not kernel then
      complain(problem)
      return
    end
    answer(server(kernel.host, kernel.port, config.token or kernel.token))
    return
  end
  local port = tonumber(config.port)
  if not port then
    complain("Attach needs a port, or the connectionFile of a kernel; add one of them to the configuration.")
    return
  end
  answer(server(config.host or "127.0.0.1", port, config.token))
end

-- The folder of Jupyter's connection files, as `jupyter --runtime-dir` tells it by default.
local function runtime_folder()
  local env = vim.env
  if options.runtime_folder or env.JUPYTER_RUNTIME_DIR then
    return options.runtime_folder or env.JUPYTER_RUNTIME_DIR
  end
  local data = env.JUPYTER_DATA_DIR
  if not data then
    local on_mac = vim.fn.has("mac") == 1
    data = on_mac and env.HOME .. "/Library/Jupyter" or (env.XDG_DATA_HOME or env.HOME .. "/.local/share") .. "/jupyter"
  end
  return data .. "/runtime"
end

-- Kernels that were killed leave their files behind.
local function answers(kernel)
  local connected, channel = pcall(vim.fn.sockconnect, "tcp", kernel.host .. ":" .. kernel.port)
  if connected then
    vim.fn.chanclose(channel)
  end
  return connected
end

-- The kernels that listen for debuggers now, the youngest first.
function M.kernels()
  local files = vim.fn.glob(vim.fn.fnameescape(runtime_folder()) .. "/kernel-*.json", true, true)
  table.sort(files, function(a, b)
    return vim.fn.getftime(a) > vim.fn.getftime(b)
  end)
  local found = {}
  for _, file in ipairs(files) do
    local kernel = M.read_connection_file(file)
    if kernel and answers(kernel) then
      table.insert(found, kernel)
    end
  end
  return found
end

-- A value for `connectionFile`: asks which kernel, unless there is only one. nvim-dap resumes the coroutine.
function M.pick_kernel()
  return coroutine.create(function(asker)
    local function finish(kernel)
      coroutine.resume(asker, kernel and kernel.file or require("dap").ABORT)
    end
    local kernels = M.kernels()
    if #kernels == 0 then
      complain("No kernel listens for debuggers. Start one with: llmspell kernel start -- --dap-port=0")
    end
    if #kernels <= 1 then
      finish(kernels[1])
      return
    end
    local function describe(kernel)
      return ("%s (port %d)"):format(kernel.name, kernel.port)
    end
    vim.ui.select(kernels, { prompt = "Attach to kernel: ", format_item = describe }, finish)
  end)
end

local function ask_arguments()
  return vim.split(vim.fn.input("Arguments: "), " +", { trimempty = true })
end

local function ask_port()
  return tonumber(vim.fn.input("Port: "))
end

M.configurations = {
  {
    type = "llmspell",
    request = "launch",
    name = "Lua: this file",
    program = "${file}",
    cwd = "${workspaceFolder}",
  },
  {
    type = "llmspell",
    request = "launch",
    name = "Lua: this file with arguments",
    program = "${file}",
    cwd = "${workspaceFolder}",
    args = ask_arguments,
  },
  { type = "llmspell", request = "attach", name = "Lua: running kernel", connectionFile = M.pick_kernel },
  { type = "llmspell", request = "attach", name = "Lua: port of llmspell debug", port = ask_port },
}

-- Makes nvim-dap know the adapter and the configurations of Lua files. May be called again.
function M.setup(given)
  options = vim.tbl_extend("force", options, given or {})
  local dap = require("dap")
  dap.adapters.llmspell = function(answer, config)
    local handle = config.request == "attach" and attach or launch
    handle(answer, config)
  end
  local others = vim.tbl_filter(function(configuration)
    return configuration.type ~= "llmspell"
  end, dap.configurations.lua or {})
  dap.configurations.lua = vim.list_extend(others, M.configurations)
end

return M
