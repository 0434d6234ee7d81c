"""A kernel in this process, for programs that run Lua for their users: no sockets, no process to manage."""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from llmspell_kernel.client.contract import Client, Message
from llmspell_kernel.errors import ClientError, KernelDiedError, KernelTimeoutError
from llmspell_kernel.kernel.embedded import EmbeddedKernel
from llmspell_kernel.runtime import RuntimeSettings, runtime_settings

if TYPE_CHECKING:
    from llmspell_kernel.config.sections import Settings

OUTPUT_LIMIT = 100_000_000
_EXIT_SECONDS = 2.0
_ASK_SECONDS = 0.1
_kernels: weakref.WeakSet[EmbeddedKernel] = weakref.WeakSet()


def start_embedded_kernel(
    settings: Settings | RuntimeSettings | Mapping[str, Any] | os.PathLike[str] | str | None = None,
    *,
    output_limit: int | None = None,
    history: str | None = ":memory:",
) -> EmbeddedClient:
    """A kernel with a Lua of its own on a thread of its own, ready to run code.

    It ends with `close()`, at the end of a `with` block, when nobody knows the handle any more, and with the
    process. Several live side by side.

    Args:
        settings: tables as a settings file has them, or the path of such a file, over the defaults and
            nothing else; those of all files and profiles (`llmspell_kernel.config.loading.load().settings`),
            or just a runtime's. By default a sandboxed Lua 5.4 without limits.
        output_limit: bytes of text that one cell may write; 0 for no limit.
        history: the file of the input history; ":memory:" to forget it, None for the file that kernels share.

    Raises:
        LanguageUnavailableError: no such Lua here.
        SettingsError: settings that cannot be read or do not fit; a line for each problem.
        TypeError: no settings.
    """
    if isinstance(settings, Mapping | os.PathLike | str):
        from llmspell_kernel.config.loading import over_defaults

        settings = over_defaults(settings)
    if settings is None or isinstance(settings, RuntimeSettings):
        made, limit = settings or RuntimeSettings(), OUTPUT_LIMIT
    else:
        _check_settings(settings)
        made, limit = runtime_settings(settings), settings.kernel.output_limit
    return EmbeddedClient(made, output_limit=limit if output_limit is None else output_limit, history=history)


def _check_settings(settings: object) -> None:
    """Complains of what are no settings.

    Raises:
        TypeError: they are not.
    """
    from llmspell_kernel.config.sections import Settings

    if not isinstance(settings, Settings):
        raise TypeError(
            f"settings are {type(settings).__name__}; give tables as in a settings file "
            '({"engines": {"lua": {...}}}), the path of one, or what load(...).settings of '
            "llmspell_kernel.config.loading is"
        )


class EmbeddedClient(Client):
    """The handle of a kernel in this process; see `Client`.

    Waiting for a call costs no polling: the kernel's thread wakes the one that waits. An interrupt ends Lua
    code and what it waits for (sleeps, child processes, input), but not a C function in the midst of its
    work.
    """

    def __init__(self, settings: RuntimeSettings, *, output_limit: int, history: str | None) -> None:
        """Starts the kernel; see `start_embedded_kernel`."""
        super().__init__()
        here = weakref.ref(self)  # the kernel's thread must not keep alive whom it works for
        self._kernel = EmbeddedKernel(
            settings,
            _deliverer(here),
            lambda: _tell_end(here),
            output_limit=output_limit,
            history=history,
        )
        self._kernel.start()
        _kernels.add(self._kernel)
        weakref.finalize(self, self._kernel.stop).atexit = False

    @property
    def is_alive(self) -> bool:
        """Whether the kernel can be asked something."""
        return self._failure is None and self._kernel.is_alive

    def interrupt(self) -> None:
        """Ends what the kernel is running."""
        self._kernel.interrupt()

    def shutdown(self, *, restart: bool = False, timeout: float = 10.0) -> None:
        """Ends the kernel and this handle; `restart` means nothing here.

        Raises:
            KernelTimeoutError: its thread is still inside a C function after `timeout` seconds; it ends
                when that returns.
        """
        self.close()
        if not self._kernel.join(timeout):
            raise KernelTimeoutError(
                f"the embedded kernel has not ended after {timeout:g} s: it is inside a C function (such as "
                "a pattern match) and ends when that returns"
            )

    def close(self) -> None:
        """Has the kernel end; calls under way end with ClientError."""
        self._end_calls(ClientError("this embedded kernel was closed; start another one"))
        self._kernel.stop()

    def _send(self, message: Message, channel: str) -> None:
        self._kernel.submit(message, channel)

    def answer(self, question: Message, value: str) -> None:
        """Answers an input_request."""
        self._kernel.answer(question["msg_id"], value)

    def _note_death(self) -> None:
        if self._failure is None:
            self._end_calls(KernelDiedError("the embedded kernel has ended; start another one"))


def _deliverer(here: Callable[[], EmbeddedClient | None]) -> Callable[[Message], None]:
    def deliver(message: Message) -> None:
        client = here()
        if client is not None:
            client._received(message)

    return deliver


def _tell_end(here: Callable[[], EmbeddedClient | None]) -> None:
    client = here()
    if client is not None:
        client._note_death()


def _end_all() -> None:
    """At the end of the process: a thread must not run Lua while Python is taken down."""
    kernels = list(_kernels)
    for kernel in kernels:
        kernel.stop()
    for kernel in kernels:
        until = time.monotonic() + _EXIT_SECONDS
        while not kernel.join(_ASK_SECONDS) and time.monotonic() < until:
            kernel.interrupt()


atexit.register(_end_all)
