"""Packages whose own body runs only when somebody asks for something in it.

A kernel needs a few submodules of IPython, jupyter_client and ipykernel, but importing `package.module`
first runs the body of `package`, and those three bodies import the whole of IPython's shell and of
Jupyter's client machinery: a third of a kernel's start and a sixth of its memory. A deferred package is
in sys.modules from its own spec, so that its submodules are found; its body runs, in the same module
object, at the first attribute that is missing.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

PACKAGES = ("IPython", "jupyter_client", "ipykernel")


def defer_packages() -> None:
    """Defers those of `PACKAGES` that are installed and not imported yet. For a kernel's process only."""
    for name in PACKAGES:
        if name not in sys.modules:
            _defer(name)


def _defer(name: str) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader

    def run_body(attribute: str) -> Any:
        # What import machinery and inspection probe for must not start the body.
        if attribute.startswith("__") and attribute not in ("__all__", "__version__"):
            raise AttributeError(attribute)
        if module.__dict__.pop("__getattr__", None) is not None:
            loader.exec_module(module)
        # The body may have brought a __getattr__ of its own.
        return getattr(module, attribute)

    vars(module)["__getattr__"] = run_body
    sys.modules[name] = module
