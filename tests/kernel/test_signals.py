"""SIGINT at awkward moments; each time in a process of its own, whose handlers these are."""

from __future__ import annotations

import subprocess
import sys

SECONDS = 30

PREPARED = """
import signal, threading
from llmspell_kernel.interpreter import SignalGate
from llmspell_kernel.kernel.signals import InterruptSignals

gate = SignalGate()
ending = idle = taken = False
looks = 0
told = threading.Semaphore(0)
lock = threading.Lock()

def on_interrupt():
    with lock:
        told.release()
        return taken

def when_idle():
    global idle
    idle = True

def is_ending():
    global looks
    looks += 1
    return ending

signals = InterruptSignals(gate, on_interrupt, when_idle, is_ending)

def press():
    signal.raise_signal(signal.SIGINT)

def what_ends(act):
    try:
        act()
        while True:
            threading.Event().wait()
    except KeyboardInterrupt:
        return "KeyboardInterrupt"
"""


def outcome(program: str) -> str:
    """What such a process prints; it must end by itself."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARED + program], capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_main_thread_may_hold_what_telling_takes() -> None:
    program = """
gate.open = True
def act():
    with lock:
        press()
print(what_ends(act), told.acquire(blocking=False))
"""
    assert outcome(program) == "KeyboardInterrupt True"


def test_what_the_interpreter_ends_raises_only_where_it_has_been_asked() -> None:
    program = """
taken = gate.open = True
press()  # what it was meant for has ended, and something else has begun
while not looks:
    pass
print(idle, end=" ")
ending = True
print(what_ends(press))
"""
    assert outcome(program) == "False KeyboardInterrupt"


def test_nobody_ends_by_it_while_the_gate_is_shut() -> None:
    program = """
press()
while not idle:
    pass
print(told.acquire(blocking=False))
"""
    assert outcome(program) == "True"


def test_a_signal_that_was_heard_is_told_of_before_code_goes_on() -> None:
    program = """
taken = True
for _ in range(200):
    press()
    if gate.heard:
        gate.settle()
    assert told.acquire(blocking=False) and not told.acquire(blocking=False)
print(gate.heard, idle)
"""
    assert outcome(program) == "False False"
