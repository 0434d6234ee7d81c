"""Code for a client to run, and waiting for what it says."""

from __future__ import annotations

from typing import Any

from llmspell_kernel import Call, Client, Execution

SECONDS = 30.0
BUSY = "print('begun') while true do end"
SLEEPING = "print('begun') timer.sleep(1000)"


def run(client: Client, code: str, **options: Any) -> Execution:
    return client.execute(code, timeout=SECONDS, **options)


def wait_begun(call: Call[Execution]) -> None:
    """Returns when the code has said so."""
    for message in call.stream(SECONDS):
        if message["msg_type"] == "stream":
            return
    raise AssertionError(f"{call} has ended without a word")


def interrupted(execution: Execution) -> bool:
    return execution.error is not None and execution.error.ename == "KeyboardInterrupt"
