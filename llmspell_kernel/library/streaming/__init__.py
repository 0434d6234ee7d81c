"""Values that come one after the other, as a coroutine makes them.

```lua
local numbers = Streaming.create(function()
  for i = 1, 3 do Streaming.yield(i * i) end
end)
print(numbers:next())
for square in numbers do print(square) end
print(numbers:isDone())
```
"""
