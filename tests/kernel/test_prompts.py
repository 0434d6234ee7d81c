"""What the front end shows as the prompt when a script asks for input."""

from __future__ import annotations

import pytest

from tests.kernels import KernelSession


@pytest.mark.parametrize(
    ("code", "prompt", "stdout"),
    [
        ("io.write('name? ') io.read()", "name? ", ""),
        ("print('hello') io.write('your ', 'name', '? ') io.read()", "your name? ", "hello\n"),
        ("io.write('a') io.write('b: ') io.read()", "ab: ", ""),
        ("print('done') io.read()", "", "done\n"),
        ("io.write('lost') io.stderr:write('!') io.read()", "", "lost"),
        ("io.getpass('secret: ')", "secret: ", ""),
    ],
)
def test_an_unfinished_line_is_the_prompt(kernel: KernelSession, code: str, prompt: str, stdout: str) -> None:
    msg_id = kernel.client.execute(code, allow_stdin=True)
    question = kernel.client.get_stdin_msg(timeout=60)
    assert question["content"]["prompt"] == prompt
    kernel.client.input("Ada")
    done = kernel.collect(msg_id)
    assert done.result == '"Ada"'
    assert done.stdout == stdout
