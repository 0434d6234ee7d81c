"""What running code asks of its front, as Jupyter messages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import StdinUnavailableError
from llmspell_kernel.interpreter import MimeBundle
from llmspell_kernel.kernel.scripts import ScriptCalls
from llmspell_kernel.kernel.streams import Cell, CellOutput

if TYPE_CHECKING:
    from llmspell_kernel.kernel.requests import Message, Requests
    from llmspell_kernel.library.session.recording import Sink
    from llmspell_kernel.magics.session import Captured


class JupyterFrontend:
    """The `Frontend` of a kernel; see that protocol for what each method guarantees."""

    def __init__(self, requests: Requests, output: CellOutput) -> None:
        """For what the requests ask for; text goes through `output`."""
        self._requests = requests
        self._carrier = requests.carrier
        self._output = output
        self._thread = threading.get_ident()
        self._script: ScriptCalls | None = None
        self._handing_over = threading.Lock()
        self.write = output.write
        self.flush = output.flush

    def display(self, bundle: MimeBundle, *, display_id: str | None = None, update: bool = False) -> None:
        """Shows a bundle, or replaces the one under `display_id`."""
        content: dict[str, Any] = {"data": bundle.data, "metadata": bundle.metadata, "transient": {}}
        if display_id is not None:
            content["transient"] = {"display_id": display_id}
        sink = self._output.cell.sink
        if sink is None or not sink.add_output(bundle, display_id, update=update):
            self._record(lambda record: record.add_bundle("display", bundle, display_id, update=update))
            self._show("update_display_data" if update else "display_data", content)

    def can_update(self) -> bool:
        """False for clients that look like `jupyter console`, which ignores update_display_data.

        Those take input and send no cell id; who else does so can still show text that overwrites itself.
        """
        parent = self._output.cell.parent
        return not _takes_input(parent) or _is_of_notebook(parent)

    def clear_output(self, *, wait: bool) -> None:
        """Clears the cell's output."""
        self._output.flush()
        sink = self._output.cell.sink
        if sink is None or not sink.clear():
            self._record(lambda record: record.clear())
            self._show("clear_output", {"wait": wait})

    def record(self, sink: Sink) -> None:
        """What the running cell shows, and what is typed for it, is also given to `sink`."""
        self._output.cell.record = sink

    def _record(self, add: Callable[[Sink], None]) -> None:
        cell = self._output.cell
        if cell.record is not None and not cell.muted:
            self._output.flush()  # what was written comes before
            add(cell.record)

    def _show(self, msg_type: str, content: dict[str, Any]) -> None:
        cell = self._output.cell
        if not cell.muted:
            self._output.flush()
            self._carrier.publish(msg_type, content, parent=cell.parent)

    @contextmanager
    def capture(self, captured: Captured) -> Iterator[None]:
        """Keeps what the running cell shows."""
        before = self._output.cell
        cell = Cell(before.parent, sink=captured)
        cell.record = before.record
        try:
            with self._output.to(cell):
                yield
        finally:
            self._output.finish(cell)
            cell.sink = None

    def read_line(self, prompt: str, *, password: bool) -> str:
        """Asks the client that runs the cell; an unfinished line on stdout serves as prompt.

        Between cells only a notebook is asked, below the cell that the callback belongs to: it still shows
        that one. A terminal reads its next input by then, and would never show the question.
        """
        parent = self._asked_request()
        prompt = prompt or self._output.take_unfinished_line()
        self._output.flush()
        answer = self._carrier.ask(prompt, password=password, parent=parent)
        record = self._output.cell.record
        if record is not None and not password:
            record.answers.append(answer)
        return answer

    def _asked_request(self) -> Message:
        """The request whose client can be asked now."""
        request, cell = self._requests.request, self._output.cell
        if request is not None and self._requests.allow_stdin:
            return request
        runs = request is not None and request["msg_type"] in ("execute_request", "tool_request")
        if runs or not _takes_input(cell.parent):
            raise StdinUnavailableError(
                "this front end cannot be asked for input: pass the values in the code, or run the cell in "
                "a front end that takes input, such as JupyterLab"
            )
        if not _is_of_notebook(cell.parent):
            raise StdinUnavailableError(
                "nobody can be asked for input here, between cells: ask in a cell, and keep the answer for "
                "what is called later"
            )
        parent: Message = cell.parent
        return parent

    def current_cell(self) -> Cell:
        """The cell that output goes to."""
        return self._output.cell

    def output_to(self, cell: object) -> AbstractContextManager[None]:
        """Sends output to an earlier cell."""
        if not isinstance(cell, Cell):
            raise TypeError(f"a cell is what current_cell() answers, not {cell!r}")
        return self._output.to(cell)

    @contextmanager
    def redirectable(self) -> Iterator[str]:
        """Within it, output answers the request that is being handled; gives that request's id.

        A client that knows the id can show the output somewhere else, also when the cell that the output
        would go to otherwise is gone.
        """
        cell = self._output.cell
        request = self._requests.request
        if request is not None and request is not cell.parent:
            cell = Cell(request, muted=cell.muted)
        with self._output.to(cell):
            yield cell.parent.get("header", {}).get("msg_id", "")

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls back between requests; output goes to the cell that asked."""
        cell = self._output.cell

        def run() -> None:
            with self._output.to(cell):
                callback()
                self._output.flush()

        if threading.get_ident() == self._thread:
            return self._later(seconds, run)
        return self._post(seconds, run)

    def _later(self, seconds: float, callback: Callable[[], object]) -> Callable[[], None]:
        if self._script is None:
            return self._carrier.call_later(seconds, callback)
        return self._script.call_later(seconds, callback)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Calls back between requests, or while a script waits for its timers. Any thread."""
        with self._handing_over:
            if self._script is None:
                self._carrier.call_soon(callback)
            else:
                self._script.call_soon(callback)

    @contextmanager
    def script(self) -> Iterator[ScriptCalls]:
        """Within it, what is to be called between requests can be called before this one has ended."""
        self._script = calls = ScriptCalls(self._requests.runtime)
        try:
            yield calls
        finally:
            with self._handing_over:
                self._script = None
                calls.hand_over(self._carrier)

    def _post(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """As `call_later`, on a thread that the carrier's timers do not belong to."""
        cancels: list[Callable[[], None]] = []
        cancelled = threading.Event()

        def start() -> None:
            if cancelled.is_set():
                return
            if seconds <= 0:
                callback()
            else:
                cancels.append(self._later(seconds, callback))

        def cancel() -> None:
            cancelled.set()
            self.call_soon(lambda: [each() for each in cancels])

        self.call_soon(start)
        return cancel

    def wake(self) -> None:
        """Interrupts what the interpreter's thread is blocked in."""
        self._carrier.wake()


def _takes_input(request: Message) -> bool:
    """Whether its client can be asked while it runs."""
    return bool((request.get("content") or {}).get("allow_stdin"))


def _is_of_notebook(request: Message) -> bool:
    """Whether it is a cell of a document that goes on showing it."""
    return "cellId" in (request.get("metadata") or {})
