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

from .wire import VIEW, Wire, failure, model_of, msg_id_of, ok, update_of


@pytest.fixture
def wire(kernel: KernelSession) -> Wire:
    return Wire(kernel)


def value(kernel: KernelSession, expression: str) -> str | None:
    return ok(kernel.execute(f"return {expression}")).result


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


# Callbacks


def test_an_observer_hears_the_front_end_and_prints_below_its_cell(kernel: KernelSession, wire: Wire) -> None:
    done = ok(
        kernel.execute(
            "s = widgets.IntSlider{value = 1} "
            "s:observe(function(c) print(c.name, c.old, c.new, c.owner == s, c.type) end) return s"
        )
    )
    ok(kernel.execute("x = 1"))
    handled = wire.update(model_of(done), value=5)
    assert handled.text("stdout", msg_id_of(done)) == "value\t1\t5\ttrue\tchange\n"
    assert ok(kernel.execute("s.value = 6")).stdout == "value\t5\t6\ttrue\tchange\n"


def test_observers_choose_their_attributes_and_can_go(kernel: KernelSession) -> None:
    ok(
        kernel.execute(
            "seen = {} function note(c) seen[#seen + 1] = c.name end "
            's = widgets.IntSlider{} s:observe(note, {"max", "description"}) s:observe(note, "value")'
        )
    )
    ok(kernel.execute('s.value = 1 s.max = 50 s.description = "d" s.step = 2'))
    assert value(kernel, "table.concat(seen, ' ')") == '"value max description"'
    ok(kernel.execute("seen = {} s:unobserve(note, 'max') s.value = 2 s.max = 60"))
    assert value(kernel, "table.concat(seen, ' ')") == '"value"'
    ok(kernel.execute("seen = {} s:unobserve(note) s.value = 3 s.max = 70"))
    assert value(kernel, "#seen") == "0"


def test_an_error_in_an_observer_fails_the_cell_that_set_the_value(kernel: KernelSession) -> None:
    code = "s = widgets.IntSlider{} s:observe(function() error('oops') end) s.value = 3"
    assert failure(kernel, code).endswith("oops")
    assert value(kernel, "s.value") == "3"


def test_a_button_calls_lua(kernel: KernelSession, wire: Wire) -> None:
    done = ok(
        kernel.execute(
            "n = 0 function more(b) n = n + 1 b.description = 'pressed ' .. n end "
            "b = widgets.Button{} b:on_click(more) return b"
        )
    )
    click = {"method": "custom", "content": {"event": "click"}}
    handled = wire.message(model_of(done), click)
    assert [m["content"]["data"]["state"] for m in handled.of_type("comm_msg")] == [
        {"description": "pressed 1"}
    ]
    ok(kernel.execute("b:click()"))
    assert value(kernel, "n") == "2"
    ok(kernel.execute("b:on_click(more, true) b:click()"))
    wire.message(model_of(done), click)
    assert value(kernel, "n") == "2"


def test_an_error_of_a_click_is_raised_where_lua_clicks(kernel: KernelSession) -> None:
    message = failure(kernel, "b = widgets.Button{} b:on_click(function() error('broken') end) b:click()")
    assert "broken" in message


def test_enter_in_a_text_and_messages_of_the_view(kernel: KernelSession, wire: Wire) -> None:
    model = model_of(
        ok(
            kernel.execute(
                "t = widgets.Text{value = 'v'} t:on_submit(function(w) submitted = w.value end) "
                "t:on_msg(function(content, buffers) event = content.event .. #buffers end) return t"
            )
        )
    )
    wire.message(model, {"method": "custom", "content": {"event": "other"}})
    assert value(kernel, "submitted, event") == 'nil\t"other0"'
    wire.message(model, {"method": "custom", "content": {"event": "submit"}})
    assert value(kernel, "submitted") == '"v"'


def test_links(kernel: KernelSession) -> None:
    ok(kernel.execute("a, b, c = widgets.IntSlider{}, widgets.IntText{}, widgets.IntText{}"))
    ok(kernel.execute("l = widgets.link(a, 'value', b, 'value') d = widgets.dlink(a, 'value', c, 'value')"))
    ok(kernel.execute("a.value = 5"))
    assert value(kernel, "b.value, c.value") == "5\t5"
    ok(kernel.execute("b.value = 6 c.value = 1"))
    assert value(kernel, "a.value, b.value, c.value") == "6\t6\t1"
    ok(kernel.execute("l:unlink() l:unlink() d:unlink() a.value = 9"))
    assert value(kernel, "b.value, c.value") == "6\t1"
    opened = ok(kernel.execute("j = widgets.jslink(a, 'value', b, 'value')")).of_type("comm_open")
    assert opened[0]["content"]["data"]["state"]["_model_name"] == "LinkModel"
    assert ok(kernel.execute("j:unlink()")).of_type("comm_close")


