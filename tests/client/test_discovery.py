from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from llmspell_kernel.client.discovery import FoundKernel, find_kernel, find_kernels, only_kernel, resolve
from llmspell_kernel.errors import ConnectionFileError, NoSuchKernelError

from .files import listener, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jupyter's runtime folder; the others are beside it."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "jupyter"


def ids() -> list[str]:
    return [kernel.id for kernel in find_kernels()]


def test_there_may_be_no_folder(folder: Path) -> None:
    assert find_kernels() == []
    with pytest.raises(NoSuchKernelError, match="llmspell kernel start"):
        only_kernel()


def test_all_folders_are_looked_through_the_newest_first(folder: Path, tmp_path: Path) -> None:
    files = [
        write(folder / "kernel-a.json"),
        write(tmp_path / "home/.llmspell/kernels/kernel-b.json"),
        write(tmp_path / "run/llmspell/kernels/kernel-c.json"),
    ]
    for age, file in enumerate(files):
        os.utime(file, (1e9 - age, 1e9 - age))
    assert ids() == ["a", "b", "c"]
    os.utime(files[1], (2e9, 2e9))
    assert ids() == ["b", "a", "c"]


def test_what_is_no_connection_file_by_its_name_is_passed_over(folder: Path) -> None:
    write(folder / "kernel-a.json")
    for name in ("jpserver-1.json", "kernel-b.json.tmp", ".kernel-c.json", "kernel.json"):
        write(folder / name)
    assert ids() == ["a"]


def test_a_file_counts_once(folder: Path, tmp_path: Path) -> None:
    write(folder / "kernel-a.json")
    (tmp_path / "run/llmspell").mkdir(parents=True)
    (tmp_path / "run/llmspell/kernels").symlink_to(folder)
    assert ids() == ["a"]


def test_a_name_leads_to_a_kernel(folder: Path, tmp_path: Path) -> None:
    write(folder / "kernel-work.json", port=9555)
    write(folder / "kernel-play.json", port=9655, kernel_name="fast")
    elsewhere = write(tmp_path / "lua.json", port=9755)
    for where, port in {
        "work": 9555,
        "wo": 9555,
        "kernel-work": 9555,
        "kernel-work.json": 9555,
        str(folder / "kernel-work.json"): 9555,
        "fast": 9655,
        "llmspell": 9555,
        str(elsewhere): 9755,
        "tcp://127.0.0.1:9655": 9655,
        "tcp://localhost:9655/": 9655,
        "localhost:9655": 9655,
        "tcp://[::1]:9655": 9655,
    }.items():
        connection = resolve(where)
        assert connection.ports["shell"] == port, where
        assert connection.key == b"secret"


def test_a_file_in_the_working_directory_or_at_home_is_named_as_in_a_shell(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "home/lua.json", port=9755)
    assert resolve("~/lua.json").ports["shell"] == 9755
    monkeypatch.chdir(tmp_path / "home")
    assert find_kernel("lua.json").file == tmp_path / "home/lua.json"


def test_an_id_comes_before_a_beginning_and_that_before_a_kernelspec(folder: Path) -> None:
    write(folder / "kernel-llm.json", port=1)
    write(folder / "kernel-llmspell-1.json", port=2, kernel_name="llmspell")
    write(folder / "kernel-other.json", port=3, kernel_name="llmspell")
    assert resolve("llm").ports["shell"] == 1
    assert resolve("llmspell").ports["shell"] == 2


def test_of_several_the_one_that_runs_is_meant(folder: Path) -> None:
    write(folder / "kernel-work-1.json")
    write(folder / "kernel-work-2.json")
    with pytest.raises(
        NoSuchKernelError, match=r"'work' may mean several kernels: work-\d, work-\d; say more"
    ):
        resolve("work")
    with listener() as port:
        write(folder / "kernel-work-2.json", hb_port=port)
        assert find_kernel("work").id == find_kernel("llmspell").id == only_kernel().id == "work-2"
        write(folder / "kernel-work-3.json", hb_port=port)
        with pytest.raises(NoSuchKernelError, match="several kernels run"):
            only_kernel()


def test_an_unknown_name_says_what_there_is(folder: Path) -> None:
    with pytest.raises(NoSuchKernelError, match="none runs here"):
        resolve("work")
    for number in range(7):
        write(folder / f"kernel-k{number}.json")
    with pytest.raises(NoSuchKernelError, match=r"no kernel 'work'; there are .* and 2 more"):
        resolve("work")
    with pytest.raises(NoSuchKernelError, match="no kernel ''"):
        resolve("")


