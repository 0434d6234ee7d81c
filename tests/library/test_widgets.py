"""Widgets made in Lua and moved by a front end, over the wire."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import ipywidgets
import pytest

from llmspell_kernel.library.widgets.names import NAMES, NOT_FOR_LUA
from llmspell_kernel.runtime import Runtime
from tests.kernels import KernelSession
from tests.lua.shell import MemoryFrontend

from .wire import VIEW, Wire, failure, model_of, ok, update_of, value

# Making and setting


def test_the_names_are_those_of_ipywidgets() -> None:
    classes = {
        name
        for name in dir(ipywidgets)
        if isinstance(getattr(ipywidgets, name), type)
        and issubclass(getattr(ipywidgets, name), ipywidgets.Widget)
    }
    assert set(NAMES) == classes - NOT_FOR_LUA
    assert NOT_FOR_LUA <= classes


def test_a_widget_is_shown_and_has_a_text_for_those_who_cannot(kernel: KernelSession) -> None:
    done = ok(kernel.execute('s = widgets.IntSlider{value = 3, max = 10, description = "turns"} return s'))
    data = done.of_type("execute_result")[0]["content"]["data"]
    assert data["text/plain"] == 'IntSlider{value = 3, description = "turns", max = 10}'
    assert data[VIEW]["version_major"] == 2
    opened = {message["content"]["comm_id"]: message["content"] for message in done.of_type("comm_open")}
    assert opened[data[VIEW]["model_id"]]["data"]["state"]["max"] == 10


def test_the_front_end_moves_lua_state_and_lua_the_front_end(kernel: KernelSession, wire: Wire) -> None:
    model = model_of(ok(kernel.execute("s = widgets.IntSlider{value = 3, max = 10} return s")))
    wire.update(model, value=7)
    assert value(kernel, "s.value") == "7"
    (update,) = ok(kernel.execute("s.value = 9")).of_type("comm_msg")
    assert update["content"] == {"comm_id": model, "data": update_of(value=9)}
    assert value(kernel, "s.value") == "9"


@pytest.mark.parametrize("language", ["lua55", "luajit"])
def test_every_lua_has_widgets(new_kernel: Callable[..., KernelSession], language: str) -> None:
    kernel = new_kernel("llmspell", f"--language={language}")
    model = model_of(
        ok(
            kernel.execute(
                "s = widgets.IntSlider{value = 3, max = 10} s:observe(function(c) seen = c.new end) "
                "widgets.interactive(function(a, b) got = a .. b end, {a = 10, b = 'x'}) return s"
            )
        )
    )
    Wire(kernel).update(model, value=7)
    assert value(kernel, "seen, got") == '7\t"10x"'


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("widgets.HBox{a, b}.children[2] == b", "true"),
        ("widgets.VBox{children = {a, b}}.children[1] == a", "true"),
        ("#widgets.HBox{}.children", "0"),
        ("a.layout == a.layout", "true"),
        ('widgets.Button{layout = {width = "50%"}}.layout.width', '"50%"'),
        ('widgets.Button{layout = widgets.Layout{width = "2em"}}.layout.width', '"2em"'),
        ('widgets.Dropdown{options = {"x", "y"}}.value', '"x"'),
        ('widgets.Dropdown{options = {{"One", 1}, {"Two", 2}}, value = 2}.label', '"Two"'),
        ("widgets.Dropdown{options = {b = 2, a = 1}}.options[1][1]", '"a"'),
        ("widgets.IntRangeSlider{value = {2, 4}}.value[2]", "4"),
        ("widgets.IntRangeSlider{value = {2, 4}}.lower", "2"),
        ("widgets.FloatSlider{value = 0.5}.value", "0.5"),
        ('widgets.DatePicker{value = "2024-02-29"}.value', '"2024-02-29"'),
        ('widgets.TimePicker{value = "18:30"}.value', '"18:30:00"'),
        ('widgets.Image{value = "\\255\\0x"}.value == "\\255\\0x"', "true"),
        ('widgets.Text{value = "h\\195\\169"}.value == "h\\195\\169"', "true"),
        ('widgets.Text{value = "\\255"}.value', r'"\\xff"'),
        ("widgets.Valid{value = true}.value", "true"),
        ('widgets.Tab{children = {a}, titles = {"first"}}.titles[1]', '"first"'),
        ("tostring(widgets.Label{value = 'hi'})", '"Label{value = \\"hi\\"}"'),
        ("widgets.ToggleButton{tooltip = nil}.tooltip", "nil"),
    ],
)
def test_values_cross_in_both_directions(kernel: KernelSession, code: str, expected: str) -> None:
    ok(kernel.execute("a, b = widgets.Button{}, widgets.IntText{}"))
    assert value(kernel, code) == expected


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("widgets.IntSlidr{}", "there is no widget called 'IntSlidr'; did you mean 'IntSlider'?"),
        ("widgets.IntSlider{vlaue = 3}", "IntSlider has no attribute 'vlaue'; did you mean 'value'?"),
        ("s.vlaue = 3", "IntSlider has no attribute 'vlaue'; did you mean 'value'?"),
        ("return s.vlaue", "IntSlider has no attribute 'vlaue'; did you mean 'value'?"),
        ('s.value = "x"', 'cannot set IntSlider.value to "x": expected an int'),
        ('widgets.IntSlider{max = "x"}', 'cannot set IntSlider.max to "x": expected an int'),
        ("s.min = 500", "cannot set IntSlider.min to 500: setting min > max"),
        ('widgets.Dropdown{options = {"a"}, value = "b"}', "Dropdown: Invalid selection: value not found"),
        ("widgets.HBox{s, 3}", "expected a Widget, not the int 3"),
        ('s.layout = {widht = "3px"}', "Layout has no attribute 'widht'; did you mean 'width'?"),
        ("s.value = print", "the value is a function"),
        ('widgets.DatePicker{value = "today"}', 'cannot set DatePicker.value to "today": use ISO 8601'),
        ("widgets.IntSlider(3)", "table expected, got number; write widgets.IntSlider{...}"),
        (
            "s.observe(print)",
            "bad argument 'self' to 'observe' (widget expected, got function; write w:observe(...))",
        ),
        ('s:observe(print, "vlaue")', "IntSlider has no attribute 'vlaue'"),
        ("s:on_click(print)", "IntSlider has no method 'on_click': only Button has it"),
        ("s:clear()", "IntSlider has no method 'clear': only Output has it"),
        (
            'widgets.link(s, "value", 3, "value")',
            "bad argument 'target' to 'widgets.link' (widget expected, got number)",
        ),
        ("s:close() s.value = 3", "this widget is closed"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(kernel: KernelSession, code: str, problem: str) -> None:
    ok(kernel.execute("s = widgets.IntSlider{}"))
    message = failure(kernel, code)
    assert problem in message
    assert message.startswith("cell [")


def test_a_closed_widget_is_gone_everywhere(kernel: KernelSession) -> None:
    model = model_of(ok(kernel.execute("s = widgets.IntSlider{} return s")))
    assert model in kernel.request(kernel.client.comm_info("jupyter.widget"))["comms"]
    assert ok(kernel.execute("s:close() s:close()")).of_type("comm_close")
    assert model not in kernel.request(kernel.client.comm_info("jupyter.widget"))["comms"]
    assert value(kernel, "tostring(s)") == '"a closed widget"'


def test_a_page_that_is_loaded_anew_gets_all_states(kernel: KernelSession, wire: Wire) -> None:
    model = model_of(ok(kernel.execute("s = widgets.IntSlider{value = 42} return s")))
    comm_id, _ = wire.open("jupyter.widget.control", metadata={"version": "1.0.0"})
    (answer,) = wire.message(comm_id, {"method": "request_states"}).of_type("comm_msg")
    assert answer["content"]["data"]["method"] == "update_states"
    assert answer["content"]["data"]["states"][model]["state"]["value"] == 42


def test_without_ipywidgets_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    for name in ("service", "attributes"):
        monkeypatch.delitem(sys.modules, f"llmspell_kernel.library.widgets.{name}", raising=False)
    outcome = Runtime(MemoryFrontend()).execute("widgets.IntSlider{}", number=1)
    assert outcome.error is not None
    assert "pip install 'llmspell-kernel[widgets]'" in outcome.error.value


# Completion and inspection


def at(kernel: KernelSession, request: str, marked: str) -> dict[str, Any]:
    """The reply to a request about the code at `¦`."""
    return kernel.request(getattr(kernel.client, request)(marked.replace("¦", ""), marked.index("¦")))


def offered(kernel: KernelSession, marked: str) -> list[str]:
    return list(at(kernel, "complete", marked)["matches"])


def explained(kernel: KernelSession, marked: str) -> str:
    return str(at(kernel, "inspect", marked)["data"]["text/plain"])


def test_attributes_and_methods_of_a_widget_are_offered(kernel: KernelSession) -> None:
    assert offered(kernel, "widgets.IntSlider{val¦") == ["value"]  # before ipywidgets is imported
    ok(kernel.execute("sl = widgets.IntSlider{value = 3} box = widgets.VBox{sl}"))
    assert {"value", "max", "layout"} <= set(offered(kernel, "sl.¦"))
    assert {"observe", "close"} <= set(offered(kernel, "sl:¦"))
    assert offered(kernel, "sl.val¦") == ["value"]
    assert "value" not in offered(kernel, "sl:¦")
    assert offered(kernel, "sl.layout.wid¦") == ["width"]
    assert offered(kernel, "box.children[1].val¦") == ["value"]


def test_attributes_are_offered_in_the_braces_of_a_widget(kernel: KernelSession) -> None:
    ok(kernel.execute("widgets.IntSlider{}"))
    assert offered(kernel, "widgets.IntSlider{¦")[0] == "behavior"
    assert offered(kernel, "widgets.IntSlider({value = 1, mi¦})") == ["min"]
    assert "min" not in offered(kernel, "widgets.IntSlider{value = mi¦}")
    assert "value" not in offered(kernel, "widgets.VBox{children = {¦")


def test_help_on_widgets_tells_attributes_types_and_defaults(kernel: KernelSession) -> None:
    ok(kernel.execute("sl = widgets.IntSlider{value = 3}"))
    for marked in ("widgets.IntSli¦der", "s¦l"):
        text = explained(kernel, marked)
        assert "Slider widget that represents an integer" in text
        assert "max: integer = 100  -- Max value" in text
        assert 'orientation: "horizontal"|"vertical" = "horizontal"' in text
    text = explained(kernel, "sl.val¦ue")
    assert text.startswith("sl.value: integer = 0") and text.endswith("3")
    assert "called when an attribute changes" in explained(kernel, "sl:obs¦erve")


# What must not be reachable

PROBES = """
local found = {}
local function look(label, f, ...)
  local results = {pcall(f, ...)}
  for i = 2, 10 do
    local kind = type(results[i])
    if kind == "userdata" and io.type(results[i]) == nil then found[#found + 1] = label .. ": userdata" end
  end
  if results[1] and results[2] ~= nil then found[#found + 1] = label end
end
for _, name in ipairs{"__class__", "__dict__", "__init__", "_trait_values", "comm", "keys", "log",
    "_model_id", "traits", "get_state", "set_state", "open", "notify_change", "add_traits", "widget_types",
    "_property_lock", "_msg_callbacks", "model_id", "_repr_mimebundle_", "trait_values",
    "cross_validation_lock"} do
  look("get " .. name, function() return w[name] end)
  look("set " .. name, function() w[name] = 1 return true end)
  look("observe " .. name, function() w:observe(print, name) return true end)
  look("make " .. name, function() return widgets.IntSlider{[name] = 1} end)
  look("link " .. name, function() return widgets.link(w, name, w, "value") end)
  look("layout " .. name, function() return widgets.IntSlider{layout = {[name] = 1}} end)
  look("part " .. name, function() return w.layout[name] end)
end
for _, name in ipairs{"Widget", "DOMWidget", "widget_selection", "os", "sys", "_registry",
    "register", "CallbackDispatcher", "link.__class__", "load_ipython_extension", "__builtins__",
    "GridspecLayout"} do
  look("class " .. name, function() return widgets[name] end)
end
local meta = debug.getmetatable(w)
for key, f in pairs(meta) do
  if type(f) == "function" then
    for i = 1, 20 do
      look("upvalue of " .. key, debug.getupvalue, f, i)
    end
    look("foreign self of " .. key, f, {}, "value")
    look("no self of " .. key, f)
  end
end
look("getmetatable", function() return type(getmetatable(w)) == "table" end and function() end)
w:observe(function(change)
  for key, item in pairs(change) do
    if type(item) == "userdata" then found[#found + 1] = "change." .. key end
  end
end)
w.value = 77
print(table.concat(found, "\\n"))
"""


@pytest.mark.parametrize("language", ["lua54", "luajit"])
def test_nothing_of_python_is_in_a_widget(new_kernel: Callable[..., KernelSession], language: str) -> None:
    kernel = new_kernel("llmspell", f"--language={language}")
    ok(kernel.execute("w = widgets.IntSlider{}"))
    found = ok(kernel.execute(PROBES)).stdout.splitlines()
    harmless = {f"{whose} self of {f}" for whose in ("foreign", "no") for f in ("__tostring", "__mimebundle")}
    assert set(found) - harmless == set()


def test_a_forged_widget_is_no_widget(kernel: KernelSession) -> None:
    ok(kernel.execute("w = widgets.IntSlider{} fake = setmetatable({}, debug.getmetatable(w))"))
    for code in ("fake.value", "fake:close()", "widgets.HBox{fake}"):
        assert failure(kernel, f"return {code}")


def test_an_error_value_is_text(kernel: KernelSession) -> None:
    ok(kernel.execute("w = widgets.IntSlider{}"))
    assert value(kernel, "type(select(2, pcall(function() w.value = 'x' end)))") == '"string"'
    assert value(kernel, "type(select(2, pcall(function() return w.nothing end)))") == '"string"'
