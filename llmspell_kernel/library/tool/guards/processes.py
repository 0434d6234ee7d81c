"""Programs on the list."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmspell_kernel.errors import NotAllowedError, ToolError
from llmspell_kernel.library.tool.guards.arguments import ArgumentRefusedError, check_arguments, paths_in
from llmspell_kernel.library.tool.guards.environment import check_variable, names_files, steers_programs
from llmspell_kernel.library.tool.guards.pipes import Pipes

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/opt/homebrew/bin")
"""Where programs are taken from first, also if tools may use files there."""

_SETPRIV = "/usr/bin/setpriv"
"""Of util-linux; a function that is called between fork and exec is no choice in a process with threads."""

_MARK = "LLMSPELL_CALL"
"""The variable by which what a program has started is found again, wherever it has hidden."""

_ROUNDS = 20
"""How often is looked for more, as what is about to end may start others."""

_ARGUMENT_BYTES = 128 * 1024


class Finished(NamedTuple):
    """What became of a program.

    Attributes:
        program: its true path.
        exit_code: minus the signal if one has ended it.
        stdout: what it has written there.
        stderr: what it has written there.
        seconds: how long it ran.
        timed_out: it was ended because it took too long.
        truncated: it was ended because it wrote too much.
    """

    program: str
    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool
    truncated: bool


class ProcessGuard:
    """Programs on the list, for one call of a tool.

    They are started without a shell, in an allowed folder, with the few variables that tools may read, and
    with nothing to read but `input`. However a run ends, what the program has started ends with it.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._settings = surroundings.settings.tools.system

    def run(
        self,
        executable: str,
        arguments: Sequence[str] = (),
        *,
        working_directory: str | None = None,
        environment: Mapping[str, str] | None = None,
        input: bytes = b"",
        timeout: float | None = None,
    ) -> Finished:
        """Runs a program to its end.

        Args:
            executable: its name; a path only if it is the one that the name leads to.
            arguments: what it gets.
            working_directory: where it runs; else here if that is allowed, or in the first allowed folder.
            environment: variables besides the inherited ones.
            input: what it can read.
            timeout: seconds that it may run, if fewer than the settings say.

        Raises:
            NotAllowedError: a rule forbids the program, an argument, a variable or the folder.
            ToolError: it cannot be started.
        """
        with self._told(executable, arguments):
            program = self._resolved(executable)
            name = os.path.basename(executable)
            check_arguments(name, arguments)
            variables = self._variables(environment or {})
        with ExitStack() as stack:
            folder, place = self._folder(working_directory, stack)
            with self._told(executable, arguments):
                self._check_paths(name, arguments, folder)
            self._surroundings.audit(
                "process.start", program=program, arguments=list(arguments), folder=str(folder)
            )
            limit = min(self._settings.command_timeout_seconds, timeout or float("inf"))
            return self._run([program, *arguments], name, place, variables, input, limit)

    def _run(
        self,
        command: list[str],
        name: str,
        place: str,
        variables: dict[str, str],
        input: bytes,
        limit: float,
    ) -> Finished:
        mark = secrets.token_hex(16)
        start = time.monotonic()
        end = min(start + limit, self._surroundings.deadline - 0.2)
        try:
            process = subprocess.Popen(
                [*_with_parent(), *command],
                cwd=place,
                env=variables | {_MARK: mark},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ToolError(f"{self._surroundings.tool} cannot start {name!r}: {error}") from error
        try:
            _limit_memory(process.pid, self._surroundings.settings.tools.max_memory_mb)
            pipes = Pipes(process, input, self._settings.max_output_size)
            timed_out = not pipes.exchange(end, self._surroundings.cancelled.is_set)
            if self._surroundings.cancelled.is_set():
                self._surroundings.seconds_left  # noqa: B018 - raises, as nobody waits any more
        finally:
            _end(process, mark)
        return Finished(
            command[0],
            process.returncode,
            bytes(pipes.stdout),
            bytes(pipes.stderr),
            time.monotonic() - start,
            timed_out,
            pipes.full,
        )

    def _resolved(self, executable: str) -> str:
        """The path of the program, if it may be started."""
        name = os.path.basename(executable)
        allowed, blocked = _names(self._settings.allowed_commands), _names(self._settings.blocked_commands)
        if not name or "\0" in executable:
            raise ArgumentRefusedError("command", "that is no program's name")
        if name in blocked:
            raise ArgumentRefusedError("command", "tools.system.blocked_commands has it")
        if name not in allowed:
            raise ArgumentRefusedError(
                "command",
                f"tools.system.allowed_commands does not have it; it has {', '.join(sorted(allowed))}",
            )
        found = shutil.which(name, path=os.pathsep.join(self._search_path()))
        if found is None:
            raise ToolError(f"{self._surroundings.tool} cannot start {name!r}: no such program in the PATH")
        if os.path.basename(os.path.realpath(found)) in blocked:
            raise ArgumentRefusedError("command", f"it is {os.path.realpath(found)}, which is blocked")
        if executable != name and os.path.realpath(executable) != os.path.realpath(found):
            raise ArgumentRefusedError("command", f"only {found} is the {name} of the list")
        return found

    def _search_path(self) -> Iterator[str]:
        """The PATH without folders where tools may write."""
        yield from _SYSTEM_FOLDERS
        roots = self._surroundings.files.roots
        for each in os.environ.get("PATH", "").split(os.pathsep):
            real = Path(os.path.realpath(each))
            if os.path.isabs(each) and not any(real.is_relative_to(root) for root in roots):
                yield each

    def _variables(self, given: Mapping[str, str]) -> dict[str, str]:
        tool = self._surroundings.tool
        for name, value in given.items():
            check_variable(tool, name, value)
            if steers_programs(name) or (names_files(name) and "/" in value):
                raise ArgumentRefusedError("environment", f"the variable {name} changes what programs do")
        variables = self._surroundings.environment.inherited()
        variables["PATH"] = os.pathsep.join(self._search_path())
        variables.update(given)
        return variables

    def _folder(self, wanted: str | None, stack: ExitStack) -> tuple[Path, str]:
        """The folder where the program runs, and a way there that no link can bend.

        An empty folder that goes with the run if there is no allowed one.
        """
        files = self._surroundings.files
        if wanted:
            return _held(*stack.enter_context(files.folder(wanted)))
        places: tuple[str | Path, ...] = (os.curdir, *files.roots)
        for each in places:
            with suppress(NotAllowedError, ToolError):
                return _held(*stack.enter_context(files.folder(each)))
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="llmspell-"))
        return Path(temporary), temporary

    def _check_paths(self, name: str, arguments: Sequence[str], folder: Path) -> None:
        """Has the guard of files look at all that may be a path."""
        if sum(len(os.fsencode(each)) for each in arguments) > _ARGUMENT_BYTES:
            raise ArgumentRefusedError("argument", f"all its arguments may have {_ARGUMENT_BYTES:,} bytes")
        for path in paths_in(name, arguments, lambda text: os.path.lexists(folder / text)):
            self._surroundings.files.check(os.path.join(folder, path))

    @contextmanager
    def _told(self, executable: str, arguments: Sequence[str]) -> Iterator[None]:
        """Makes errors of what is refused in the block."""
        try:
            if not self._surroundings.settings.runtime.security.allow_process_spawn:
                raise ArgumentRefusedError(
                    "processes", "the setting runtime.security.allow_process_spawn is false"
                )
            if not self._settings.allow_process_execution:
                raise ArgumentRefusedError(
                    "processes", "the setting tools.system.allow_process_execution is false"
                )
            yield
        except ArgumentRefusedError as error:
            self._surroundings.audit(
                "process.start", program=executable, arguments=list(arguments), allowed=False, rule=error.rule
            )
            raise NotAllowedError(
                f"{self._surroundings.tool} may not start {executable!r}: {error}"
            ) from None


