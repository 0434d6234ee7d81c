"""The kernel's end of comms: the `comm` package's hooks, filled in for the kernels of this process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import comm
from comm.base_comm import BaseComm, CommManager

Message = dict[str, Any]
TargetHandler = Callable[["KernelComm", Message], None]
"""Gets a comm that a client has opened, and the comm_open message."""

Publish = Callable[[str, Message, Any, Any], None]
"""Sends a comm message: type, content, metadata, buffers."""


class KernelComm(BaseComm):
    """A comm whose messages leave on its kernel's iopub channel."""

    def __init__(self, *args: Any, publish: Publish, **options: Any) -> None:
        """As BaseComm's; opening it sends a message."""
        self._publish = publish
        super().__init__(*args, **options)

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        """Sends a comm message; called by BaseComm."""
        content = {"data": {} if data is None else data, "comm_id": self.comm_id, **keys}
        self._publish(msg_type, content, metadata, buffers)

    def handle_msg(self, msg: Message) -> None:
        """Hands a message to the callback; the base class's would import IPython."""
        if self._msg_callback:
            self._msg_callback(msg)


class KernelComms(CommManager):
    """The open comms of one kernel and the targets that clients may open.

    Messages that make no sense are logged and ignored; so is an exception of a target's or a comm's handler.
    """

    def __init__(self, publish: Publish, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        """Messages leave through `publish`; complaints about clients' messages go to `log`."""
        super().__init__()
        self._publish = publish
        self._log = log

    def create(self, *args: Any, **options: Any) -> KernelComm:
        """As `comm.create_comm`."""
        return KernelComm(*args, publish=self._publish, **options)

    def comm_open(self, msg: Message) -> None:
        """A client opens a comm; one whose target nobody has registered is closed again."""
        comm_id = self._id_of(msg)
        target = msg["content"].get("target_name")
        if comm_id is None or not isinstance(target, str):
            self._log.warning("Ignored a comm_open without a comm_id or target_name")
            return
        if comm_id in self.comms:
            self._log.warning("Ignored a comm_open of %r, which is open already", comm_id)
            return
        opened = self.create(comm_id=comm_id, target_name=target, topic=b"comm", primary=False)
        self.register_comm(opened)
        handler = self.targets.get(target)
        if handler is None:
            # Not a mistake: JupyterLab asks every kernel for the state of its widgets this way.
            self._log.info("Nobody has registered the comm target %r", target)
            opened.close()
        elif not self._handled("comm_open", handler, opened, msg):
            opened.close()

    def comm_msg(self, msg: Message) -> None:
        """A client sends on a comm."""
        receiver = self.comms.get(self._id_of(msg) or "")
        if receiver is None:
            self._log.info("Ignored a comm_msg for a comm that is not open")
        else:
            self._handled("comm_msg", receiver.handle_msg, msg)

    def comm_close(self, msg: Message) -> None:
        """A client closes a comm."""
        closed = self.comms.pop(self._id_of(msg) or "", None)
        if closed is not None:
            closed._closed = True
            self._handled("comm_close", closed.handle_close, msg)

    def _id_of(self, msg: Message) -> str | None:
        """The comm's id, if it can be one; also gives a message without data an empty one."""
        content = msg["content"]
        content.setdefault("data", {})
        comm_id = content.get("comm_id")
        return comm_id if isinstance(comm_id, str) and comm_id else None

    def _handled(self, msg_type: str, handler: Callable[..., Any], *args: Any) -> bool:
        try:
            handler(*args)
        except Exception:  # noqa: BLE001 - the border to handlers, which are other people's code
            self._log.exception("Could not handle %s", msg_type)
            return False
        return True


_of_thread = threading.local()
_of_process: list[KernelComms] = []
_others: dict[str, Any] = {}
"""What the hooks were before: another kernel of this process may need them on its own threads."""


def install(comms: KernelComms, *, process: bool) -> None:
    """Makes `comm.create_comm` and `comm.get_comm_manager`, which ipywidgets uses, this kernel's.

    With `process`, on every thread of the process; else on this thread, which is the kernel's own.
    """
    if not _others:
        _others.update(create=comm.create_comm, manager=comm.get_comm_manager)
        comm.create_comm = _create_comm
        comm.get_comm_manager = _comm_manager
    if process:
        _of_process[:] = [comms]
    else:
        _of_thread.comms = comms


def _here() -> KernelComms | None:
    comms: KernelComms | None = getattr(_of_thread, "comms", None)
    return comms or (_of_process[0] if _of_process else None)


def _create_comm(*args: Any, **options: Any) -> BaseComm:
    comms = _here()
    return _others["create"](*args, **options) if comms is None else comms.create(*args, **options)


def _comm_manager() -> CommManager:
    return _here() or _others["manager"]()
