"""What a person does with a debugger, over both routes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernels import KernelSession

from .client import RequestFailedError
from .routes import ROUTES, Debug, debugging
from .session import Frame
from .targets import ScriptTarget


@pytest.fixture(params=ROUTES)
def debug(request: pytest.FixtureRequest, tmp_path: Path, new_kernel: Callable[..., KernelSession]) -> Debug:
    return debugging(request.param, tmp_path, new_kernel)


AREA = """
    local function area(w, h)
      local a = w * h  -- @product
      return a  -- @return
    end
    local total = 0
    for i = 1, 3 do
      total = total + area(i, 4)  -- @call
    end
    print(total)  -- @print
"""


@pytest.mark.parametrize("language", ["lua54", "lua55", "luajit"])
def test_a_breakpoint_stops_shows_and_goes_on(debug: Debug, language: str) -> None:
    with debug(AREA, language=language) as session:
        (breakpoint_,) = session.set_breakpoints("product")
        assert breakpoint_["verified"] and breakpoint_["line"] == session.line("product")
        session.run()
        for i in (1, 2, 3):
            stop = session.wait_stop("breakpoint", at="product")
            assert stop.thread == 1 and stop.hit_ids == [breakpoint_["id"]]
            inner, outer = stop.frames[:2]
            assert "area" in inner.name
            assert inner.source["path"] == outer.source["path"] == session.target.path
            assert outer.line == session.line("call")
            assert inner.locals.values_as_text == {"w": str(i), "h": "4"}
            session.resume()
        ending = session.wait_end()
        assert ending.ok and ending.stdout == "24\n"


def test_stepping_over_into_and_out(debug: Debug) -> None:
    with debug(AREA) as session:
        session.set_breakpoints("call")
        session.run()
        session.wait_stop("breakpoint", at="call")
        session.step_into(at="product")
        stop = session.step_over(at="return")
        assert stop.frame.locals["a"].value == "4"
        session.step_out()
        session.set_breakpoints()
        session.resume()
        assert session.wait_end().stdout == "24\n"


def test_a_step_does_not_enter_the_runtime_or_the_library(debug: Debug) -> None:
    with debug("""
        print("one")  -- @first
        local text = string.rep("x", 3)  -- @second
        display.html("<b>x</b>")  -- @third
        print(text)  -- @fourth
    """) as session:
        session.set_breakpoints("first")
        session.run()
        session.wait_stop("breakpoint", at="first")
        session.step_into(at="second")
        session.step_into(at="third")
        session.step_into(at="fourth")
        session.resume()
        assert session.wait_end().ok


def test_a_breakpoint_without_code_moves_to_the_next_line(debug: Debug) -> None:
    with debug("""
        local x = 1
        -- a comment  @comment

        x = x + 1  -- @code
        -- the end  @end
    """) as session:
        moved, lost = session.set_breakpoints("comment", "end")
        assert (moved["verified"], moved["line"]) == (True, session.line("code"))
        assert not lost["verified"] and lost["message"]
        session.run()
        session.wait_stop("breakpoint", at="code")
        session.resume()
        session.wait_end()


LOOP = """
    local sum = 0
    for i = 1, 10 do
      sum = sum + i  -- @add
    end
    print(sum)
