"""Progress bars: how far a loop is, how fast, and how long it will take."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable
from itertools import count

from llmspell_kernel.interpreter import Frontend, MimeBundle

SECONDS_BETWEEN = 0.1
"""A bar is drawn at most this often, but for its last state."""

_REPORT_SECONDS = 0.02
_NEVER = 2.0**52
_TEXT_CELLS = 30
_EIGHTHS = " ▏▎▍▌▋▊▉"

_COLORS = {
    "running": "var(--jp-brand-color1, #1976d2)",
    "done": "var(--jp-success-color1, #388e3c)",
    "stopped": "var(--jp-error-color1, #d32f2f)",
}


class ProgressBar:
    """One bar: its figures, and what they look like.

    Attributes:
        label: shown before the bar.
        total: how many steps there are; none if nobody knows.
        count: how many are done.
        state: `running`, `done` or `stopped`.
    """

    def __init__(
        self, total: float | None, label: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Starts the clock."""
        self.label = label or ""
        self.total = total
        self.count: float = 0
        self.state = "running"
        self._clock = clock
        self._started = clock()
        self._elapsed = 0.0

    def move(self, done: float) -> None:
        """So many steps are done."""
        self.count = done
        self._elapsed = self._clock() - self._started

    @property
    def fraction(self) -> float:
        """What part is done, 0 to 1."""
        if self.total is None:
            return 1.0 if self.state == "done" else 0.0
        return min(1.0, max(0.0, self.count / self.total)) if self.total else 1.0

    @property
    def rate(self) -> float:
        """Steps a second so far; 0 while there is nothing to tell."""
        return self.count / self._elapsed if self._elapsed > 0 else 0.0

    def figures(self) -> str:
        """`45/100 · 12.3/s · 00:04 left`, in short."""
        done = _number(self.count)
        parts = [done if self.total is None else f"{done}/{_number(self.total)}"]
        if self.rate:
            parts.append(_rate(self.rate))
        if self.state != "running":
            parts.append(f"{'stopped after' if self.state == 'stopped' else 'in'} {_duration(self._elapsed)}")
        elif self.total is not None and self.rate:
            parts.append(f"{_duration((self.total - self.count) / self.rate)} left")
        return " · ".join(parts)

    def text(self) -> str:
        """The bar in block characters, on one line."""
        if self.total is None:
            return f"{self.label} {self.figures()}".strip()
        eighths = round(self.fraction * _TEXT_CELLS * 8)
        full, part = divmod(eighths, 8)
        blocks = ("█" * full + (_EIGHTHS[part] if part else "")).ljust(_TEXT_CELLS)
        return f"{self.label} {math.floor(self.fraction * 100):3d} % ▕{blocks}▏ {self.figures()}".lstrip()

    def html(self) -> str:
        """The bar as HTML in the notebook's own colours."""
        percent = f"{self.fraction * 100:.1f}"
        unknown = self.total is None and self.state == "running"
        now = "" if unknown else f' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"'
        name = html.escape(self.label or "progress")
        bar = (
            f'<div role="progressbar" aria-label="{name}"{now} style="flex:0 1 20em;height:0.8em;'
            'border-radius:0.4em;overflow:hidden;background:var(--jp-layout-color3, #ddd)">'
            f'<div style="width:{percent}%;height:100%;background:{_COLORS[self.state]}"></div></div>'
        )
        label = f"<span>{html.escape(self.label)}</span>" if self.label else ""
        figures = f'<span style="font-variant-numeric:tabular-nums">{self.figures()}</span>'
        return f'<div style="display:flex;align-items:center;gap:0.8em">{label}{bar}{figures}</div>'

    def bundle(self) -> MimeBundle:
        """The bar for every kind of front end."""
        return MimeBundle({"text/html": self.html(), "text/plain": self.text()})


class _Drawn:
    """A bar on a front end: drawn seldom enough, in place, or over itself in a terminal."""

    def __init__(self, bar: ProgressBar, frontend: Frontend, display_id: str) -> None:
        self.bar = bar
        self.is_left = False
        self.is_stale = False
        self._frontend = frontend
        self._id = display_id
        self._in_place = frontend.can_update()
        self._width = 0
        self._drawn_at = time.monotonic()
        self._reported = 0.0
        self._draw(first=True)

    def move(self, done: float) -> float:
        """So many steps are done; answers at which number the next report is soon enough."""
        step = done - self._reported
        self._reported = done
        self.bar.move(done)
        self.is_stale = True
        if time.monotonic() - self._drawn_at >= SECONDS_BETWEEN:
            self.draw()
        # A loop may become slower: the distance grows by a factor of two at the most.
        return done + max(1.0, min(self.bar.rate * _REPORT_SECONDS, 2 * step))

    def end(self, state: str) -> None:
        """The last drawing."""
        self.bar.state = state
        self._draw(last=True)

    def draw(self) -> None:
        """Shows the state as it is."""
        self._draw()

    def _draw(self, *, first: bool = False, last: bool = False) -> None:
        self._drawn_at = time.monotonic()
        self.is_stale = False
        if self._in_place:
            self._frontend.display(self.bar.bundle(), display_id=self._id, update=not first)
            return
        text = self.bar.text()
        line = "\r" + text.ljust(self._width) + ("\n" if last else "")
        self._width = len(text)
        self._frontend.write("stdout", line.encode())
        self._frontend.flush()


class ProgressBars:
    """The bars of one interpreter, by number. Used on its thread."""

    def __init__(self, frontend: Frontend, new_id: Callable[[], str]) -> None:
        """Draws on `frontend`, each bar under an id of its own."""
        self._frontend = frontend
        self._new_id = new_id
        self._numbers = count(1)
        self._open: dict[int, _Drawn] = {}

    def start(self, total: float | None, label: str | None) -> int:
        """Shows a new bar and answers its number."""
        number = next(self._numbers)
        self._open[number] = _Drawn(ProgressBar(total, label), self._frontend, self._new_id())
        return number

    def move(self, number: int, done: float) -> float:
        """So many steps are done; answers the number of steps at which to say so again."""
        drawn = self._open.get(number)
        if drawn is None:  # ended, or its cell has
            return _NEVER
        if drawn.bar.total is not None and done >= drawn.bar.total:
            self.finish(number, done)
            return _NEVER
        return drawn.move(done)

    def describe(self, number: int, label: str) -> None:
        """Changes the label; seen at the next drawing."""
        if number in self._open:
            self._open[number].bar.label = label
            self._open[number].is_stale = True

    def finish(self, number: int, done: float) -> None:
        """The work is done."""
        drawn = self._open.pop(number, None)
        if drawn is not None:
            drawn.bar.move(done)
            drawn.end("done")

    def leave(self, number: int, done: float) -> None:
        """The loop that moved the bar will not go on: the cell has ended."""
        if number in self._open:
            self._open[number].bar.move(done)
            self._open[number].is_left = True

    def cell_ended(self, failed: bool) -> None:
        """Bars of loops that were left, and all that an error stopped, show where they stopped."""
        for number, drawn in list(self._open.items()):
            if drawn.is_left or failed:
                del self._open[number]
                drawn.end("stopped")
            elif drawn.is_stale:
                drawn.draw()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == math.floor(value) else f"{value:,.2f}"


def _rate(rate: float) -> str:
    if rate < 1:
        return f"{1 / rate:.1f} s each"
    return f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
