local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local started = os.clock()
local value = fib(32)
print(string.format("%.6f %d", os.clock() - started, value))
