local function fib(n)
  if n < 2 then return n end -- hot if n < 0
  return fib(n - 1) + fib(n - 2)
end

function other()
  return 1 -- other
end

function run(size)
  local value = fib(size) -- call
  return value
end
