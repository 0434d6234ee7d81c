"""How soon the command line is done: a script, its memory, help, a line of code in a running kernel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import BenchmarkError
from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result, Target, in_turns

_LLMSPELL = str(Path(sys.executable).with_name("llmspell"))
_PASS = "python -c pass"
_PYTHON = (sys.executable, "-c", "pass")
_PYTHON_STATUS = (sys.executable, "-c", "print(open('/proc/self/status').read())")
_LINES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder with hello.lua and lines.lua, and the environment of an installed package.

    pip writes byte code when it installs; whoever runs this may have told Python not to.
    """

    folder: Path
    variables: dict[str, str]

    def seconds(self, argv: Sequence[str]) -> float:
        """From starting a command to its end."""
        started = time.perf_counter()
        status = self._end(argv).returncode
        elapsed = time.perf_counter() - started
        if status != 0:
            raise BenchmarkError(f"{' '.join(argv)} ended with {status}")
        return elapsed

    def peak(self, argv: Sequence[str]) -> float:
        """Bytes of memory that a command has had at the most; it writes its own /proc/self/status."""
        found = re.search(rb"VmHWM:\s*(\d+) kB", self._end(argv).stdout)
        if found is None:
            raise BenchmarkError(f"{' '.join(argv)} does not say how much memory it has had")
        return int(found[1]) * 1024.0

    def _end(self, argv: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=self.variables,
            timeout=120,
        )


@contextmanager
def _place() -> Iterator[_Place]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hello.lua").write_text('print("hello")\n')
        (folder / "status.lua").write_text('print("hello") print(io.open("/proc/self/status"):read("a"))\n')
        (folder / "lines.lua").write_text(f"for i = 1, {_LINES} do print(i) end\n")
        variables = {key: value for key, value in os.environ.items() if not key.startswith("LLMSPELL_")}
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        yield _Place(folder, {**variables, "HOME": name, "PYTHONPYCACHEPREFIX": f"{name}/bytecode"})


def command_line(contest: Contest, counts: Counts) -> list[Result]:
    lua = shutil.which("lua5.4")
    with _place() as place:
        hello = str(place.folder / "hello.lua")
        run = (_LLMSPELL, "run", hello)
        status = (_LLMSPELL, "run", str(place.folder / "status.lua"))

        def pairs(
            ours: Sequence[str], reference: Sequence[str], rounds: int
        ) -> tuple[list[float], list[float]]:
            place.seconds(ours)  # writes the byte code
            place.seconds(reference)
            return in_turns(rounds, _once(place, ours), _once(place, reference))

        def result(
            title: str, ours: Sequence[str], reference: Sequence[str], target: Target, name: str
        ) -> Result:
            rounds = counts.commands if name == _PASS else max(1, counts.commands // 4)
            place.seconds(ours)  # writes the byte code
            place.seconds(reference)
            samples = in_turns(rounds, _once(place, ours), _once(place, reference))
            return Result(title, "s", *samples, target, name)

        results = [
            result("llmspell run hello.lua", run, _PYTHON, Target(4.0, 3.0), _PASS),
            result("llmspell --help", (_LLMSPELL, "--help"), _PYTHON, Target(5.0, 3.0), _PASS),
            Result(
                "peak memory of llmspell run hello.lua",
                "bytes",
                [place.peak(status) for _ in range(counts.memories)],
                [place.peak(_PYTHON_STATUS) for _ in range(counts.memories)],
                Target(40_000_000, 25_000_000, of="ours"),
                _PASS,
            ),
        ]
        if lua is not None:
            lines = str(place.folder / "lines.lua")
            results += [
                result("llmspell run hello.lua", run, (lua, hello), Target(None), "lua5.4"),
                result(
                    "a million prints", (_LLMSPELL, "run", lines), (lua, lines), Target(2.0, 1.0), "lua5.4"
                ),
            ]
        with contest.start(contest.ours) as kernel:
            kernel.client.wait_ready()
            there = (_LLMSPELL, "exec", "--connect", str(kernel.connection_file), "1")
            title = "llmspell exec in a running kernel"
            results.append(result(title, there, _PYTHON, Target(12.0, 9.0), _PASS))
    return results


def _once(place: _Place, argv: Sequence[str]) -> Callable[[], list[float]]:
    return lambda: [place.seconds(argv)]
