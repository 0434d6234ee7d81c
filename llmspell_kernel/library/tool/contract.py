"""What a tool is.

A built-in tool is a class in `builtin/`, a folder a subject and a file a family:

    class Greeter(Tool):
        '''Greets people.'''

        name, category, level = "greeter", "utility", "safe"
        example = {"operation": "hello", "input": "World"}

        class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
            operation: Annotated[Literal["hello", "bye"], Meta(description="What to say.")] = "hello"
            input: Annotated[str, Meta(description="To whom.")] = ""

        @operation("hello", needs=("input",))
        def hello(self, given: Parameters, tools: Surroundings) -> object:
            '''Says hello: {greeting}.'''
            return {"greeting": f"Hello, {given.input}"}

Its parameters' struct is the only description of them: JSON Schema, `tool info`, checks, help and the pages
of the documentation are made of it.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar

from msgspec import Struct

from llmspell_kernel.errors import ToolError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

Category = Literal["filesystem", "web", "api", "analysis", "data", "system", "media", "utility", "custom"]
Level = Literal["safe", "restricted", "privileged"]

Place = Literal["here", "thread", "process"]
"""Where a tool runs.

`here`, on the caller's thread, if it is quick whatever it is given; in a `thread`, if it waits (for a
network); in a worker `process`, if what it is given could make it slow, big or break it (patterns, programs,
strangers' files). The latter two are ended at their time limit and by an interrupt, a process also at its
memory limit.
"""

EXAMPLE_FOLDER = "/tmp/llmspell-example"
"""Where examples say that their files are; `tool test` has them use a new folder instead."""

ToolFunction = TypeVar("ToolFunction", bound=Callable[..., Any])


class Answer(NamedTuple):
    """What a tool may return in place of its bare result."""

    result: Any
    message: str = ""
    metadata: Mapping[str, Any] = {}


class ToolFailedError(ToolError):
    """The tool was called rightly but did not succeed: `success` is false in its answer, nothing is raised.

    Attributes:
        details: facts about it, for `error` in the answer; but `result` becomes its result.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class Operation(NamedTuple):
    """One thing that a tool does.

    Attributes:
        name: as in the parameter `operation`.
        aliases: other names of it.
        needs: parameters that must be given for it, though others do without.
        acts: whether it changes something outside; see `Tool.acts`.
        help: what it does and returns.
    """

    name: str
    aliases: tuple[str, ...]
    needs: tuple[str, ...]
    acts: bool
    help: str
    function: Callable[..., Any]


def operation(
    name: str, *aliases: str, needs: Sequence[str] = (), acts: bool = False
) -> Callable[[ToolFunction], ToolFunction]:
    """Marks the method of a tool that does this operation; the first line of its docstring is its help."""

    def mark(function: ToolFunction) -> ToolFunction:
        function.__dict__["tool_operation"] = (name, aliases, tuple(needs), acts)
        return function

    return mark


class Tool(ABC):
    """One tool. The first paragraph of the docstring of the class is its description.

    It keeps nothing between calls, and may be called on any thread.

    Attributes:
        name: its name in kebab case.
        aliases: other names; names with underscores for hyphens need not be listed.
        version: of what it takes and returns.
        operations: by name, made of the methods that `operation` marks; empty if it does one thing (`run`).
        writes: parameters by which a call writes a file if they are given, such as `output_file`, or
            `options.output_file`.
        runs: where it runs, a place or one for each operation that is not `here`.
        time_limit: seconds that a call may take; 0 for what the settings say.
        memory_limit: bytes that a call in a worker process may take; 0 for what the settings say.
        example: parameters of a call that always succeeds, on any machine and without a network, for the
            documentation and `tool test`; None if there can be none.
        example_files: files that this call needs, by name; in its parameters they are in `EXAMPLE_FOLDER`.
        libraries: modules that its calls need and an extra brings, for `tool test`.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    category: ClassVar[Category]
    level: ClassVar[Level]
    version: ClassVar[str] = "1.0.0"
    Parameters: ClassVar[type[Struct]]
    operations: ClassVar[dict[str, Operation]] = {}
    writes: ClassVar[tuple[str, ...]] = ()
    runs: ClassVar[Place | Mapping[str, Place]] = "here"
    time_limit: ClassVar[float] = 0.0
    memory_limit: ClassVar[int] = 0
    example: ClassVar[Mapping[str, Any] | None] = None
    example_files: ClassVar[Mapping[str, bytes]] = {}
    libraries: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        found = dict(cls.operations)
        for each in vars(cls).values():
            if marked := getattr(each, "tool_operation", None):
                name, aliases, needs, acts = marked
                text = " ".join((each.__doc__ or "").partition("\n\n")[0].split())
                found[name] = Operation(name, aliases, needs, acts, text, each)
        cls.operations = found

    def run(self, given: Any, tools: Surroundings) -> Any:
        """Does what the parameters say; answers the result, any JSON-like value, or an `Answer`.

        Args:
            given: the `Parameters`, checked.
            tools: what the tool may touch of the world; it must touch it through nothing else.

        Raises:
            ToolFailedError: it did not succeed.
            ToolError: it could not be called so.
            NotAllowedError: a guard forbids it.
        """
        chosen = self.operations[given.operation]
        return chosen.function(self, given, tools)

    @classmethod
    def place(cls, given: Any) -> Place:
        """Where a call with these parameters runs."""
        if isinstance(cls.runs, str):
            return cls.runs
        return cls.runs.get(given.operation, "here")

    @classmethod
    def acts(cls, given: Any) -> bool:
        """Whether a call with these parameters changes something outside.

        That is: it writes or removes files, starts a program, sends something, changes a database. The user
        can be asked before such calls, whatever the tool's level. Here operations that are marked so do it,
        and parameters in `writes`; of a tool that declares neither, every call does if it is privileged.
        """
        if not cls.writes and not any(each.acts for each in cls.operations.values()):
            return cls.level == "privileged"
        if cls.operations and cls.operations[given.operation].acts:
            return True
        return any(attrgetter(name)(given) for name in cls.writes)

    @classmethod
    def limit(cls, given: Any) -> float:
        """Seconds that a call with these parameters may take; 0 for what the settings say."""
        return cls.time_limit
