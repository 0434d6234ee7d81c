-- What settings take away from scripts. Runs when everything of ours has taken what it needs, before the first
-- script: what is put in place of a function here is all that scripts ever see of it.
local host = ...
local fail, type = host.fail, type
local io, os, package = io, os, package

-- Tables of the standard library that scripts do not have.
for name in host.gmatch(host.left_out, "%S+") do
  _G[name], package.loaded[name] = nil, nil
  if name == "package" then require, dofile, loadfile, module = nil, nil, nil, nil end
end

if not host.files then
  local function refuse(name)
    return function() fail(name .. ": " .. host.no_files) end
  end
  for _, name in next, { "open", "tmpfile" } do io[name] = refuse("io." .. name) end
  for _, name in next, { "remove", "rename", "tmpname" } do os[name] = refuse("os." .. name) end
  if loadfile then loadfile, dofile = refuse("loadfile"), refuse("dofile") end
  if package.searchpath then package.searchpath = refuse("package.searchpath") end

  -- With what is open already (standard input, a process) they still work.
  for _, name in next, { "lines", "input", "output" } do
    local raw = io[name]
    io[name] = function(file, ...)
      if type(file) == "string" or type(file) == "number" then fail("io." .. name .. ": " .. host.no_files) end
      return raw(file, ...)
    end
  end

  -- Modules that are loaded already are still found.
  local searchers = package.searchers or package.loaders
  searchers[2] = function() return (host.lua_version > 501 and "" or "\n\t") .. host.no_files end
  for i = #searchers, 3, -1 do searchers[i] = nil end
end
