"""Charts made of charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmspell_kernel.library.plot.charts import CONFIG, SCHEMA, Spec

_TOP = ("$schema", "config")
_OWN_SCALES = {"scale": {"color": "independent", "size": "independent"}}
_FRAME = ("title", "width", "height")


def layered(specs: Sequence[Spec]) -> Spec:
    """Charts drawn over each other, on the same axes; title and size are the first chart's that has them."""
    frame: dict[str, Any] = {}
    for spec in reversed(specs):
        frame |= {name: spec[name] for name in _FRAME if name in spec}
    layers: list[Spec] = []
    for spec in specs:
        inner = _without(spec, (*_TOP, *_FRAME))
        layers += inner["layer"] if set(inner) == {"layer"} else [inner]
    return _top(specs) | frame | {"layer": _with_titles_of_first(layers)}


def beside(specs: Sequence[Spec]) -> Spec:
    """Charts in a row, each with its own axes."""
    return _top(specs) | {"hconcat": [_without(spec, _TOP) for spec in specs], "resolve": _OWN_SCALES}


def below(specs: Sequence[Spec]) -> Spec:
    """Charts in a column."""
    return _top(specs) | {"vconcat": [_without(spec, _TOP) for spec in specs], "resolve": _OWN_SCALES}


def _with_titles_of_first(layers: Sequence[Spec]) -> list[Spec]:
    """Otherwise an axis would be called by all its names."""
    titled = list(layers[:1])
    for layer in layers[1:]:
        encoding = dict(layer.get("encoding") or {})
        for axis in ("x", "y"):
            first = (layers[0].get("encoding") or {}).get(axis) or {}
            if axis in encoding and "title" in first:
                encoding[axis] = {**encoding[axis], "title": first["title"]}
        titled.append({**layer, "encoding": encoding} if encoding else layer)
    return titled


def _top(specs: Sequence[Spec]) -> Spec:
    return {"$schema": SCHEMA, "config": specs[0].get("config", CONFIG)}


def _without(spec: Spec, names: Sequence[str]) -> Spec:
    return {name: value for name, value in spec.items() if name not in names}
