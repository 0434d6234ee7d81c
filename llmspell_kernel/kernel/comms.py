"""The kernel's end of comms: the `comm` package's hooks, filled in for this kernel."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import comm
from comm.base_comm import BaseComm, CommManager
from ipykernel.kernelbase import Kernel

Message = dict[str, Any]
TargetHandler = Callable[["KernelComm", Message], None]
"""Gets a comm that a client has opened, and the comm_open message."""


class KernelComm(BaseComm):
    """A comm whose messages leave on the kernel's iopub channel.

    They answer the request that is being handled, as front ends expect of comms, even where the text that
    the same callback writes goes to an earlier cell.
    """

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        """Sends a comm message; called by BaseComm."""
        if not Kernel.initialized():
            return
        kernel = Kernel.instance()
        kernel.publish(
            msg_type,
            {"data": {} if data is None else data, "comm_id": self.comm_id, **keys},
            parent=kernel.request,
            metadata=metadata,
            buffers=buffers,
        )

    def handle_msg(self, msg: Message) -> None:
        """Hands a message to the callback; the base class's would import IPython."""
        if self._msg_callback:
            self._msg_callback(msg)


class KernelComms(CommManager):
    """The open comms of one kernel and the targets that clients may open.

    Messages that make no sense are logged and ignored; so is an exception of a target's or a comm's handler.
    """

    def __init__(self, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        """Complaints about clients' messages go to `log`."""
        super().__init__()
        self._log = log

    def comm_open(self, stream: Any, ident: Any, msg: Message) -> None:
        """A client opens a comm; one whose target nobody has registered is closed again."""
        comm_id = self._id_of(msg)
        target = msg["content"].get("target_name")
        if comm_id is None or not isinstance(target, str):
            self._log.warning("Ignored a comm_open without a comm_id or target_name")
            return
        if comm_id in self.comms:
            self._log.warning("Ignored a comm_open of %r, which is open already", comm_id)
            return
        opened = KernelComm(comm_id=comm_id, target_name=target, topic=b"comm", primary=False)
        self.register_comm(opened)
        handler = self.targets.get(target)
        if handler is None:
            # Not a mistake: JupyterLab asks every kernel for the state of its widgets this way.
            self._log.info("Nobody has registered the comm target %r", target)
            opened.close()
        elif not self._handled("comm_open", handler, opened, msg):
            opened.close()

    def comm_msg(self, stream: Any, ident: Any, msg: Message) -> None:
        """A client sends on a comm."""
        receiver = self.comms.get(self._id_of(msg) or "")
        if receiver is None:
            self._log.info("Ignored a comm_msg for a comm that is not open")
        else:
            self._handled("comm_msg", receiver.handle_msg, msg)

    def comm_close(self, stream: Any, ident: Any, msg: Message) -> None:
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


def install(comms: KernelComms) -> None:
    """Makes `comm.create_comm` and `comm.get_comm_manager`, which ipywidgets uses, this kernel's."""
    comm.create_comm = KernelComm
    comm.get_comm_manager = lambda: comms
