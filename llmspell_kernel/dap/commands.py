"""What a command is: the arguments it takes, who may send it, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from llmspell_kernel.dap.bodies import Body
from llmspell_kernel.dap.protocol import Arguments
from llmspell_kernel.dap.session import Session

_A = TypeVar("_A", bound=Arguments)


def _never(arguments: Any) -> bool:
    """Of a command that changes nothing."""
    return False


def always(arguments: Any) -> bool:
    """Of a command that always changes what the program does."""
    return True


@dataclass(frozen=True, slots=True)
class Command(Generic[_A]):
    """A command of the protocol.

    Attributes:
        arguments: their type.
        answer: does it and gives the body of the response; an LLMSpellError refuses.
        steers: whether it changes what the program does, which only the client that steers may.
        early: it is answered before `attach` or `launch` too.
        open: it is answered before the client has shown the token; it must give away nothing.
    """

    arguments: type[_A]
    answer: Callable[[Session, _A], Body | None]
    steers: Callable[[_A], bool] = _never
    early: bool = False
    open: bool = False


Commands = dict[str, Command[Any]]
