"""The tools of the kernel."""

from __future__ import annotations

from llmspell_kernel.cli.output import wrapped
from llmspell_kernel.cli.repl.commands.registry import command
from llmspell_kernel.cli.repl.session import Session
from llmspell_kernel.errors import UsageError

_SECONDS = 60.0


@command(".tools [NAME | WORDS]")
def show_tools(session: Session, argument: str) -> None:
    """List the tools that scripts can call, say what one takes, or find them by words.

    They are called with `Tool.execute(name, {...})`.
    """
    client = session.link.client
    if argument:
        reply = client.tool("info", name=argument, timeout=_SECONDS)
        if reply.get("status") == "ok":
            _show_tool(session, reply)
            return
        reply = client.tool("search", query=argument.split(), timeout=_SECONDS)
    else:
        reply = client.tool("list", details=True, timeout=_SECONDS)
    if reply.get("status") != "ok":
        raise UsageError(str(reply.get("error") or reply.get("evalue")))
    found = reply["results"] if "results" in reply else reply["details"]
    width, columns = max((len(each["name"]) for each in found), default=0), session.screen.columns
    for each in found:
        line = f"{each['name']:<{width}}  {each['description']}"
        session.screen.line(wrapped(line, " " * (width + 2), columns))
    if not found:
        session.screen.note("nothing found")


def _show_tool(session: Session, reply: dict[str, object]) -> None:
    from llmspell_kernel.cli.tool.info import text

    session.screen.line(text(reply, session.screen.columns))
