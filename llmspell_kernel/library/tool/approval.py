"""Whether a call of a tool is allowed by those who can be asked: the script, and the user."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from llmspell_kernel.errors import NotAllowedError, ScriptError, StdinUnavailableError
from llmspell_kernel.library.tool.audit import HIDDEN, without_secrets

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.tool.contract import Level
    from llmspell_kernel.library.tool.entries import Entry

Verdict = Literal["yes", "no", "always"]
Asker = Callable[[dict[str, Any]], bool | str | None]
"""Gets a table as `Tool.approve` of `tool.lua` tells; answers true to allow the call."""

_LEVELS = {"safe": 0, "restricted": 1, "privileged": 2}
_SHOWN = 120
"""Characters of each value that the user is shown: no value hides another one."""

_FIRST = ("executable", "path", "target_path", "source_path", "url", "endpoint", "database", "to")
"""Parameters that are shown before the others: what a call is about."""

_asking: ContextVar[bool | NotAllowedError] = ContextVar("tool_asking", default=False)
"""Whether a script's function is being asked, or why a call of its own was refused."""


@runtime_checkable
class AsksUser(Protocol):
    """A front end whose input need not come from a user."""

    def ask_user(self, prompt: str) -> str:
        """One line typed by the user.

        Raises:
            EOFError: there is no user.
        """


class Approvals:
    """Asks before tools are called.

    A script's own function is asked first, and can only refuse; the settings say for which calls the user is
    asked then. A call that acts (see `Tool.acts`) counts as privileged, whatever the level of its tool.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._always: set[tuple[str, str, bool]] = set()
        self._asker: Asker | None = None
        self._asker_level = 1
        self._ask_user: Callable[[str], str] | None = None

    def use(self, asker: Asker | None, level: Level = "restricted") -> None:
        """From now on a function is asked for calls of this level and above."""
        self._asker = asker
        self._asker_level = _LEVELS[level]

    def ask_by(self, ask: Callable[[str], str]) -> None:
        """The user is asked by this, not through the front end: it shows a prompt and answers a line."""
        self._ask_user = ask

    def check(self, entry: Entry, operation: str, params: dict[str, Any], *, acts: bool) -> bool:
        """Whether anybody was asked; they have allowed it.

        Args:
            entry: the tool.
            operation: what it is to do.
            params: its parameters.
            acts: whether the call changes something outside.

        Raises:
            NotAllowedError: somebody has not, or the user cannot be asked.
        """
        asked = False
        level = _LEVELS["privileged" if acts else entry.level]
        if self._asker is not None and level >= self._asker_level:
            asked = True
            request = {
                "tool": entry.name,
                "operation": operation,
                "params": params,
                "category": entry.category,
                "security_level": entry.level,
                "acts": acts,
            }
            verdict = self._asked(self._asker, request)
            if verdict is not True and verdict not in ("yes", "always"):
                reason = f": {verdict}" if isinstance(verdict, str) and verdict != "no" else ""
                raise NotAllowedError(
                    f"{entry.name}: the script's approval function refuses {operation!r}{reason}"
                )
        if (entry.name, operation, acts) not in self._always and self._needs_user(entry, level):
            asked = True
            if self._check_user(entry, operation, params):
                self._always.add((entry.name, operation, acts))
        return asked

    def _asked(self, asker: Asker, request: dict[str, Any]) -> bool | str | None:
        """What the script's function answers; it must not call tools that it would be asked about itself."""
        if _asking.get() is not False:
            name = request["tool"]
            again = NotAllowedError(
                f"{name}: the approval function itself calls {name!r}, and would have to approve "
                "that: it must not call tools of the levels that it is asked about"
            )
            _asking.set(again)
            raise again
        token = _asking.set(True)
        try:
            return asker(request)
        except ScriptError as error:
            refused = _asking.get()
            if isinstance(refused, NotAllowedError) and str(error).endswith(str(refused)):
                raise refused from None  # without what the call around it has made of it
            raise
        finally:
            _asking.reset(token)

    def _needs_user(self, entry: Entry, level: int) -> bool:
        settings = self._services.settings.tools
        if entry.name in settings.approval_tools:
            return True
        return settings.approval == "always" or (
            settings.approval == "privileged" and level == _LEVELS["privileged"]
        )

    def _why(self, entry: Entry) -> str:
        """The setting by which the user is asked."""
        settings = self._services.settings.tools
        if entry.name in settings.approval_tools:
            return "the setting tools.approval_tools names the tool"
        why = f"the setting tools.approval is {settings.approval!r}"
        if settings.approval == "privileged" and entry.level != "privileged":
            why += ", and this call writes, starts, sends or changes something"
        return why

    def _check_user(self, entry: Entry, operation: str, params: dict[str, Any]) -> bool:
        """Whether the user has allowed it for always, not only this time."""
        what = f"{entry.name} to {operation}" if operation != entry.name else entry.name
        names = sorted(params, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
        given = ", ".join(f"{name}={_shown(name, params[name])}" for name in names if name != "operation")
        try:
            answer = self._ask(f"Allow tool {what} ({given})? [y/N/always] ")
        except (StdinUnavailableError, EOFError) as error:
            raise NotAllowedError(
                f"{entry.name}: the user must approve {operation!r} ({self._why(entry)}), and nobody can be "
                "asked here"
            ) from error
        answer = answer.strip().lower()
        always = answer in ("a", "always")
        if not always and answer not in ("y", "yes"):
            raise NotAllowedError(f"{entry.name}: the user has not approved {operation!r}")
        return always

    def _ask(self, prompt: str) -> str:
        if self._ask_user is not None:
            return self._ask_user(prompt)
        frontend = self._services.frontend
        if frontend is None:
            raise EOFError
        if isinstance(frontend, AsksUser):
            return frontend.ask_user(prompt)
        return frontend.read_line(prompt, password=False)


def _shown(name: str, value: Any) -> str:
    """A value, cut in its middle: its end may be what matters."""
    text = repr(_told(name, value))
    left_out = len(text) - _SHOWN
    if left_out <= 0:
        return text
    half = _SHOWN // 2
    return f"{text[:half]} ... ({left_out:,} characters left out) ... {text[-half:]}"


def _told(name: str, value: Any) -> Any:
    """All of a value but its secrets."""
    if without_secrets(name, "") == HIDDEN:
        return HIDDEN
    if isinstance(value, dict):
        return {str(key): _told(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_told(name, each) for each in value]
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
