"""How what a script prints is gathered, asked for at any moment."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import llmspell_kernel.lua

OUTPUT = (Path(llmspell_kernel.lua.__file__).parent / "prelude" / "output.lua").read_bytes()

WRITE = b"""
local source, moment = ...
if jit then jit.off() end
local seen = {}
local function see(text) seen[#seen + 1] = text end
local output = (loadstring or load)(source, "=output")({write_out = see, write_err = see, may_hold = true})
local instructions = 0
debug.sethook(function()
  instructions = instructions + 1
  if instructions == moment then output.release_from_hook() end
end, "", 1)
for i = 1, 6 do output.write_out(i .. " ") end
debug.sethook()
output.release()
return table.concat(seen), instructions
"""


@pytest.mark.parametrize("module", ["lua54", "lua55", "luajit21"])
def test_what_is_asked_for_between_any_two_instructions_keeps_its_order(module: str) -> None:
    run = import_module(f"lupa.{module}").LuaRuntime(encoding=None, unpack_returned_tuples=True).execute
    _, last = run(WRITE, OUTPUT, 0)
    for moment in range(1, last + 1):
        assert run(WRITE, OUTPUT, moment)[0] == b"1 2 3 4 5 6 ", f"asked for at instruction {moment}"
