"""Every error this package raises on purpose.

    LLMSpellError
    ├── UsageError                 what the user asked for cannot be done as asked
    │   ├── KernelspecError        a kernelspec that cannot be written or found
    │   ├── MagicError             a magic that is unknown or was called wrongly
    │   └── SettingsError          settings that cannot be read or make no sense
    ├── LanguageUnavailableError   this platform's lupa has no such Lua
    ├── StdinUnavailableError      the client does not take input
    ├── SecurityError              a setting that would leave the kernel open
    ├── RefusedError               a kernel's limits on its clients forbid a request
    │   ├── TooManyClientsError    it serves as many as it may
    │   └── RateLimitError         a client asks too much in too short a time
    ├── BadRequestError            a message of a client lacks what it needs
    ├── DebuggerError              what a debugger's client asks for is not possible
    │   ├── NotStoppedError        it needs stopped code
    │   └── NoAnswerError          the Lua thread did not answer in time
    ├── ClientError                a kernel could not be used
    │   ├── KernelDiedError        it has ended
    │   ├── KernelTimeoutError     it did not answer in time
    │   ├── ConnectionFileError    a connection file that leads nowhere
    │   │   └── UnknownKeyError    an address without a file that tells its key
    │   └── NoSuchKernelError      no kernel is called so
    ├── LuaSyntaxError             Lua refuses to compile
    └── ScriptError                what a library function tells the Lua code that called it
        ├── OptionError            an option that there is not
        ├── NotAllowedError        a setting, a guard or the user forbids it
        ├── LuaCallError           a Lua function that Python called has failed
        ├── CancelledError         a hook has stopped what was about to happen
        ├── StorageError           a store cannot be reached or written; nothing has changed
        │   ├── StorageKeyError    a key that no store can keep
        │   └── ConflictError      another writer was faster
        ├── ToolError              a tool could not be called
        │   ├── UnknownToolError   no tool is called so
        │   ├── ParameterError     its parameters are not what it takes
        │   ├── ToolTimeoutError   it took longer than it may
        │   ├── ToolMemoryError    it took more memory than it may
        │   └── MissingExtraError  a library that it needs is not installed
        └── NoSuchThingError       nothing has this id or name

A message names the thing and its value, and says what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class LLMSpellError(Exception):
    """Root of the tree."""


class UsageError(LLMSpellError):
    """What the user asked for cannot be done as asked."""


class KernelspecError(UsageError):
    """A kernelspec that cannot be written or found."""


class MagicError(UsageError):
    """A magic that is unknown or was called wrongly."""


class SettingsError(UsageError):
    """Settings that cannot be read or make no sense; the message has a line for each problem.

    Attributes:
        problems: each as "place: what is wrong"; the place is a file with its line, a variable, a flag.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)

    @classmethod
    def at(cls, place: str, problem: str) -> SettingsError:
        """For a single problem."""
        return cls([f"{place}: {problem}"])


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


class RefusedError(LLMSpellError):
    """A kernel's limits on its clients forbid a request."""


class TooManyClientsError(RefusedError):
    """The kernel serves as many clients as it may."""

    @classmethod
    def of(cls, limit: int) -> TooManyClientsError:
        """For a kernel that serves `limit` clients."""
        return cls(
            f"this kernel serves no more than {limit} clients at once (kernel.max_clients): disconnect "
            "another one, or raise the limit"
        )


class RateLimitError(RefusedError):
    """A client asks too much in too short a time."""

    @classmethod
    def of(cls, limit: int, seconds: float) -> RateLimitError:
        """For a limit of so many a minute, and the seconds until the next may come."""
        return cls(
            f"more than {limit} requests a minute (security.rate_limit_per_minute): the next one may come in "
            f"{seconds:.1f} s"
        )


class BadRequestError(LLMSpellError):
    """A message of a client lacks what it needs."""


class DebuggerError(LLMSpellError):
    """What a debugger's client asks for is not possible."""


class NotStoppedError(DebuggerError):
    """It needs stopped code."""


class NoAnswerError(DebuggerError):
    """The Lua thread did not answer in time."""


class ClientError(LLMSpellError):
    """A kernel could not be used."""


class KernelDiedError(ClientError):
    """The kernel has ended."""


class KernelTimeoutError(ClientError):
    """The kernel did not answer in time."""

    @classmethod
    def of(cls, msg_type: str, seconds: float) -> KernelTimeoutError:
        """For a request that is still under way."""
        what = msg_type.removesuffix("_request").replace("_", " ")
        return cls(
            f"the kernel has not finished the {what} request after {seconds:.3g} s; wait longer "
            "(timeout=...) or interrupt it"
        )


