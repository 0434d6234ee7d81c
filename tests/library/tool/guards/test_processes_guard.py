"""The guards of programs and of the environment, and those who try to get past them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from watchfiles import watch

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolError, ToolTimeoutError
from llmspell_kernel.library.tool.guards.processes import Finished, ProcessGuard
from llmspell_kernel.library.tool.surroundings import Surroundings
from tests.library.tool.guarding import Audit, surroundings


def tools(root: Path, audit: Audit | None = None, **system: object) -> Surroundings:
    """Tools in a folder, with these settings of tools.system."""
    return surroundings(root, tools={"system": system}, audit=audit)


@pytest.fixture
def guard(tmp_path: Path) -> ProcessGuard:
    return tools(tmp_path).processes


@pytest.fixture
def shell(tmp_path: Path) -> ProcessGuard:
    """One that may start what nobody should allow."""
    return tools(tmp_path, allowed_commands="sh").processes


def out(done: Finished) -> str:
    assert (done.exit_code, done.stderr, done.timed_out, done.truncated) == (0, b"", False, False), done
    return done.stdout.decode()


def test_programs_of_the_list(guard: ProcessGuard, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("b\na\nb\n")
    assert out(guard.run("echo", ["a b", "$HOME", "; ls", "*", "/etc/passwd", "-e"])) == (
        "a b $HOME ; ls * /etc/passwd -e\n"
    )
    there = str(tmp_path)
    assert out(guard.run("pwd", working_directory=there)) == f"{tmp_path}\n"
    assert out(guard.run("cat", ["a.txt"], working_directory=there)) == "b\na\nb\n"
    assert out(guard.run("cat", [f"{tmp_path}/a.txt"])) == "b\na\nb\n"
    assert out(guard.run("ls", ["-1", there])) == "a.txt\n"
    assert out(guard.run("sort", ["-u", "-t/", "-k1,1", "a.txt"], working_directory=there)) == "a\nb\n"
    assert out(guard.run("uniq", ["-c", "-f", "0"], input=b"x\nx\n")).split() == ["2", "x"]
    assert out(guard.run("wc", ["-l", "a.txt"], working_directory=there)) == "3 a.txt\n"
    assert out(guard.run("head", ["-n1", "a.txt"], working_directory=there)) == "b\n"
    assert out(guard.run("tail", ["-n", "1", "a.txt"], working_directory=there)) == "b\n"
    assert out(guard.run("grep", ["-c", "/etc/passwd", "-"], input=b"x /etc/passwd y\n")) == "1\n"
    assert out(guard.run("find", [".", "-name", "*.txt"], working_directory=there)) == "./a.txt\n"
    assert out(guard.run("date", ["-u", "-d", "2020-02-03", "+%Y/%m/%d"])) == "2020/02/03\n"
    assert out(guard.run("which", ["cat"])).endswith("/cat\n")
    assert out(guard.run("whoami")) and out(guard.run("uname", ["-s"]))
    assert guard.run("test", ["-e", "none"], working_directory=there).exit_code == 1
    assert guard.run("/bin/echo", ["by its path"]).stdout == b"by its path\n"


@pytest.mark.parametrize(
    ("program", "arguments", "reason"),
    [
        ("rm", ["x"], "blocked_commands has it"),
        ("sudo", ["ls"], "blocked_commands has it"),
        ("bash", ["-c", "ls"], "allowed_commands does not have it"),
        ("python3", [], "allowed_commands does not have it"),
        ("cat /etc/passwd", [], "allowed_commands does not have it|is the"),
        ("cat\0", [], "no program's name"),
        ("", [], "no program's name"),
        ("CAT", [], "allowed_commands does not have it"),
        ("find", [".", "-exec", "id", ";"], "-exec is not for tools"),
        ("find", [".", "-execdir", "id", ";"], "-execdir is not for tools"),
        ("find", [".", "-ok", "id", ";"], "-ok is not for tools"),
        ("find", [".", "-delete"], "-delete is not for tools"),
        ("find", [".", "-fprintf", "x", "y"], "-fprintf is not for tools"),
        ("find", ["-L", "."], "-L is not for tools"),
        ("find", ["/etc"], "outside of the allowed folders"),
        ("sort", ["-o", "x"], "-o is not for tools"),
        ("sort", ["-uox"], "-o is not for tools"),
        ("sort", ["--out=x"], "--output is not for tools"),
        ("sort", ["--o", "x"], "--output is not for tools"),
        ("sort", ["-t", "--", "-o", "x"], "-o is not for tools"),
        ("sort", ["--compress-prog=id"], "--compress-program is not for tools"),
        ("sort", ["--files0-from=x"], "--files0-from is not for tools"),
        ("wc", ["--files0=x"], "--files0-from is not for tools"),
        ("uniq", ["a", "b"], "with a second file it writes"),
        ("uniq", ["--", "-a", "b"], "with a second file it writes"),
        ("uniq", ["-", "b"], "with a second file it writes"),
        ("date", ["-s", "now"], "-s is not for tools"),
        ("date", ["-us", "now"], "-s is not for tools"),
        ("date", ["--se=now"], "--set is not for tools"),
        ("date", ["01010000"], "would set the clock"),
        ("date", ["-f", "x"], "-f is not for tools"),
        ("date", ["-r", "/etc/passwd"], "outside of the allowed folders"),
        ("cat", ["/etc/passwd"], "outside of the allowed folders"),
        ("cat", ["../../../etc/passwd"], "Path traversal detected"),
        ("cat", ["--", "/etc/passwd"], "outside of the allowed folders"),
        ("cat", ["//etc//passwd"], "outside of the allowed folders"),
        ("cat", ["/proc/self/environ"], "outside of the allowed folders"),
        ("cat", ["x\0"], "NUL"),
        ("cat", ["out"], "outside of the allowed folders"),
        ("cat", ["outside/passwd"], "outside of the allowed folders"),
        ("head", ["-c1", "/etc/passwd"], "outside of the allowed folders"),
        ("tail", ["--follow", "/etc/passwd"], "outside of the allowed folders"),
        ("ls", ["/root"], "outside of the allowed folders"),
        ("ls", ["-l", "-L", "."], "-L is not for tools"),
        ("wc", ["/etc/passwd"], "outside of the allowed folders"),
        ("test", ["-e", "/etc/passwd"], "outside of the allowed folders"),
        ("grep", ["root", "/etc/passwd"], "outside of the allowed folders"),
        ("grep", ["-f/etc/passwd", "a.txt"], "outside of the allowed folders"),
        ("grep", ["-f", "/etc/passwd", "a.txt"], "outside of the allowed folders"),
        ("grep", ["-vf", "/etc/passwd", "a.txt"], "outside of the allowed folders"),
        ("grep", ["--file=/etc/passwd", "a.txt"], "outside of the allowed folders"),
        ("grep", ["--fi", "/etc/passwd", "a.txt"], "outside of the allowed folders"),
        ("grep", ["-fout", "a.txt"], "outside of the allowed folders"),
        ("grep", ["-vfout", "a.txt"], "outside of the allowed folders"),
        ("grep", ["-e", "x", "/etc/passwd"], "outside of the allowed folders"),
        ("grep", ["-R", "x", "."], "-R is not for tools"),
        ("grep", ["--dereference-rec", "x", "."], "--dereference-recursive is not for tools"),
        ("sort", ["-T/etc"], "-T is not for tools"),
    ],
)
def test_escapes(
    guard: ProcessGuard, tmp_path: Path, program: str, arguments: list[str], reason: str
) -> None:
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "outside").symlink_to("/etc")
    (tmp_path / "a.txt").write_text("root\n")
    with pytest.raises(NotAllowedError, match=reason):
        guard.run(program, arguments, working_directory=str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "out", "outside"]


def test_programs_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that a tool could have written is none of the list, even if the PATH leads to it."""
    fake = tmp_path / "cat"
    fake.write_text("#!/bin/sh\necho fake\n")
    fake.chmod(0o755)
    (tmp_path / "gizmo").write_text("#!/bin/sh\necho gizmo\n")
    (tmp_path / "gizmo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}:.:")
    monkeypatch.chdir(tmp_path)
    guard = tools(tmp_path, allowed_commands="cat, gizmo").processes
    assert out(guard.run("cat", input=b"real")) == "real"
    for path in (str(fake), "./cat", "../cat"):
        with pytest.raises(NotAllowedError, match=r"only /.*/cat is the cat of the list"):
            guard.run(path)
    with pytest.raises(ToolError, match="no such program"):
        guard.run("gizmo")
    elsewhere = tools(tmp_path / "below", allowed_commands="gizmo")
    assert out(elsewhere.processes.run("gizmo")) == "gizmo\n"


