"""Which arguments programs may get, so that those on the list stay what they are on the list for.

`cat` must not read what tools must not read, `find` not start programs, `sort` not write files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence


class ArgumentRefusedError(Exception):
    """A program must not get these arguments; the message ends "TOOL may not start PROGRAM: ...".

    Attributes:
        rule: a word for the audit.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


_ACTING = {
    "find": ("-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprint0", "-fprintf", "-fls",
             "-files0-from", "-L", "-follow"),
    "sort": ("-o", "--output", "--compress-program", "-T", "--temporary-directory", "--files0-from"),
    "wc": ("--files0-from",),
    "grep": ("-R", "--dereference-recursive"),
    "ls": ("-L", "--dereference"),
    "date": ("-s", "--set", "-f", "--file"),
}  # fmt: skip
"""Options that start programs, write, follow links or read names of files, by program."""

_LONG_BY_ONE_DASH = ("find",)
"""Programs whose options are whole words behind one dash; the others' letters can stand together."""

_VALUES = {"sort": "kStT", "date": "dfrs", "ls": "ITw", "grep": "ABCDdefm", "wc": ""}
"""Letters of options that take the rest of a bundle as their value."""


def check_arguments(program: str, arguments: Sequence[str]) -> None:
    """Refuses arguments that turn a program of the default list into something else.

    Raises:
        ArgumentRefusedError: one does.
    """
    for each in arguments:
        if "\0" in each:
            raise ArgumentRefusedError("nul", "an argument cannot have a NUL byte")
    acting = _ACTING.get(program, ())
    # Behind `--` too: it may be the value of an option before it, and end nothing.
    for given in arguments:
        for option in acting if given.startswith("-") else ():
            if _means(program, given, option):
                raise ArgumentRefusedError("argument", f"its option {option} is not for tools")
    if program in _OPERANDS:
        _OPERANDS[program](arguments)


def paths_in(program: str, arguments: Sequence[str], exists: Callable[[str], bool]) -> Iterator[str]:
    """All that programs might take for the path of a file; rather too much than too little.

    Args:
        program: its name.
        arguments: what it gets.
        exists: whether something is called so, from where the program runs.
    """
    if program == "echo":
        return
    pattern = _pattern_of_grep(arguments) if program == "grep" else None
    for index, each in enumerate(arguments):
        if index == pattern or (program == "date" and each.startswith("+")):
            continue
        if each and (not each.startswith("-") or exists(each)):
            yield each
        if "=" in each and (value := each.partition("=")[2]):
            yield value
        if each.startswith("-") and not each.startswith("--"):
            yield from _glued(each, exists)


def _glued(given: str, exists: Callable[[str], bool]) -> Iterator[str]:
    """Paths that may stand right behind the letter of an option."""
    if given[2:] == "/":  # a mere separator, as in `sort -t/`
        return
    if (slash := given.find("/")) > 0:
        yield given[slash:]
    for start in range(2, len(given)):
        if given.startswith("..", start) or exists(given[start:]):
            yield given[start:]


def _means(program: str, given: str, option: str) -> bool:
    """Whether an argument is this option, shortened or in a bundle of letters too."""
    if program in _LONG_BY_ONE_DASH:
        return given == option
    if option.startswith("--"):
        name = given.partition("=")[0]
        return len(name) > 2 and option.startswith(name)
    if given.startswith("--"):
        return False
    for letter in given[1:]:
        if letter == option[1]:
            return True
        if letter in _VALUES.get(program, ""):
            return False
    return False


def _check_uniq(arguments: Sequence[str]) -> None:
    """A second file would be written."""
    operands, previous, options_end = 0, "", False
    for each in arguments:
        if each == "--" and not options_end:
            options_end = True
        elif options_end or each == "-" or not each.startswith("-"):
            is_value = not options_end and previous in ("-f", "-s", "-w")
            operands += not is_value
        previous = "" if options_end else each
    if operands > 1:
        raise ArgumentRefusedError("argument", "with a second file it writes; give one (and -f1 for -f 1)")


def _check_date(arguments: Sequence[str]) -> None:
    """A date without a sign before it would be set."""
    previous = ""
    for each in arguments:
        is_value = previous in ("-d", "--date", "-r", "--reference") or re.fullmatch(r"-[uR]*[dr]", previous)
        if not is_value and not each.startswith(("-", "+")):
            raise ArgumentRefusedError("argument", f"{each!r} would set the clock; formats begin with +")
        if each == "--":
            raise ArgumentRefusedError("argument", "-- is not for tools")
        previous = each


_OPERANDS: dict[str, Callable[[Sequence[str]], None]] = {"uniq": _check_uniq, "date": _check_date}


def _pattern_of_grep(arguments: Sequence[str]) -> int | None:
    """Which argument is surely the pattern, so no file; None if that is not sure."""
    for index, each in enumerate(arguments):
        if not each.startswith("-") or each == "-":
            return index
        if each.startswith(("--f", "--e", "--r")) or (not each.startswith("--") and re.search("[ef]", each)):
            return None
    return None
