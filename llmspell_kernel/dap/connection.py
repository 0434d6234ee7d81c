"""One client on a socket: its requests are answered one after the other, its events leave at once."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, cast

from llmspell_kernel.dap.adapter import Adapter
from llmspell_kernel.dap.framing import decode, encode, read_frame
from llmspell_kernel.dap.protocol import Message
from llmspell_kernel.dap.requests import RequestQueue
from llmspell_kernel.errors import BadRequestError, DebuggerError

_UNSENT_LIMIT = 64 * 1024 * 1024
"""Bytes that may wait for a client that does not read, before it is given up."""

_STRANGER_LIMIT = 10
"""Requests that are answered for a client that does not show the token."""

_CLOSE_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Connection:
    """A client on a socket, with three threads of its own: one reads, one answers, one writes.

    That a client has gone is so noticed also while a request of its is being answered, and a client
    that does not read holds nobody up. Any thread may call the methods.
    """

    def __init__(
        self,
        sock: socket.socket,
        make_adapter: Callable[[Callable[[Message], None]], Adapter],
        on_end: Callable[[Connection], None],
    ) -> None:
        """`make_adapter` gets what sends messages; `on_end` is called once, when all is done."""
        self._socket = sock
        self._requests = RequestQueue()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._unsent = 0
        self._lock = threading.Lock()
        self._on_end = on_end
        self.adapter = make_adapter(self._send)
        _keep_alive(sock)
        self._threads = [
            threading.Thread(target=work, name=f"llmspell-dap-{name}", daemon=True)
            for name, work in (("read", self._read), ("answer", self._answer), ("write", self._write))
        ]

    def start(self) -> None:
        """Begins to talk."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ends the client's part, sends what waits to be sent, and hangs up; returns within seconds.

        A request that is being answered gets its answer first: it may be the goodbye that led here.
        """
        self.adapter.close()
        self._requests.end()
        self._join(self._threads[1])
        self._outgoing.put(None)
        self._join(self._threads[-1])
        self._hang_up()
        for thread in self._threads:
            self._join(thread)

    @staticmethod
    def _join(thread: threading.Thread) -> None:
        if thread is not threading.current_thread() and thread.ident is not None:
            thread.join(_CLOSE_SECONDS)

    # Reading

    def _read(self) -> None:
        try:
            with cast(BinaryIO, self._socket.makefile("rb")) as stream:
                while (body := read_frame(stream)) is not None:
                    self._receive(body)
        except BadRequestError as error:
            _log.warning("a client of the debugger sent %s", error)
        except OSError as error:
            _log.debug("a client of the debugger is lost: %s", error)
        finally:
            if not self._requests.end():
                self.adapter.close()

    def _receive(self, body: bytes) -> None:
        try:
            request = decode(body)
        except BadRequestError as error:
            _log.warning("a client of the debugger sent %s", error)
            request = None  # it is answered that this is no request
        if isinstance(request, dict) and request.get("command") == "cancel":
            self._cancel(request.get("arguments"))
        self._requests.put(request if request is not None else "")

    def _cancel(self, arguments: object) -> None:
        number = arguments.get("requestId") if isinstance(arguments, dict) else None
        withdrawn = self._requests.withdraw(number) if number is not None else None
        if withdrawn is not None:
            self.adapter.refuse(withdrawn, DebuggerError("cancelled"))

    # Answering

    def _answer(self) -> None:
        strange = 0
        while (request := self._requests.take()) is not None:
            self.adapter.serve(request)
            if isinstance(request, dict) and request.get("command") == "disconnect":
                break
            if not self.adapter.session.authorised:
                strange += 1
                if strange >= _STRANGER_LIMIT:
                    _log.warning("a client of the debugger did not show the token")
                    break
        self._requests.end()
        self.adapter.close()
        self._outgoing.put(None)

    # Writing

    def _send(self, message: Message) -> None:
        data = encode(message)
        with self._lock:
            self._unsent += len(data)
            too_much = self._unsent > _UNSENT_LIMIT
        if too_much:
            _log.warning("a client of the debugger does not read: it is given up")
            self._hang_up()
        else:
            self._outgoing.put(data)

    def _write(self) -> None:
        try:
            while (data := self._outgoing.get()) is not None:
                self._socket.sendall(data)
                with self._lock:
                    self._unsent -= len(data)
        except OSError as error:
            _log.debug("a client of the debugger is lost: %s", error)
        finally:
            self._hang_up()
            self._threads[0].join()  # it sees the end of the stream
            self._socket.close()
            self._threads[1].join()
            self._on_end(self)

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _keep_alive(sock: socket.socket) -> None:
    """Has the system notice a client whose machine has gone, within two minutes; sends without delay."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
