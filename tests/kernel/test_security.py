"""Who may talk to a kernel."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session

from ..kernels import KernelSession, wait_ready

KERNEL = [sys.executable, "-m", "llmspell_kernel"]


def refused(*arguments: str) -> str:
    """What a kernel that does not start says on stderr; it must not be a Python traceback."""
    ended = subprocess.run([*KERNEL, *arguments], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_the_connection_file_is_the_owners_alone(kernel: KernelSession) -> None:
    file = Path(kernel.manager.connection_file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    info = json.loads(file.read_text())
    assert info["key"]
    assert info["signature_scheme"] == "hmac-sha256"


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.1.2.3", "example.invalid"])
def test_other_addresses_need_encryption(tmp_path: Path, address: str) -> None:
    message = refused("-f", str(tmp_path / "none.json"), f"--ip={address}")
    assert f"will not listen on {address} without encryption" in message
    assert "transport_encryption" in message
    assert not (tmp_path / "none.json").exists()


def test_also_when_the_connection_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "open.json"
    write_connection_file(str(file), ip="0.0.0.0", key=b"secret")
    assert "will not listen on 0.0.0.0" in refused("-f", str(file))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.5", "localhost"])
def test_loopback_needs_none(tmp_path: Path, address: str) -> None:
    file = tmp_path / "loopback.json"
    _, info = write_connection_file(str(file), ip=address, key=b"secret")
    process = subprocess.Popen([*KERNEL, "-f", str(file)])
    client = BlockingKernelClient()
    try:
        client.load_connection_info(info)
        client.start_channels()
        wait_ready(client)
        client.shutdown()
        assert process.wait(timeout=60) == 0
    finally:
        client.stop_channels()
        process.kill()
        process.wait()


@pytest.fixture
def encrypted(kernelspecs: list[str]) -> Iterator[KernelManager]:
    manager = KernelManager(kernel_name="llmspell", transport_encryption="required")
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def test_encrypted_channels(encrypted: KernelManager) -> None:
    info = json.loads(Path(encrypted.connection_file).read_text())
    assert info["curve_publickey"]
    client = encrypted.blocking_client()
    session = KernelSession(encrypted, client)
    client.start_channels()
    try:
        wait_ready(client)
        assert session.execute("print('secret') return 6 * 7").stdout == "secret\n"
        assert session.execute("io.read()", answers=["typed"]).result == '"typed"'
        assert client.hb_channel.is_beating()
        encrypted.interrupt_kernel()
        assert session.execute("1 + 1").result == "2"
    finally:
        client.stop_channels()


def test_a_client_without_keys_gets_nothing_from_encrypted_channels(encrypted: KernelManager) -> None:
    info = encrypted.get_connection_info()
    client = encrypted.blocking_client()
    client.start_channels()
    wait_ready(client)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        plain = context.socket(zmq.DEALER)
        plain.linger = 0
        plain.connect(f"tcp://{info['ip']}:{info['shell_port']}")
        session = Session(key=encrypted.session.key)
        frames = session.serialize(session.msg("kernel_info_request", {}))
        with suppress(zmq.Again):  # there is nobody to send to once the kernel has refused the connection
            plain.send_multipart(frames, zmq.NOBLOCK)
        assert client.execute_interactive("1", timeout=60)["content"]["status"] == "ok"
        assert not plain.poll(200)
    finally:
        context.destroy()
        client.stop_channels()


def test_plain_junk_on_a_port_is_survived(kernel: KernelSession) -> None:
    """Not even ZeroMQ: a browser, a port scanner."""
    info = kernel.manager.get_connection_info()
    for channel in ("shell", "control", "stdin", "iopub", "hb"):
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 5000, b"\xff" * 5000, b""):
            with socket.create_connection((info["ip"], info[f"{channel}_port"]), timeout=60) as connection:
                connection.sendall(junk)
    assert kernel.execute("1 + 1").result == "2"
    assert kernel.client.hb_channel.is_beating()


def test_a_script_reaches_no_python_through_the_kernel(kernel: KernelSession) -> None:
    done = kernel.execute(
        "local found = {} for _, name in ipairs{'display', 'comm', 'timer', 'plot', 'widgets'} do "
        "for key, value in pairs(_G[name] or {}) do "
        "if type(value) == 'userdata' then found[#found + 1] = name .. '.' .. tostring(key) end end end "
        "return table.concat(found, ' '), type(python)"
    )
    assert done.result == '""\t"nil"'