def test_a_link_to_a_blocked_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "tidy").symlink_to("/bin/rm")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(NotAllowedError, match="which is blocked"):
        tools(tmp_path / "other", allowed_commands="tidy").processes.run("tidy", ["x"])


def test_the_blocked_list_comes_first(tmp_path: Path) -> None:
    with pytest.raises(NotAllowedError, match="blocked_commands"):
        tools(tmp_path, allowed_commands="rm,cat").processes.run("rm", ["x"])


def test_where_programs_run(guard: ProcessGuard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert out(guard.run("pwd")) == f"{tmp_path}/sub\n"
    monkeypatch.chdir("/")
    assert out(guard.run("pwd")) == f"{tmp_path}\n"
    for folder in ("/etc", "..", "/proc/self/cwd"):
        with pytest.raises(NotAllowedError):
            guard.run("pwd", working_directory=folder)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ToolError, match="not a directory"):
        guard.run("pwd", working_directory=str(tmp_path / "a.txt"))
    nowhere = surroundings().processes  # no folder is allowed: an empty one is made, and goes again
    made = out(nowhere.run("pwd")).strip()
    assert "llmspell-" in made and not os.path.exists(made)
    assert out(nowhere.run("ls")) == ""


def test_what_programs_inherit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OPENAI_API_KEY",
        "DB_PASSWORD",
        "LLMSPELL_SECURITY_HMAC_KEY",
        "SSH_AUTH_SOCK",
        "MY_OWN",
        "LD_DEBUG",
    ):
        monkeypatch.setenv(name, "tell-nobody")
    monkeypatch.setenv("LANG", "C")
    code = "import os; print(sorted(os.environ.items()))"
    shown = out(tools(tmp_path, allowed_commands="python3").processes.run("python3", ["-c", code]))
    assert "tell-nobody" not in shown and "('LANG', 'C')" in shown
    given = tools(tmp_path, allowed_commands="python3").processes.run(
        "python3", ["-c", "import os; print(os.environ['MODE'])"], environment={"MODE": "fast"}
    )
    assert out(given) == "fast\n"


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "ld_library_path",
        "PATH",
        "IFS",
        "BASH_ENV",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PERL5OPT",
        "NODE_OPTIONS",
        "GIT_SSH_COMMAND",
        "GCONV_PATH",
        "POSIXLY_CORRECT",
        "PAGER",
        "EDITOR",
        "TMPDIR",
        "DYLD_INSERT_LIBRARIES",
    ],
)
def test_variables_that_steer_programs(guard: ProcessGuard, name: str) -> None:
    with pytest.raises(NotAllowedError, match="changes what programs do"):
        guard.run("echo", environment={name: "x"})


