-- Runs a file as the `lua` command does.
local host = ...
local loadfile, unpack = loadfile, table.unpack or unpack
local globals, rawset = _G, rawset

return {
  load = function(path)
    local main, message = loadfile(path)
    return main, message
  end,
  -- A function that runs the main chunk of a script with the arguments {n = count, [0] = name, ...}.
  with_arguments = function(main, arguments)
    rawset(globals, "arg", arguments)
    local n = arguments.n
    arguments.n = nil
    return function() return main(unpack(arguments, 1, n)) end
  end,
}
