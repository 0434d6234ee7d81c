"""The kernel's end of comms: the `comm` package's hooks, filled in for this kernel."""

from __future__ import annotations

from typing import Any

import comm
from comm.base_comm import BaseComm, CommManager
from ipykernel.kernelbase import Kernel

Message = dict[str, Any]


class KernelComm(BaseComm):
    """A comm whose messages leave on the kernel's iopub channel."""

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
            metadata=metadata,
            buffers=buffers,
        )

    def handle_msg(self, msg: Message) -> None:
        """Hands a message to the callback; the base class's would import IPython."""
        if self._msg_callback:
            self._msg_callback(msg)


class KernelComms(CommManager):
    """The open comms of one kernel and the targets that clients may open."""


def install(comms: KernelComms) -> None:
    """Makes `comm.create_comm` and `comm.get_comm_manager`, which ipywidgets uses, this kernel's."""
    comm.create_comm = KernelComm
    comm.get_comm_manager = lambda: comms