@pytest.mark.parametrize("state", [{"value": "x"}, {"nonsense": 1}, {"_model_name": "Evil"}, {"value": [[]]}])
def test_a_bad_state_from_the_front_end_is_ignored(
    kernel: KernelSession, wire: Wire, state: dict[str, object]
) -> None:
    model = model_of(ok(kernel.execute("s = widgets.IntSlider{value = 3} return s")))
    wire.update(model, **state)
    wire.message(model, {"method": "nonsense"})
    wire.message(model, {})
    assert value(kernel, "s.value") == "3"


def test_a_busy_callback_can_be_interrupted(kernel: KernelSession, wire: Wire) -> None:
    done = ok(
        kernel.execute(
            "s = widgets.IntSlider{} t = widgets.Text{} "
            "s:observe(function() t.value = 'on' while true do end end) return s"
        )
    )
    msg_id = wire.send("comm_msg", {"comm_id": model_of(done), "data": update_of(value=5)})
    while "'on'" not in str(kernel.client.get_iopub_msg(timeout=20)["content"]):
        pass
    kernel.manager.interrupt_kernel()
    assert "KeyboardInterrupt" in wire.handled(msg_id).text("stderr", msg_id_of(done))
    assert value(kernel, "s.value") == "5"
    wire.update(model_of(done), value=5)


# Output


def captured(messages: list[dict[str, object]]) -> list[str]:
    """What was printed and which request the Output followed meanwhile, in order."""
    steps = []
    for message in messages:
        content = message["content"]
        assert isinstance(content, dict)
        if message["msg_type"] == "stream":
            steps.append(content["text"])
        elif message["msg_type"] == "clear_output":
            steps.append("<clear>")
        elif message["msg_type"] == "comm_msg" and "msg_id" in content["data"].get("state", {}):
            steps.append("<follow>" if content["data"]["state"]["msg_id"] else "<leave>")
    return steps


def test_output_is_captured(kernel: KernelSession) -> None:
    ok(kernel.execute("out = widgets.Output{}"))
    done = ok(
        kernel.execute(
            "print('before') r = {out:with(function(...) print('inside') return ... end, 1, nil, 3)} "
            "print('after')"
        )
    )
    assert captured(done.messages) == ["before\n", "<follow>", "inside\n", "<leave>", "after\n"]
    assert value(kernel, "r[1], r[2], r[3]") == "1\tnil\t3"
    follow = next(m for m in done.of_type("comm_msg") if m["content"]["data"]["state"]["msg_id"])
    assert follow["content"]["data"]["state"]["msg_id"] == msg_id_of(done)


def test_captures_nest_and_survive_errors(kernel: KernelSession) -> None:
    ok(
        kernel.execute(
            "out = widgets.Output{} f = out:capture(function(x) print(x) out:with(print, 'y') print('z') end)"
        )
    )
    assert captured(ok(kernel.execute("f('x')")).messages) == ["<follow>", "x\ny\nz\n", "<leave>"]
    failed = kernel.execute("out:with(function() print('x') error('oops') end)", stop_on_error=False)
    assert captured(failed.messages) == ["<follow>", "x\n", "<leave>"]
    assert failed.error is not None and failed.error["evalue"].endswith("oops")


def test_a_callback_captures_what_answers_the_front_end(kernel: KernelSession, wire: Wire) -> None:
    done = ok(
        kernel.execute(
            "out, s = widgets.Output{}, widgets.IntSlider{} "
            "s:observe(function(c) print('cell') out:with(print, 'captured') end) return s"
        )
    )
    msg_id = wire.send("comm_msg", {"comm_id": model_of(done), "data": update_of(value=5)})
    handled = wire.handled(msg_id)
    assert handled.text("stdout", msg_id) == "captured\n"
    assert handled.text("stdout", msg_id_of(done)) == "cell\n"
    assert captured(handled.answers) == ["<follow>", "captured\n", "<leave>"]


def test_output_is_cleared_and_appended(kernel: KernelSession) -> None:
    ok(kernel.execute("out = widgets.Output{}"))
    assert captured(ok(kernel.execute("out:clear()")).messages) == ["<follow>", "<clear>", "<leave>"]
    ok(kernel.execute("out:append_stdout('o') out:append_stderr('e') out:append_display({1, 2})"))
    shown = "out.outputs[1].text, out.outputs[2].name, out.outputs[3].data['text/plain']"
    assert value(kernel, shown) == '"o"\t"stderr"\t"{1, 2}"'


# Interaction


