"""Whether variables outlive the kernel."""

from __future__ import annotations

from llmspell_kernel.errors import MagicError, ScriptError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call


@magic("%persist [WHAT]", group="Variables")
def persist(call: Call) -> Outcome | None:
    """Keeps your variables when the kernel is restarted: `%persist on`, `%persist off`, `%persist status`.

    From `on` on, what can be kept is written to the store of `State` when a cell has ended and has changed
    something, and is there again at the first cell of the next kernel of this notebook. Strings, numbers,
    booleans and tables of them can be kept. Functions, tables with a metatable, and what only lives in this
    process cannot; `status` names them, and the next kernel does too. `off` removes what was kept.
    `llmspell.persist = true` is the same as `%persist on`.
    """
    what = call.values[0] if call.values else "status"
    services = call.session.services
    if services is None or services.persistence is None:
        raise MagicError("variables cannot be kept here")
    persistence = services.persistence()
    try:
        if what in ("on", "off"):
            persistence.switch(on=what == "on")
            call.write(f"Variables are {'kept' if what == 'on' else 'not kept'} from now on.\n")
        elif what == "status":
            call.write(persistence.status() + "\n")
        else:
            raise MagicError(f"%persist is on, off or status, not {what!r}")
    except ScriptError as error:
        raise MagicError(str(error)) from error
    return None
