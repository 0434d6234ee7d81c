from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmspell_kernel.kernel.history import ANSWER_SECONDS, IN_MEMORY, History, default_path

Open = Callable[..., History]


@pytest.fixture
def location(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.sqlite"


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def open_history(location: Path, warnings: list[str]) -> Iterator[Open]:
    opened: list[History] = []

    def open_one(path: Path | str | None = None, language: str = "lua") -> History:
        opened.append(History(path or location, language, warn=warnings.append))
        return opened[-1]

    yield open_one
    for history in opened:
        history.close()


def earlier_session(open_history: Open, *sources: str, language: str = "lua") -> int:
    history = open_history(language=language)
    for line, source in enumerate(sources, 1):
        history.append(line, source)
    number = history.session
    history.close()
    return number


def test_a_query_sees_what_was_appended_just_before(open_history: Open) -> None:
    history = open_history()
    history.append(1, "x = 1")
    history.append(2, "x", "1")
    session = history.session
    assert history.tail(10) == [(session, 1, "x = 1"), (session, 2, "x")]
    assert history.tail(10, output=True) == [(session, 1, ("x = 1", None)), (session, 2, ("x", "1"))]


def test_cells_outlive_the_kernel(open_history: Open) -> None:
    first = earlier_session(open_history, "a", "b")
    history = open_history()
    history.append(1, "c")
    assert history.tail(2) == [(first, 2, "b"), (first + 1, 1, "c")]
    assert history.tail(0) == []


def test_closing_keeps_everything(open_history: Open) -> None:
    history = open_history()
    for line in range(1, 1001):
        history.append(line, f"cell {line}")
    history.close()
    again = open_history()
    assert [row[2] for row in again.tail(5000)] == [f"cell {line}" for line in range(1, 1001)]


def test_what_is_appended_after_closing_is_dropped_quietly(open_history: Open, warnings: list[str]) -> None:
    history = open_history()
    history.append(1, "kept")
    history.close()
    history.append(2, "late")
    assert history.tail(5) == []
    assert [row[2] for row in open_history().tail(5)] == ["kept"]
    assert warnings == []


def test_who_asks_while_it_ends_is_not_kept_waiting(open_history: Open) -> None:
    together = threading.Barrier(2)

    def end(history: History) -> None:
        together.wait()
        history.close()

    longest = 0.0
    for _ in range(50):
        history = open_history(IN_MEMORY)
        history.append(1, "x = 1")
        history.flush()
        ending = threading.Thread(target=end, args=(history,))
        ending.start()
        together.wait()
        for _ in range(3):
            began = time.monotonic()
            history.tail(1)
            longest = max(longest, time.monotonic() - began)
        ending.join()
    assert longest < ANSWER_SECONDS


def test_a_normal_end_of_python_keeps_everything(location: Path, open_history: Open) -> None:
    program = """
import sys
from llmspell_kernel.kernel.history import History
history = History(sys.argv[1], "lua")
for line in range(1, 51):
    history.append(line, f"cell {line}")
assert "sqlite3" not in sys.modules, "SQLite was imported beside the first cells"
"""
    subprocess.run([sys.executable, "-c", program, str(location)], check=True, timeout=60)
    assert len(open_history().tail(100)) == 50


def test_range_of_current_and_earlier_sessions(open_history: Open) -> None:
    first = earlier_session(open_history, "a1", "a2", "a3")
    second = earlier_session(open_history, "b1", "b2")
    history = open_history()
    for line, source in enumerate(("c1", "c2", "c3", "c4"), 1):
        history.append(line, source)

    def inputs(*arguments: int | None) -> list[object]:
        return [row[2] for row in history.range(*arguments)]  # type: ignore[arg-type]

    assert inputs() == inputs(0) == ["c1", "c2", "c3", "c4"]
    assert inputs(0, 2, 4) == ["c2", "c3"]
    assert inputs(0, -2) == ["c3", "c4"]
    assert inputs(0, 1, -1) == ["c1", "c2", "c3"]
    assert inputs(-1, 0, None) == ["b1", "b2"]
    assert history.range(-2, 2, 3) == [(first, 2, "a2")]
    assert history.range(second, 1, 2, output=True) == [(second, 1, ("b1", None))]
    assert inputs(10**30) == inputs(-(10**30)) == inputs(99) == []


def test_search_is_a_glob_over_the_whole_input(open_history: Open) -> None:
    earlier_session(open_history, "print(1)", "x = 1", "for i = 1, 3 do\n  print(i)\nend")
    history = open_history()
    for line, source in enumerate(("print(1)", "PRINT", "y = 2", "print(1)"), 1):
        history.append(line, source)

    def found(pattern: str, n: int | None = None, *, unique: bool = False) -> list[object]:
        return [row[2] for row in history.search(pattern, n=n, unique=unique)]

    loop = "for i = 1, 3 do\n  print(i)\nend"
    assert found("*print*") == ["print(1)", loop, "print(1)", "print(1)"]
    assert found("*print*", unique=True) == [loop, "print(1)"]
    assert history.search("print*", unique=True) == [(history.session, 4, "print(1)")]
    assert found("*print*", 2) == ["print(1)", "print(1)"]
    assert found("[xy] = ?") == ["x = 1", "y = 2"]
    assert found("x") == []
    assert len(found("*", 10**30)) == 7
    assert found("*" * 100_000) == []


def test_each_language_finds_its_own_cells(open_history: Open) -> None:
    earlier_session(open_history, "hello", language="echo")
    history = open_history()
    history.append(1, "print()")
    assert [row[2] for row in history.tail(10)] == ["print()"]
    assert [row[2] for row in history.search("*")] == ["print()"]


@pytest.mark.parametrize("source", ["", "héllo 🌙", "a\0b", "lone \ud800 surrogate", "x" * 2_000_000])
def test_any_text_can_be_stored(open_history: Open, source: str, warnings: list[str]) -> None:
    history = open_history()
    history.append(1, source, source)
    ((_, _, stored),) = history.tail(1)
    assert stored == source.replace("\ud800", "?")
    assert history.search("no\ud800such") == []
    assert warnings == []


def test_a_long_output_is_cut(open_history: Open) -> None:
    history = open_history()
    history.append(1, "x", "y" * 1_000_000)
    ((_, _, cell),) = history.tail(1, output=True)
    assert isinstance(cell, tuple)
    output = cell[1]
    assert output is not None
    assert output.startswith("yyy") and output.endswith("…") and len(output) < 100_000


def test_in_memory_leaves_no_file(
    open_history: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    history = open_history(IN_MEMORY)
    history.append(1, "x")
    assert history.tail(1) == [(1, 1, "x")]
    assert list(tmp_path.iterdir()) == []


def test_a_history_that_is_not_used_leaves_no_file(open_history: Open, location: Path) -> None:
    open_history().close()
    assert not location.exists()


def test_the_file_is_its_owners(open_history: Open, location: Path) -> None:
    earlier_session(open_history, "secret")
    assert stat.S_IMODE(location.stat().st_mode) == 0o600


def test_the_default_place_is_jupyters_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    assert default_path() == tmp_path / "llmspell" / "history.sqlite"


def test_cells_reach_the_file_without_a_query(open_history: Open, location: Path) -> None:
    history = open_history()
    history.append(1, "x")
    deadline = time.monotonic() + 60
    reader: list[tuple[str]] = []
    while not reader and time.monotonic() < deadline:
        if location.exists():
            connection = sqlite3.connect(location)
            try:
                reader = connection.execute("SELECT input FROM cells").fetchall()
            except sqlite3.OperationalError:
                pass  # the tables are not there yet
            finally:
                connection.close()
        threading.Event().wait(0.01)
    assert reader == [("x",)]


def test_a_corrupt_file_is_put_aside(open_history: Open, location: Path, warnings: list[str]) -> None:
    location.parent.mkdir()
    location.write_bytes(b"not a database, but somebody's data " * 100)
    history = open_history()
    history.append(1, "x")
    assert [row[2] for row in history.tail(5)] == ["x"]
    history.append(2, "y")
    assert [row[2] for row in history.tail(5)] == ["x", "y"]
    (aside,) = location.parent.glob("history.sqlite.corrupt-*")
    assert aside.read_bytes().startswith(b"not a database")
    assert len(warnings) == 1 and str(aside) in warnings[0]
    assert earlier_session(open_history, "z") == 1, "the next kernel starts a new file"
    assert len(warnings) == 1


def test_a_file_whose_cells_are_damaged(open_history: Open, location: Path, warnings: list[str]) -> None:
    earlier_session(open_history, *(f"{line} " * 1000 for line in range(50)))
    with location.open("r+b") as file:
        file.seek(3 * 4096)  # the sessions before it stay readable
        file.write(b"garbage " * 4096)
    history = open_history()
    session = history.session
    assert session == 2 and warnings == []
    history.append(1, "x")
    history.append(2, "y")
    assert [row[:2] for row in history.tail(100)] == [(2, 1), (2, 2)]
    assert history.session == session
    assert len(warnings) == 1 and "corrupt-" in warnings[0]
    assert not location.exists()


@pytest.mark.parametrize("trouble", ["a directory", "below a file", "a foreign schema"])
def test_a_file_that_cannot_be_used(
    open_history: Open, tmp_path: Path, warnings: list[str], trouble: str
) -> None:
    place = tmp_path / "place"
    match trouble:
        case "a directory":
            place.mkdir()
        case "below a file":
            place.write_text("a file")
            place = place / "history.sqlite"
        case _:
            connection = sqlite3.connect(place)
            connection.execute("CREATE TABLE cells (something TEXT)")
            connection.close()
    history = open_history(place)
    history.append(1, "x", "1")
    assert history.tail(5, output=True) == [(1, 1, ("x", "1"))]
    assert [row[2] for row in history.range()] == ["x"]
    assert len(warnings) == 1 and str(place) in warnings[0]


def test_a_file_held_by_another_process_is_waited_for(open_history: Open, location: Path) -> None:
    earlier_session(open_history, "a")
    other = sqlite3.connect(location, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    history = open_history()
    history.append(1, "b")
    release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    release.start()
    assert [row[2] for row in history.tail(5)] == ["a", "b"]
    release.join()
    other.close()


KERNEL = """
import sys
from llmspell_kernel.kernel.history import History
history = History(sys.argv[1], "lua", warn=lambda message: sys.exit(message))
print("ready", flush=True)
sys.stdin.readline()
for line in range(1, 301):
    history.append(line, f"{sys.argv[2]} {line}")
    if line % 50 == 0:
        assert history.range(0, line)[-1][2] == f"{sys.argv[2]} {line}"
print(history.session)
"""


def test_several_kernels_write_at_once(location: Path, open_history: Open) -> None:
    kernels = [
        subprocess.Popen(
            [sys.executable, "-c", KERNEL, str(location), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abcd"
    ]
    try:
        for kernel in kernels:
            assert kernel.stdout is not None
            assert kernel.stdout.readline() == "ready\n"
        for kernel in kernels:  # all of them open the new file at the same moment
            assert kernel.stdin is not None
            kernel.stdin.write("go\n")
            kernel.stdin.flush()
        sessions = []
        for kernel in kernels:
            out, problems = kernel.communicate(timeout=60)
            assert problems == ""
            sessions.append(int(out))
    finally:
        for kernel in kernels:
            kernel.kill()
            kernel.communicate()
    assert sorted(sessions) == [1, 2, 3, 4]
    history = open_history()
    for session, name in zip(sessions, "abcd", strict=True):
        assert [row[2] for row in history.range(session)] == [f"{name} {line}" for line in range(1, 301)]
    assert len(history.tail(5000)) == 1200


def test_appending_does_not_hold_a_cell_up(open_history: Open) -> None:
    history = open_history()
    history.append(1, "warm up")
    history.flush()
    times = []
    for line in range(2, 502):
        start = time.perf_counter()
        history.append(line, "print(1)", "1")
        times.append(time.perf_counter() - start)
    assert sorted(times)[250] < 100e-6
