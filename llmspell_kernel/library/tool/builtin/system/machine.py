"""The environment, programs, and the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field

from llmspell_kernel.errors import NotAllowedError
from llmspell_kernel.library.tool.contract import Place, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings


class EnvironmentReader(Tool):
    """Reads variables of the environment, without those that may hold secrets.

    Which ones there are is said by tools.system.allowed_env_vars. Setting them must be allowed by
    tools.system.allow_env_changes.
    """

    name, category, level = "environment-reader", "system", "restricted"
    aliases = ("env-reader", "environment")
    example: ClassVar[dict[str, Any]] = {"operation": "get", "variable_name": "HOME"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Literal["get", "list", "pattern", "set"], Meta(description="What to do.")]
        variable_name: Annotated[str, Meta(description="The variable.")] = ""
        value: Annotated[str | None, Meta(description="What to set it to.")] = None
        pattern: Annotated[
            str, Meta(description="Which variables: `*` stands for any letters, `?` for one.")
        ] = ""

    @operation("get", needs=("variable_name",))
    def get(self, given: Parameters, tools: Surroundings) -> object:
        """One variable: {variable_name, value, found}; without `value` if it is not set."""
        value = tools.environment.get(given.variable_name)
        found: dict[str, Any] = {"variable_name": given.variable_name, "found": value is not None}
        return found if value is None else found | {"value": value}

    @operation("list")
    def all(self, given: Parameters, tools: Surroundings) -> object:
        """All variables that may be read, 100 at most: {variables, count}."""
        variables = tools.environment.visible()
        return {"variables": variables, "count": len(variables)}

    @operation("pattern", needs=("pattern",))
    def matching(self, given: Parameters, tools: Surroundings) -> object:
        """Those whose names match `pattern`: {pattern, variables, count}."""
        variables = tools.environment.visible(given.pattern)
        return {"pattern": given.pattern, "variables": variables, "count": len(variables)}

    @operation("set", needs=("variable_name", "value"), acts=True)
    def set(self, given: Parameters, tools: Surroundings) -> object:
        """Sets a variable, if the settings allow it: {variable_name, value, previous}."""
        value = given.value or ""
        try:
            previous = tools.environment.get(given.variable_name)
        except NotAllowedError:
            previous = None  # setting it will be refused too, with the better reason
        tools.environment.set(given.variable_name, value)
        done: dict[str, Any] = {"variable_name": given.variable_name, "value": value}
        return done if previous is None else done | {"previous": previous}


class ProcessExecutor(Tool):
    """Runs a program of the list tools.system.allowed_commands, without a shell.

    It runs in an allowed folder, with few variables, and nothing of it is left when the call ends. Its
    arguments must not name files outside of the allowed folders, and not make it write files or start other
    programs. Too much output ends it: `truncated` is true then.
    """

    name, category, level = "process-executor", "system", "restricted"
    aliases = ("process",)
    runs = "thread"
    example: ClassVar[dict[str, Any]] = {"executable": "echo", "arguments": ["Hello", "Lua"]}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        executable: Annotated[str, Meta(min_length=1, description="The name of the program.")]
        arguments: Annotated[list[str], Meta(description="Its arguments, one by one.")] = field(
            default_factory=list
        )
        working_directory: Annotated[
            str,
            Meta(
                description="The folder it runs in; if empty, where the kernel runs if that is allowed, or "
                "the first allowed folder."
            ),
        ] = ""
        environment: Annotated[
            dict[str, str], Meta(description="Variables that it gets besides the usual ones.")
        ] = field(default_factory=dict)
        input: Annotated[str, Meta(description="What it can read from its standard input.")] = ""
        timeout_seconds: Annotated[
            Annotated[float, Meta(gt=0)] | None,
            Meta(description="Seconds that it may run, if fewer than the settings allow."),
        ] = None

    @classmethod
    def acts(cls, given: Any) -> bool:
        """Every call: it starts a program."""
        return True

    @classmethod
    def limit(cls, given: Any) -> float:
        """What the settings say of calls; the guard ends programs sooner if the settings say so of them."""
        return 0.0

    def run(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {executable, exit_code, success, stdout, stderr, execution_time_ms, timed_out, ...}."""
        done = tools.processes.run(
            given.executable,
            given.arguments,
            working_directory=given.working_directory or None,
            environment=given.environment,
            input=given.input.encode("utf-8", "surrogateescape"),
            timeout=given.timeout_seconds,
        )
        return {
            "executable": given.executable,
            "arguments": given.arguments,
            "exit_code": done.exit_code,
            "success": done.exit_code == 0 and not done.timed_out and not done.truncated,
            "stdout": _text(done.stdout),
            "stderr": _text(done.stderr),
            "execution_time_ms": round(done.seconds * 1000, 3),
            "timed_out": done.timed_out,
            "truncated": done.truncated,
        }


