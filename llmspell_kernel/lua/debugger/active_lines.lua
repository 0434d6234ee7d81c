-- The lines of a function's code that Lua tells hooks of, found by compiling it once more: "1,3,4", nil if Lua
-- refuses it. `is_function` tells that `code` returns the function, and nothing else.
local host = ...
local raw_load, getinfo = host.raw_load, host.debug.getinfo
local next, pcall = next, pcall
local concat = table.concat

local function lines_of(code, is_function)
  local ok, f = pcall(raw_load, code, "=code", "t")
  if not ok or not f then return nil end
  if is_function then f = f() end
  local list, n = {}, 0
  for line in next, getinfo(f, "L").activelines do
    n = n + 1
    list[n] = line
  end
  return concat(list, ",")
end

return { lines_of = lines_of }
