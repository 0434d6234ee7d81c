"""The reference of the settings, read from the structs that hold them."""

from __future__ import annotations

from collections.abc import Iterator

from llmspell_kernel.config import schema
from llmspell_kernel.config.layers import profiles
from llmspell_kernel.config.sources import SHORT_VARIABLES, candidates
from llmspell_kernel.config.writing import toml_value

INTRODUCTION = """
Settings are TOML. [Configure LLMSpell](../how-to/configure.md) shows how they are used. From the weakest to
the strongest:

1. the defaults below,
2. a file that is found, the first of these: {places},
3. a file that `--config` or `LLMSPELL_CONFIG` names,
4. a profile that `--profile` or `LLMSPELL_PROFILE` names,
5. variables of the environment,
6. options of a command, and for a kernel also Jupyter's configuration.

All of them are merged, setting by setting. A key that is no setting, and a value that does not fit, is an
error.

Each setting also has a variable: `LLMSPELL_`, then its key in capitals with `_` for the dots, such as
`LLMSPELL_ENGINES_LUA_STDLIB`; a provider's is `LLMSPELL_PROVIDER_<NAME>_<KEY>`. Yes and no are `true` or
`false`, `yes` or `no`, `on` or `off`, `1` or `0`; an empty variable counts as not set.
""".strip()


def page() -> str:
    """The Markdown of the page."""
    places = ", ".join(f"`{place}`" for place in candidates({"HOME": "~"}))
    parts = ["# Settings", INTRODUCTION.format(places=places)]
    top = [node for node in schema.root().children if node.table is None]
    parts += ["## At the top", _table(top)]
    for node in _tables(schema.root()):
        parts += [f"## [{node.name}]", " ".join(node.description.split()), _table(node.children)]
    parts += [
        "## Short variables",
        "\n".join(
            ["| variable | setting |", "| --- | --- |"]
            + [f"| `{name}` | `{key}` |" for name, key in SHORT_VARIABLES.items()]
        ),
        "## Profiles",
        "What `--profile` can name. A preset also goes by its bare name, and `a,b` lays `b` over `a`; "
        "`llmspell config list-profiles --detailed` shows what each sets.",
        "\n".join(
            ["| profile | builds on | |", "| --- | --- | --- |"]
            + [
                f"| `{each.name}` | {', '.join(f'`{name}`' for name in each.extends)} | {each.description} |"
                for each in profiles()
            ]
        ),
    ]
    return "\n\n".join(parts)


def _tables(node: schema.Node) -> Iterator[schema.Node]:
    for child in node.children:
        if child.table is not None:
            if any(each.table is None for each in child.children):
                yield child
            yield from _tables(child)
    if node.rest is not None and node.rest.table is not None:
        yield node.rest


def _table(nodes: tuple[schema.Node, ...] | list[schema.Node]) -> str:
    lines = ["| setting | values | default | |", "| --- | --- | --- | --- |"]
    for node in nodes:
        if node.table is None:
            default = "" if node.default is None else f"`{toml_value(node.default)}`"
            about = node.description + (" Never shown." if node.secret else "")
            lines.append(f"| `{node.key[-1]}` | {node.wanted} | {default} | {about} |")
    return "\n".join(lines)