def test_variables_that_are_none(guard: ProcessGuard) -> None:
    for name, value in (("A=B", "x"), ("", "x"), ("A\0", "x"), ("A", "x\0y"), ("A B", "x")):
        with pytest.raises(ParameterError):
            guard.run("echo", environment={name: value})
    for name in ("TZ", "LC_ALL", "LANG"):
        with pytest.raises(NotAllowedError):
            guard.run("date", environment={name: "../../etc/passwd"})
    assert out(guard.run("date", ["+%Z"], environment={"TZ": "UTC"})) == "UTC\n"


def test_too_much_output_ends_a_program(tmp_path: Path) -> None:
    guard = tools(tmp_path, allowed_commands="yes,python3", max_output_size=100_000).processes
    done = guard.run("yes")
    assert done.truncated and not done.timed_out and len(done.stdout) == 100_000 and done.exit_code == -9
    done = guard.run("python3", ["-c", "import sys\nwhile True: sys.stderr.write('x' * 1000)"])
    assert done.truncated and len(done.stderr) == 100_000


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    guard = tools(tmp_path, allowed_commands="sleep", command_timeout_seconds=0.15).processes
    start = time.monotonic()
    done = guard.run("sleep", ["100"])
    assert done.timed_out and done.exit_code == -9 and time.monotonic() - start < 30
    assert guard.run("sleep", ["100"], timeout=0.05).timed_out


def test_a_program_that_waits_for_input(guard: ProcessGuard) -> None:
    assert out(guard.run("cat")) == ""
    assert out(guard.run("cat", input=b"x" * 500_000)) == "x" * 500_000
    assert guard.run("head", ["-c1"], input=b"x" * 500_000).stdout == b"x"


def test_a_call_that_nobody_waits_for_ends_its_program(tmp_path: Path) -> None:
    around = tools(tmp_path, allowed_commands="sleep")
    timer = threading.Timer(0.2, around.cancel)
    timer.start()
    start = time.monotonic()
    with pytest.raises(ToolTimeoutError):
        around.processes.run("sleep", ["100"])
    assert time.monotonic() - start < 30
    timer.join()


