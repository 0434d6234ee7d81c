"""Small immutable classes of named fields: as `dataclasses` makes them, but at once.

Importing `dataclasses`, with all it needs, takes as long as running a short script.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar, dataclass_transform

__all__ = ["as_dict", "record", "replaced"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """The class with a field for each of its own annotations; values of it are equal if their fields are.

    A value given in the class is a default; of a list or dict each object gets its own.
    """
    names = tuple(cls.__annotations__)
    defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    kept = {
        key: value
        for key, value in cls.__dict__.items()
        if key not in names and key not in ("__dict__", "__weakref__")
    }
    body = {
        "__slots__": names,
        "__match_args__": names,
        "__init__": _init(cls.__qualname__, names, defaults),
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__eq__": _equal,
        "__hash__": _hash,
        "__repr__": _repr,
        "__reduce__": _reduce,
    }
    made: type[T] = type(cls.__name__, cls.__bases__, body | kept)
    return made


def replaced(value: T, **changes: Any) -> T:
    """A record like another one but for some fields."""
    return type(value)(**as_dict(value) | changes)


def as_dict(value: object) -> dict[str, Any]:
    """The fields of a record by name."""
    return {name: getattr(value, name) for name in _names(value)}


def _init(owner: str, names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    scope: dict[str, Any] = {"set_field": object.__setattr__, "missing": object(), "defaults": defaults}
    parameters, lines = [], []
    for name in names:
        if name not in defaults:
            parameters.append(name)
        elif isinstance(defaults[name], list | dict):
            parameters.append(f"{name}=missing")
            lines.append(f" if {name} is missing: {name} = defaults[{name!r}].copy()")
        else:
            parameters.append(f"{name}=defaults[{name!r}]")
        lines.append(f" set_field(self, {name!r}, {name})")
    exec("\n".join((f"def __init__(self, {', '.join(parameters)}):", *lines)), scope)
    made = scope["__init__"]
    made.__qualname__ = f"{owner}.__init__"
    return made


def _names(value: object) -> tuple[str, ...]:
    names: tuple[str, ...] = type(value).__match_args__  # type: ignore[attr-defined]
    return names


def _values(value: object) -> tuple[Any, ...]:
    return tuple(getattr(value, name) for name in _names(value))


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise AttributeError(f"{type(self).__name__} is immutable: cannot change its field {name!r}")


def _equal(self: object, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: object) -> int:
    return hash(_values(self))


def _repr(self: object) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in _names(self))
    return f"{type(self).__qualname__}({fields})"


def _reduce(self: object) -> tuple[Any, ...]:
    return type(self), _values(self)
