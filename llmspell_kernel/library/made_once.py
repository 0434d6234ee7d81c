"""Attributes that are made when they are first asked for, also where several threads ask at once."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, Protocol, TypeVar, cast, overload

_Made = TypeVar("_Made")


class Owner(Protocol):
    """Who has such attributes.

    Attributes:
        making: held while one is made; a service may ask for others while it is made.
    """

    making: RLock


class made_once(Generic[_Made]):
    """A `functools.cached_property` of which threads never get two: those who ask while it is made wait.

    `name in vars(owner)` tells whether it has been made.
    """

    def __init__(self, make: Callable[[Any], _Made]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> made_once[_Made]: ...

    @overload
    def __get__(self, owner: Owner, kind: type) -> _Made: ...

    def __get__(self, owner: Owner | None, kind: type) -> made_once[_Made] | _Made:
        """Makes it. From then on Python finds it in the owner and does not come here."""
        if owner is None:
            return self
        with owner.making:
            made = vars(owner)
            if self._name not in made:
                half = _half(self._name)
                if half in made:  # by this thread, which holds the lock
                    return cast("_Made", made[half])
                try:
                    made[self._name] = self._make(owner)
                finally:
                    made.pop(half, None)
            return cast("_Made", made[self._name])


def half_made(owner: Owner, name: str, value: object) -> None:
    """What the thread that makes an attribute gets from here on if it asks for it; the others still wait."""
    vars(owner)[_half(name)] = value


def _half(name: str) -> str:
    return f"{name}, half made"