ESCAPES = {
    "in the background": "sleep 1000 & echo $!",
    "in a session of its own": "setsid sleep 1000 & echo $!",
    "as nobody's child": "(setsid sh -c 'sleep 1000 & echo $!')",
    "that ignores signals": "(trap '' HUP TERM INT; sleep 1000) & echo $!",
    "that holds the pipes": "sleep 1000 & echo $!; exit 0",
}


@pytest.mark.parametrize("how", ESCAPES)
def test_nothing_outlives_a_call(shell: ProcessGuard, how: str) -> None:
    done = shell.run("sh", ["-c", ESCAPES[how]])
    assert not done.timed_out and done.seconds < 60
    assert ended(int(done.stdout))


def ended(pid: int) -> bool:
    """Whether a process ends, or has, though nobody may have asked for its exit status yet."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 5)[0])
    finally:
        os.close(watched)


@pytest.mark.skipif(not os.access("/usr/bin/setpriv", os.X_OK), reason="needs util-linux")
def test_a_program_ends_with_the_kernel_that_is_killed(tmp_path: Path) -> None:
    code = f"""
from tests.library.tool.guarding import surroundings
around = surroundings({str(tmp_path)!r}, tools={{"system": {{"allowed_commands": "sh"}}}})
around.processes.run("sh", ["-c", "echo $$ > pid.new && mv pid.new pid; exec sleep 1000"])
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[4]) as parent:
        for _ in watch(tmp_path, watch_filter=None, rust_timeout=500, yield_on_timeout=True):
            if (tmp_path / "pid").exists() or parent.poll() is not None:
                break
        parent.kill()
        parent.wait()
    assert ended(int((tmp_path / "pid").read_text()))


def test_a_flood_of_children_ends(shell: ProcessGuard) -> None:
    seconds = str(100_000 + os.getpid())
    code = f"i=0; while [ $i -lt 50 ]; do setsid sleep {seconds} & i=$((i+1)); done; sleep {seconds}"
    assert shell.run("sh", ["-c", code], timeout=0.7).timed_out
    left = [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", seconds]]
    assert all(ended(each.pid) for each in left)


def test_memory_is_limited(tmp_path: Path) -> None:
    around = surroundings(tmp_path, tools={"max_memory_mb": 512, "system": {"allowed_commands": "python3"}})
    done = around.processes.run("python3", ["-c", "import time; time.sleep(0.2); x = bytearray(1 << 30)"])
    assert done.exit_code == 1 and b"MemoryError" in done.stderr


def test_programs_can_be_forbidden_altogether(tmp_path: Path) -> None:
    for guard, setting in (
        (surroundings(tmp_path, allow_process_spawn=False).processes, "allow_process_spawn"),
        (tools(tmp_path, allow_process_execution=False).processes, "allow_process_execution"),
    ):
        with pytest.raises(NotAllowedError, match=f"{setting} is false"):
            guard.run("echo")
    no_files = surroundings(tmp_path, allow_file_access=False).processes
    assert out(no_files.run("echo", ["hi"])) == "hi\n"
    with pytest.raises(NotAllowedError, match="allow_file_access is false"):
        no_files.run("cat", ["x"])


def test_each_start_is_noted(tmp_path: Path) -> None:
    audit: Audit = []
    guard = tools(tmp_path, audit).processes
    guard.run("echo", ["hi"])
    assert audit[-1][0] == "process.start" and audit[-1][1]["arguments"] == ["hi"]
    assert audit[-1][1]["program"].endswith("/echo")
    with pytest.raises(NotAllowedError):
        guard.run("rm", ["x"])
    assert audit[-1] == (
        "process.start", {"program": "rm", "arguments": ["x"], "allowed": False, "rule": "command"}
    )  # fmt: skip


SECRETS = [
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "aws_session_token",
    "DB_PASSWORD",
    "GITHUB_TOKEN",
    "SSH_AUTH_SOCK",
    "MY_SECRET",
    "API_URL",
    "AZURE_X",
    "GCP_X",
    "DATABASE_URL",
    "PGPASSWORD",
    "LLMSPELL_SECURITY_HMAC_KEY",
    "SENTRY_DSN",
    "Private_Thing",
    "SMTP_PASS",
]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "tell-nobody")
    guard = tools(tmp_path, allowed_env_vars=["*"]).environment  # not even if all variables are allowed
    with pytest.raises(NotAllowedError, match="that of a secret"):
        guard.get(name)
    assert name not in guard.visible() and name not in guard.inherited()
    assert "tell-nobody" not in str(guard.visible("*"))


