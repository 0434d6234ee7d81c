"""What the registry keeps of a tool, whoever has made it: a class, or a script."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from llmspell_kernel.library.tool.contract import Category, Level, Operation, Place, Tool
from llmspell_kernel.library.tool.parameters import checked
from llmspell_kernel.library.tool.schema import Schema, json_schema, parameter_list
from llmspell_kernel.library.tool.surroundings import Surroundings


class Entry(ABC):
    """One tool.

    Attributes:
        name: its name.
        description: a paragraph.
        version: its version.
        category: one of `contract.Category`.
        level: one of `contract.Level`.
        operations: what it does, by name; may be empty.
        example: parameters of a call that always succeeds; None if there is none.
        example_files: files that this call needs; see `Tool`.
        origin: `builtin`, `script`, or the distribution that brings it.
        libraries: modules that its calls need and an extra brings.
        answers_envelopes: whether what it answers may be a whole `Envelope` as a table.
    """

    name: str
    description: str
    version: str
    category: Category
    level: Level
    operations: Mapping[str, Operation]
    example: Mapping[str, Any] | None
    origin: str
    answers_envelopes: ClassVar[bool] = False
    example_files: Mapping[str, bytes] = {}
    libraries: tuple[str, ...] = ()

    @property
    @abstractmethod
    def schema(self) -> Schema:
        """The JSON Schema of its parameters."""

    @abstractmethod
    def check(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """The parameters as it takes them: plain, and as `run` gets them.

        Raises:
            ParameterError: they do not fit.
        """

    @abstractmethod
    def run(self, given: Any, surroundings: Surroundings) -> Any:
        """See `Tool.run`."""

    def operation(self, given: Any) -> str:
        """What a call with these parameters does; the tool's name if it does one thing only."""
        return self.name

    def acts(self, given: Any) -> bool:
        """Whether such a call changes something outside; see `Tool.acts`."""
        return self.level == "privileged"

    def place(self, given: Any) -> Place:
        """Where it runs."""
        return "here"

    def limit(self, given: Any) -> float:
        """Seconds that it may take; 0 for what the settings say."""
        return 0.0

    @property
    def memory_limit(self) -> int:
        """Bytes that it may take in a worker process; 0 for what the settings say."""
        return 0

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """The parameters as scripts see them."""
        return parameter_list(self.schema)

    def summary(self) -> dict[str, Any]:
        """Name, description and version."""
        return {"name": self.name, "description": self.description, "version": self.version}

    def info(self) -> dict[str, Any]:
        """All that is known but for the schema."""
        return {
            **self.summary(),
            "category": self.category,
            "security_level": self.level,
            "operations": [
                {"name": each.name, "aliases": list(each.aliases), "description": each.help}
                for each in self.operations.values()
            ],
            "origin": self.origin,
        }


class ClassEntry(Entry):
    """A tool that is a class."""

    def __init__(self, tool: type[Tool], origin: str = "builtin") -> None:
        self.tool = tool
        self._instance = tool()
        self.name = tool.name
        self.description = _first_paragraph(tool)
        self.version = tool.version
        self.category = tool.category
        self.level = tool.level
        self.operations = tool.operations
        self.example = tool.example
        self.example_files = tool.example_files
        self.libraries = tool.libraries
        self.origin = origin

    @cached_property
    def schema(self) -> Schema:
        """See `Entry`."""
        return json_schema(self.tool)

    @cached_property
    def parameters(self) -> list[dict[str, Any]]:
        """See `Entry`."""
        return parameter_list(self.schema)

    def check(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """See `Entry`."""
        return checked(self.tool, given)

    def run(self, given: Any, surroundings: Surroundings) -> Any:
        """See `Entry`."""
        return self._instance.run(given, surroundings)

    def operation(self, given: Any) -> str:
        """See `Entry`."""
        return str(getattr(given, "operation", self.name))

    def acts(self, given: Any) -> bool:
        """See `Entry`."""
        return self.tool.acts(given)

    def place(self, given: Any) -> Place:
        """See `Entry`."""
        return self.tool.place(given)

    def limit(self, given: Any) -> float:
        """See `Entry`."""
        return self.tool.limit(given)

    @property
    def memory_limit(self) -> int:
        """See `Entry`."""
        return self.tool.memory_limit


class FunctionEntry(Entry):
    """A tool that is a function, such as one of a script's; it runs on the caller's thread."""

    operations: Mapping[str, Operation] = {}
    example = None
    answers_envelopes = True

    def __init__(
        self,
        name: str,
        function: Callable[[dict[str, Any], Surroundings], Any],
        *,
        description: str = "",
        version: str = "1.0.0",
        category: Category = "custom",
        level: Level = "safe",
        schema: Schema | None = None,
        origin: str = "script",
    ) -> None:
        self.name = name
        self.description = description
        self.version = version
        self.category = category
        self.level = level
        self.origin = origin
        self._function = function
        self._schema = schema if schema is not None else {"type": "object", "properties": {}}

    @property
    def schema(self) -> Schema:
        """See `Entry`."""
        return self._schema

    def check(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """See `Entry`."""
        from llmspell_kernel.library.tool.schema_checking import checked_against

        params = checked_against(self._schema, given, self.name)
        return params, params

    def run(self, given: Any, surroundings: Surroundings) -> Any:
        """See `Entry`."""
        return self._function(given, surroundings)


def _first_paragraph(tool: type[Tool]) -> str:
    return " ".join((inspect.getdoc(tool) or "").partition("\n\n")[0].split())
