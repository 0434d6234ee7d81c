"""Tools that touch files and programs, called by scripts in a real kernel."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from llmspell_kernel import start_embedded_kernel
from tests.kernels import KernelSession


def lines(kernel: KernelSession, code: str) -> list[str]:
    done = kernel.execute(code)
    assert done.error is None, done.error
    return done.stdout.splitlines()


def test_files_by_tools(kernel: KernelSession, tmp_path: Path) -> None:
    code = f"""
    local folder = {str(tmp_path)!r}
    local function files(params) return Tool.execute("file-operations", params) end
    print(files{{operation = "write", path = folder .. "/a.bin", input = "a\\0\\255"}}.result.size)
    local read = files{{operation = "read", path = folder .. "/a.bin"}}
    print(read.success, read.operation, read.result.content == "a\\0\\255", read.result.input == "a\\0\\255")
    print(files{{operation = "ls", path = folder}}.result.entries[1].name)
    print(files{{operation = "exists", path = folder .. "/none"}}.result.exists)
    local ok, message = pcall(files, {{operation = "read", path = "/etc/passwd"}})
    print(ok, type(message), message)
    """
    shown = lines(kernel, code)
    assert shown[:4] == ["3", "true\tread\ttrue\ttrue", "a.bin", "false"]
    assert shown[4].startswith("false\tstring\t") and "may not read '/etc/passwd'" in shown[4]


def test_archives_and_searches_by_tools(kernel: KernelSession, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("one\ntwo\n")
    code = f"""
    local folder = {str(tmp_path)!r}
    local archive = folder .. "/x.tar.gz"
    Tool.execute("archive-handler", {{operation = "create", path = archive, input = {{folder .. "/in"}}}})
    local unpack = {{operation = "extract", path = archive, target_path = folder .. "/out"}}
    local out = Tool.execute("archive-handler", unpack)
    print(out.result.extracted_files[1], out.result.total_size)
    local search = {{pattern = "^tw.", path = folder .. "/out", recursive = true, use_regex = true}}
    local found = Tool["file-search"]:execute(search)
    print(found.result.matches[1].line_number, found.result.matches[1].matched_text)
    """
    assert lines(kernel, code) == ["in/a.txt\t8", "2\ttwo"]


@pytest.mark.parametrize("tool", ["process-executor", "file-watcher"])
def test_an_interrupt_ends_what_a_tool_waits_for(kernel: KernelSession, tmp_path: Path, tool: str) -> None:
    (tmp_path / "log").write_text("")
    params = {
        "process-executor": f"executable = 'tail', arguments = {{'-f', '{tmp_path}/log'}}",
        "file-watcher": f"operation = 'watch', input = {{'{tmp_path}'}}",
    }[tool]
    msg_id = kernel.client.execute(f"print('go') Tool.execute('{tool}', {{{params}}}) print('not reached')")
    kernel.wait_output(msg_id)
    kernel.manager.interrupt_kernel()
    done = kernel.collect(msg_id, timeout=20)
    assert done.status == "error" and "not reached" not in done.stdout
    assert kernel.execute("1 + 1").result == "2"
    left = [
        each for each in psutil.process_iter(["cmdline"]) if f"{tmp_path}/log" in (each.info["cmdline"] or ())
    ]
    psutil.wait_procs(left, 5)
    assert not [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_a_client_calls_file_operations_by_its_operation(tmp_path: Path) -> None:
    with start_embedded_kernel() as client:
        params = {"operation": "write", "path": str(tmp_path / "a.txt"), "input": "hi"}
        reply = client.tool("invoke", name="file-operations", params=params)
        assert reply["status"] == "ok" and (tmp_path / "a.txt").read_text() == "hi"
        refused = client.tool(
            "invoke", name="file-operations", params={"operation": "read", "path": "/etc/passwd"}
        )
        assert refused["status"] == "error" and "outside of the allowed folders" in str(refused)
