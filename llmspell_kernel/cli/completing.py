"""Values that shells complete. Each function is one for click's `shell_complete`, and imports when called."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Any file."""
    del ctx, param
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def directories(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Any directory."""
    del ctx, param
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Profiles: presets by their bare names, other layers by their whole ones; also behind a comma."""
    del ctx, param
    from click.shell_completion import CompletionItem

    from llmspell_kernel.config.layers import profiles as known

    before, comma, last = incomplete.rpartition(",")
    names = {each.name.removeprefix("presets/"): each.description for each in known()}
    return [
        CompletionItem(f"{before}{comma}{name}", help=about)
        for name, about in names.items()
        if name.startswith(last)
    ]


def kernels(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """LLMSpell kernels that run, by their ids, or files if none is called so."""
    from click.shell_completion import CompletionItem

    from llmspell_kernel.client.discovery import find_kernels

    found = [
        CompletionItem(kernel.id, help=kernel.name or None)
        for kernel in find_kernels()
        if kernel.id.startswith(incomplete) and kernel.is_ours and kernel.listens
    ]
    return found or files(ctx, param, incomplete)


def tools(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tools of this installation, by their names."""
    del ctx, param
    from click.shell_completion import CompletionItem

    from llmspell_kernel.library.tool.registry import Registry

    return [CompletionItem(name) for name in Registry().names() if name.startswith(incomplete)]


def setting_values(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the setting takes that the argument `key` names, where that can be listed."""
    del param
    from click.shell_completion import CompletionItem

    from llmspell_kernel.config import schema

    node = schema.find(ctx.params.get("key") or ())
    if node is None:
        return []
    values = ("true", "false") if node.kind is bool else map(str, get_args(node.kind))
    return [CompletionItem(value) for value in values if value.startswith(incomplete)]
