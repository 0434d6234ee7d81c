-- Runs one request of the configuration for nvim-dap in a Neovim without nvim-dap, and prints as JSON what
-- nvim-dap would be told. Arguments: the folder of the configuration, its options and the request, as JSON.
local folder, options, request = arg[1], vim.json.decode(arg[2]), vim.json.decode(arg[3])
vim.opt.runtimepath:append(folder)

local dap = { adapters = {}, configurations = { lua = { { type = "other", name = "Mine" } } }, ABORT = {} }
package.preload.dap = function()
  return dap
end
local told = {}
vim.notify = function(message)
  table.insert(told, message)
end

local llmspell = require("llmspell")
llmspell.setup(options)
llmspell.setup(options)
local names = vim.tbl_map(function(configuration)
  return configuration.name
end, dap.configurations.lua)

local server, sent
dap.adapters.llmspell(function(answer)
  server = answer
  answer.enrich_config(request, function(config)
    sent = config
  end)
  server.enrich_config = nil
end, request)
vim.wait(60000, function()
  return server ~= nil or #told > 0
end, 20)

local kernels = vim.tbl_map(function(kernel)
  return kernel.name
end, llmspell.kernels())
io.write(vim.json.encode({
  names = names,
  server = server or vim.NIL,
  sent = sent or vim.NIL,
  told = table.concat(told, "\n"),
  kernels = kernels,
}))
