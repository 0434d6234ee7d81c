"""What a client hears of the first cell."""

from __future__ import annotations

import zmq
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session

WAIT_MS = 30_000
LATE_MS = 100


def test_who_listens_a_moment_late_misses_nothing_of_the_first_cell(kernelspecs: list[str]) -> None:
    """As it happens when iopub connects after shell, by a program or by somebody who types quickly."""
    manager = KernelManager(kernel_name="llmspell")
    manager.start_kernel()
    try:
        info = manager.get_connection_info()
        session = Session(key=manager.session.key)
        with zmq.Context() as context:
            shell, iopub = context.socket(zmq.DEALER), context.socket(zmq.SUB)
            shell.linger = iopub.linger = 0
            with shell, iopub:
                shell.connect(f"tcp://127.0.0.1:{info['shell_port']}")
                session.send(shell, session.msg("kernel_info_request", {}))
                assert shell.poll(WAIT_MS)
                request = session.msg("execute_request", {"code": "print('heard')", "silent": False})
                session.send(shell, request)
                shell.recv_multipart()  # the reply to the first request
                assert not shell.poll(LATE_MS), "the cell has run with nobody listening"
                iopub.subscribe(b"")
                iopub.connect(f"tcp://127.0.0.1:{info['iopub_port']}")
                heard: list[tuple[str, str | None]] = []
                while not heard or heard[-1] != ("status", "idle"):
                    assert iopub.poll(WAIT_MS), heard
                    _, parts = session.feed_identities(iopub.recv_multipart())
                    message = session.deserialize(parts)
                    if message["parent_header"].get("msg_id") == request["header"]["msg_id"]:
                        content = message["content"]
                        heard.append(
                            (message["msg_type"], content.get("execution_state") or content.get("text"))
                        )
        assert ("stream", "heard\n") in heard
    finally:
        manager.shutdown_kernel(now=True)