class SystemMonitor(Tool):
    """Tells how busy the machine is: processors, memory, disks."""

    name, category, level = "system-monitor", "system", "safe"
    example: ClassVar[dict[str, Any]] = {"operation": "memory"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["all", "stats", "cpu", "memory", "disk"], Meta(description="What to tell.")
        ] = "all"

    @classmethod
    def place(cls, given: Any) -> Place:
        """How busy processors are shows after a moment, and disks may be far away."""
        return "here" if given.operation == "memory" else "thread"

    @operation("all")
    def all(self, given: Parameters, tools: Surroundings) -> object:
        """Everything: what the other operations tell, with `uptime_seconds` and `process_count`."""
        return self._formatted({**_cpu(), **_memory(), **_disk(), **_stats()})

    @operation("stats")
    def stats(self, given: Parameters, tools: Surroundings) -> object:
        """The machine: {uptime_seconds, load_average, process_count, cpu_count, ...}."""
        return self._formatted({**_cpu(), **_memory(), **_stats()})

    @operation("cpu")
    def cpu(self, given: Parameters, tools: Surroundings) -> object:
        """The processors: {cpu_usage_percent, cpu_count, physical_cpu_count, load_average}."""
        return self._formatted(_cpu())

    @operation("memory")
    def memory(self, given: Parameters, tools: Surroundings) -> object:
        """The memory: {total_memory, used_memory, available_memory, memory_usage_percent, ...}, in bytes."""
        return self._formatted(_memory())

    @operation("disk")
    def disk(self, given: Parameters, tools: Surroundings) -> object:
        """The disks: {disk_usage}, a list of {mount_point, total, used, available, usage_percent, ...}."""
        return self._formatted(_disk())

    def _formatted(self, facts: dict[str, Any]) -> dict[str, Any]:
        """With all of it as lines to read."""
        lines = []
        if "cpu_usage_percent" in facts:
            lines.append(f"CPU: {facts['cpu_usage_percent']:.1f}% of {facts['cpu_count']} processors")
        if "total_memory" in facts:
            lines.append(
                f"Memory: {_bytes(facts['used_memory'])} of {_bytes(facts['total_memory'])} "
                f"({facts['memory_usage_percent']:.1f}%)"
            )
        for disk in facts.get("disk_usage", ()):
            lines.append(
                f"Disk {disk['mount_point']}: {_bytes(disk['used'])} of {_bytes(disk['total'])} "
                f"({disk['usage_percent']:.1f}%)"
            )
        if "uptime_seconds" in facts:
            lines.append(
                f"Up for {facts['uptime_seconds'] // 3600} hours, {facts['process_count']} processes"
            )
        return facts | {"formatted": "\n".join(lines)}


_SAMPLE_SECONDS = 0.1
"""How long the processors are looked at."""


def _cpu() -> dict[str, Any]:
    import psutil

    return {
        "cpu_usage_percent": psutil.cpu_percent(_SAMPLE_SECONDS),
        "cpu_count": psutil.cpu_count() or 1,
        "physical_cpu_count": psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        "load_average": list(psutil.getloadavg()),
    }


def _memory() -> dict[str, Any]:
    import psutil

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "total_memory": memory.total,
        "used_memory": memory.total - memory.available,
        "available_memory": memory.available,
        "memory_usage_percent": memory.percent,
        "total_swap": swap.total,
        "used_swap": swap.used,
    }


def _disk() -> dict[str, Any]:
    import psutil

    mounted = {each.device: (each.mountpoint, each.fstype) for each in reversed(psutil.disk_partitions())}
    found = []
    for mount, kind in [*mounted.values()][::-1] or [("/", "")]:
        try:
            usage = psutil.disk_usage(mount)
        except OSError:
            continue  # a disk that has just gone, or is not for us
        found.append(
            {
                "mount_point": mount,
                "file_system": kind,
                "total": usage.total,
                "used": usage.used,
                "available": usage.free,
                "usage_percent": usage.percent,
            }
        )
    return {"disk_usage": found}


def _stats() -> dict[str, Any]:
    import time

    import psutil

    return {
        "uptime_seconds": int(time.time() - psutil.boot_time()),
        "process_count": len(psutil.pids()),
    }


def _bytes(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
