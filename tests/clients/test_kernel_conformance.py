"""jupyter_kernel_test: the message specification, checked message by message by Jupyter's own suite."""

from __future__ import annotations

from typing import ClassVar

import jupyter_kernel_test
import pytest

pytestmark = pytest.mark.usefixtures("kernelspecs")

COMPLETE = ["x = 1", "print('hi')", "1 + 1", "for i = 1, 3 do print(i) end", "return 1", "", "-- a comment"]
INCOMPLETE = [
    "for i = 1, 3 do",
    "function f(a)",
    "x = {1,",
    "print(",
    "if x then",
    "s = [[one",
    "--[[ a comment",
]
INVALID = ["x = = 1", "end", "x = )", "for for", "if x then end end"]


class LuaConformance(jupyter_kernel_test.KernelTests):
    """Every attribute is set, so that the suite skips nothing."""

    __test__ = False

    language_name = "lua"
    file_extension = ".lua"
    code_hello_world = "print('hello, world')"
    code_stderr = "io.stderr:write('trouble\\n')"
    completion_samples: ClassVar = [
        {"text": "prin", "matches": {"print"}},
        {"text": "coroutine.wra", "matches": {"wrap"}},
        {"text": "setmetat", "matches": {"setmetatable"}},
    ]
    complete_code_samples: ClassVar = COMPLETE
    incomplete_code_samples: ClassVar = INCOMPLETE
    invalid_code_samples: ClassVar = INVALID
    code_page_something = "print?"
    code_generate_error = "error('a conformance failure')"
    code_execute_result: ClassVar = [
        {"code": "6 * 7", "result": "42"},
        {"code": "conformance = 'a' .. 1; conformance", "result": '"a1"'},
        {"code": "return 1 == 1", "result": "true"},
        {"code": "{name = 'Lua', {1, 2}}"},
    ]
    code_display_data: ClassVar = [
        {"code": "display.html('<b>bold</b>')", "mime": "text/html"},
        {"code": "display.markdown('**bold**')", "mime": "text/markdown"},
        {"code": "display.latex('$x^2$')", "mime": "text/latex"},
        {"code": "display.json({a = 1})", "mime": "application/json"},
        {"code": "display(42)", "mime": "text/plain"},
    ]
    code_history_pattern = "conformance = ?a? .. 1*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "string.format"
    code_clear_output = "display.clear()"


class TestLua54(LuaConformance):
    __test__ = True
    kernel_name = "llmspell"


class TestLua55(LuaConformance):
    __test__ = True
    kernel_name = "llmspell-lua55"


class TestLuaJIT(LuaConformance):
    __test__ = True
    kernel_name = "llmspell-luajit"


class TestIopubWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "llmspell"
    support_iopub_welcome = True


def test_nothing_of_the_suite_is_left_out() -> None:
    untouched = [
        name
        for name, default in vars(jupyter_kernel_test.KernelTests).items()
        if name.startswith(("code_", "completion_", "complete_", "incomplete_", "invalid_", "supported_"))
        and not getattr(LuaConformance, name)
        and not callable(default)
    ]
    assert untouched == []
