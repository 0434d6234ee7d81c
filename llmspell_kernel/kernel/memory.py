"""How much memory Lua may have by default."""

from __future__ import annotations

import os
from pathlib import Path

_SHARE = 0.75
_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def default_memory_limit() -> int:
    """Three quarters of the memory of the machine or its cgroup, in bytes; 0 (no limit) if unknown."""
    known = [size for size in (_machine(), *map(_cgroup, _CGROUP_FILES)) if size > 0]
    return int(min(known) * _SHARE) if known else 0


def _machine() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


def _cgroup(path: str) -> int:
    try:
        return int(Path(path).read_text())  # "max" where there is no limit
    except (OSError, ValueError):
        return 0
