"""What the scenarios say to a kernel, once in Lua and once in Python; both do the same."""

from __future__ import annotations

from dataclasses import dataclass

COMM_TARGET = "benchmark_echo"
TABLE_SIZE = 200


@dataclass(frozen=True, slots=True)
class Snippets:
    """The same cells in one language.

    `count_then_spin` adds one to a counter, then loops for ever; `counter` is an expression for its value.
    Each of `completions` is code completed at its end, by the name of the case. `timed_run` calls a program's
    `run` and prints the processor's seconds and the value; `suffix` is that of files with programs.
    """

    trivial: str
    print_lines: str
    make_large: str
    large_result: str
    echo_comm: str
    reset_counter: str
    count_then_spin: str
    counter: str
    fill_table: str
    completions: dict[str, str]
    suffix: str
    timed_run: str


LUA = Snippets(
    trivial="x = 1",
    print_lines="for i = 1, {count} do print(i) end",
    make_large='benchmark_large = string.rep("x", {size})',
    large_result="benchmark_large",
    echo_comm=(
        f'comm.on_open("{COMM_TARGET}", function(c) c:on_msg(function(msg) c:send(msg.data) end) end)'
    ),
    reset_counter="benchmark_counter = 0",
    count_then_spin="benchmark_counter = benchmark_counter + 1 while true do end",
    counter="benchmark_counter",
    fill_table=(
        f"benchmark_table = {{}} for i = 1, {TABLE_SIZE} do benchmark_table['field_' .. i] = i end "
        "benchmark_name = 1"
    ),
    completions={"library": "string.", "global": "benchmark_n", "fields": "benchmark_table."},
    suffix=".lua",
    timed_run=(
        "do local started = os.clock() local value = run({size}) "
        'print(string.format("%.9f %s", os.clock() - started, tostring(value))) end'
    ),
)

IPYTHON = Snippets(
    trivial="x = 1",
    print_lines="for i in range(1, {count} + 1): print(i)",
    make_large='benchmark_large = "x" * {size}',
    large_result="benchmark_large",
    echo_comm=(
        "def _opened(comm, _): comm.on_msg(lambda message: comm.send(message['content']['data']))\n"
        f"get_ipython().kernel.comm_manager.register_target('{COMM_TARGET}', _opened)"
    ),
    reset_counter="benchmark_counter = 0",
    count_then_spin="benchmark_counter += 1\nwhile True: pass",
    counter="benchmark_counter",
    fill_table=(
        "import types\n"
        "benchmark_table = types.SimpleNamespace("
        f"**{{f'field_{{i}}': i for i in range(1, {TABLE_SIZE} + 1)}})\n"
        "benchmark_name = 1"
    ),
    completions={"library": "str.", "global": "benchmark_n", "fields": "benchmark_table."},
    suffix=".py",
    timed_run=(
        "import time; started = time.process_time(); value = run({size}); "
        'print(f"{{time.process_time() - started:.9f}} {{value}}")'
    ),
)
