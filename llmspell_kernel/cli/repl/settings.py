"""Settings of the REPL itself, for `.set`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmspell_kernel.cli.repl.options import Options
from llmspell_kernel.errors import UsageError

if TYPE_CHECKING:
    from llmspell_kernel.cli.repl.screen import Screen

_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}

DESCRIPTIONS = {
    "color_style": "The Pygments style of typed code; default takes the terminal's own colours.",
    "colours": "Colours in results and errors: on or off.",
    "editing": "The keys of the prompt: emacs or vi.",
    "suggestions": "Earlier inputs are suggested while you type: on or off.",
    "tables": "Lists of records are drawn as tables: on or off.",
    "timing": "Each input is followed by how long it took: on or off.",
}


_OTHER_NAMES = {"color": "colours", "colors": "colours", "colour": "colours", "style": "color_style"}


def own_name(name: str) -> str:
    """The setting that is meant by a name that people may use for it."""
    return _OTHER_NAMES.get(name, name)


class Settings:
    """By name; each may change at any time.

    Attributes:
        on_change: called with the name of what has changed.
    """

    def __init__(self, options: Options, screen: Screen) -> None:
        self._screen = screen
        self.color_style = options.color_style
        self.editing = "emacs"
        self.suggestions = True
        self.timing = False
        self.on_change: Callable[[str], None] = lambda name: None
        self._defaults = {name: self.shown(name) for name in DESCRIPTIONS}

    @property
    def colours(self) -> bool:
        """Whether results and errors have colours."""
        return self._screen.colours

    @property
    def tables(self) -> bool:
        """Whether lists of records are drawn as tables."""
        return self._screen.tables

    def shown(self, name: str) -> str:
        """A setting's value as it is written."""
        value = getattr(self, name)
        return value if isinstance(value, str) else "on" if value else "off"

    def reset(self, name: str) -> None:
        """Back to how it was at the beginning."""
        self.change(name, self._defaults[name])

    def change(self, name: str, text: str) -> None:
        """Changes a setting to what is written.

        Raises:
            UsageError: it cannot be that.
        """
        match name:
            case "colours":
                self._screen.colours = _switch(name, text)
            case "tables":
                self._screen.tables = _switch(name, text)
            case "suggestions":
                self.suggestions = _switch(name, text)
            case "timing":
                self.timing = _switch(name, text)
            case "editing":
                self.editing = _one_of(name, text, ("emacs", "vi"))
            case _:
                self.color_style = _one_of(name, text, styles())
        self.on_change(name)


def values_of(name: str) -> tuple[str, ...]:
    """What a setting may be."""
    if name == "color_style":
        return styles()
    return ("emacs", "vi") if name == "editing" else ("on", "off")


def styles() -> tuple[str, ...]:
    """The names of Pygments' styles."""
    from pygments.styles import get_all_styles

    return tuple(sorted(get_all_styles()))


def _switch(name: str, text: str) -> bool:
    value = _SWITCH.get(text.lower())
    if value is None:
        raise UsageError(f"{name} is on or off, not {text!r}")
    return value


def _one_of(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text in allowed:
        return text
    import difflib

    close = difflib.get_close_matches(text, allowed, 1)
    advice = f"did you mean {close[0]}?" if close else f"it is one of {', '.join(allowed)}"
    raise UsageError(f"{name} cannot be {text!r}; {advice}")