def test_variables_of_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("MY_OWN", "x")
    monkeypatch.delenv("TZ", raising=False)
    guard = tools(tmp_path).environment
    assert guard.get("LC_TIME") == "C" and guard.get("TZ") is None
    with pytest.raises(NotAllowedError, match="allowed_env_vars does not have it"):
        guard.get("MY_OWN")
    assert guard.visible("lc_t*") == {"LC_TIME": "C"}
    assert "MY_OWN" not in guard.visible()
    assert tools(tmp_path, allowed_env_vars=["MY_*"]).environment.get("MY_OWN") == "x"


def test_passwords_in_addresses_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE", "https://me:pa$$@example.org/x and http://b@c")
    guard = tools(tmp_path, allowed_env_vars=["SERVICE"]).environment
    assert guard.get("SERVICE") == "https://***@example.org/x and http://***@c"


def test_no_more_than_a_hundred_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(150):
        monkeypatch.setenv(f"MANY_{number}", "x")
    assert len(tools(tmp_path, allowed_env_vars=["MANY_*"]).environment.visible()) == 100


def test_setting_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_MODE", "slow")
    with pytest.raises(NotAllowedError, match="allow_env_changes is false"):
        tools(tmp_path, allowed_env_vars=["MY_*"]).environment.set("MY_MODE", "fast")
    guard = tools(tmp_path, allowed_env_vars=["*"], allow_env_changes=True).environment
    guard.set("MY_MODE", "fast")
    assert os.environ["MY_MODE"] == "fast"
    for name in ("PATH", "LD_PRELOAD", "MY_SECRET"):
        with pytest.raises(NotAllowedError):
            guard.set(name, "x")
    with pytest.raises(ParameterError):
        guard.set("A=B", "x")


WORDS = [
    "a.txt", "b.txt", "out", "outside/secret.txt", "../outside/secret.txt", "{outside}/secret.txt",
    "new.txt", ".", "-", "--", "-f", "-fout", "-f{outside}/secret.txt", "--file=out", "--file", "-o",
    "-onew.txt", "-rn", "-R", "-L", "-e", "x", "-name", "*", "-exec", "cat", "{{}}", ";", "+", "-delete",
    "-fprint", "-files0-from", "--files0-from=a.txt", "-T", "-t", "-d", "-r", "--reference=out", "-c",
    "-n", "-s", "-w", "-u", "-k1", "-m", "-follow", "-H", "-lL", "-vf", "--out", "--o=new.txt",
    "--dereference", "--compress-program=cat", "--random-source=out", "-S1", "--total=always",
]  # fmt: skip


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for tools, with a link that leads out of it to a secret."""
    top = tmp_path_factory.mktemp("walled")
    (top / "inside").mkdir()
    (top / "outside").mkdir()
    (top / "outside" / "secret.txt").write_text("tell-nobody\n")
    (top / "inside" / "out").symlink_to(top / "outside" / "secret.txt")
    (top / "inside" / "outside").symlink_to(top / "outside")
    (top / "inside" / "a.txt").write_text("x\n../outside/secret.txt\n")
    (top / "inside" / "b.txt").write_text(f"{top}/outside/secret.txt\0out\0")
    return top


@given(
    st.sampled_from(
        ["cat", "ls", "date", "test", "head", "tail", "wc", "grep", "find", "sort", "uniq", "which"]
    ),
    st.lists(st.sampled_from(WORDS), max_size=5),
)
@hypothesis_settings(max_examples=120, deadline=None)
def test_no_arguments_lead_out(walled: Path, program: str, words: list[str]) -> None:
    def state() -> dict[str, bytes]:
        files = [each for each in walled.rglob("*") if each.is_file() and not each.is_symlink()]
        return {str(each): each.read_bytes() for each in files}

    before = state()
    arguments = [each.format(outside=walled / "outside") for each in words]
    guard = tools(walled / "inside", command_timeout_seconds=0.15).processes
    try:
        done = guard.run(program, arguments, working_directory=str(walled / "inside"))
    except NotAllowedError:
        return
    finally:
        assert state() == before
    assert b"tell-nobody" not in done.stdout + done.stderr, arguments


def test_a_link_in_the_way_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / "door" / "mine").mkdir(parents=True)
    start = subprocess.Popen.__init__

    def late(*given: object, **more: object) -> None:
        (tmp_path / "in" / "door").rename(tmp_path / "in" / "moved")
        (tmp_path / "in" / "door").symlink_to("/etc")
        start(*given, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", late)
    assert (
        out(tools(tmp_path / "in").processes.run("ls", working_directory=f"{tmp_path}/in/door")) == "mine\n"
    )
