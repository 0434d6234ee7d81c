"""How a client comes and goes."""

from __future__ import annotations

import hmac

from llmspell_kernel.dap.bodies import Body, Capabilities, ExceptionFilterBody
from llmspell_kernel.dap.commands import Command, Commands, always
from llmspell_kernel.dap.paths import Folder, Paths
from llmspell_kernel.dap.protocol import (
    AttachArguments,
    CancelArguments,
    DisconnectArguments,
    InitializeArguments,
    LaunchArguments,
    NoArguments,
)
from llmspell_kernel.dap.session import Session
from llmspell_kernel.dap.view import View
from llmspell_kernel.errors import DebuggerError, SecurityError

EXCEPTION_FILTERS = (
    ExceptionFilterBody(
        filter="raised",
        label="Raised Errors",
        description="Stop on every error, also on those that a pcall will catch.",
    ),
    ExceptionFilterBody(
        filter="uncaught",
        label="Uncaught Errors",
        description="Stop on errors that nothing catches.",
        default=True,
    ),
)


def capabilities(session: Session) -> Capabilities:
    """What this adapter can do for a client."""
    return Capabilities(
        exception_breakpoint_filters=list(EXCEPTION_FILTERS),
        completion_trigger_characters=[".", ":"],
        supports_configuration_done_request=True,
        supports_function_breakpoints=True,
        supports_conditional_breakpoints=True,
        supports_hit_conditional_breakpoints=True,
        supports_evaluate_for_hovers=True,
        supports_set_variable=True,
        supports_completions_request=True,
        supports_modules_request=True,
        supports_value_formatting_options=True,
        supports_exception_info_request=True,
        support_terminate_debuggee=session.host.can_terminate,
        supports_delayed_stack_trace_loading=True,
        supports_loaded_sources_request=True,
        supports_log_points=True,
        supports_set_expression=True,
        supports_terminate_request=session.host.can_terminate,
        supports_cancel_request=True,
        supports_breakpoint_locations_request=True,
        supports_clipboard_context=True,
    )


def _check_token(session: Session, given: str | None, *, required: bool) -> None:
    """Lets the client in if it shows the server's token.

    Raises:
        SecurityError: it is wrong, or missing where it is required.
    """
    if session.authorised or (given is None and not required):
        return
    if given is None:
        raise SecurityError('this server wants a token: add "token" to the attach or launch configuration')
    if not hmac.compare_digest(given.encode(errors="replace"), (session.token or "").encode()):
        raise SecurityError("the token is not this server's")
    session.authorised = True


def initialize(session: Session, arguments: InitializeArguments) -> Body:
    """Says who is who. A second time is as good as the first: JupyterLab does so after restarts."""
    _check_token(session, arguments.token, required=False)
    paths = session.view.paths
    session.view = View(arguments)
    if session.attached:
        session.view.paths = paths
    session.initialized = True
    return capabilities(session)


def _take_part(session: Session, arguments: AttachArguments, *, debug: bool = True) -> None:
    mappings = [
        Folder.of(mapping.local_root, mapping.remote_root) for mapping in arguments.path_mappings or ()
    ]
    if arguments.local_root and arguments.remote_root:
        mappings.append(Folder.of(arguments.local_root, arguments.remote_root))
    session.view.paths = Paths(mappings, uris=session.view.uris, known=session.known_paths)
    session.join(steer=arguments.steer, debug=debug)
    if arguments.stop_on_entry:
        session.debugger.stop_on_entry = True
    session.emit("initialized", later=True)


def attach(session: Session, arguments: AttachArguments) -> None:
    """Joins the program that runs here. A second time changes only what it says."""
    _check_token(session, arguments.token, required=True)
    _take_part(session, arguments)


def launch(session: Session, arguments: LaunchArguments) -> None:
    """Prepares the program; it starts with configurationDone."""
    _check_token(session, arguments.token, required=True)
    launcher = session.host.launcher
    if launcher is None:
        raise DebuggerError("nothing can be launched here: the program is running already, attach to it")
    launcher(arguments)
    session.launched = True
    _take_part(session, arguments, debug=not arguments.no_debug)


def configuration_done(session: Session, arguments: NoArguments) -> None:
    """The client has set its breakpoints. One that came while the code was stopped is told so."""
    if not session.configured:
        session.configured = True
        session.host.on_configuration_done()
    session.tell_stop()


def disconnect(session: Session, arguments: DisconnectArguments) -> None:
    """The client leaves. A program that it launched ends, unless it says otherwise."""
    terminate = session.launched if arguments.terminate_debuggee is None else arguments.terminate_debuggee
    session.leave(terminate=terminate and session.host.can_terminate)
    session.emit("terminated", later=True)


def terminate(session: Session, arguments: DisconnectArguments) -> None:
    """Ends the program."""
    if not session.host.can_terminate:
        raise DebuggerError("this program is not ended from a debugger: disconnect leaves it running")
    session.leave(terminate=True)
    session.emit("terminated", later=True)


def cancel(session: Session, arguments: CancelArguments) -> None:
    """Whatever could be cancelled was, before this was read (or the request is answered already)."""


COMMANDS: Commands = {
    "initialize": Command(InitializeArguments, initialize, early=True, open=True),
    "attach": Command(AttachArguments, attach, early=True, open=True),
    "launch": Command(LaunchArguments, launch, early=True, open=True),
    "configurationDone": Command(NoArguments, configuration_done),
    "disconnect": Command(DisconnectArguments, disconnect, early=True, open=True),
    "terminate": Command(DisconnectArguments, terminate, steers=always),
    "cancel": Command(CancelArguments, cancel, early=True),
}
