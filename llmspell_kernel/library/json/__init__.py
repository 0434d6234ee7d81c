"""JSON text to values and back.

```lua
local point = JSON.parse('{"x": 1, "y": 2.5, "tags": []}')
print(point.x, point.y, JSON.stringify(point))
```

Nothing is lost on the way there and back: integers stay integers, an empty array stays one, and with
`{null = true}` a null is `JSON.null` where it otherwise is nil. A table with the keys 1 to n is an
array, holes in it are nulls; any other table is an object, and its keys are text. An empty table is
`{}`; `JSON.array()` makes one that is `[]`.
"""