@pytest.mark.parametrize("where", ["tcp://10.1.2.3:9555", "tcp://127.0.0.1:9555", "example.org:9555"])
def test_an_address_without_a_known_key_says_what_to_give(folder: Path, where: str) -> None:
    with pytest.raises(ConnectionFileError, match=r"its key is not known.*--key-file.*9555 to 9559"):
        resolve(where)
    found = find_kernel(where, key="open sesame")
    assert found.file is None and found.is_ours
    assert found.connection.key == b"open sesame"
    assert found.connection.ports == {
        "shell": 9555,
        "iopub": 9556,
        "stdin": 9557,
        "control": 9558,
        "hb": 9559,
    }


@pytest.mark.parametrize(
    "where",
    ["tcp://", "http://127.0.0.1:9555", "tcp://host", "tcp://host:", "tcp://host:0", "tcp://host:70000"],
)
def test_a_wrong_address_says_what_one_looks_like(folder: Path, where: str) -> None:
    with pytest.raises(NoSuchKernelError, match="tcp://HOST:PORT"):
        resolve(where)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\x00\xff\x13", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1, 2]", "has no fields"),
        (b"{}", "has no 'shell_port'"),
    ],
)
def test_a_file_that_is_none_is_told(folder: Path, text: bytes, message: str) -> None:
    folder.mkdir()
    (folder / "kernel-bad.json").write_bytes(text)
    (kernel,) = find_kernels()
    assert kernel.id == "bad" and not kernel.is_ours and not kernel.listens
    with pytest.raises(ConnectionFileError, match=message) as failed:
        resolve("bad")
    assert str(folder / "kernel-bad.json") in str(failed.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"without": "key"}, "has no 'key'"),
        ({"without": "hb_port"}, "has no 'hb_port'"),
        ({"shell_port": "9555"}, "shell_port is '9555', which is not a port"),
        ({"shell_port": True}, "shell_port is True"),
        ({"control_port": 0}, "control_port is 0"),
        ({"hb_port": 65536}, "hb_port is 65536"),
        ({"key": 5}, "key is 5, which is not a string"),
        ({"transport": "udp"}, "transport is 'udp', which is not 'tcp' or 'ipc'"),
        ({"signature_scheme": "none"}, "signature_scheme is 'none'"),
    ],
)
def test_a_wrong_field_is_named(folder: Path, fields: dict[str, object], message: str) -> None:
    write(folder / "kernel-bad.json", **fields)  # type: ignore[arg-type]
    with pytest.raises(ConnectionFileError, match=message):
        resolve("bad")


def test_what_cannot_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "kernel-loop.json").symlink_to("kernel-loop.json")
    (folder / "kernel-folder.json").mkdir()
    (folder / "kernel-gone.json").symlink_to("nowhere.json")
    for name, message in {
        "loop": "cannot read",
        "folder": "is a directory",
        "gone": "no connection file",
    }.items():
        with pytest.raises(ConnectionFileError, match=message):
            resolve(name)
    with pytest.raises(ConnectionFileError, match=r"there is no connection file .*/nowhere/k.json"):
        resolve(str(tmp_path / "nowhere/k.json"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_told(folder: Path) -> None:
    write(folder / "kernel-secret.json").chmod(0)
    with pytest.raises(ConnectionFileError, match="Permission denied"):
        resolve("secret")


def test_a_kernel_is_ours_by_its_kernelspec_or_by_what_it_has_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    for name, module in {"fast": "llmspell_kernel", "snake": "ipykernel_launcher"}.items():
        spec = tmp_path / "share/kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps({"argv": ["python", "-m", module, "-f", "{connection_file}"]}))
    for name, ours in {
        "llmspell": True,
        "llmspell-luajit": True,
        "fast": True,
        "snake": False,
        "unknown": False,
        "../../etc": False,
        "": False,
    }.items():
        file = write(folder / "kernel-a.json", kernel_name=name)
        assert FoundKernel.of_file(file).is_ours is ours, name
    assert FoundKernel.of_file(write(file, kernel_name="", llmspell_pid=1)).is_ours


def test_a_kernel_that_listens_everywhere_is_reached_by_loopback(folder: Path) -> None:
    for ip in ("0.0.0.0", "*"):
        connection = FoundKernel.of_file(write(folder / "kernel-a.json", ip=ip, port=9555)).connection
        assert connection.endpoint("shell") == "tcp://127.0.0.1:9555"
    connection = FoundKernel.of_file(write(folder / "kernel-a.json", ip="::1", port=9555)).connection
    assert connection.endpoint("hb") == "tcp://[::1]:9559"
    connection = FoundKernel.of_file(write(folder / "kernel-a.json", ip="/run/k", transport="ipc")).connection
    assert connection.endpoint("control") == "ipc:///run/k-4"
