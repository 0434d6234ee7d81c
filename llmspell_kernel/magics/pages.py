"""Help as the pager and the tooltip show it."""

from __future__ import annotations

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import MimeBundle, Outcome
from llmspell_kernel.magics.registry import CELL_MAGICS, LINE_MAGICS, Magic, find
from llmspell_kernel.magics.session import Session


def magic_help(magic: Magic) -> MimeBundle:
    """All there is to say about one magic, and its other form if it has one."""
    forms = [table[magic.usage.name] for table in (LINE_MAGICS, CELL_MAGICS) if magic.usage.name in table]
    usage = "\n".join(form.usage.text for form in forms if form.body is magic.body)
    return MimeBundle(
        {
            "text/plain": f"{usage}\n\n{magic.help.replace('`', '')}",
            "text/markdown": f"```text\n{usage}\n```\n\n{magic.help}",
        }
    )


def help_page(session: Session, name: str, *, detail: int) -> Outcome:
    """The pager with help on a magic or a Lua name.

    Raises:
        MagicError: nothing is known under that name.
    """
    if name.startswith("%"):
        bundle: MimeBundle | None = magic_help(find(name.lstrip("%"), cell=name.startswith("%%")))
    else:
        bundle = session.lua.inspect(name, len(name), detail=detail)
    if bundle is None:
        raise MagicError(
            f"nothing is known about '{name}': no variable, library function or keyword is called so"
        )
    return Outcome(payload=({"source": "page", "data": dict(bundle.data), "start": 0},))
