"""Who of several clients steers: the others look."""

from __future__ import annotations

import threading
from typing import Protocol


class Client(Protocol):
    """One of those who take part."""

    @property
    def name(self) -> str:
        """For people."""

    def steers_now(self) -> None:
        """It was its turn."""

    def steered_by(self, name: str) -> None:
        """Another client has taken the steering from it."""

    def values_changed(self) -> None:
        """Another client has changed variables."""


class Steering:
    """The clients of one program, in the order they came. Any thread.

    Exactly one of them steers, unless all of them only want to look. When it leaves, the next takes over.
    """

    def __init__(self) -> None:
        self._clients: dict[Client, bool] = {}
        self._holder: Client | None = None
        self._lock = threading.Lock()

    def join(self, client: Client, steer: bool | None = None) -> None:
        """A client takes part, or says it anew.

        Args:
            client: who.
            steer: true takes the steering from whoever has it; false only looks, until asked again;
                none steers if nobody does.
        """
        with self._lock:
            before = self._holder
            self._clients[client] = steer is not False
            if steer or (steer is None and before is None):
                self._holder = client
            elif steer is False and before is client:
                self._holder = self._next()
            holder = self._holder
        if holder is not before:
            if before is not None and before is not client and holder is not None:
                before.steered_by(holder.name)
            if holder is not None and holder is not client:
                holder.steers_now()

    def leave(self, client: Client) -> bool:
        """A client is gone. Answers whether it steered."""
        with self._lock:
            self._clients.pop(client, None)
            if self._holder is not client:
                return False
            self._holder = holder = self._next()
        if holder is not None:
            holder.steers_now()
        return True

    def _next(self) -> Client | None:
        return next((client for client, may_steer in self._clients.items() if may_steer), None)

    def steers(self, client: Client) -> bool:
        """Whether it is this client that steers."""
        return self._holder is client

    @property
    def holder(self) -> str:
        """The name of who steers, "" if nobody does."""
        holder = self._holder
        return "" if holder is None else holder.name

    def others(self, client: Client) -> list[Client]:
        """All but this one."""
        with self._lock:
            return [other for other in self._clients if other is not client]
