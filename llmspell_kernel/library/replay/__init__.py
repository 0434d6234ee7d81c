"""What replaying needs: configurations, modifications, times, and comparing what came out.

`Session.replay` runs again what ran in a session; here are the tables that tell it how, the times at which
something is to be done again, and a comparator for any two values.

```lua
local comparator = Replay.create_comparator()
comparator:compare_json({ rows = 10 }, { rows = 12 }).summary  --> "1 of 1 values differ"
```
"""
