"""The global `Tool`, in every Lua."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.library.tool.entries import ClassEntry
from llmspell_kernel.runtime import Runtime, runtime_settings

from ...lua.shell import LANGUAGES, CellRunner, MemoryFrontend
from .probes import HereProbe, Probe, ThreadProbe


class ToolShell(CellRunner):
    """Runs cells in a runtime that has the probes among its tools."""

    def __init__(self, language: str, **tools: object) -> None:
        self.frontend = MemoryFrontend()
        settings = over_defaults({"default_engine": language, "tools": tools})
        self.runtime = Runtime(self.frontend, runtime_settings(settings))
        for tool in (Probe, ThreadProbe, HereProbe):
            self.runtime.services.tools.registry.add(ClassEntry(tool, "tests"))

    def outcome(self, code: str) -> Outcome:
        """Runs a cell."""
        return self.runtime.execute(code, number=1)


@pytest.fixture(params=LANGUAGES)
def lua(request: pytest.FixtureRequest) -> Iterator[ToolShell]:
    made = ToolShell(request.param)
    yield made
    made.runtime.close()


def test_tools_are_listed_and_found(lua: ToolShell) -> None:
    names = "local names = {} for _, each in ipairs(%s) do names[#names + 1] = each.name end "
    listed = lua.run(names % "Tool.list()" + "return table.concat(names, ' ')")
    assert listed is not None and "calculator" in listed and "uuid-generator" in listed
    assert lua.run("local first = Tool.list()[1] return type(first.description), type(first.version)") == (
        '"string"\t"string"'
    )
    assert lua.run("Tool.exists('text_manipulator'), Tool.exists('nothing')") == "true\tfalse"
    assert lua.run("type(Tool.categories()[1])") == '"string"'
    assert lua.run("Tool.discover{category = 'custom'}[1].category") == '"custom"'
    assert lua.run("#Tool.discover{tag = 'zebra'}, #Tool.discover() == #Tool.list()") == "0\ttrue"
    assert lua.run("Tool.search('calculator')[1].name") == '"calculator"'
    assert lua.run("Tool.get('nothing'), Tool.nothing, Tool[7]") == "nil\tnil\tnil"
    assert lua.run("require('Tool') == Tool, type(Tool.execute)") == 'true\t"function"'


def test_a_tool_says_what_it_takes(lua: ToolShell) -> None:
    code = """
    local tool = Tool.get("here_probe")
    local first = tool.schema.parameters[1]
    return tool.name, tool.version, tool.schema.name, first.name, first.type, first.required, first.default
    """
    assert lua.run(code) == '"here-probe"\t"1.0.0"\t"here-probe"\t"operation"\t"string"\tfalse\t"echo"'
    assert lua.run("Tool['here-probe'].getSchema().parameters[2].name") == '"value"'
    assert lua.run("Tool.get_schema('here-probe').json_schema.type") == '"object"'
    assert lua.run("Tool.get_info('here-probe').security_level, tostring(Tool['here-probe'])") == (
        '"privileged"\t"Tool: here-probe"'
    )
    assert lua.fail("Tool.get_schema('nothing')").value == "cell [1]:1: Tool 'nothing' not found; " + (
        "`Tool.list()` names them all"
    )


def test_answers_are_flat(lua: ToolShell) -> None:
    code = """
    local r = Tool.execute("text-manipulator", {operation = "uppercase", input = "abc"})
    return r.success, r.operation, r.result.result, r.metadata.execution_time_ms > 0, r.error
    """
    assert lua.run(code) == 'true\t"uppercase"\t"ABC"\ttrue\tnil'
    assert lua.run(code.replace("Tool.execute", "Tool.invoke")) == 'true\t"uppercase"\t"ABC"\ttrue\tnil'
    raw = "local r = Tool['text-manipulator']:execute{operation = 'reverse', input = 'abc'}"
    assert lua.run(f"{raw} return JSON.parse(r._raw_text).result.result") == '"cba"'
    assert lua.run(f"{raw.replace(':', '.')} return r.result.result") == '"cba"'
    assert lua.run(f"{raw} for key in pairs(r) do assert(key ~= '_raw_text') end") is None
    printed = lua.run(
        "local r = Tool.execute('here-probe', {operation = 'print'}) return r.message, r.metadata.fact"
    )
    assert printed == '"with a message"\t1'


def test_values_come_through_whole(lua: ToolShell) -> None:
    code = """
    local value = {1, 2.5, "text", "\\255\\0", true, {a = {b = {1, 2}}}}
    local back = Tool.execute("%s", {value = value}).result
    assert(#back == 6 and back[1] == 1 and back[2] == 2.5 and back[4] == "\\255\\0" and back[5] == true)
    return back[6].a.b[2], math.type and math.type(back[1]) or "integer"
    """
    for tool in ("here-probe", "probe"):
        assert lua.run(code % tool) == '2\t"integer"'


def test_null_reaches_tools(lua: ToolShell) -> None:
    lua.run("Tool.register{name = 'n', execute = function(p) seen = p.v return p end}")
    assert lua.run("local r = Tool.execute('n', {v = {JSON.null, 2}}) return seen[1], r.result.v[1]") == (
        "null\tnil"
    )


def test_what_does_not_succeed_is_told_in_the_answer(lua: ToolShell) -> None:
    code = """
    local r = Tool.execute("here-probe", {operation = "fail"})
    return r.success, r.error.message, r.error.code, tostring(r.error), "error: " .. r.error, r.result
    """
    assert lua.run(code) == ('false\t"it did not work"\t7\t"it did not work"\t"error: it did not work"\tnil')


def test_errors_are_strings_with_a_position(lua: ToolShell) -> None:
    unknown = lua.fail("\nTool.execute('calculater', {})").value
    assert unknown.startswith("cell [1]:2: Tool 'calculater' not found; did you mean calculator")
    assert lua.fail("Tool.execute('here-probe', {operation = 'err'})").value == (
        "cell [1]:1: Tool execution failed: here-probe: LookupError: a bug"
    )
    assert lua.fail("Tool.execute('here-probe', {valeu = 1})").value == (
        "cell [1]:1: Tool execution failed: here-probe: there is no parameter 'valeu'; did you mean 'value'?"
    )
    assert lua.fail("Tool.execute('here-probe', {1, 2})").value == (
        "cell [1]:1: Tool execution failed: here-probe: parameters have names: a table with keys is expected"
    )
    refused = "select(2, pcall(function() Tool.execute('here-probe', {operation = 'refuse'}) end))"
    assert lua.run(refused) == '"cell [1]:1: Tool execution failed: it is forbidden here"'


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Tool.execute()", "bad argument 'name' to 'Tool.execute' (string expected, got no value)"),
        ("Tool.execute('x', 1)", "bad argument 'params' to 'Tool.execute' (table expected, got number)"),
        ("Tool.get(1)", "bad argument 'name' to 'Tool.get' (string expected, got number)"),
        ("Tool.discover(1)", "bad argument 'filter' to 'Tool.discover' (table expected, got number)"),
        ("Tool.discover{categroy = 'x'}", "there is no filter 'categroy'; did you mean 'category'?"),
        ("Tool.discover{'data'}", "there is no filter '1'; there are category and tag"),
        ("Tool.batch(1)", "bad argument 'calls' to 'Tool.batch' (table expected, got number)"),
        ("Tool.batch{{}}", "bad argument 'calls[1].tool' to 'Tool.batch' (string expected, got no value)"),
        (
            "Tool.batch{{tool = 'calculator', parms = {}}}",
            "there is no field parms; there are tool and params",
        ),
        (
            "Tool.register{name = 'x', execute = print, parameters = {{name = 'a', typ = 'string'}}}",
            "Tool.register: x: the parameter 'a' has no field 'typ'; did you mean 'type'?",
        ),
        (
            "Tool.register{}",
            "bad argument 'definition.execute' to 'Tool.register' (function expected, got no value)",
        ),
        ("Tool.register{execute = print}", "Tool.register: a tool's name is made of letters, digits"),
        (
            "Tool.register{name = 'x', execute = print, level = 'y'}",
            "level is one of safe, restricted, privileged",
        ),
        ("Tool.register{name = 'x', execute = print, paramters = {}}", "there is no field 'paramters'"),
        ("Tool.register{name = 'x', execute = print, parameters = {'a'}}", "each parameter is a table"),
        ("Tool.register{name = 'calculator', execute = print}", "there is a tool 'calculator' already"),
        ("Tool.approve(1)", "bad argument 'approver' to 'Tool.approve' (function expected, got number)"),
        ("Tool.approve(print, 'x')", "level is one of safe, restricted, privileged"),
        ("Tool.execute('here-probe', {value = print})", "function"),
    ],
)
def test_wrong_arguments_are_named(code: str, message: str) -> None:
    lua = ToolShell("lua54")
    error = lua.fail(code).value
    lua.runtime.close()
    assert message in error and error.startswith("cell [1]:1: ")


def test_errors_of_script_tools_show_no_secrets() -> None:
    lua = ToolShell("lua54")
    lua.run(
        "Tool.register{name = 'x', execute = print, parameters = {{name = 'password', type = 'integer'}}}"
    )
    error = lua.fail("Tool.execute('x', {password = 'hunter2'})").value
    lua.runtime.close()
    assert "'password': expected integer" in error and "hunter2" not in error


GREET = """
Tool.register{
  name = "greet",
  description = "Greets somebody.",
  parameters = {
    {name = "who", type = "string", description = "Whom.", required = true},
    {name = "times", type = "integer", default = 1},
  },
  execute = function(p)
    if p.who == "nobody" then error("there is nobody") end
    return {text = string.rep("Hello " .. p.who, p.times, ", ")}
  end,
}
"""


def test_scripts_add_tools(lua: ToolShell) -> None:
    if lua.runtime.settings.lua.language == "luajit":  # its string.rep takes no separator
        lua.run(GREET.replace(', ", ")', ")"))
    else:
        lua.run(GREET)
    assert lua.run("Tool.execute('greet', {who = 'you'}).result.text") == '"Hello you"'
    assert lua.run("Tool.greet:execute{who = 'you'}.operation") == '"greet"'
    assert lua.run("Tool.get('greet').schema.parameters[1].description") == '"Whom."'
    assert "the parameter 'who' is missing" in lua.fail("Tool.execute('greet', {})").value
    assert "there is nobody" in lua.fail("Tool.execute('greet', {who = 'nobody'})").value
    assert lua.run("Tool.get_info('greet').origin, Tool.get_info('greet').category") == '"script"\t"custom"'
    assert lua.run("Tool.unregister('greet'), Tool.unregister('greet'), Tool.exists('greet')") == (
        "true\tfalse\tfalse"
    )


def test_a_scripts_tool_may_answer_an_envelope_or_anything(lua: ToolShell) -> None:
    lua.run("Tool.register{name = 'mine', execute = function(p) return answer end}")
    lua.run("answer = {success = false, error = 'no luck', operation = 'try'}")
    assert lua.run("local r = Tool.execute('mine') return r.success, r.operation, r.error.message") == (
        'false\t"try"\t"no luck"'
    )
    lua.run("answer = 7")
    assert lua.run("Tool.execute('mine').result") == "7"
    lua.run("answer = nil")
    assert lua.run("Tool.execute('mine').result, Tool.execute('mine').success") == "nil\ttrue"
    lua.run("answer = {[5] = 'five', [2.5] = {[-1] = true}, x = {1, nil, 3}, y = {[true] = 1}}")
    assert lua.run("local r = Tool.execute('mine').result return r[5], r[2.5][-1], r.x[3], r.x[2]") == (
        '"five"\ttrue\t3\tnil'
    )
    assert lua.run("JSON.parse(Tool.execute('mine')._raw_text).result['5']") == '"five"'
    assert lua.run("JSON.parse(Tool.execute('mine')._raw_text).result.y['true']") == "1"
    schema = "{type = 'object', properties = {n = {type = 'number', maximum = 3}}, required = {'n'}}"
    lua.run(
        f"Tool.register{{name = 'schemed', parameters = {schema}, execute = function(p) return p.n * 2 end}}"
    )
    assert lua.run("Tool.execute('schemed', {n = 1.5}).result") in ("3.0", "3")
    assert "is at most 3; got 4" in lua.fail("Tool.execute('schemed', {n = 4})").value


def test_tools_may_call_tools_but_not_for_ever(lua: ToolShell) -> None:
    lua.run(
        "Tool.register{name = 'outer', execute = function(p) return Tool.execute('here-probe', p).result end}"
    )
    assert lua.run("Tool.execute('outer', {value = 7}).result") == "7"
    assert lua.run("coroutine.wrap(function() return Tool.execute('outer', {value = 8}).result end)()") == "8"
    lua.run("Tool.register{name = 'endless', execute = function(p) return Tool.execute('endless', p) end}")
    assert "tools call each other more than 16 deep" in lua.fail("Tool.execute('endless')").value
    assert lua.run("Tool.execute('outer', {value = 9}).result") == "9"


def test_several_calls_at_once(lua: ToolShell) -> None:
    code = """
    local calls = {
      {tool = "here-probe", params = {value = 1}},
      {name = "nothing"},
      {tool = "here-probe", params = {operation = "fail"}},
      {"here-probe", {value = 4}},
    }
    local r = Tool.batch(calls)
    assert(r[2].error.message:find("not found", 1, true) and r[2].operation == "nothing")
    local first = Tool.batch(calls, {stop_on_error = true})
    return #r, r[1].result, r[2].success, r[3].success, r[4].result, #first
    """
    assert lua.run(code) == "4\t1\tfalse\tfalse\t4\t2"


def test_a_script_approves_calls(lua: ToolShell) -> None:
    lua.run(
        "Tool.approve(function(request) asked = request "
        "return request.params.value == 1 or 'not ' .. tostring(request.params.value) end)"
    )
    assert lua.run("Tool.execute('here-probe', {value = 1}).success, asked.tool, asked.operation") == (
        'true\t"here-probe"\t"echo"'
    )
    assert lua.fail("Tool.execute('here-probe', {value = 2})").value.endswith(
        "here-probe: the script's approval function refuses 'echo': not 2"
    )
    assert lua.run("asked = nil Tool.execute('calculator', {input = '1'}) return asked") == "nil"
    lua.run("Tool.approve(nil)")
    assert lua.run("Tool.execute('here-probe', {value = 2}).result") == "2"


def test_an_approver_that_would_ask_itself_is_told_once(lua: ToolShell) -> None:
    lua.run("Tool.approve(function(r) return Tool.execute('here-probe', {value = 3}).result == 3 end)")
    said = lua.fail("Tool.execute('here-probe', {value = 3})").value
    assert said.startswith(
        "cell [1]:1: Tool execution failed: here-probe: the approval function itself calls 'here-probe'"
    )
    assert said.count("here-probe:") == 1
    lua.run(
        "Tool.approve(function(r) return Tool.execute('calculator', {input = '1'}).result.result == 1 end)"
    )
    assert lua.run("Tool.execute('here-probe', {value = 3}).result") == "3"


def test_a_table_that_a_tool_raises_is_readable(lua: ToolShell) -> None:
    lua.run("Tool.register{name = 'raises', execute = function() error({code = 3}) end}")
    said = lua.fail("Tool.execute('raises', {})").value
    assert said.startswith("cell [1]:1: Tool execution failed: ") and "code = 3" in said
    assert (
        lua.run("Tool.batch{{tool = 'raises'}}[1].error.message:find('code = 3', 1, true) ~= nil") == "true"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("error('boom')", "named: cell [1]:1: boom"),
        ("error({code = 3})", "named: {code = 3}"),
        ("return print", "named: its answer cannot be passed on: the value is a function"),
        ("return {a = print}", "named: its answer cannot be passed on: the value at .a is a function"),
    ],
)
def test_an_error_of_a_scripts_tool_names_it(lua: ToolShell, body: str, message: str) -> None:
    lua.run(f"Tool.register{{name = 'named', execute = function() {body} end}}")
    assert f"Tool execution failed: {message}" in lua.fail("Tool.execute('named', {})").value


@pytest.mark.parametrize("tool", ["probe", "thread-probe"])
def test_an_interrupt_ends_a_call(lua: ToolShell, tool: str) -> None:
    lua.run("Tool.execute('probe', {value = 1})")  # the process is there
    timer = threading.Timer(0.2, lua.runtime.interrupt)
    timer.start()
    error = lua.fail(f"pcall(Tool.execute, '{tool}', {{operation = 'sleep', value = 60}}) return 1")
    timer.join()
    assert error.name == "KeyboardInterrupt"
    assert lua.run("Tool.execute('probe', {value = 1}).result") == "1"


def test_tools_can_be_switched_off() -> None:
    lua = ToolShell.__new__(ToolShell)
    lua.frontend = MemoryFrontend()
    lua.runtime = Runtime(lua.frontend, runtime_settings(over_defaults({"tools": {"enabled": False}})))
    assert lua.run("Tool") == "nil"
    lua.runtime.close()


def test_a_tool_of_the_script_has_its_time_and_may_be_registered_again() -> None:
    lua = ToolShell("lua54", timeout_seconds=0.3)
    register = "Tool.register{name = 'mine', execute = function(params) %s end}"
    lua.run(register % "while true do end")
    assert lua.run(
        "local ok, why = pcall(Tool.execute, 'mine', {}) return ok, why:match('within its 0.3 s')"
    ) == ('false\t"within its 0.3 s"')
    lua.run(register % "return {value = 7}")
    assert lua.run("Tool.execute('mine', {}).value or Tool.execute('mine', {}).result.value") == "7"
    lua.runtime.close()
