"""Interrupts at the worst moment: as soon as a client sees that the cell is busy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kernels import KernelSession

TIMES = 100


@pytest.mark.parametrize("name", ["llmspell", "llmspell-lua55"])
@pytest.mark.parametrize("code", ["while true do end", "while true do pcall(function() end) end"])
def test_an_interrupt_right_after_busy_is_never_lost(
    new_kernel: Callable[..., KernelSession], name: str, code: str
) -> None:
    kernel = new_kernel(name)
    for _ in range(TIMES):
        msg_id = kernel.client.execute(code)
        kernel.wait_busy(msg_id)
        kernel.manager.interrupt_kernel()
        assert kernel.collect(msg_id).status == "error"
    assert kernel.execute("'alive'").result == '"alive"'


def test_a_cell_sent_after_the_idle_of_a_failed_one_is_not_aborted(kernel: KernelSession) -> None:
    for _ in range(TIMES):
        assert kernel.execute("error('on purpose')").status == "error"
        assert kernel.execute("return 1").status == "ok"
