"""Values that last, by scope and key: the global `State`.

What a script writes is there for other cells, scripts and kernels at once, and after a restart. It is kept in
the store of the settings: a SQLite file, a PostgreSQL server, or memory.

```lua
State.set("theme", "dark")                              -- in the scope "global"
State.set("user:alice", "visits", {total = 3, pages = {"home", "docs"}})
print(State.get("theme"), State.get("user:alice", "visits").pages[2])
print(State.increment("user:alice", "logins"))
```
"""
