"""Help as the pager and the tooltip show it."""

from __future__ import annotations

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import MimeBundle, Outcome
from llmspell_kernel.magics.registry import Magic, find
from llmspell_kernel.magics.session import Session


def magic_help(magic: Magic) -> MimeBundle:
    """All there is to say about one magic."""
    return MimeBundle(
        {
            "text/plain": f"{magic.usage.text}\n\n{magic.help}",
            "text/markdown": f"```text\n{magic.usage.text}\n```\n\n{magic.help}",
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
