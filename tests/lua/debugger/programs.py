"""Programs that breakpoints in them must not change. Each prints what it comes to."""

from __future__ import annotations

from tests.lua.sources import PROGRAM

EVERYWHERE = {
    "loops": """
local n, total = 0, 0
while n < 3 do
  n = n + 1
  if n == 2 then total = total + 10
  elseif n == 3 then total = total + 100
  else total = total + 1 end
end
while true do n = n + 1 if n > 5 then break end end
repeat local step = n; n = n - 1 until step < 3
repeat
  local function f() return n end
  n = n + 1
until f() > 4
for i = 3, 1, -1 do total = total + i end
for i = 1, 0 do total = nil end
for i = 1,
  2
do
  total = total * 2 + i
end
for i = 1, 2 do for j = 1, 2 do
  if i == j then break end
  total = total + j
end end
for k, v in pairs({a = 1}) do print(k, v) end
for _, v in ipairs{5, 6} do local w = v; total = total + w end
print(n, total)
""",
    "closures": """
local fs, list = {}, {}
for i = 1, 3 do local j = i fs[i] = function() j = j + 1; return j end end
print(fs[1](), fs[1](), fs[2]())
local object = {
  value = 1,
  get = function(self) return self.value end,
  set = function(self, v)
    self.value = v
  end, empty = function() end,
}
function object:add(n)
  self.value = self.value + n
  return self
end
function object.new(...) local self = {...} return self, select("#", ...) end
object:set(4)
print(object:add(2):add(3):get(), object.empty(), #object.new(1, nil, 3))
table.sort({3, 1, 2, 5, 4}, function(a, b) return a < b end)
local function count(...)
  local n = select("#", ...)
  if n > 0 then return n, ... end
end
print(count(), count(nil, nil), (count(1, 2, 3)))
print(pcall(function()
  local x = nil
  return x.field
end))
print(select(2, pcall(function() error("here") end)), select(2, pcall(error, "there", 0)))
""",
    "brackets": """
local log = {}
local function f(x) log[#log + 1] = tostring(x) return f end
do(f)(1)end
if log then(f)(2)else(f)(3)end
repeat(f)(4)until(log)
while(#log < 5)do(f)(5)end
for i=1,1 do(f)(i)end
;(f or g)(6)
local a = 1 ;(f)(a)
local t = {}(f)(7)
local s = 'x'(f)(8)
local function g()return(f)(9)end g()
local h = function()(f)(10)end h() h = nil(f)(11)
f(12)(13)f{}f'14'f"15"f[[16
17]]
local x='a'local y=2 x,y=y,x
print(table.concat(log, " "):gsub("0x%x+", ""), x, y)
""",
    "returns": """
local function early(x)
  if x then return end
  do return 5 end
end
local function nothing()
end
local function tail(n) if n == 0 then return "done" end return tail(n - 1) end
print(early(1), early(), nothing(), tail(300))
local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end
print(fib(12))
local made = coroutine.wrap(function(a)
  while a do
    a = coroutine.yield(a * 2)
  end
  return "end"
end)
print(made(1), made(2), made(nil))
return print("last")
""",
    "line ends": "local x = 1\r\n-- c\r\nif x then\r\n  x = 2\n\rend\rprint(x, [[a\r\nb]])\r\nx = x + 1;;"[
        :-1
    ],
    "comments": """--[==[ local x
]==]local x --[[ in between ]] = --
  1 -- behind
--[[a]]print(x)--[[b]]print(--[[ ( ]]x + 1)
local text = [[
print("no")
]] .. "\\
-- no comment" print(#text)
""",
}

WITH_GOTO = {
    "goto": """
local n = 0
for i = 1, 5 do
  if i % 2 == 0 then goto continue end
  local odd = i
  n = n + odd
  ::continue::
end
do
  ::again:: n = n + 1
  if n < 20 then goto again end
end
local function f()
  if n then goto done end
  local x = 1
  n = x
  ::done::
end
f()
repeat
  if n > 3 then goto skip end
  n = n + 1
  ::skip:: ; ::twice::
until n
while n > 18 do n = n - 1 if n == 19 then goto out end end
::out::
print(n)
""",
}

FROM_54 = {
    "shop": PROGRAM.replace("return shop, {", "print(#shop['stock of']) return {"),
    "attributes": """
local limit <const> = 10
local n <const>, m = 3, limit // 3
local function closing(name) return setmetatable({}, {__close = function() print("close", name) end}) end
do
  local a <close> = closing("a")
  local b <close> = closing("b")
  print(n | m << 2, ~n, 7 // 2)
end
local function f()
  local c <close> = closing("c")
  return limit
end
print(f())
for i = 1, 2 do
  local d <close> = closing("d" .. i)
  if i == 1 then goto next end
  print(i)
  ::next::
end
""",
}

FROM_55 = {
    "globals": """
global <const> *
global a, b = 1, 2
global function f(...rest)
  return #rest + a
end
global c
c = f(1, 2) + b
print(c)
global print <const>
local x <const> = 3
""",
}

PROGRAMS = {
    "lua54": EVERYWHERE | WITH_GOTO | FROM_54,
    "lua55": EVERYWHERE | WITH_GOTO | FROM_54 | FROM_55,
    "luajit21": EVERYWHERE | WITH_GOTO,
}
CASES = [(lua, name) for lua, programs in PROGRAMS.items() for name in programs]
