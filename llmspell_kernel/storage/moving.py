"""Bringing what one store has to another, by a plan that can be read before."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from llmspell_kernel.errors import StorageError
from llmspell_kernel.storage.archive import Item, entries_of
from llmspell_kernel.storage.contract import Storage
from llmspell_kernel.storage.restoring import Restored, restore

Kind = Literal["memory", "sqlite", "postgres"]

COMPONENTS = {
    "state": ("state",),
    "sessions": ("session", "session_"),
    "artifacts": ("artifact", "artifact_"),
}
"""What people call parts of a store: namespaces, and beginnings of their names (those that end with `_`)."""


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be moved.

    Attributes:
        source: the backend that has it.
        target: the backend that gets it.
        namespaces: what is moved, with the number of entries there were when the plan was made.
        created_at: when that was.
        replace: whether the target loses what it has besides in these namespaces.
    """

    source: Kind
    target: Kind
    namespaces: dict[str, int]
    created_at: str = ""
    replace: bool = False


def make_plan(source: Storage, target: Kind, components: Sequence[str], *, replace: bool = False) -> Plan:
    """A plan for some components (of `COMPONENTS`, or namespaces), all of them if none is named.

    Raises:
        StorageError: the stores are the same, or the source has nothing of a component.
    """
    backend: Kind = msgspec.convert(source.backend, Kind)
    if backend == target:
        raise StorageError(f"from {backend} to {target} there is nothing to move; name two backends")
    there = source.namespaces()
    chosen = there if not components else [name for each in components for name in _named(each, there)]
    return Plan(
        source=backend,
        target=target,
        namespaces={name: source.count(name) for name in dict.fromkeys(chosen)},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        replace=replace,
    )


def _named(component: str, there: Sequence[str]) -> list[str]:
    names = COMPONENTS.get(component, (component,))
    found = [
        each
        for each in there
        if any(each == name or (name[-1] == "_" and each.startswith(name)) for name in names)
    ]
    if not found:
        raise StorageError(
            f"the store has no {component!r}; it has {', '.join(there) or 'nothing'} (components are "
            f"{', '.join(COMPONENTS)}, or namespaces)"
        )
    return found


def read_plan(text: str, name: str) -> Plan:
    """The plan that a TOML text says; `name` is what messages call it.

    Raises:
        StorageError: it is none.
    """
    try:
        return msgspec.convert(tomllib.loads(text), Plan)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise StorageError(f"{name} is no plan of a migration: {error}") from None


def written_plan(plan: Plan) -> str:
    """The plan as TOML."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Run it with: llmspell storage migrate execute --plan FILE"))
    document.update(msgspec.to_builtins(plan))
    return tomlkit.dumps(document)


def move(
    source: Storage, target: Storage, plan: Plan, *, moved: Callable[[Item], None] = lambda _: None
) -> Restored:
    """Writes what the plan names to the target, all or nothing, and compares it there.

    The source stays as it is. `moved` hears of each entry.

    Raises:
        StorageError: a store cannot be read or written, or the target has other values afterwards; nothing
            has changed.
    """
    with source.transaction(), target.transaction():
        done = restore(target, [_items(source, plan, moved)], replace=False)
        deleted = _remove_others(source, target, plan) if plan.replace else 0
        for namespace in plan.namespaces:
            for entry in entries_of(source, namespace):
                copy = target.get(namespace, entry.key)
                if copy is None or copy.value != entry.value:
                    raise StorageError(
                        f"{namespace} {entry.key!r} did not arrive as it was; nothing was moved"
                    )
    return done._replace(deleted=done.deleted + deleted)


def _items(source: Storage, plan: Plan, moved: Callable[[Item], None]) -> Iterator[Item]:
    for namespace in plan.namespaces:
        for entry in entries_of(source, namespace):
            item = Item(namespace, entry.key, entry.value, entry.expires_at)
            yield item
            moved(item)


def _remove_others(source: Storage, target: Storage, plan: Plan) -> int:
    return sum(
        target.delete(namespace, entry.key)
        for namespace in plan.namespaces
        for entry in list(entries_of(target, namespace))
        if source.get(namespace, entry.key) is None
    )
