"""nbclient runs Lua notebooks: what JupyterBook, Quarto, voila and testing tools use."""

from __future__ import annotations

from typing import Any

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

from tests.notebooks import lua_notebook, mime_types, output_text

pytestmark = pytest.mark.usefixtures("kernelspecs")


def execute(*cells: str, kernel: str = "llmspell", **options: Any) -> Any:
    notebook = lua_notebook(*cells, kernel=kernel)
    NotebookClient(notebook, timeout=60, **options).execute()
    return notebook.cells


def test_state_flows_from_cell_to_cell(kernelspecs: list[str]) -> None:
    for kernel in kernelspecs:
        first, second, third = execute(
            "local n = 20\nfunction double(x) return x * 2 end",
            "print('n is', n)\nn = n + 1",
            "double(n)",
            kernel=kernel,
        )
        assert first.outputs == []
        assert output_text(second) == "n is\t20\n"
        assert third.outputs[0].output_type == "execute_result"
        assert output_text(third) == "42"
        assert [cell.execution_count for cell in (first, second, third)] == [1, 2, 3]


def test_streams_displays_and_results_keep_their_order() -> None:
    (cell,) = execute(
        "print('one')\ndisplay.html('<i>two</i>')\nio.stderr:write('three\\n')\nprint('four')\nreturn 'five'"
    )
    assert [output.output_type for output in cell.outputs] == [
        "stream",
        "display_data",
        "stream",
        "stream",
        "execute_result",
    ]
    assert cell.outputs[1].data["text/html"] == "<i>two</i>"
    assert [output.get("name") for output in cell.outputs] == ["stdout", None, "stderr", "stdout", None]


def test_clear_output_and_updates_leave_the_last_state() -> None:
    cleared, updated = execute(
        "for i = 1, 3 do display.clear(true) print(i) end",
        "local handle = display.html('<b>before</b>')\nhandle:update(display.HTML and 'after' or 'after')",
    )
    assert output_text(cleared) == "3\n"
    assert len(updated.outputs) == 1


def test_an_error_stops_the_run_and_names_itself() -> None:
    with pytest.raises(CellExecutionError) as caught:
        execute("print('fine')", "local t = nil\nprint(t.field)", "print('never')")
    assert "attempt to index a nil value" in str(caught.value)


def test_allowed_errors_are_kept_as_outputs() -> None:
    failed, after = execute("error('on purpose')", "print('still here')", allow_errors=True)
    assert failed.outputs[-1].output_type == "error"
    assert "on purpose" in failed.outputs[-1].evalue
    assert output_text(after) == "still here\n"


def test_a_cell_over_its_time_is_interrupted() -> None:
    notebook = lua_notebook("while true do end", "print('next')")
    with pytest.raises(CellTimeoutError):
        NotebookClient(notebook, timeout=1).execute()


def test_reading_input_is_an_error_that_says_why() -> None:
    with pytest.raises(CellExecutionError, match="input"):
        execute("io.read()")


def test_a_widget_is_saved_with_its_state() -> None:
    notebook = lua_notebook("widgets.IntSlider{value = 3, max = 10}")
    NotebookClient(notebook, timeout=30).execute()
    assert "application/vnd.jupyter.widget-view+json" in mime_types(notebook.cells[0])
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    sliders = [state["state"] for state in states if state["model_name"] == "IntSliderModel"]
    assert [(slider["value"], slider["max"]) for slider in sliders] == [(3, 10)]
