-- Which keys of a table a page of its children shows. Tables are read raw.
-- A table of any size opens at once: the array part is shown by index, of the other keys only so many are looked at as
-- a page needs, and they are in order only where all of them are quickly known.
-- Argument: the module previews.lua.
local previews = ...
local is_index = previews.is_index
local sort = table.sort
local max, min = math.max, math.min
local format = string.format
local next, type = next, type
local rawlen = rawlen or function(t) return #t end -- where it is missing, # ignores __len

local LIMIT = 500       -- entries that are shown where no page was asked for
local FIRST = 100       -- of a longer array; the others are in groups of
local GROUP = 100       -- this many, or groups of groups
local SORTED = 5000     -- keys that are sorted; more are shown as they come
local WALKED = 200000   -- length of an array part that is walked through to find keys among it

-- Keys in the order people read them: numbers, strings, booleans, others as they come.
local function sorted(keys)
  local kinds = { number = {}, string = {}, boolean = {} }
  local others = {}
  for i = 1, #keys do
    local bucket = kinds[type(keys[i])] or others
    bucket[#bucket + 1] = keys[i]
  end
  sort(kinds.number)
  sort(kinds.string)
  local all = kinds.number
  for _, bucket in next, { kinds.string, kinds.boolean, others } do
    for i = 1, #bucket do all[#all + 1] = bucket[i] end
  end
  return all
end

-- What is known of a table's keys. With `first` and `last` it lists only that part of the array.
local function listing(t, first, last)
  local length = rawlen(t)
  return {
    table = t, length = length, first = first or 1, last = last and min(last, length) or length,
    is_part = first ~= nil, keys = {}, is_complete = first ~= nil,
    -- Keys that lie before the end of a long array part, where Lua keeps them all in its hash, are not found.
    cursor = length > WALKED and length or nil,
  }
end

-- Looks for keys beside the array part until `wanted` are known, or all.
local function collect(known, wanted)
  local keys, length, t = known.keys, known.length, known.table
  local n = #keys
  if known.is_complete or n >= wanted then return end
  wanted = max(wanted, SORTED + 1)
  local key = next(t, known.cursor)
  while key ~= nil do
    known.cursor = key
    if not is_index(key, length) then
      n = n + 1
      keys[n] = key
      if n >= wanted then return end
    end
    key = next(t, key)
  end
  known.is_complete = true
  if n <= SORTED then known.keys = sorted(keys) end
end

-- The part first .. last of an array in groups of which there are not too many.
local function groups_of(first, last)
  local size = GROUP
  while (last - first + 1) / size > GROUP do size = size * GROUP end
  local groups = {}
  for start = first, last, size do groups[#groups + 1] = { start, min(start + size - 1, last) } end
  return groups
end

local function rest_of(known, shown)
  if known.is_complete then return format("%d more entries", #known.keys - shown) end
  return format("more than %d entries, in no order", #known.keys - shown)
end

-- The page of `count` entries (0: all, within limits) from the `start`-th (from 0) of those that `filter` leaves:
-- indices `first` .. `last`, `groups` of indices, `keys`; `rest`, if there are more keys, says how many, and `next`
-- where they begin; `metatable` whether the table's comes here, after the last key.
local function page(known, filter, start, count)
  local length = filter == "named" and 0 or max(0, known.last - known.first + 1)
  local result = { first = known.first + start, last = known.last, groups = {}, keys = {}, metatable = false }
  if start >= length then
    result.last = result.first - 1
  elseif count > 0 then
    result.last = min(known.last, result.first + count - 1)
  elseif length - start > LIMIT then
    local shown = known.is_part and 0 or FIRST
    result.groups = groups_of(result.first + shown, known.last)
    result.last = result.first + shown - 1
  end
  if filter == "indexed" or known.is_part then return result end
  local skipped = max(0, start - length)
  local room = count > 0 and count - (result.last - result.first + 1) or LIMIT
  if room <= 0 then return result end
  collect(known, skipped + room + 1)
  local keys = known.keys
  local last = min(#keys, skipped + room)
  for i = skipped + 1, last do result.keys[i - skipped] = keys[i] end
  if count == 0 and last < #keys then
    result.rest, result.next = rest_of(known, last), last
  end
  result.metatable = known.is_complete and last == #keys and skipped <= #keys and (count == 0 or last - skipped < room)
  return result
end

return { listing = listing, page = page, sorted = sorted, SORTED = SORTED }
