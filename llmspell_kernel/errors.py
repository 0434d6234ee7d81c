"""Every error this package raises on purpose.

    LLMSpellError
    ├── UsageError                 what the user asked for cannot be done as asked
    │   ├── KernelspecError        a kernelspec that cannot be written or found
    │   └── MagicError             a magic that is unknown or was called wrongly
    ├── LanguageUnavailableError   this platform's lupa has no such Lua
    ├── StdinUnavailableError      the client does not take input
    ├── SecurityError              a setting that would leave the kernel open
    ├── BadRequestError            a message of a client lacks what it needs
    └── ScriptError                what a library function tells the Lua code that called it

A message names the thing and its value, and says what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence


class LLMSpellError(Exception):
    """Root of the tree."""


class UsageError(LLMSpellError):
    """What the user asked for cannot be done as asked."""


class KernelspecError(UsageError):
    """A kernelspec that cannot be written or found."""


class MagicError(UsageError):
    """A magic that is unknown or was called wrongly."""


class LanguageUnavailableError(LLMSpellError):
    """This platform's lupa has no such Lua."""

    @classmethod
    def of(cls, name: str, known: Sequence[str]) -> LanguageUnavailableError:
        """For a language name that is not among `known`."""
        return cls(f"no Lua called {name!r} here; choose one of: {', '.join(known)}")


class StdinUnavailableError(LLMSpellError):
    """The client does not take input."""


class SecurityError(LLMSpellError):
    """A setting that would leave the kernel open."""


class BadRequestError(LLMSpellError):
    """A message of a client lacks what it needs."""


class ScriptError(LLMSpellError):
    """What a library function tells the Lua code that called it; becomes a Lua error with position."""
