"""Lua sources, and Lua's own opinion of source, for the tests of what reads it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

LUAS = ("lua54", "lua55", "luajit21")

PROGRAM = """#!/usr/bin/env lua
--[[ A shop: what it has,
     what it sells. ]]
local insert <const>, concat = table.insert, table.concat
local Shop = {}
Shop.__index = Shop

--- Opens a shop.
function Shop.new(name, ...)
    local self = setmetatable({name = name, ["stock of"] = {}; count = 0}, Shop)
    for i = 1, select("#", ...) do
        local item = (select(i, ...))
        if type(item) == "string" then
            self:add(item)
        elseif item == nil then
            goto continue
        else
            self:add(tostring(item), 1e3)
        end
        ::continue::
    end
    return self
end

function Shop:add(item, price)
    insert(self["stock of"], {item, price or 0x1F, sold = false})
    self.count = self.count + 1; return self
end

local function each(list)
    local index = 0
    return function()
        index = index + 1
        local entry = list[index]
        if entry then return index, entry end
    end
end

local shop = Shop.new("Käse & Brot 🧀", "cheddar", 'it\\'s "brie"', nil, 5)
shop:add"gouda":add{}
for index, entry in each(shop["stock of"]) do
    while not entry.sold do
        entry.sold = index > 1 and #entry >= 2 or entry[1] ~= "gouda"
        if index == 3 then break end
        do entry.sold = true end
    end
end

local text = [==[
long ]] string
]==] .. "escaped\\
line \\z
    end" -- trailing comment
local total, _ = 0, ...
repeat
    local step = -2 ^ 2 // 1
    total = total - step
until step < 0 and total > 10
print(text:upper(), concat({"a", "b"}, ", "), total, ("x"):rep(3))
;(print or error)(shop.count)
local last <close> = nil
return shop, {shop.new, [1] = function(a, ...) return a, ... end}
"""
"""A program for Lua 5.4 that uses all of its grammar."""


def loader(lua: str) -> Callable[[str], bytes | None]:
    """A function that gives a chunk's bytecode without debug information, None if it does not compile."""
    evaluate = _evaluate(lua)
    dump: Any = evaluate(
        "function(code) "
        "local chunk = (loadstring or load)(code, '=c') return chunk and string.dump(chunk, true) end"
    )

    def load(code: str) -> bytes | None:
        result: bytes | None = dump(code.encode("utf-8", "surrogateescape"))
        return result

    return load


def compile_error(lua: str) -> Callable[[str], str | None]:
    """A function that gives Lua's error message for a chunk, None if it compiles."""
    evaluate = _evaluate(lua)
    load: Any = evaluate("function(code) local _, e = (loadstring or load)(code, '=c') return e end")

    def error(code: str) -> str | None:
        message: bytes | None = load(code.encode("utf-8", "surrogateescape"))
        return None if message is None else message.decode("utf-8", "replace")

    return error


def _evaluate(lua: str) -> Callable[[str], Any]:
    runtime = importlib.import_module(f"lupa.{lua}").LuaRuntime(encoding=None)
    return lambda code: runtime.eval(code.encode())


def at_cursor(marked: str) -> tuple[str, int]:
    """Code and cursor of text that marks the cursor by `¦`."""
    cursor = marked.index("¦")
    return marked[:cursor] + marked[cursor + 1 :], cursor
