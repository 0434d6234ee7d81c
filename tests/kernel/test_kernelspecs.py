from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from llmspell_kernel.kernel.kernelspecs import KERNEL_NAMES, Kernelspec, templates


@pytest.fixture
def user_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("language", KERNEL_NAMES)
def test_jupyter_finds_what_is_installed(user_data: Path, language: str) -> None:
    installed = Kernelspec(language).install()
    assert installed.found_by_jupyter
    spec = KernelSpecManager().get_kernel_spec(installed.name)
    assert spec.language == "lua"
    assert spec.interrupt_mode == "signal"
    assert spec.metadata == {"debugger": True, "supported_encryption": "curve"}
    assert Path(spec.resource_dir) == installed.directory
    assert {path.name for path in installed.directory.glob("logo-*")} == {
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    }


@pytest.mark.parametrize("name", KERNEL_NAMES.values())
def test_a_template_can_be_installed_by_jupyter_itself(user_data: Path, name: str) -> None:
    command = [sys.executable, "-m", "jupyter", "kernelspec", "install", "--user", str(templates() / name)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    installed = json.loads((user_data / "kernels" / name / "kernel.json").read_text("utf-8"))
    assert installed["argv"][:3] == ["python", "-m", "llmspell_kernel"]  # Jupyter puts its own Python there


def test_each_language_has_a_face_of_its_own() -> None:
    names = [
        json.loads((templates() / name / "kernel.json").read_text())["display_name"] for name in _names()
    ]
    logos = [(templates() / name / "logo-svg.svg").read_text() for name in _names()]
    assert len(set(names)) == len(set(logos)) == len(KERNEL_NAMES)


@pytest.mark.parametrize("name", KERNEL_NAMES.values())
def test_logos_are_pictures_of_the_size_their_names_say(name: str) -> None:
    for size in (32, 64):
        content = (templates() / name / f"logo-{size}x{size}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        assert struct.unpack(">II", content[16:24]) == (size, size)
    root = ElementTree.parse(templates() / name / "logo-svg.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def _names() -> list[str]:
    return list(KERNEL_NAMES.values())
