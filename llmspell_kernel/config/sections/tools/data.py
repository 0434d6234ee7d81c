"""`[tools.data]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """The tools csv-analyzer, json-processor and graph-builder."""

    max_csv_size: Annotated[int, Meta(ge=1, description="Bytes of a table that csv-analyzer reads.")] = (
        524_288_000
    )
    max_csv_rows: Annotated[
        int,
        Meta(ge=1, description="Rows that csv-analyzer answers at once; to a file it writes any number."),
    ] = 10_000
    max_json_size: Annotated[int, Meta(ge=1, description="Characters of JSON that json-processor reads.")] = (
        104_857_600
    )
    max_graph_elements: Annotated[
        int, Meta(ge=1, description="Nodes and edges of a graph of graph-builder.")
    ] = 100_000
