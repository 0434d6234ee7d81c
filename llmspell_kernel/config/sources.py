"""Where settings may come from. Imports next to nothing, so that a script without settings need not wait."""

from __future__ import annotations

import os
from collections.abc import Mapping

PREFIX = "LLMSPELL_"

FILE_VARIABLE, PROFILE_VARIABLE = "LLMSPELL_CONFIG", "LLMSPELL_PROFILE"

SECTIONS = (
    "ENGINES",
    "RUNTIME",
    "PROVIDERS",
    "KERNEL",
    "SECURITY",
    "LOGGING",
    "REPL",
    "TOOLS",
    "STORAGE",
    "EVENTS",
    "HOOKS",
    "DEBUG",
)
"""The sections whose settings have variables called LLMSPELL_<SECTION>_<KEY>."""

SHORT_VARIABLES = {
    "LLMSPELL_DEFAULT_ENGINE": "default_engine",
    "LLMSPELL_ENGINE": "default_engine",
    "LLMSPELL_SCRIPT_TIMEOUT_SECONDS": "runtime.script_timeout_seconds",
    "LLMSPELL_ALLOW_FILE_ACCESS": "runtime.security.allow_file_access",
    "LLMSPELL_ALLOW_PROCESS_SPAWN": "runtime.security.allow_process_spawn",
    "LLMSPELL_ALLOW_NETWORK_ACCESS": "runtime.security.allow_network_access",
    "LLMSPELL_MAX_MEMORY_BYTES": "runtime.security.max_memory_bytes",
    "LLMSPELL_MAX_EXECUTION_TIME_MS": "runtime.security.max_execution_time_ms",
    "LLMSPELL_STATE_ENABLED": "runtime.state_persistence.enabled",
    "LLMSPELL_STATE_BACKEND": "runtime.state_persistence.backend_type",
    "LLMSPELL_STATE_PATH": "storage.sqlite.database_path",
    "LLMSPELL_STATE_BACKUP_DIR": "runtime.state_persistence.backup.backup_dir",
    "LLMSPELL_STATE_BACKUP_ON_MIGRATION": "runtime.state_persistence.backup_on_migration",
    "LLMSPELL_STATE_MIGRATION_ENABLED": "runtime.state_persistence.migration_enabled",
    "LLMSPELL_STATE_MAX_SIZE_BYTES": "runtime.state_persistence.max_state_size_bytes",
    "LLMSPELL_SESSIONS_ENABLED": "runtime.sessions.enabled",
    "LLMSPELL_SESSIONS_BACKEND": "runtime.sessions.storage_backend",
    "LLMSPELL_SESSIONS_MAX": "runtime.sessions.max_sessions",
    "LLMSPELL_SESSIONS_MAX_ARTIFACTS": "runtime.sessions.max_artifacts_per_session",
    "LLMSPELL_SESSIONS_TIMEOUT_SECONDS": "runtime.sessions.session_timeout_seconds",
    "LLMSPELL_HOOKS_RATE_LIMIT": "hooks.rate_limit_per_minute",
    "LLMSPELL_POSTGRES_URL": "storage.postgres.url",
    "LLMSPELL_TOOLS_ALLOWED_PATHS": "tools.file_operations.allowed_paths",
    "LLMSPELL_TOOLS_MAX_FILE_SIZE": "tools.file_operations.max_file_size",
    "LLMSPELL_TOOLS_FILE_OPS_ENABLED": "tools.file_operations.enabled",
    "LLMSPELL_TOOLS_RATE_LIMIT": "tools.rate_limit_per_minute",
    "LLMSPELL_LOG_LEVEL": "logging.level",
    "LLMSPELL_LOG_FORMAT": "logging.format",
    "LLMSPELL_LOG_FILE": "logging.file",
}
"""Variables that are called otherwise, and their settings."""

_STARTS = (*(f"{PREFIX}{section}_" for section in SECTIONS), "LLMSPELL_PROVIDER_")


def variables(environ: Mapping[str, str]) -> list[str]:
    """The names in the environment that stand for settings; an empty value stands for none."""
    return [
        name
        for name, value in environ.items()
        if value and name.startswith(PREFIX) and (name in SHORT_VARIABLES or name.startswith(_STARTS))
    ]


def candidates(environ: Mapping[str, str], directory: str = "") -> list[str]:
    """The files that are looked for, in this order; the first that is there counts."""
    home = environ.get("HOME") or os.path.expanduser("~")
    settings_home = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    here = f"{directory}/" if directory else ""
    return [
        f"{here}llmspell.toml",
        f"{here}.llmspell.toml",
        f"{here}config/llmspell.toml",
        f"{here}.config/llmspell.toml",
        f"{home}/.llmspell.toml",
        f"{home}/.llmspell/config.toml",
        f"{home}/.config/llmspell.toml",
        f"{settings_home}/llmspell/config.toml",
    ]


def discovered(environ: Mapping[str, str], directory: str = "") -> str | None:
    """The first candidate that exists; also one that cannot be read, so that its owner hears of it."""
    return next((path for path in candidates(environ, directory) if os.path.lexists(path)), None)


def present(
    config: str | None = None, profile: str | None = None, environ: Mapping[str, str] | None = None
) -> bool:
    """Whether there is any setting to read; takes about 0.1 ms and imports nothing.

    `config` and `profile` are what the command line names.
    """
    known = os.environ if environ is None else environ
    return bool(
        config
        or profile
        or known.get(FILE_VARIABLE)
        or known.get(PROFILE_VARIABLE)
        or variables(known)
        or discovered(known)
    )
