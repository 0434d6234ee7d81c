"""The global `Event`."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.events import Events
from llmspell_kernel.lua.state import LuaSettings

from ...lua.shell import LANGUAGES
from ..scripts import Scripts


@pytest.fixture(params=LANGUAGES)
def scripts(request: pytest.FixtureRequest) -> Iterator[Scripts]:
    settings = Settings(events=Events(backend="memory"))
    made = Scripts(settings, LuaSettings(language=request.param))
    yield made
    made.runtime.close()


def test_publish_and_receive(scripts: Scripts) -> None:
    assert scripts.run("id = Event.subscribe('user.*') return type(id)") == '"string"'
    assert scripts.run("Event.publish('user.created', {name = 'Ada', list = {1, 2.5, true}})") == "true"
    scripts.run("e = Event.receive(id)")
    assert scripts.run("e.event_type .. e.data.name .. e.language") == '"user.createdAdalua"'
    assert scripts.run("e.data.list") == "{1, 2.5, true}"
    assert scripts.run(
        "type(e.id), type(e.timestamp), type(e.sequence), type(e.metadata.correlation_id)"
    ) == ('"string"\t"string"\t"number"\t"string"')
    assert scripts.run(
        "e.schema_version, e.serialization_version, e.metadata.priority, #e.metadata.tags"
    ) == ('"1.0"\t"1.0"\t0\t0')
    assert scripts.run("Event.receive(id, 0)") == "nil"
    assert scripts.run("Event.receive(id, 20)") == "nil"


def test_options(scripts: Scripts) -> None:
    scripts.run(
        "id = Event.subscribe('*', {language = 'mine'}) Event.publish('a', nil, {correlation_id = 'c', "
        "ttl_seconds = 60, "
        "language = 'l', source = 's', target = 't', tags = {'x', 'y'}, priority = 3}) e = Event.receive(id)"
    )
    assert (
        scripts.run("e.language, e.data, e.metadata")
        == (
            '"l"\tnil\t{\n  correlation_id = "c",\n  priority = 3,\n  source = "s",\n  tags = {"x", "y"},\n'
            '  target = "t",\n  ttl = 60\n}'
        )
        or scripts.run("e.metadata.ttl == 60 and e.metadata.tags[2] == 'y' and e.metadata.target == 't'")
        == "true"
    )
    assert scripts.run("Event.list_subscriptions()[1].language") == '"mine"'


def test_data_of_every_kind(scripts: Scripts) -> None:
    scripts.run("id = Event.subscribe('a')")
    for value in ("'\\255\\0'", "1", "1.5", "false", "'ü'", "{}", "{1, 2, 3}", "{[2] = 'x', y = {z = {}}}"):
        scripts.run(f"Event.publish('a', {value})")
        assert scripts.run("Event.receive(id, 0).data") == scripts.run(value)
    scripts.run("Event.publish('a', {JSON.null, x = {y = JSON.null}}) e = Event.receive(id, 0)")
    assert scripts.run("e.data[1] == JSON.null, e.data.x.y == JSON.null") == "true\ttrue"
    assert (
        scripts.run("Event.publish('a') local e = Event.receive(id, 0) return e ~= nil and e.data") == "nil"
    )


def test_callbacks(scripts: Scripts) -> None:
    scripts.run("seen = {} id = Event.on('a.*', function(e) seen[#seen + 1] = e.data end)")
    assert scripts.run("Event.publish('a.b', 1) return #seen") == "1"
    scripts.run("two = Event.subscribe('a.b', function(e) seen[#seen + 1] = 'two' end)")
    assert scripts.run("Event.publish('a.b', 2) return table.concat(seen, ' ')") == '"1 2 two"'
    assert (
        scripts.run("Event.unsubscribe(id), Event.unsubscribe(id), Event.unsubscribe('x')")
        == "true\tfalse\tfalse"
    )
    assert scripts.run("Event.publish('a.b', 3) return table.concat(seen, ' ')") == '"1 2 two two"'
    assert "No active subscription found" in scripts.fail("Event.receive(two)")


def test_a_callback_may_publish(scripts: Scripts) -> None:
    scripts.run(
        "order = {} Event.on('n', function(e) order[#order + 1] = e.data "
        "if e.data < 3 then Event.publish('n', e.data + 1) order[#order + 1] = 'after ' .. e.data end end)"
    )
    assert (
        scripts.run("Event.publish('n', 1) return table.concat(order, ', ')") == '"1, after 1, 2, after 2, 3"'
    )


def test_a_callback_that_causes_itself_ends(scripts: Scripts) -> None:
    scripts.run("n = 0 Event.on('again', function() n = n + 1 Event.publish('again', n) end)")
    scripts.run("Event.publish('again', 0)")
    assert scripts.run("n") == "1000"
    assert "at again: it causes itself: 1,000 events have led to each other" in scripts.output()
    assert scripts.run("n = 0 Event.publish('again', 0) return n") == "1000"


def test_a_failing_callback_is_told_and_harms_nobody(scripts: Scripts) -> None:
    scripts.run("Event.on('a', function(e) error('oops') end) Event.on('a', function(e) seen = e.data end)")
    assert scripts.run("Event.publish('a', 7) return seen") == "7"
    assert "the handler of 'a' has failed at a: cell [1]:1: oops" in scripts.output()
    assert scripts.run("Event.get_stats().event_bus_stats.handler_failures") == "1"


def test_an_interrupt_ends_waiting_and_callbacks(scripts: Scripts) -> None:
    scripts.run("id = Event.subscribe('never')")
    for code in (
        "Event.receive(id, 60000)",
        "Event.on('b', function() while true do string.rep('x', 10) end end) Event.publish('b')",
    ):
        if scripts.runtime.settings.lua.language == "luajit" and "while" in code:
            continue
        timer = threading.Timer(0.1, scripts.runtime.interrupt)
        timer.start()
        outcome = scripts.outcome(code)
        timer.join()
        assert outcome.error is not None and outcome.error.name == "KeyboardInterrupt"
    assert scripts.run("1") == "1"


def test_events_of_other_threads_come_while_it_waits(scripts: Scripts) -> None:
    scripts.run("id = Event.subscribe('later') Event.on('later', function(e) heard = e.data end)")
    bus = scripts.runtime.services.events
    scripts.frontend.call_later = lambda seconds, callback: lambda: None  # type: ignore[method-assign]
    timer = threading.Timer(0.05, lambda: bus.publish("later", {"x": [1, 2]}))
    timer.start()
    assert (
        scripts.run("e = Event.receive(id, 20000) return e.data.x, heard.x, e.language")
        == '{1, 2}\t{1, 2}\t"python"'
    )
    timer.join()


def test_history_and_correlation(scripts: Scripts) -> None:
    scripts.run("first = Event.correlation_id() Event.publish('a', 1) Event.publish('b', 2)")
    scripts.run("Event.publish('a', 3)")
    assert (
        scripts.run(
            "#Event.history{pattern = 'a'}, #Event.history('a'), #Event.history{correlation_id = first, "
            "pattern = '?'}"
        )
        == "2\t2\t2"
    )
    assert scripts.run("Event.history{pattern = 'a', limit = 1}[1].data") == "3"
    assert (
        scripts.run(
            "local h = Event.history('?') return #Event.history{pattern = '?', since = h[1].sequence}"
        )
        == "2"
    )
    assert scripts.run("Event.correlation_id() == first") == "false"
    assert scripts.run("Event.correlated('x', function() return Event.correlation_id(), 2 end)") == '"x"\t2'
    assert scripts.run("Event.correlated(nil, Event.correlation_id) ~= Event.correlation_id()") == "true"
    assert "oops" in scripts.fail("Event.correlated('x', function() error('oops') end)")


def test_what_belongs_to_one_cell_has_one_correlation(scripts: Scripts) -> None:
    scripts.run("id = Event.subscribe('*')")
    scripts.run("Event.publish('mine') State.save('global', 'k', 1) Tool.execute('uuid-generator', {})")
    scripts.run(
        "ids = {} for _, e in ipairs(Event.history{since = 1}) do ids[e.metadata.correlation_id] = "
        "(ids[e.metadata.correlation_id] or '') .. e.event_type .. ' ' end"
    )
    found = (
        scripts.run("local t = {} for _, v in pairs(ids) do t[#t + 1] = v end table.sort(t) return t[2]")
        or ""
    )
    assert "kernel.cell.started mine tool.started tool.completed kernel.cell.completed" in found


def test_stats(scripts: Scripts) -> None:
    scripts.run("Event.subscribe('a') Event.on('b', print) Event.publish('a') Event.publish('a')")
    assert scripts.run("Event.get_stats().event_bus_stats.events_by_type.a") == "2"
    assert scripts.run("Event.get_stats().bridge_stats.active_subscriptions") == "2"
    assert scripts.run("Event.get_stats().bridge_stats.subscriptions_by_language.lua") == "2"
    assert scripts.run(
        "local l = Event.list_subscriptions() return l[1].pattern, l[1].waiting, l[2].callback"
    ) == ('"a"\t2\ttrue')


def test_a_cell_is_told(scripts: Scripts) -> None:
    scripts.run("id = Event.subscribe('kernel.cell.*')")
    scripts.outcome("error('oops')")
    scripts.run("started, failed = Event.receive(id, 0), Event.receive(id, 0)")
    scripts.run("started, failed = failed, Event.receive(id, 0)")
    assert scripts.run("started.event_type, failed.event_type, failed.data.error.name") == (
        '"kernel.cell.started"\t"kernel.cell.failed"\t"LuaError"'
    )
    assert scripts.run("failed.data.duration_ms >= 0 and started.data.number == failed.data.number") == "true"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Event.publish()", "bad argument 'event_type' to 'Event.publish' (string expected, got no value)"),
        ("Event.publish('')", "bad argument 'event_type' to 'Event.publish' (a text expected"),
        ("Event.publish('a', print)", "the value is a function"),
        ("local t = {} t.t = t Event.publish('a', t)", "cycle"),
        ("Event.publish('a', 1, {ttl = 1})", "there is no option 'ttl'; it takes correlation_id, language"),
        ("Event.publish('a', 1, {ttl_seconds = 'x'})", "bad argument 'options.ttl_seconds'"),
        ("Event.publish('a', 1, {ttl_seconds = -1})", "seconds expected, got -1"),
        ("Event.publish('a', 1, {tags = {1}})", "a list of strings expected"),
        ("Event.subscribe(1)", "bad argument 'pattern' to 'Event.subscribe' (string expected, got number)"),
        ("Event.on('a')", "bad argument 'callback' to 'Event.on' (function expected, got no value)"),
        ("Event.receive('nobody')", "No active subscription found with id 'nobody'"),
        ("Event.receive('nobody', -1)", "milliseconds from 0 expected"),
        ("Event.history{patern = 'a'}", "there is no option 'patern'"),
        ("Event.correlated('a')", "bad argument 'body'"),
    ],
)
def test_wrong_arguments(scripts: Scripts, code: str, message: str) -> None:
    said = scripts.fail(code)
    assert message in said and said.startswith("cell [1]:1: ")


def test_limits_are_told_to_scripts() -> None:
    scripts = Scripts(Settings(events=Events(max_events_per_second=2)))
    assert "max_events_per_second" in scripts.fail("for i = 1, 10 do Event.publish('a', i) end")
    scripts.runtime.close()


def test_history_needs_no_options(scripts: Scripts) -> None:
    scripts.run("Event.publish('mine', 1) Event.publish('mine', 2)")
    mine = (
        "local n = 0 for _, e in ipairs(Event.history()) do if e.event_type == 'mine' then n = n + 1 end end "
    )
    assert scripts.run(mine + "return n") == "2"
    assert scripts.run("#Event.history('mine'), #Event.history{pattern = 'mine', limit = 1}") == "2\t1"


def test_functions_that_have_been_ended_are_called_no_more(scripts: Scripts) -> None:
    scripts.run(
        "seen, ids = {}, {} for i = 1, 3 do ids[i] = Event.on('a', function() seen[#seen + 1] = i "
        "for _, id in ipairs(ids) do Event.unsubscribe(id) end end) end Event.publish('a')"
    )
    assert scripts.run("seen") == "{1}"
    scripts.run(
        "outer = Event.on('b', function(e) Event.publish('c') Event.unsubscribe(inner) end) "
        "inner = Event.on('c', function() seen[#seen + 1] = 'c' end) Event.publish('b')"
    )
    assert scripts.run("seen") == "{1}"
