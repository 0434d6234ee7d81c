"""Variables of the environment that are no secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from llmspell_kernel.errors import NotAllowedError, ParameterError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

SETTING = "tools.system.allowed_env_vars"

MOST = 100
"""How many variables are listed at most."""

_SECRETS = (
    "*PASSWORD*", "*PASSWD*", "*PASSPHRASE*", "*SECRET*", "*KEY*", "*TOKEN*", "*AUTH*", "*CREDENTIAL*",
    "*PRIVATE*", "*COOKIE*", "*SIGNATURE*", "*CONNECTION_STRING*", "*_DSN", "*_PASS", "*_PWD", "API_*",
    "AWS_*", "AZURE_*", "GCP_*", "GOOGLE_*", "SSH_*", "GPG_*", "GITHUB_*", "GITLAB_*", "VAULT_*",
    "KUBE*", "DOCKER_*", "DATABASE_*", "POSTGRES*", "MYSQL_*", "REDIS_*", "MONGO*", "SMTP_*",
    "OPENAI_*", "ANTHROPIC_*", "LLMSPELL_*",
)  # fmt: skip
"""Names of what tools must not read, whatever the settings allow."""

_STEERING = (
    "PATH", "HOME", "SHELL", "IFS", "ENV", "BASH_*", "LD_*", "DYLD_*", "GCONV_PATH", "LOCPATH",
    "NLSPATH", "GETCONF_DIR", "GLIBC_TUNABLES", "MALLOC_*", "POSIXLY_CORRECT", "TZDIR", "TMPDIR",
    "TEMP", "TMP", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN", "RESOLV_*", "PYTHON*", "PERL*", "RUBY*",
    "NODE_*", "JAVA_*", "_JAVA_*", "LUA_*", "LUAJIT_*", "GIT_*", "*PAGER*", "LESS*", "*EDITOR*",
    "VISUAL", "BROWSER", "GREP_OPTIONS", "GREP_COLOR*", "PS4", "PROMPT_COMMAND", "CDPATH", "*_PROXY",
    "TERMINFO*", "TERMCAP",
)  # fmt: skip
"""Names of what changes which code programs run, or which files they read: tools do not set it."""

_FILES = ("TZ", "LC_*", "LANG", "LANGUAGE")
"""Names of what may name a file, though it need not."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


class EnvironmentGuard:
    """Variables that are no secrets, for one call of a tool."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._settings = surroundings.settings.tools.system

    def get(self, name: str) -> str | None:
        """A variable's value, without passwords in addresses; None if it is not set.

        Raises:
            NotAllowedError: it may hold a secret, or is not on the list.
        """
        reason = self._refused(name)
        self._surroundings.audit("environment.read", name=name, allowed=reason is None)
        if reason is not None:
            raise NotAllowedError(f"{self._surroundings.tool} may not read the variable {name!r}: {reason}")
        value = os.environ.get(name)
        return None if value is None else _shown(value)

    def visible(self, pattern: str = "*") -> dict[str, str]:
        """All variables that tools may read and whose names match, by name, 100 at most.

        Args:
            pattern: `*` and `?` stand for any letters; small and capital ones are the same.
        """
        self._surroundings.audit("environment.read", pattern=pattern)
        wanted = pattern.upper()
        found = (name for name in sorted(os.environ) if fnmatchcase(name.upper(), wanted))
        names = [name for name in found if self._refused(name) is None][:MOST]
        return {name: _shown(os.environ[name]) for name in names}

    def inherited(self) -> dict[str, str]:
        """What a program gets that a tool starts."""
        return {name: value for name, value in os.environ.items() if self._refused(name) is None}

    def set(self, name: str, value: str) -> None:
        """Sets a variable of this process, and so of the programs it starts.

        Raises:
            NotAllowedError: the settings do not allow it, or not for this one.
            ParameterError: it is no name or no value.
        """
        tool = self._surroundings.tool
        check_variable(tool, name, value)
        if not self._settings.allow_env_changes:
            reason: str | None = "the setting tools.system.allow_env_changes is false"
        elif steers_programs(name) or (names_files(name) and "/" in value):
            reason = "it changes what programs do"
        else:
            reason = self._refused(name)
        self._surroundings.audit("environment.set", name=name, allowed=reason is None)
        if reason is not None:
            raise NotAllowedError(f"{tool} may not set the variable {name!r}: {reason}")
        os.environ[name] = value

    def _refused(self, name: str) -> str | None:
        """Why a variable is not shown; None if it is."""
        if is_secret(name):
            return "its name is that of a secret"
        if not _matches(name.upper(), [each.upper() for each in self._settings.allowed_env_vars]):
            return f"{SETTING} does not have it"
        return None


def check_variable(tool: str, name: str, value: str) -> None:
    """Refuses what no environment can hold.

    Raises:
        ParameterError: it is no name or no value.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(
            tool, [f"letters, digits and _ were expected as a variable's name, got {name!r}"]
        )
    if "\0" in value:
        raise ParameterError(tool, [f"the variable {name!r} cannot have a NUL byte in its value"])


def is_secret(name: str) -> bool:
    """Whether a variable is called like those that hold secrets."""
    return _matches(name.upper(), _SECRETS)


def steers_programs(name: str) -> bool:
    """Whether a variable changes which code programs run, or which files they read."""
    return _matches(name.upper(), _STEERING)


def names_files(name: str) -> bool:
    """Whether a variable's value, if it has a slash, is a file that programs read."""
    return _matches(name.upper(), _FILES)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)


def _shown(value: str) -> str:
    """Without who logs in at an address, and as text whatever its bytes."""
    return _CREDENTIALS.sub("***", value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