class ConnectionFileError(ClientError):
    """A connection file that leads nowhere."""


class UnknownKeyError(ConnectionFileError):
    """An address leads to a kernel whose key no connection file here tells."""

    def __init__(
        self, where: str, ports: str, how: str = "`llmspell kernel` commands also take --key-file"
    ) -> None:
        """`how` says who is told the key otherwise, and `ports` which ports are meant then."""
        super().__init__(
            f"no connection file here is for a kernel at {where}, so its key is not known: name the "
            f"connection file that the kernel wrote, or a copy of it ({how}, {ports})"
        )
        self.where = where
        self.ports = ports


class NoSuchKernelError(ClientError):
    """No kernel is called so."""


class LuaSyntaxError(LLMSpellError):
    """Lua refuses to compile; the message is Lua's own, with chunk name and line.

    Attributes:
        hint: a line of advice; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ScriptError(LLMSpellError):
    """What a library function tells the Lua code that called it; becomes a Lua error with position."""


class OptionError(ScriptError):
    """An option that there is not."""

    @classmethod
    def of(cls, name: str, known: Sequence[str], function: str) -> OptionError:
        """For an option of a function, which takes those in `known`."""
        return cls(f"bad argument 'options' to '{function}' ({cls.text(name, known)})")

    @staticmethod
    def text(name: str, known: Sequence[str]) -> str:
        """What is to be said of it: which options there are, and which one is like it."""
        import difflib

        near = difflib.get_close_matches(name, known, 1)
        near = near or [each for each in known if name and (each.startswith(name) or name.startswith(each))]
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"there is no option '{name}'; it takes {', '.join(known)}{hint}"


class NotAllowedError(ScriptError):
    """A setting forbids it; the message names the setting."""

    FILES = "scripts must not use files here: the setting runtime.security.allow_file_access is false"
    PROCESSES = (
        "scripts must not start processes here: the setting runtime.security.allow_process_spawn is false"
    )


class LuaCallError(ScriptError):
    """A Lua function that Python called has failed.

    `report` is the Lua table that the prelude's traceback handler made; `value` the Lua error value itself.
    """

    def __init__(self, text: str, report: Any) -> None:
        super().__init__(text)
        self.report = report

    @property
    def value(self) -> Any:
        """What Lua's error() was called with."""
        return self.report[b"value"]


class CancelledError(ScriptError):
    """A hook has stopped what was about to happen; the message has its reason."""

    @classmethod
    def of(cls, point: str, hook: str, reason: str) -> CancelledError:
        """For a hook by its name, at a point."""
        return cls(f"cancelled by the hook {hook!r} at {point}: {reason}")


class NoSuchThingError(ScriptError):
    """Nothing has this id or name."""


class StorageError(ScriptError):
    """A store cannot be reached or written; nothing has changed."""


class StorageKeyError(StorageError):
    """A key that no store can keep."""


class ConflictError(StorageError):
    """Another writer was faster."""

    @classmethod
    def of(cls, namespace: str, key: str, expected: int, found: int) -> ConflictError:
        """For a version that was expected where another is."""
        said = "nothing is there" if not found else f"version {found} is there"
        wanted = "nothing" if not expected else f"version {expected}"
        return cls(f"{namespace} {key!r}: {wanted} was expected, but {said}; read it again and retry")


class ToolError(ScriptError):
    """A tool could not be called, or could not do what it was asked."""


class UnknownToolError(ToolError):
    """No tool is called so."""

    ALL = "`Tool.list()` names them all"

    @classmethod
    def of(cls, name: str, near: Sequence[str]) -> UnknownToolError:
        """For a name that is like the names in `near`."""
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; {cls.ALL}"
        return cls(f"Tool '{name}' not found{hint}")


class ParameterError(ToolError):
    """The parameters of a tool are not what it takes.

    Attributes:
        problems: a sentence for each.
    """

    def __init__(self, tool: str, problems: Sequence[str]) -> None:
        super().__init__(f"{tool}: " + "; ".join(problems))
        self.tool = tool
        self.problems = tuple(problems)


class ToolTimeoutError(ToolError):
    """A tool took longer than it may."""


class ToolMemoryError(ToolError):
    """A tool took more memory than it may."""


class MissingExtraError(ToolError):
    """A library that a tool needs is not installed."""

    @classmethod
    def of(cls, tool: str, library: str, extra: str) -> MissingExtraError:
        """For a library that `pip install 'llmspell-kernel[EXTRA]'` brings."""
        return cls(f"{tool} needs {library}: pip install 'llmspell-kernel[{extra}]'")
