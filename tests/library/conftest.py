"""What the tests of the library share."""

from __future__ import annotations

import pytest

from tests.kernels import KernelSession

from .wire import Wire


@pytest.fixture
def wire(kernel: KernelSession) -> Wire:
    return Wire(kernel)
