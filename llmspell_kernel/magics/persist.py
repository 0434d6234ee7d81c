"""Whether variables outlive the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.errors import MagicError, ScriptError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call

if TYPE_CHECKING:
    from llmspell_kernel.library.llmspell.persistence import Persistence


@magic("%persist [WHAT]", group="Variables")
def persist(call: Call) -> Outcome | None:
    """Keeps your variables when the kernel is restarted: `%persist on`, `%persist off`, `%persist status`.

    From `on` on, what can be kept is written to the store of `State` when a cell has ended and has changed
    something, and is there again at the first cell of the next kernel of this notebook. Strings, numbers,
    booleans and tables of them can be kept. Functions, tables with a metatable, and what only lives in this
    process cannot; `status` names them, and the next kernel does too. `off` removes what was kept.
    A kernel without a notebook, such as that of `jupyter console`, keeps them for its restarts only: when
    it is shut down they are forgotten. `llmspell.persist = true` is the same as `%persist on`.
    """
    what = call.values[0] if call.values else "status"
    services = call.session.services
    if services is None or services.persistence is None:
        raise MagicError("variables cannot be kept here")
    persistence = services.persistence()
    try:
        if what in ("on", "off"):
            persistence.switch(on=what == "on")
            said = _promise(persistence) if what == "on" else "not kept from now on"
            call.write(f"Variables are {said}.\n")
        elif what == "status":
            call.write(persistence.status() + "\n")
        else:
            raise MagicError(f"%persist is on, off or status, not {what!r}")
    except ScriptError as error:
        raise MagicError(str(error)) from error
    return None


def _promise(persistence: Persistence) -> str:
    if not persistence.ends_with_kernel:
        return "kept from now on"
    return (
        "kept from now on, for restarts of this kernel. It has no notebook: they are forgotten when it is "
        "shut down, and no other kernel gets them. State.set keeps values for all"
    )
