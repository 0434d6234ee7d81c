"""The tools that come with the package, a file a family."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "text-manipulator": "text:TextManipulator",
}
"""Each tool and its class, as module:Class in this package, in order of the modules."""

ALIASES: dict[str, str] = {
    "template-engine": "template-creator",
    "data-validation": "data-validator",
    "http-request": "http-requester",
    "web-search": "web-searcher",
}
"""Other names; names with underscores for hyphens need not be listed."""