@pytest.mark.parametrize(
    ("control", "kind", "expected"),
    [
        ("10", "IntSlider", "10"),
        ("0.5", "FloatSlider", "0.5"),
        ("{0, 10}", "IntSlider", "5"),
        ("{0, 10, 4}", "IntSlider", "4"),
        ("{0, 1, 0.5}", "FloatSlider", "0.5"),
        ("true", "Checkbox", "true"),
        ("'text'", "Text", '"text"'),
        ("{'a', 'b'}", "Dropdown", '"a"'),
        ("{{'One', 1}, {'Two', 2}}", "Dropdown", "1"),
        ("{b = 2, a = 1}", "Dropdown", "1"),
        ("{1, 2, 3, 4}", "Dropdown", "1"),
        ("widgets.IntText{value = 7}", "IntText", "7"),
    ],
)
def test_abbreviations(kernel: KernelSession, control: str, kind: str, expected: str) -> None:
    ok(kernel.execute(f"box = widgets.interactive(function(x) got = x end, {{x = {control}}})"))
    assert value(kernel, "got") == expected
    assert str(value(kernel, "tostring(box.children[1])")).startswith(f'"{kind}{{')


def test_interact_shows_a_box_and_follows_its_controls(kernel: KernelSession, wire: Wire) -> None:
    done = ok(
        kernel.execute(
            "s = widgets.IntSlider{value = 2} widgets.interact(function(n, k) print(n, k) return n * 10 end, "
            "{n = s, k = widgets.fixed({'kept'})[1] == nil and widgets.fixed('kept')})"
        )
    )
    assert VIEW in done.displayed[0]
    assert captured(done.messages) == ["<follow>", "<clear>", "2\tkept\n", "<leave>"]
    assert done.displayed[1] == {"text/plain": "20"}
    assert not done.of_type("execute_result")
    model = model_of(ok(kernel.execute("return s")))
    msg_id = wire.send("comm_msg", {"comm_id": model, "data": update_of(value=3)})
    handled = wire.handled(msg_id)
    assert captured(handled.answers) == ["<follow>", "<clear>", "3\tkept\n", "<leave>"]
    assert [m["content"]["data"] for m in handled.of_type("display_data")] == [{"text/plain": "30"}]


def test_how_a_function_gets_the_values(kernel: KernelSession) -> None:
    ok(kernel.execute("widgets.interactive(function(b, a) got = a .. b end, {a = 'a', b = 'b'})"))
    assert value(kernel, "got") == '"ab"'
    ok(kernel.execute("widgets.interactive(function(...) got = {...} end, {b = 'b', a = 'a'})"))
    assert value(kernel, "got[1], got[2]") == '"a"\t"b"'
    ok(kernel.execute("widgets.interactive(function(args) got = args.a .. args.b end, {b = 'b', a = 'a'})"))
    assert value(kernel, "got") == '"ab"'


def test_a_button_can_start_the_function(kernel: KernelSession, wire: Wire) -> None:
    ok(kernel.execute("n = 0 box = widgets.interactive(function(x) n = n + x end, {x = 5}, {manual = true})"))
    assert value(kernel, "n") == "0"
    button = model_of(ok(kernel.execute("return box.children[2]")))
    wire.message(button, {"method": "custom", "content": {"event": "click"}})
    assert value(kernel, "n") == "5"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("widgets.interact(function(x, y) end, {x = 1})", "there is none for the parameter 'y'"),
        ("widgets.interact(function(x) end, {x = 1, z = 1})", "the function has no parameter 'z'"),
        ("widgets.interact(function(x) end, {x = print})", "the value is a function"),
        (
            "widgets.interact(function(x) end, {x = {}})",
            "cannot make a control for 'x'; give a number or {min, max}",
        ),
        (
            "widgets.interact(function(x) end, {x = {5, 1}})",
            "cannot make a control for 'x': value must be between",
        ),
        ("widgets.interact(function(x) end, {x = widgets.Button{}})", "cannot make a control for 'x'"),
        ("widgets.interact(3, {})", "bad argument 'f' to 'widgets.interact' (function expected, got number)"),
        ("widgets.interact(print, {1})", "names expected as keys"),
        ("widgets.interact(function(x) error('inside') end, {x = 1})", "inside"),
    ],
)
def test_what_cannot_be_made_interactive(kernel: KernelSession, code: str, problem: str) -> None:
    assert problem in failure(kernel, code)


def test_an_error_of_an_interactive_function_is_shown_in_its_output(
    kernel: KernelSession, wire: Wire
) -> None:
    ok(
        kernel.execute(
            "s = widgets.IntSlider{} "
            "widgets.interact(function(x) if x > 0 then error('too much') end end, {x = s})"
        )
    )
    model = model_of(ok(kernel.execute("return s")))
    msg_id = wire.send("comm_msg", {"comm_id": model, "data": update_of(value=3)})
    handled = wire.handled(msg_id)
    assert "too much" in handled.text("stderr", msg_id)
    assert captured(handled.answers)[-1] == "<leave>"


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
