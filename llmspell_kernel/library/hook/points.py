"""The points at which hooks are called, and what they belong to."""

from __future__ import annotations

import difflib
import re

from llmspell_kernel.errors import ScriptError

POINTS: dict[str, tuple[str, ...]] = {
    "agent": (
        "BeforeAgentInit",
        "AfterAgentInit",
        "BeforeAgentExecution",
        "AfterAgentExecution",
        "AgentError",
        "BeforeAgentShutdown",
        "AfterAgentShutdown",
    ),
    "tool": (
        "BeforeToolDiscovery",
        "AfterToolDiscovery",
        "BeforeToolExecution",
        "AfterToolExecution",
        "ToolValidation",
        "ToolError",
    ),
    "workflow": (
        "BeforeWorkflowStart",
        "WorkflowStageTransition",
        "BeforeWorkflowStage",
        "AfterWorkflowStage",
        "WorkflowCheckpoint",
        "WorkflowRollback",
        "AfterWorkflowComplete",
        "WorkflowError",
    ),
    "state": (
        "BeforeStateRead",
        "AfterStateRead",
        "BeforeStateWrite",
        "AfterStateWrite",
        "StateConflict",
        "StateMigration",
    ),
    "system": (
        "SystemStartup",
        "SystemShutdown",
        "ConfigurationChange",
        "ResourceLimitExceeded",
        "SecurityViolation",
    ),
    "session": ("SessionStart", "SessionEnd", "SessionCheckpoint", "SessionRestore", "SessionSave"),
    "event": ("BeforeEventEmit", "AfterEventEmit", "EventHandlerError"),
    "performance": ("PerformanceThresholdExceeded", "MemoryUsageHigh", "CpuUsageHigh"),
    "kernel": ("PreCodeExecution", "PostCodeExecution"),
}
"""By the kind of component that they belong to."""

_KINDS = {point: kind for kind, points in POINTS.items() for point in points}

CHANGEABLE: dict[str, frozenset[str]] = {
    "BeforeToolDiscovery": frozenset(("category", "words")),
    "AfterToolDiscovery": frozenset(("tools",)),
    "ToolValidation": frozenset(("params",)),
    "BeforeToolExecution": frozenset(("params",)),
    "AfterToolExecution": frozenset(("result",)),
    "BeforeStateRead": frozenset(("scope", "key")),
    "AfterStateRead": frozenset(("value",)),
    "BeforeStateWrite": frozenset(("scope", "key", "value")),
    "SessionStart": frozenset(("name", "description", "tags", "parent_session_id", "custom_metadata")),
    "BeforeEventEmit": frozenset(("data",)),
    "PreCodeExecution": frozenset(("code",)),
    "PostCodeExecution": frozenset(("result",)),
}
"""What hooks may modify at a point; elsewhere nothing, at points of scripts' own everything."""

OF_ANY_KIND = frozenset(("data", "result", "value"))
"""Entries that may become a value of another kind."""

_CUSTOM = re.compile(r"custom:\S+")


def kind_of(point: str) -> str:
    """The kind of component that a point belongs to; `custom` for those that scripts have named."""
    return _KINDS.get(point, "custom")


def check_point(point: str) -> None:
    """Refuses a name that is no point: one of the above, or `custom:` and a name of one's own.

    Raises:
        ScriptError: with a name that is like it.
    """
    if point in _KINDS or _CUSTOM.fullmatch(point):
        return
    by_lower = {each.lower(): each for each in _KINDS}
    near = difflib.get_close_matches(point.replace("_", "").lower(), by_lower, n=2, cutoff=0.7)
    hint = f"; did you mean {' or '.join(by_lower[each] for each in near)}?" if near else ""
    raise ScriptError(
        f"Unknown hook point: {point}{hint or '; `Hook.points()` names them all'} "
        "(points of your own are called custom:NAME)"
    )
