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
                made[self._name] = self._make(owner)
            return cast("_Made", made[self._name])
