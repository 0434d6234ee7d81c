"""The tools that come with the package, a file a family."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "archive-handler": "archives:ArchiveHandler",
    "calculator": "calculator:Calculator",
    "citation-formatter": "citations:CitationFormatter",
    "file-converter": "conversion:FileConverter",
    "datetime-handler": "dates:DatetimeHandler",
    "diff-calculator": "differences:DiffCalculator",
    "base64-encoder": "encoding:Base64Encoder",
    "hash-calculator": "encoding:HashCalculator",
    "file-operations": "files:FileOperations",
    "uuid-generator": "identifiers:UuidGenerator",
    "json-processor": "json_documents:JsonProcessor",
    "file-search": "searching:FileSearch",
    "service-checker": "services:ServiceChecker",
    "environment-reader": "system:EnvironmentReader",
    "process-executor": "system:ProcessExecutor",
    "system-monitor": "system:SystemMonitor",
    "template-creator": "templates:TemplateCreator",
    "text-manipulator": "text:TextManipulator",
    "data-validator": "validation:DataValidator",
    "file-watcher": "watching:FileWatcher",
}
"""Each tool and its class, as module:Class in this package, in order of the modules."""

ALIASES: dict[str, str] = {
    "template-engine": "template-creator",
    "data-validation": "data-validator",
    "http-request": "http-requester",
    "web-search": "web-searcher",
}
"""Other names; names with underscores for hyphens need not be listed."""
