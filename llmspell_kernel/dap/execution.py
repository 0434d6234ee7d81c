"""How the code goes on, and how it is stopped."""

from __future__ import annotations

from llmspell_kernel.dap.bodies import ContinueBody
from llmspell_kernel.dap.commands import Command, Commands, always
from llmspell_kernel.dap.protocol import FrameArguments, ThreadArguments
from llmspell_kernel.dap.session import Session
from llmspell_kernel.lua.debugger.model import StepKind


def resume(session: Session, arguments: ThreadArguments) -> ContinueBody:
    """Lets the code go on, whichever thread is named: JupyterLab always says 1."""
    session.debugger.resume()
    return ContinueBody(all_threads_continued=True)


def _step(session: Session, arguments: ThreadArguments, kind: StepKind) -> None:
    session.debugger.step(kind, arguments.thread_id)


def step_over(session: Session, arguments: ThreadArguments) -> None:
    """To the next line of the function."""
    _step(session, arguments, "over")


def step_in(session: Session, arguments: ThreadArguments) -> None:
    """To the next line, in whichever function it is."""
    _step(session, arguments, "into")


def step_out(session: Session, arguments: ThreadArguments) -> None:
    """To the caller."""
    _step(session, arguments, "out")


def pause(session: Session, arguments: ThreadArguments) -> None:
    """Stops the code where it is; a program that is about to begin, at its first statement."""
    if session.debugger.state == "idle" and session.host.launcher is not None:
        session.debugger.stop_on_entry = True
    else:
        session.debugger.pause()


def restart_frame(session: Session, arguments: FrameArguments) -> None:
    """Begins a call anew."""
    session.debugger.restart_frame(session.view.frames.to_ours(arguments.frame_id))


COMMANDS: Commands = {
    "continue": Command(ThreadArguments, resume, steers=always),
    "next": Command(ThreadArguments, step_over, steers=always),
    "stepIn": Command(ThreadArguments, step_in, steers=always),
    "stepOut": Command(ThreadArguments, step_out, steers=always),
    "pause": Command(ThreadArguments, pause, steers=always),
    "restartFrame": Command(FrameArguments, restart_frame, steers=always),
}
