"""Sessions: what belongs together because it was done together.

A session has a name, tags, a status, artifacts, and a record of the code that ran while it was current: what
it printed, what it came to, how long it took. It outlives the process that made it. In a notebook there is
always a current one: that of the notebook, which a restart of the kernel goes on with.

```lua
local id = Session.create({ name = "june", tags = { "report" } })
Session.suspend(id)
Session.get(id).status  --> "suspended"
```
"""
