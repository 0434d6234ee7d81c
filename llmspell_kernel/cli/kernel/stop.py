"""`llmspell kernel stop`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame

if TYPE_CHECKING:
    from llmspell_kernel.client.discovery import FoundKernel
    from llmspell_kernel.client.probe import Health

_AT_ONCE = 16


@command(
    epilog="""\b
Examples:
  llmspell kernel stop work
  llmspell kernel stop --all --timeout 5
  llmspell kernel stop work --force         at once, without asking it""",
)
@click.argument("where", nargs=-1, shell_complete=completing.kernels)
@click.option(
    "-i",
    "--id",
    "ids",
    metavar="ID",
    multiple=True,
    help="The same as WHERE.",
    shell_complete=completing.kernels,
)
@click.option("--all", "every", is_flag=True, help="All LLMSpell kernels, also what dead ones have left.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 86_400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long it may take to shut down before its process is terminated, and then killed.",
)
@click.option("--force", is_flag=True, help="Kill its process at once.")
@pass_frame
def stop(
    frame: Frame, where: tuple[str, ...], ids: tuple[str, ...], every: bool, timeout: float, force: bool
) -> int:
    """End kernels, and remove what dead ones have left.

    A kernel of a Jupyter Server is stopped by that server. The exit status is 1 if one of them goes on.
    """
    from llmspell_kernel.client.discovery import find_kernel, find_kernels
    from llmspell_kernel.client.probe import probe

    names = [*where, *ids]
    if bool(names) == every:
        raise click.UsageError("say which kernels to stop, or --all; `llmspell kernel list` shows them.")
    there = find_kernels()
    wanted = (
        [each for each in there if each.is_ours] if every else [find_kernel(n, among=there) for n in names]
    )
    healths = probe(_each_once(wanted))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = [pool.submit(_stopped, health, timeout, force) for health in healths]
        done = []
        for future in as_completed(waiting):
            kernel_id, ok, said = future.result()
            done.append({"id": kernel_id, "ok": ok, "result": said})
            if not ok:
                frame.complain(said)
            elif frame.output == "text":
                frame.note(f"{kernel_id} {said}")
    frame.show(done, "" if healths else "no LLMSpell kernels")
    return 0 if all(each["ok"] for each in done) else 1


def _each_once(kernels: list[FoundKernel]) -> list[FoundKernel]:
    return list({kernel.file or kernel.id: kernel for kernel in kernels}.values())


def _stopped(health: Health, timeout: float, force: bool) -> tuple[str, bool, str]:
    from llmspell_kernel.client.lifecycle import stop
    from llmspell_kernel.errors import ClientError

    try:
        return health.kernel.id, True, stop(health, seconds=timeout, force=force)
    except ClientError as error:
        return health.kernel.id, False, str(error)
