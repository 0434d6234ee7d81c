"""Candidates at the cursor: the kernel's own, and those of the dot commands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from llmspell_kernel.cli.repl.lines import is_word
from llmspell_kernel.cli.repl.link import Link
from llmspell_kernel.errors import LLMSpellError

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

    from llmspell_kernel.cli.repl.commands.registry import DotCommand

_ANSWER_SECONDS = 2.0
_NOW_SECONDS = 0.3
_META_WIDTH = 60


class ReplCompleter(Completer):
    """Asks the kernel, on a thread of prompt_toolkit's: typing goes on meanwhile."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor."""
        return self._find(document, _ANSWER_SECONDS)

    def now(self, document: Document) -> list[Completion]:
        """The same for a key that is to act before the next one does: nothing if the kernel is busy."""
        return list(self._find(document, _NOW_SECONDS))

    def _find(self, document: Document, seconds: float) -> Iterable[Completion]:
        text, cursor = document.text, document.cursor_position
        if text == "." or is_word(text):
            return self._of_commands(text[:cursor], seconds)
        return self._of_kernel(text, cursor, seconds)

    def _of_kernel(self, text: str, cursor: int, seconds: float) -> Iterator[Completion]:
        client = self._link.ready
        if client is None:
            return
        try:
            found = client.complete(text, cursor, timeout=seconds)
        except LLMSpellError:  # busy, or gone: running the code will say so
            return
        start = int(found.get("cursor_start", cursor)) - cursor
        typed = (found.get("metadata") or {}).get("_jupyter_types_experimental")
        for match in typed or [{"text": each} for each in found.get("matches", ())]:
            yield Completion(match["text"], start, display_meta=_meta(match))

    def _of_commands(self, text: str, seconds: float) -> Iterator[Completion]:
        from llmspell_kernel.cli.repl.commands import loaded

        commands = loaded()
        word, blank, argument = text.partition(" ")
        if not blank:
            for each in commands:
                if (name := f".{each.name}").startswith(word):
                    yield Completion(name, -len(word), display_meta=each.summary)
            return
        found = next((each for each in commands if word[1:] in each.names), None)
        if found is None:
            return
        if found.takes == "lua":
            yield from self._of_kernel(argument, len(argument), seconds)
            return
        last = argument.rpartition(" ")[2]
        for name, meta in _arguments(found, argument, commands):
            if name.startswith(last):
                yield Completion(name, -len(last), display_meta=meta)


def _meta(match: dict[str, Any]) -> str:
    kind, signature = str(match.get("type") or ""), str(match.get("signature") or "")
    text = f"{kind} {signature}" if signature else kind
    return text if len(text) <= _META_WIDTH else text[: _META_WIDTH - 1] + "…"


def _arguments(command: DotCommand, argument: str, commands: list[DotCommand]) -> Iterable[tuple[str, str]]:
    """What may be the last word of an argument, with what it is."""
    words = argument.split(" ")
    match command.takes:
        case "command":
            return [(each.name, each.summary) for each in commands]
        case "switch":
            return [("on", ""), ("off", "")]
        case "history":
            return [("clear", "forget all")]
        case "setting":
            from llmspell_kernel.cli.repl.settings import DESCRIPTIONS, values_of

            if len(words) > 1:
                return [(each, "") for each in values_of(words[0])] if words[0] in DESCRIPTIONS else []
            return DESCRIPTIONS.items()
        case "file" | "lua_file" | "folder":
            return _files(words[-1], command.takes)
    return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _files(start: str, takes: str) -> Iterator[tuple[str, str]]:
    folder, name = os.path.split(start)
    try:
        entries = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda entry: entry.name)
    except (OSError, ValueError):  # not to be read, or no name at all
        return
    for entry in entries:
        if entry.name.startswith(".") and not name.startswith("."):
            continue
        if _is_folder(entry):
            yield os.path.join(folder, entry.name) + "/", "folder"
        elif takes == "file" or (takes == "lua_file" and entry.name.endswith(".lua")):
            yield os.path.join(folder, entry.name), ""
