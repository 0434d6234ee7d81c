"""The console's commands: names, help and what they do at a stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmspell_kernel.cli.debug_console import view
from llmspell_kernel.cli.debug_console.breakpoints import Place
from llmspell_kernel.cli.debug_console.prompt import Prompt
from llmspell_kernel.errors import UsageError
from llmspell_kernel.lua.debugger.model import ExceptionFilter, StepKind

Act = Callable[[Prompt, str], None]

_PAGE = 10
"""Lines that `list` shows."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        names: the first is its own, the others are abbreviations.
        usage: its arguments.
        help: a line.
        repeats: whether Enter alone does it again.
    """

    names: tuple[str, ...]
    usage: str
    help: str
    act: Act
    repeats: bool = False

    @property
    def synopsis(self) -> str:
        """How it is written."""
        abbreviated = f"{', '.join(self.names)}"
        return f"{abbreviated} {self.usage}".rstrip()


# Going on


def _step(kind: StepKind) -> Act:
    def act(prompt: Prompt, _: str) -> None:
        prompt.go_on(lambda: prompt.debugger.step(kind, prompt.thread))

    return act


def _continue(prompt: Prompt, _: str) -> None:
    prompt.go_on(prompt.debugger.resume)


def _quit(prompt: Prompt, _: str) -> None:
    prompt.quit()


# Breakpoints


def _break(prompt: Prompt, argument: str) -> None:
    if not argument:
        for number in prompt.book.numbers:
            prompt.say(prompt.book.describe(number))
        if not prompt.book.numbers:
            prompt.say("no breakpoints")
        return
    place = Place.parse(argument, prompt.path)
    _, described = prompt.book.add(place, [source.path for source in prompt.debugger.sources.all()])
    prompt.say(f"breakpoint {described}")


def _delete(prompt: Prompt, argument: str) -> None:
    if not argument:
        prompt.say(f"{prompt.book.delete_all()} breakpoints deleted")
        return
    for word in argument.split():
        number = _number(word, "a breakpoint's number")
        prompt.say(f"deleted {number}  {prompt.book.delete(number)}")


_FILTERS: dict[str, tuple[ExceptionFilter, ...]] = {
    "all": ("raised", "uncaught"),
    "uncaught": ("uncaught",),
    "none": (),
}


def _catch(prompt: Prompt, argument: str) -> None:
    if argument not in _FILTERS:
        raise UsageError(f"catch what? One of: {', '.join(_FILTERS)}")
    prompt.debugger.set_exception_filters(prompt.owner, _FILTERS[argument])
    prompt.say(
        {"all": "stops on every error", "none": "stops on no error"}.get(
            argument, "stops on errors that nobody catches"
        )
    )


# Looking


def _list(prompt: Prompt, argument: str) -> None:
    text, path = prompt.source_lines(), prompt.path
    if argument:
        first = max(1, _number(argument, "a line's number") - _PAGE // 2)
    elif prompt.listed:
        first = prompt.listed + 1
    else:
        first = max(1, prompt.frame.line - _PAGE // 2)
    if first > len(text):
        raise UsageError(f"{view.short(path)} has {len(text)} lines")
    prompt.listed = first + _PAGE - 1
    current = prompt.frame.line
    for line in view.excerpt(
        text, first, prompt.listed, current=current, breakpoints=prompt.book.lines_of(path)
    ):
        prompt.say(line)


def _backtrace(prompt: Prompt, _: str) -> None:
    for number, frame in enumerate(prompt.frames):
        prompt.say(view.frame_line(frame, number, selected=number == prompt.selected))


def _frame(prompt: Prompt, argument: str) -> None:
    if argument:
        prompt.select(_number(argument, "a frame's number"))
    prompt.show_frame()


def _up(prompt: Prompt, argument: str) -> None:
    prompt.select(prompt.selected + (_number(argument, "how many") if argument else 1))
    prompt.show_frame()


def _down(prompt: Prompt, argument: str) -> None:
    prompt.select(prompt.selected - (_number(argument, "how many") if argument else 1))
    prompt.show_frame()


def _scope(*kinds: str) -> Act:
    def act(prompt: Prompt, _: str) -> None:
        rows = [
            row
            for scope in prompt.debugger.scopes(prompt.frame.id)
            if scope.kind in kinds
            for row in prompt.debugger.variables(scope.reference, count=_MOST_VARIABLES)
            if not row.internal
        ]
        for line in view.variables(rows):
            prompt.say(line)
        if not rows:
            prompt.say("none")

    return act


_MOST_VARIABLES = 1000


def _print(prompt: Prompt, argument: str) -> None:
    if not argument:
        raise UsageError("print what? Write an expression behind it.")
    prompt.say(prompt.evaluate(argument, "clipboard"))


def _do(prompt: Prompt, argument: str) -> None:
    if not argument:
        raise UsageError("do what? Write a statement behind it, such as: do x = 1")
    shown = prompt.evaluate(argument, "repl")
    if shown:
        prompt.say(shown)


def _watch(prompt: Prompt, argument: str) -> None:
    if argument:
        number = prompt.watches.add(argument)
        prompt.say(prompt.watches.line(number, prompt.value_or_error))
    else:
        prompt.show_watches()
        if not prompt.watches.numbers:
            prompt.say("no watched expressions")


def _unwatch(prompt: Prompt, argument: str) -> None:
    prompt.watches.remove(_number(argument, "a watched expression's number") if argument else None)


def _threads(prompt: Prompt, _: str) -> None:
    for thread in prompt.debugger.threads():
        prompt.say(view.thread_line(thread, selected=thread.id == prompt.thread))


def _thread(prompt: Prompt, argument: str) -> None:
    if argument:
        prompt.select_thread(_number(argument, "a thread's number"))
    prompt.show_frame()


def _help(prompt: Prompt, argument: str) -> None:
    if argument:
        command = find(argument)
        prompt.say(command.synopsis)
        prompt.say(f"    {command.help}")
        return
    width = max(len(command.synopsis) for command in COMMANDS)
    for command in COMMANDS:
        prompt.say(f"{command.synopsis:<{width}}  {command.help}")
    prompt.say("Unambiguous beginnings do as well; Enter alone repeats what goes on.")


def _number(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{text!r} is not {what}") from None


COMMANDS = (
    Command(("continue", "c"), "", "go on to the next breakpoint", _continue, repeats=True),
    Command(("next", "n"), "", "go on to the next line, over calls", _step("over"), repeats=True),
    Command(("step", "s"), "", "go on to the next line, into calls", _step("into"), repeats=True),
    Command(("finish", "fin"), "", "go on until this call returns", _step("out"), repeats=True),
    Command(
        ("break", "b"), "[[FILE:]LINE | FUNCTION] [if CONDITION]", "set a breakpoint, or list them", _break
    ),
    Command(("delete", "d"), "[NUMBER...]", "delete breakpoints, or all of them", _delete),
    Command(("catch",), "all | uncaught | none", "which errors stop the script", _catch),
    Command(("list", "l"), "[LINE]", "show the source, further on each time", _list, repeats=True),
    Command(("backtrace", "bt", "where"), "", "show the calls that led here", _backtrace),
    Command(("frame", "f"), "[NUMBER]", "select a call, or show the selected one", _frame),
    Command(("up", "u"), "[COUNT]", "select the call that called this one", _up, repeats=True),
    Command(("down",), "[COUNT]", "select the call that this one called", _down, repeats=True),
    Command(("locals",), "", "show the local variables and varargs", _scope("locals", "varargs")),
    Command(("upvalues",), "", "show the variables of functions around this one", _scope("upvalues")),
    Command(("globals",), "", "show the script's globals", _scope("globals")),
    Command(("print", "p"), "EXPRESSION", "show a value in full", _print),
    Command(("do", "!"), "STATEMENT", "run a statement here, such as x = 1", _do),
    Command(("watch", "w"), "[EXPRESSION]", "show a value at each stop, or what is watched", _watch),
    Command(("unwatch",), "[NUMBER]", "watch it no longer, or nothing at all", _unwatch),
    Command(("threads",), "", "list the coroutines", _threads),
    Command(("thread",), "[NUMBER]", "select a coroutine", _thread),
    Command(("help", "h", "?"), "[COMMAND]", "this list, or one of it", _help),
    Command(("quit", "q", "exit"), "", "end the script", _quit),
)
"""In the order in which they are listed."""


def find(word: str) -> Command:
    """The command of that name, abbreviation or unambiguous beginning.

    Raises:
        UsageError: there is none, or several begin so.
    """
    for command in COMMANDS:
        if word in command.names:
            return command
    begun = [command for command in COMMANDS if command.names[0].startswith(word)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise UsageError(f"{word!r} may be any of: {', '.join(command.names[0] for command in begun)}")
    raise UsageError(f"there is no command {word!r}; `help` lists them, and ! runs Lua: !{word} ...")
