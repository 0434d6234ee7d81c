local array, keyed = {}, {}

function fill(entries)
  for i = 1, entries do
    array[i] = i
    keyed["key " .. i] = i
  end
end

local function visit(array, keyed)
  return array, keyed -- stop
end

function run(size)
  for _ = 1, size do
    visit(array, keyed)
  end
end
