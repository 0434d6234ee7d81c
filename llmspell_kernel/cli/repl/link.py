"""The kernel behind the prompt: made while the user begins to type, and made anew when it is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from llmspell_kernel.cli.repl.options import Options
from llmspell_kernel.errors import ClientError, LLMSpellError

if TYPE_CHECKING:
    from llmspell_kernel.client.call import Message
    from llmspell_kernel.client.contract import Client

CONNECT_SECONDS, _AGAIN_SECONDS = 15.0, 5.0


class Link:
    """Leads to a client. Any thread may ask for it; `begin`, `renew` and `close` belong to the main thread.

    Attributes:
        is_embedded: whether the kernel lives in this process.
        failed: called on a thread of its own when the first kernel cannot be made.
        heard: gets what the kernel sends while no call is under way; called on threads of the client's.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.is_embedded = options.where is None
        self.failed: Callable[[LLMSpellError], None] = lambda error: None
        self.heard: Callable[[Message], None] = lambda message: None
        self._client: Future[Client] = Future()
        self._making: threading.Thread | None = None

    def begin(self) -> None:
        """Makes a kernel in this process on another thread; a connection at once.

        Raises:
            ClientError: there is no such kernel, or it does not answer.
        """
        if self.is_embedded:
            self._making = threading.Thread(target=self._make, name="llmspell-repl-start", daemon=True)
            self._making.start()
        else:
            self._client.set_result(self._new())

    def _make(self) -> None:
        try:
            self._client.set_result(self._new())
        except LLMSpellError as error:
            self._client.set_exception(error)
            self.failed(error)

    def _new(self, seconds: float = CONNECT_SECONDS) -> Client:
        client: Client
        if self._options.where is None:
            from llmspell_kernel.client.embedded import start_embedded_kernel

            client = start_embedded_kernel(self._options.runtime, output_limit=self._options.output_limit)
        else:
            from llmspell_kernel.client.connected import connect
            from llmspell_kernel.client.discovery import resolve

            client = connect(resolve(self._options.where), timeout=seconds)
        session = client.session

        def hear(message: Message) -> None:
            if message["parent_header"].get("session") == session:  # not what other clients have caused
                self.heard(message)

        client.listen(hear)
        return client

    @property
    def client(self) -> Client:
        """Waits until there is one.

        Raises:
            LLMSpellError: it could not be made.
        """
        return self._client.result()

    @property
    def ready(self) -> Client | None:
        """The client, if one is there now."""
        if self._client.done() and self._client.exception() is None:
            return self._client.result()
        return None

    def renew(self) -> None:
        """Ends the kernel of this process, or the connection, and makes another one.

        Raises:
            LLMSpellError: it cannot be made.
        """
        self.close()
        made: Future[Client] = Future()
        try:
            made.set_result(self._new(_AGAIN_SECONDS))
        except BaseException as error:
            lost = error if isinstance(error, LLMSpellError) else ClientError("there is no kernel")
            made.set_exception(lost)
            raise
        finally:
            self._client = made

    def close(self) -> None:
        """Ends the kernel of this process; a connected one goes on."""
        if self._making is not None:
            self._making.join(CONNECT_SECONDS)  # Lua must not be made while Python is taken down
        if (client := self.ready) is not None:
            client.close()
