"""The text of what runs, and lists of it."""

from __future__ import annotations

from llmspell_kernel.dap.bodies import (
    LoadedSourcesBody,
    ModuleBody,
    ModulesBody,
    SourceTextBody,
)
from llmspell_kernel.dap.commands import Command, Commands
from llmspell_kernel.dap.protocol import ModulesArguments, NoArguments, SourceArguments
from llmspell_kernel.dap.session import Session
from llmspell_kernel.dap.view import NO_SOURCE
from llmspell_kernel.errors import BadRequestError
from llmspell_kernel.lua.debugger.model import Source

_MIME_TYPE = "text/x-lua"


def source(session: Session, arguments: SourceArguments) -> SourceTextBody:
    """The text of a source."""
    given = arguments.source
    wanted: str | int = arguments.source_reference or 0
    if given is not None:
        wanted = session.view.source_to_ours(given) or wanted
    if wanted == NO_SOURCE:
        return SourceTextBody(content="-- This is not written in Lua.\n", mime_type=_MIME_TYPE)
    if not wanted:
        raise BadRequestError("source: give a sourceReference, or a source with a path")
    return SourceTextBody(content=_readable(session.debugger.sources.text(wanted)), mime_type=_MIME_TYPE)


def _readable(text: str) -> str:
    """Bytes that are no UTF-8 as escapes: JSON has no place for them."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def loaded_sources(session: Session, arguments: NoArguments) -> LoadedSourcesBody:
    """All that Lua has compiled, but for the runtime's own."""
    found = [each for each in session.debugger.sources.all() if not each.own]
    return LoadedSourcesBody(sources=[session.view.source(each) for each in found])


def modules(session: Session, arguments: ModulesArguments) -> ModulesBody:
    """The files that were loaded. JupyterLab asks after every cell, also with the debugger off."""
    found = _files(session) if session.attached else []
    start = arguments.start_module or 0
    end = start + arguments.module_count if arguments.module_count else None
    paths = session.view.paths
    return ModulesBody(
        modules=[
            ModuleBody(id=each.path, name=each.name, path=paths.to_client(each.path))
            for each in found[start:end]
        ],
        total_modules=len(found),
    )


def _files(session: Session) -> list[Source]:
    cells = session.host.cells
    return [
        each
        for each in session.debugger.sources.all()
        if not each.own and not each.reference and not (cells and cells.has(each.path))
    ]


COMMANDS: Commands = {
    "source": Command(SourceArguments, source),
    "loadedSources": Command(NoArguments, loaded_sources),
    "modules": Command(ModulesArguments, modules, early=True),
}