def _held(folder: Path, opened: int) -> tuple[Path, str]:
    """Where there is no /proc, the way is the path."""
    way = f"/proc/self/fd/{opened}"
    return folder, way if os.path.isdir(way) else str(folder)


def _names(text: str) -> set[str]:
    return {each.strip() for each in text.split(",") if each.strip()}


@cache
def _with_parent() -> tuple[str, ...]:
    """What has a program end with a kernel that is killed; nothing where there is no such thing."""
    return (_SETPRIV, "--pdeathsig", "KILL", "--") if os.access(_SETPRIV, os.X_OK) else ()


def _limit_memory(pid: int, megabytes: int) -> None:
    """Where the system can do it to another process; and no core files."""
    with suppress(ImportError, AttributeError, OSError):
        import resource

        limit = megabytes << 20
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Ends a program, its process group, and all that carries its mark."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    for _ in range(_ROUNDS):
        left = list(_marked(mark))
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            break


def _marked(mark: str) -> Iterator[int]:
    """Processes whose environment has the mark; on systems without /proc none."""
    wanted = f"{_MARK}={mark}".encode()
    with suppress(FileNotFoundError):
        for each in os.listdir("/proc"):
            if each.isdigit():
                with suppress(OSError):
                    with open(f"/proc/{each}/environ", "rb") as file:
                        if wanted in file.read():
                            yield int(each)