"""


def test_conditions_and_hit_counts_choose_the_stops(debug: Debug) -> None:
    with debug(LOOP) as session:
        session.set_breakpoints({"line": "add", "condition": "i % 4 == 0"})
        session.run()
        for i in ("4", "8"):
            stop = session.wait_stop("breakpoint", at="add")
            assert stop.frame.locals["i"].value == i
            if i == "8":
                session.set_breakpoints({"line": "add", "hitCondition": "2"})
            session.resume()
        stop = session.wait_stop("breakpoint", at="add")
        assert stop.frame.locals["i"].value == "10"
        session.resume()
        assert session.wait_end().stdout == "55\n"


def test_log_points_write_and_do_not_stop(debug: Debug) -> None:
    with debug(LOOP) as session:
        session.set_breakpoints(
            {"line": "add", "logMessage": "i is {i}, {i * 2} \\{kept}", "condition": "i > 8"}
        )
        session.run()
        session.wait_end()
        logged = [
            message["body"]["output"]
            for message in session.client.log
            if message.get("event") == "output" and message["body"]["output"].startswith("i is")
        ]
        assert logged == ["i is 9, 18 {kept}\n", "i is 10, 20 {kept}\n"]


def test_function_breakpoints_stop_at_every_function_of_that_name(debug: Debug) -> None:
    with debug("""
        local Shape = {}
        function Shape.area(w, h)
          return w * h  -- @area
        end
        function Shape:scale(by)
          self.by = by  -- @scale
        end
        Shape.area(2, 3)
        Shape:scale(4)
    """) as session:
        session.set_function_breakpoints("Shape.area", "Shape:scale")
        session.run()
        stop = session.wait_stop("function breakpoint", at="area")
        assert stop.frame.locals.values_as_text == {"w": "2", "h": "3"}
        session.resume()
        session.wait_stop("function breakpoint", at="scale")
        session.resume()
        assert session.wait_end().ok


def test_code_can_stop_itself(debug: Debug) -> None:
    with debug("""
        local x = 1
        debug.breakpoint()  -- @here
        x = 2  -- @after
    """) as session:
        session.run()
        stop = session.wait_stop("breakpoint")
        assert stop.line in (session.line("here"), session.line("after"))
        session.resume()
        assert session.wait_end().ok


@pytest.mark.parametrize("language", ["lua54", "lua55"])
def test_a_busy_loop_pauses_and_takes_new_breakpoints(debug: Debug, language: str) -> None:
    with debug(
        """
        print("busy")
        local go, n = true, 0
        while go do
          n = n + 1  -- @body
        end
        print("over")
        """,
        language=language,
    ) as session:
        session.run()
        session.wait_output("busy")
        session.pause()
        session.set_breakpoints("body")
        session.resume()
        stop = session.wait_stop("breakpoint", at="body")
        assert int(stop.frame.locals["n"].value) >= 0
        session.set_breakpoints()
        stop.frame.locals.set("go", "false")
        session.resume()
        assert session.wait_end().stdout == "busy\nover\n"


def test_errors_that_nobody_catches_stop_where_they_are_raised(debug: Debug) -> None:
    with debug("""
        local function fail(x)
          local y = x + 1
          error("no luck")  -- @raise
        end
        pcall(error, "caught")
        fail(1)
    """) as session:
        session.set_exception_filters("uncaught")
        session.run()
        stop = session.wait_stop("exception")
        assert "no luck" in stop.text
        user = next(frame for frame in stop.frames if frame.row.get("presentationHint") != "subtle")
        assert user.line == session.line("raise") and user.locals["y"].value == "2"
        info = session.client.request("exceptionInfo", threadId=stop.thread)
        assert "no luck" in info["description"]
        session.resume()
        ending = session.wait_end()
        assert not ending.ok and "no luck" in ending.stderr


def test_raised_errors_stop_inside_pcall_too(debug: Debug) -> None:
    with debug("""
        local ok = pcall(function()
          error({ code = 7 })  -- @raise
        end)
        print(ok)
    """) as session:
        session.set_exception_filters("raised")
        session.run()
        stop = session.wait_stop("exception")
        user = next(frame for frame in stop.frames if frame.row.get("presentationHint") != "subtle")
        assert user.line == session.line("raise")
        session.resume()
        ending = session.wait_end()
        assert ending.ok and ending.stdout == "false\n"


def test_stepping_follows_coroutines_in_and_out(debug: Debug) -> None:
    with debug("""
        local producer = coroutine.create(function(first)
          local second = coroutine.yield(first + 1)  -- @yield
          return second * 2  -- @second
        end)
        local _, a = coroutine.resume(producer, 1)  -- @resume
        local _, b = coroutine.resume(producer, 10)  -- @again
        print(a, b)  -- @print
    """) as session:
        session.set_breakpoints("resume")
        session.run()
        session.wait_stop("breakpoint", at="resume")
        inside = session.step_into(at="yield")
        assert inside.thread != 1
        threads = {thread["id"]: thread["name"] for thread in session.client.request("threads")["threads"]}
        assert set(threads) >= {1, inside.thread} and threads[1] != threads[inside.thread]
        assert inside.stack(1)[-1].line == session.line("resume")
        back = session.step_over(at="again", thread=inside.thread)
        assert back.thread == 1
        session.step_into(at="second")
        session.step_out(at="print", thread=inside.thread)
        session.resume()
        assert session.wait_end().stdout == "2\t20\n"


DATA = """
    local list = {}
    for i = 1, 1000 do list[i] = i * i end
    local Point = { __name = "Point" }
    local point = setmetatable({ x = 1, y = { 2, 3 }, ["a key"] = true }, Point)
    point.self = point
    local text, float, none = "a\\nb", 1.5, nil
    local up = 1
    local function look(...)
      up = up + 1
      return ...  -- @look
    end
    look(7, "eight")  -- @call
    print(point.x, list[2], up)
