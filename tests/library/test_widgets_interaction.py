"""What widgets do when they are used: callbacks, captured output, interactive functions."""

from __future__ import annotations

import pytest

from tests.kernels import KernelSession

from .wire import VIEW, Wire, failure, model_of, msg_id_of, ok, update_of, value

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
    while "'on'" not in str(kernel.client.get_iopub_msg(timeout=60)["content"]):
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
