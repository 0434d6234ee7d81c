"""`llmspell completion`: the shell completes commands, options and values."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import command

SHELLS = ("bash", "zsh", "fish")


@command(
    epilog="""\b
Examples:
  source <(llmspell completion bash)       in ~/.bashrc
  llmspell completion zsh > ~/.zfunc/_llmspell
  llmspell completion fish > ~/.config/fish/completions/llmspell.fish"""
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Write the script by which a shell completes `llmspell`.

    It completes commands and options, and values such as profiles, keys of settings, kernels that run, apps
    and files. For zsh, ~/.zfunc must be in fpath before compinit is called.
    """
    from pathlib import Path

    click.echo((Path(__file__).parent / f"llmspell.{shell}").read_text("utf-8"), nl=False)
