-- Runs the text of a script as the `lua` command does.
local host = ...
local load, unpack = load, table.unpack or unpack
local globals, rawset = _G, rawset

return {
  -- The main chunk; nil and a message if Lua refuses it.
  load = function(source, name)
    local main, message = load(source, "@" .. name)
    if main then return main end
    return nil, message
  end,
  -- A function that runs the main chunk. words: {n = count, [0] = name, ...}, parsed: what ARGS is.
  with_arguments = function(main, words, parsed)
    rawset(globals, "arg", words)
    rawset(globals, "ARGS", parsed)
    host.mark_main(main)
    local n = words.n
    words.n = nil
    return function() return main(unpack(words, 1, n)) end
  end,
  look_beside = host.look_beside,
}