"""


def test_variables_open_page_by_page(debug: Debug) -> None:
    with debug(DATA) as session:
        session.set_breakpoints("call")
        session.run()
        variables = session.wait_stop("breakpoint", at="call").frame.locals
        assert variables["float"].value == "1.5" and variables["none"].value == "nil"
        assert variables["text"].value == '"a\\nb"'
        page = variables["list"].page(filter="indexed", start=100, count=3)
        assert [(row.name, row.value) for row in page.rows] == [
            ("[101]", "10201"),
            ("[102]", "10404"),
            ("[103]", "10609"),
        ]
        assert variables["list"].row["indexedVariables"] == 1000
        point = variables["point"]
        assert point.type == "Point"
        assert point.children["x"].value == "1"
        assert {row.value for row in point.children["y"].children.rows} >= {"2", "3"}
        assert point.children["self"].children["self"].children["x"].value == "1"
        metatable = next(row for row in point.children.rows if "metatable" in row.name)
        assert metatable.children["__name"].value == '"Point"'
        session.resume()
        session.wait_end()


def test_scopes_hold_locals_upvalues_varargs_and_globals(debug: Debug) -> None:
    with debug(DATA) as session:
        session.set_breakpoints("look")
        session.run()
        frame = session.wait_stop("breakpoint", at="look").frame
        assert frame.variables("Upvalues")["up"].value == "2"
        assert [row.value for row in frame.variables("Varargs").rows] == ["7", '"eight"']
        names = set(frame.variables("Globals"))
        assert "print" not in names and "display" not in names
        assert any("library" in name for name in names)
        session.resume()
        session.wait_end()


def test_variables_can_be_set(debug: Debug) -> None:
    with debug(DATA) as session:
        session.set_breakpoints("call")
        session.run()
        frame = session.wait_stop("breakpoint", at="call").frame
        variables = frame.locals
        assert variables.set("up", "40 + 1")["value"] == "41"
        variables["point"].children.set("x", "-1")
        changed = session.client.request(
            "setExpression", expression="list[2]", value="up * 100", frameId=frame.id
        )
        assert changed["value"] == "4100"
        session.resume()
        assert session.wait_end().stdout == "-1\t4100\t42\n"


def test_expressions_are_evaluated_where_the_code_stands(debug: Debug) -> None:
    with debug(DATA) as session:
        session.set_breakpoints("look")
        session.run()
        stop = session.wait_stop("breakpoint", at="look")
        frame, caller = stop.frame, _called_at(stop.frames, session.line("call"))
        assert frame.evaluate("up + 1").value == "3"
        assert frame.evaluate("select('#', ...)").value == "2"
        assert caller.evaluate("#list", "hover").value == "1000"
        assert caller.evaluate("point").children["x"].value == "1"
        frame.evaluate("up = 100", "repl")
        assert frame.evaluate("up").value == "100"
        with pytest.raises(RequestFailedError, match="nowhere"):
            frame.evaluate("nowhere.x")
        with pytest.raises(RequestFailedError):
            frame.evaluate("up = 5", "hover")
        assert caller.evaluate("list", "clipboard").value.count("\n") >= 10
        session.resume()
        assert session.wait_end().stdout == "1\t4\t100\n"


def _called_at(frames: list[Frame], line: int) -> Frame:
    return next(frame for frame in frames if frame.line == line)


def test_the_debug_console_completes_locals_and_fields(debug: Debug) -> None:
    with debug(DATA) as session:
        session.set_breakpoints("call")
        session.run()
        frame = session.wait_stop("breakpoint", at="call").frame

        def candidates(text: str) -> set[str]:
            targets = session.client.request("completions", text=text, column=len(text) + 1, frameId=frame.id)
            return {target["label"] for target in targets["targets"]}

        assert candidates("poi") >= {"point"}
        assert any(label.endswith("x") for label in candidates("point."))
        assert candidates("x = stri") >= {"string"}
        session.resume()
        session.wait_end()


def test_code_from_load_has_a_source_to_show(debug: Debug) -> None:
    with debug("""
        local f = load("local a = 1\\nlocal b = a + 1\\nreturn b", "=generated")
        print(f())  -- @call
    """) as session:
        session.set_breakpoints("call")
        session.run()
        session.wait_stop("breakpoint", at="call")
        stop = session.step_into()
        source = stop.frame.source
        assert "generated" in source["name"]
        body = session.client.request(
            "source", source=source, sourceReference=source.get("sourceReference", 0)
        )
        assert body["content"] == "local a = 1\nlocal b = a + 1\nreturn b"
        loaded = session.client.request("loadedSources")["sources"]
        assert any("generated" in each["name"] for each in loaded)
        session.resume()
        assert session.wait_end().stdout == "2\n"


def test_stacks_come_in_pages(debug: Debug) -> None:
    with debug("""
        local function down(n)
          if n == 0 then
            return 0  -- @bottom
          end
          return 1 + down(n - 1)
        end
        print(down(50))
    """) as session:
        session.set_breakpoints("bottom")
        session.run()
        stop = session.wait_stop("breakpoint", at="bottom")
        body = session.client.request("stackTrace", threadId=1, startFrame=0, levels=5)
        assert len(body["stackFrames"]) == 5 and body["totalFrames"] >= 52
        assert [frame.id for frame in stop.frames[5:8]] == [
            frame.id for frame in stop.stack(1, startFrame=5, levels=3)
        ] or len(stop.frames) >= 52
        session.resume()
        assert session.wait_end().stdout == "50\n"


def test_frames_and_references_end_with_the_stop(debug: Debug) -> None:
    with debug(LOOP) as session:
        session.set_breakpoints("add")
        session.run()
        frame = session.wait_stop("breakpoint", at="add").frame
        variables = frame.locals
        session.resume()
        session.wait_stop("breakpoint", at="add")
        assert session.client.refusal("scopes", {"frameId": frame.id})
        assert session.client.refusal("variables", {"variablesReference": variables.reference})
        assert session.client.refusal(
            "evaluate", {"expression": "i", "frameId": frame.id, "context": "watch"}
        )
        session.set_breakpoints()
        session.resume()
        session.wait_end()


def test_leaving_while_stopped_lets_the_code_go_on(debug: Debug) -> None:
    with debug(LOOP) as session:
        session.set_breakpoints("add")
        session.run()
        session.wait_stop("breakpoint", at="add")
        session.client.request("disconnect", terminateDebuggee=False)
        session.client.wait_event("terminated")
        if isinstance(session.target, ScriptTarget):
            assert session.target.wait_process() == 0
            assert session.target.stdout.join().endswith("55\n")
        else:
            ending = session.wait_end()
            assert ending.ok and ending.stdout == "55\n"
