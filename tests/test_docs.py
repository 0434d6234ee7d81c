"""What the documentation says is true: examples and tour run, the reference is the package's."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER
from tools import reference, tool_examples
from tools.notebook import Client

from .examples import examples_in, shown_lines
from .kernels import Execution, KernelSession
from .library.tool.web import serving
from .notebooks import output_text, read_notebook

ROOT = Path(__file__).parents[1]
TOUR = ROOT / "notebooks" / "tour.ipynb"
TOOL_PAGES = ROOT / "docs" / "reference" / "tools"
PAGES = {
    str(file.relative_to(ROOT)): file
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if examples_in(file, "") and file.parent != TOOL_PAGES
}


@pytest.mark.parametrize("name", PAGES)
def test_examples_show_what_the_page_says(
    name: str, new_kernel: Callable[..., KernelSession], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    started: tuple[str, ...] = ()
    wrong = []
    for example in examples_in(PAGES[name], name):
        if example.kernel != started:
            session, started = new_kernel(*example.kernel), example.kernel
        execution = session.execute(example.code, answers=example.answers or None)
        wrong.append(example.mismatch(execution))
    assert not any(wrong), "\n".join(filter(None, wrong))


@contextmanager
def servers() -> Iterator[tuple[int, int]]:
    """What the examples of tools call: the ports of a web server and a mail server."""
    pages: dict[str, object] = {f"/{name}": text for name, text in tool_examples.SITE.items()}
    pages["/sitemap.xml"] = (200, {"Content-Type": "application/xml"}, tool_examples.SITE["sitemap.xml"])
    for name, answer in tool_examples.SERVICES.items():
        pages[f"/{name}"] = (200, {"Content-Type": "application/json"}, answer)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mail = Controller(Sink(), hostname="127.0.0.1", port=port)
    mail.start()
    try:
        with serving(pages) as site:
            yield site.port, port
    finally:
        mail.stop()


def test_examples_of_tools(
    new_kernel: Callable[..., KernelSession], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BRAVE_API_KEY", raising=False)
    wrong = []
    with servers() as (port, mail), TemporaryDirectory(dir=Path(EXAMPLE_FOLDER).parent) as folder:
        settings = tool_examples.SETTINGS.replace(f"port = {tool_examples.MAIL_PORT}", f"port = {mail}")
        (tmp_path / "llmspell.toml").write_text(settings)
        kernel = new_kernel("llmspell")
        for file in sorted(TOOL_PAGES.glob("*.md")):
            for example in examples_in(file, file.name):
                code = example.code.replace(EXAMPLE_FOLDER, f"{folder}/{file.stem}")
                code = code.replace(tool_examples.SITE_URL, f"http://localhost:{port}")
                wrong.append(example.mismatch(kernel.execute(f"do {code}\nend")))
    assert len(wrong) == len(list(TOOL_PAGES.glob("*.md")))
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.fixture(scope="session")
def generated() -> dict[str, str]:
    """What the package says now, by page."""
    # In a process of its own: click remembers which names --help has had, and other tests gave it others.
    code = "import json; from tools.reference import content, pages\n"
    code += "print(json.dumps({name: content(name) for name in pages()}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    pages: dict[str, str] = json.loads(done.stdout)
    return pages


@pytest.mark.parametrize("name", [name for name in reference.pages() if not name.startswith("tools")])
def test_generated_page_is_what_the_package_says(name: str, generated: dict[str, str]) -> None:
    file = reference.FOLDER / name
    assert file.exists() and file.read_bytes().decode() == generated[name], "outdated; run: make docs"


def test_generated_pages_of_tools_are_what_the_package_says(generated: dict[str, str]) -> None:
    wanted = {name for name in generated if name.startswith("tools")}
    written = {f"tools/{file.name}" for file in TOOL_PAGES.glob("*.md")} | {"tools.md"}
    assert written == wanted, "outdated; run: make docs"
    assert [
        name for name in sorted(wanted) if reference.place(name).read_text("utf-8") != generated[name]
    ] == [], "outdated; run: make docs"
    nav = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert [name for name in sorted(wanted) if f"reference/{name}" not in nav] == []


@pytest.mark.parametrize(
    ("name", "title"),
    [("json.md", "JSON"), ("llmspell.md", "llmspell"), ("tools/csv-analyzer.md", "csv-analyzer")],
)
def test_the_navigation_has_the_names_that_things_have(
    name: str, title: str, generated: dict[str, str]
) -> None:
    assert generated[name].startswith(f"---\ntitle: {title}\n---\n")


def test_messages_page_is_about_this_kernel(kernel: KernelSession) -> None:
    from llmspell_kernel.kernel.kernel import LLMSpellKernel

    page = (reference.FOLDER / "messages.md").read_text("utf-8")
    known = []
    for channel in (kernel.client.shell_channel, kernel.client.control_channel):
        unknown = kernel.client.session.msg("no_such_request")
        channel.send(unknown)
        known.append(kernel.request(unknown["header"]["msg_id"])["evalue"].rpartition(": ")[2])
    handled = {
        "comm_open",
        "comm_msg",
        "comm_close",
        *LLMSpellKernel.msg_types,
        *LLMSpellKernel.control_msg_types,
        *", ".join(known).split(", "),
    }
    assert [name for name in sorted(handled) if f"`{name}`" not in page] == []
    info = kernel.request(kernel.client.kernel_info())
    assert f"version {info['protocol_version']} " in page
    assert [name for name in info if f"`{name}`" not in page and name != "status"] == []


def test_pages_name_only_settings_that_exist() -> None:
    from llmspell_kernel.kernel.kernel import LLMSpellKernel

    known = LLMSpellKernel.class_trait_names()
    for file in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        named = re.findall(r"(?:\bc\.|--)LLMSpellKernel\.([a-z_]+)", file.read_text("utf-8"))
        assert set(named) <= set(known), file


def test_tour_is_stored_without_outputs_and_runs_from_top_to_bottom(kernelspecs: list[str]) -> None:
    notebook = read_notebook(TOUR)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), (
        "clear the outputs of the tour"
    )
    Client(notebook, TOUR.parent).execute()
    for cell in code:
        failed = any(output.output_type == "error" for output in cell.outputs)
        expected = "raises-exception" in cell.metadata.get("tags", [])
        assert failed == expected, f"{cell.source}\n{output_text(cell)}"


def _execution(*messages: tuple[str, dict[str, object]]) -> Execution:
    return Execution(
        {"content": {"status": "ok"}}, [{"msg_type": kind, "content": content} for kind, content in messages]
    )


def test_examples_that_show_something_else_are_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        'Text\n\n```lua\nprint("a", 7.5)  --> a 7...\n2  --> 2\n```\n\n'
        "<!-- answers: Ada -->\n```lua\nx\n```\n"
    )
    first, second = examples_in(page, "page.md")
    assert (first.place, first.expected, second.answers) == ("page.md:3", ["a 7...", "2"], ("Ada",))
    good = _execution(("stream", {"text": "a\t7.5\n"}), ("execute_result", {"data": {"text/plain": "2"}}))
    assert first.mismatch(good) is None
    assert first.mismatch(_execution(("stream", {"text": "a 8\n2\n"}))) is not None
    failed = _execution(("error", {"evalue": "no", "traceback": []}))
    assert list(shown_lines(failed)) == ["error: no"]
    assert second.mismatch(failed) is not None
