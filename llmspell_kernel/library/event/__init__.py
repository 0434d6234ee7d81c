"""What components tell each other: the global `Event`.

Scripts publish events and subscribe to them by pattern; the kernel, tools, sessions and `State` publish
theirs on the same bus. A subscriber is a function, or a queue that `Event.receive` takes from.

```lua
local id = Event.subscribe("order.*")
Event.publish("order.created", {total = 12})
Event.receive(id).data.total  --> 12
```
"""
