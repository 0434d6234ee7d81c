r"""Artifacts: what sessions have made, kept byte for byte.

An artifact is a name, a type, content and what is known about it. The same content is stored once, however
many artifacts have it; a name that is used again in a session becomes the next version. Content is compressed
where that helps, and checked whenever it is read.

```lua
local session = Session.create({ name = "june" })
local id = Artifact.store(session, "tool_result", "table.csv", "a,b\n1,2\n", { tags = { "csv" } })
print(Artifact.get(session, id).content)  --> a,b
                                          --> 1,2
```
"""
