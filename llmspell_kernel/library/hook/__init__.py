"""Functions called at points of what happens: the global `Hook`.

A hook may look at what is about to happen, change it, do something in its place, or stop it. What it does
wrong harms nobody: it is told, and a hook that fails again and again rests for a while.

```lua
local hook = Hook.register("BeforeStateWrite", function(context)
  return {type = "modified", data = {value = context.data.value:upper()}}
end)
State.set("name", "ada")
hook:unregister()
State.get("name")  --> "ADA"
```
"""
