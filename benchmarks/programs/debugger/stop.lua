local function visit(number)
  local name, ratio, even = "visit " .. number, number / 7, number % 2 == 0
  local values, record = { 1, 2, 3, 4, 5 }, { first = number, second = name }
  return name, ratio, even, values, record -- stop
end

function run(size)
  for number = 1, size do
    visit(number)
  end
end
