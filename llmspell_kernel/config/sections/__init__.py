"""The settings, a file a section. Defaults, descriptions and limits are written down here and nowhere else.

A field is `Annotated[type, Meta(description=...)]`. Two marks in `Meta(extra=...)`: `secret` for what is
never shown, `rest` for the field of a section that takes the keys which are no fields.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from llmspell_kernel.config.sections.debug import Debug
from llmspell_kernel.config.sections.engines import Engines
from llmspell_kernel.config.sections.events import Events
from llmspell_kernel.config.sections.hooks import Hooks
from llmspell_kernel.config.sections.kernel import Kernel
from llmspell_kernel.config.sections.logging import Logging
from llmspell_kernel.config.sections.providers import Providers
from llmspell_kernel.config.sections.repl import Repl
from llmspell_kernel.config.sections.runtime import Runtime
from llmspell_kernel.config.sections.security import Security
from llmspell_kernel.config.sections.storage import Storage
from llmspell_kernel.config.sections.tools import Tools


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    default_engine: Annotated[
        Literal["lua", "lua54", "lua55", "luajit"],
        Meta(description="The Lua that runs scripts and cells; `lua` is `lua54`."),
    ] = "lua"
    engines: Annotated[Engines, Meta(description="How each engine runs scripts.")] = field(
        default_factory=Engines
    )
    runtime: Annotated[Runtime, Meta(description="Limits of everything that runs, and what lasts.")] = field(
        default_factory=Runtime
    )
    providers: Annotated[Providers, Meta(description="Where models come from.")] = field(
        default_factory=Providers
    )
    kernel: Annotated[Kernel, Meta(description="The Jupyter kernel.")] = field(default_factory=Kernel)
    security: Annotated[Security, Meta(description="Who may talk to a kernel, and how much.")] = field(
        default_factory=Security
    )
    logging: Annotated[Logging, Meta(description="What a kernel tells of itself.")] = field(
        default_factory=Logging
    )
    repl: Annotated[Repl, Meta(description="The prompt of `llmspell repl`.")] = field(default_factory=Repl)
    tools: Annotated[Tools, Meta(description="What tools may do.")] = field(default_factory=Tools)
    storage: Annotated[Storage, Meta(description="Where things last.")] = field(default_factory=Storage)
    events: Annotated[Events, Meta(description="What components tell each other.")] = field(
        default_factory=Events
    )
    hooks: Annotated[Hooks, Meta(description="Functions that are called at points of what happens.")] = field(
        default_factory=Hooks
    )
    debug: Annotated[Debug, Meta(description="The messages of `Debug`.")] = field(default_factory=Debug)
