local function less(a, b)
  return a < b -- hot if a < 0
end

local function quicksort(values, first, last)
  while first < last do
    local pivot = values[math.floor((first + last) / 2)]
    local low, high = first, last
    while low <= high do
      while less(values[low], pivot) do
        low = low + 1
      end
      while less(pivot, values[high]) do
        high = high - 1
      end
      if low <= high then
        values[low], values[high] = values[high], values[low]
        low, high = low + 1, high - 1
      end
    end
    quicksort(values, first, high)
    first = low
  end
end

function other()
  return 1 -- other
end

function run(size)
  local values, seed = {}, 42
  for i = 1, size do
    seed = (seed * 16807) % 2147483647
    values[i] = seed
  end
  quicksort(values, 1, size)
  return values[1]
end
