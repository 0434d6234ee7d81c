"""What the settings of files, profiles and variables mean for a kernel's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_kernel.kernel.logs import LEVELS
from llmspell_kernel.kernel.memory import default_memory_limit
from llmspell_kernel.runtime import lowest, runtime_settings

if TYPE_CHECKING:
    from llmspell_kernel.config.loading import Loaded

Options = dict[str, dict[str, Any]]
"""Values of options by their class, as traitlets has them."""

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
"""In the order of their ports where these are in a row."""


def kernel_options(found: Loaded) -> Options:
    """The options that the settings set; those that are only defaults are left to the kernel."""
    settings = found.settings
    kernel, runtime = settings.kernel, runtime_settings(settings).lua
    given = {".".join(key) for key in found.origins}
    options: dict[str, Any] = {
        name: getattr(kernel, name)
        for name in (
            "persistent_locals",
            "output_limit",
            "history_file",
            "dap_port",
            "dap_ip",
            "idle_timeout",
            "max_clients",
        )
        if f"kernel.{name}" in given
    }
    if kernel.dap_token:
        options["dap_token"] = kernel.dap_token
    if "security.rate_limit_per_minute" in given:
        options["rate_limit_per_minute"] = settings.security.rate_limit_per_minute
    if "default_engine" in given:
        options["language"] = runtime.language
    if "engines.lua.security_level" in given:
        options["trusted"] = runtime.trusted
    if given & {
        "kernel.memory_limit",
        "engines.lua.max_memory_bytes",
        "runtime.security.max_memory_bytes",
    }:
        own = default_memory_limit() if kernel.memory_limit < 0 else kernel.memory_limit
        options["memory_limit"] = int(lowest(own, runtime.memory_limit))
    limit = lowest(kernel.execution_timeout, runtime.time_limit)
    if limit:
        options["time_limit"] = limit
    app = {"log_level": LEVELS[settings.logging.level]} if "logging.level" in given else {}
    return {"LLMSpellKernel": options, "LLMSpellKernelApp": app}


def connection_options(found: Loaded) -> Options:
    """The options for a kernel that writes its connection file itself."""
    kernel, security = found.settings.kernel, found.settings.security
    app: dict[str, Any] = {}
    if ("kernel", "ip") in found.origins:
        app["ip"] = kernel.ip
    if kernel.port:
        app |= {f"{name}_port": kernel.port + step for step, name in enumerate(CHANNELS)}
    session = {"key": security.hmac_key.encode()} if security.hmac_key else {}
    return {"LLMSpellKernelApp": app, "Session": session}
