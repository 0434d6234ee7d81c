"""The tools that come with the package, a file a family."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "calculator": "calculator:Calculator",
    "citation-formatter": "citations:CitationFormatter",
    "datetime-handler": "dates:DatetimeHandler",
    "diff-calculator": "differences:DiffCalculator",
    "base64-encoder": "encoding:Base64Encoder",
    "hash-calculator": "encoding:HashCalculator",
    "uuid-generator": "identifiers:UuidGenerator",
    "json-processor": "json_documents:JsonProcessor",
    "template-creator": "templates:TemplateCreator",
    "text-manipulator": "text:TextManipulator",
    "data-validator": "validation:DataValidator",
}
"""Each tool and its class, as module:Class in this package, in order of the modules."""

ALIASES: dict[str, str] = {
    "template-engine": "template-creator",
    "data-validation": "data-validator",
    "http-request": "http-requester",
    "web-search": "web-searcher",
}
"""Other names; names with underscores for hyphens need not be listed."""
