"""`[repl]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Repl(Struct, frozen=True, forbid_unknown_fields=True):
    """The prompt of `llmspell repl`."""

    history_file: Annotated[
        str,
        Meta(description="Where typed lines last; `:memory:` to forget them; a file of its own if empty."),
    ] = ""
    history_size: Annotated[int, Meta(ge=0, description="Lines that are kept; 0 for all.")] = 10_000
    color_style: Annotated[str, Meta(description="The Pygments style of typed code.")] = "default"
