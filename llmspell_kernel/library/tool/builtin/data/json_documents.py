"""JSON: queries in the language of jq, and schemas."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.support import limited, missing, needed
from llmspell_kernel.library.tool.contract import Answer, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

MAX_RESULTS = 1_000_000
MAX_ERRORS = 100

_CONFINED = (
    '{} as $ENV | def env: {}; def input_filename: null; def modulemeta: error("there are no modules"); '
    "def get_search_list: []; "
)
"""Put before a program: it sees nothing of its process; nor can it import, which only a beginning may."""


class JsonProcessor(Tool):
    """Queries and changes JSON by programs of jq, checks it against a JSON Schema, works on JSON lines."""

    name, category, level = "json-processor", "data", "safe"
    runs = "process"
    example: ClassVar[dict[str, Any]] = {
        "operation": "query",
        "input": {"users": [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 17}]},
        "query": ".users[] | select(.age >= 18) | .name",
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Literal["query", "validate", "stream"], Meta(description="What to do.")] = (
            "query"
        )
        input: Annotated[
            Any, Meta(description="A value, or a string of JSON (of JSON lines for stream).")
        ] = None
        query: Annotated[str, Meta(description="A program of jq.", max_length=100_000)] = "."
        schema: Annotated[
            dict[str, Any] | bool | None, Meta(description="validate: the JSON Schema, of any draft.")
        ] = None

    @operation("query", "transform", "jq")
    def query(self, given: Parameters, tools: Surroundings) -> object:
        """The result of the program; a list if it has several, nil if none."""
        results = self._run(given.query, self._text(given, tools))
        found = list(itertools.islice(results, MAX_RESULTS))
        value = found[0] if len(found) == 1 else found or None
        return Answer(value, metadata={"result_count": len(found)})

    @operation("validate", needs=("schema",))
    def validate(self, given: Parameters, tools: Surroundings) -> object:
        """Checks against `schema`: {valid, errors: [{path, message, rule}]}."""
        with needed(self.name, "jsonschema"):
            import jsonschema
            import referencing
            import referencing.exceptions

        value = self._decoded(self._text(given, tools))
        try:
            schema: Any = given.schema
            kind = jsonschema.validators.validator_for(schema)
            kind.check_schema(schema)
            # An empty registry: a schema refers to itself only, never to what lies elsewhere.
            found = kind(schema, registry=referencing.Registry()).iter_errors(value)
            errors = [
                {"path": each.json_path, "message": each.message[:500], "rule": str(each.validator)}
                for each in itertools.islice(found, MAX_ERRORS)
            ]
        except jsonschema.SchemaError as error:
            raise ParameterError(self.name, [f"schema is no JSON Schema: {error.message}"]) from error
        except RecursionError as error:
            raise ParameterError(self.name, ["schema refers to itself without an end"]) from error
        except referencing.exceptions.Unresolvable as error:
            raise ParameterError(self.name, [f"schema refers to what is not in it: {error}"]) from error
        return {"valid": not errors, "errors": errors}

    @operation("stream")
    def stream(self, given: Parameters, tools: Surroundings) -> object:
        """Runs the program for each value of JSON lines or of a list: {results, count, processed}."""
        text = self._text(given, tools, many=True)
        values = list(self._values(text))
        joined = "\n".join(msgspec.json.encode(each).decode() for each in values)
        found = list(itertools.islice(self._run(given.query, joined), MAX_RESULTS)) if values else []
        return {"results": found, "count": len(found), "processed": len(values)}

    def _text(self, given: Parameters, tools: Surroundings, *, many: bool = False) -> str:
        limit = tools.settings.tools.data.max_json_size
        if given.input is None:
            raise missing(self.name, "input", "a value, or a string of JSON")
        if isinstance(given.input, str):
            text = given.input
        elif isinstance(given.input, bytes):
            raise ParameterError(self.name, ["input is not valid UTF-8 text"])
        else:
            text = msgspec.json.encode(given.input).decode()
        limited(self.name, "the size of the input", len(text), limit, "tools.data.max_json_size")
        if not many:
            self._decoded(text)
        return text

    def _decoded(self, text: str) -> Any:
        try:
            return msgspec.json.decode(text)
        except RecursionError as error:
            raise ParameterError(self.name, ["input is JSON that is nested too deeply"]) from error
        except ValueError as error:
            raise ParameterError(self.name, [f"input is no JSON: {error}"]) from error

    def _values(self, text: str) -> Iterator[Any]:
        """Of a list, or of lines."""
        if text.lstrip()[:1] == "[":
            try:
                whole = self._decoded(text)
            except ParameterError:
                whole = None
            if isinstance(whole, list):
                yield from whole
                return
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    yield self._decoded(line)
                except ParameterError as error:
                    raise ParameterError(self.name, [f"line {number}: {error.problems[0]}"]) from error

    def _run(self, program: str, text: str) -> Iterator[Any]:
        with needed(self.name, "jq"):
            import jq
        try:
            program = program if program.strip() else "."
            jq.compile(_CONFINED + program)
            # Its results as text: as values their numbers would be floats, which have no more than 15 digits.
            compiled = jq.compile(f"{_CONFINED}({program}\n) | tojson")
        except ValueError as error:
            raise ParameterError(
                self.name, [f"query is no program of jq: {_without_prefix(str(error))}"]
            ) from error
        try:
            for each in compiled.input_text(text):
                yield msgspec.json.decode(each)
        except RecursionError as error:
            raise ToolError(f"{self.name}: the result is nested too deeply") from error
        except ValueError as error:
            raise ToolError(f"{self.name}: {error}") from error


def _without_prefix(message: str) -> str:
    """The compiler's first line; what it quotes begins with what was put before the program."""
    return message.partition(" at <top-level>")[0].removeprefix("jq: error: ").strip()
