"""Messages with levels and modules, timers, and values as text.

```lua
Debug.info("ready", "app.start")

local timer = Debug.timer("sum")
local sum = 0
for i = 1, 1000 do sum = sum + i end
timer:lap("summed")
print(timer:stop() < 1000)

print(Debug.dumpCompact({x = 1, list = {1, 2, 3}}))
```

Messages go to stderr, below the cell or beside the script's output. `debug.level` in the settings, or
`Debug.setLevel`, says from which level on; filters say of which modules. All of them, also those that are not
written, can be read again with `Debug.getCapturedEntries`.
"""
