"""How soon `llmspell repl` can be typed at: its first prompt, and the next one after Enter."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result, Target, in_turns
from benchmarks.terminal import Typed

_QUIET_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class _Repl:
    argv: tuple[str, ...]
    prompt: Callable[[int], bytes]


_OURS = _Repl((str(Path(sys.executable).with_name("llmspell")), "repl"), lambda number: b"[%d]> " % number)
_IPYTHON = _Repl(
    (sys.executable, "-m", "IPython", "--no-banner"), lambda number: b"In [\x1b[0;92;1m%d\x1b" % number
)


def prompts(_: Contest, counts: Counts) -> list[Result]:
    with tempfile.TemporaryDirectory() as home:
        variables = {
            "HOME": home,
            "XDG_STATE_HOME": home,
            "XDG_CONFIG_HOME": home,
            "IPYTHONDIR": f"{home}/ipython",
        }

        def first(repl: _Repl) -> list[float]:
            with Typed(repl.argv, variables) as typed:
                return [typed.wait(repl.prompt(1)) - typed.started]

        def following(repl: _Repl) -> list[float]:
            samples = []
            with Typed(repl.argv, variables) as typed:
                typed.wait(repl.prompt(1))
                for number in range(1, counts.prompts + 1):
                    typed.settle(_QUIET_SECONDS)
                    typed.type(b"1")
                    typed.settle(_QUIET_SECONDS)
                    samples.append(-typed.type(b"\r") + typed.wait(repl.prompt(number + 1)))
            return samples

        for repl in (_OURS, _IPYTHON):  # the first start of all writes byte code and profiles
            first(repl)
        ours, theirs = in_turns(counts.repl_starts, lambda: first(_OURS), lambda: first(_IPYTHON))
        next_ours, next_theirs = in_turns(
            counts.repl_rounds, lambda: following(_OURS), lambda: following(_IPYTHON)
        )
    return [
        Result("REPL: start to the first prompt", "s", ours, theirs, Target(0.250, of="ours"), "IPython"),
        Result(
            "REPL: Enter to the next prompt", "s", next_ours, next_theirs, Target(0.010, of="ours"), "IPython"
        ),
    ]
