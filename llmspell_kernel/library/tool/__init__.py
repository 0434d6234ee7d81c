"""What tools are and how they are called: the global `Tool`.

A tool is called by its name with a table of parameters and answers a table: `success`, `operation`,
`result`, `metadata`, and `error.message` if it did not succeed. Parameters that do not fit, and what a guard
forbids, are errors. [Tools](tools.md) lists those that there are.

```lua
local answer = Tool.execute("text-manipulator", {operation = "uppercase", input = "hello"})
print(answer.success, answer.result.result)                --> true HELLO

local tool = Tool["calculator"]
print(tool:execute({input = "6 * 7"}).result.result)       --> 42

Tool.register{
  name = "greet",
  description = "Greets somebody.",
  parameters = {{name = "who", type = "string", required = true}},
  execute = function(params) return "Hello " .. params.who end,
}
print(Tool.execute("greet", {who = "Ada"}).result)         --> Hello Ada
```
"""
