# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The processes under a test. The test's own process adopts every orphan below it (a guest
outlives its daemon), so whatever the daemon started stays a descendant of the test: that is how it
is found, and nothing else is ever signalled."""

import ctypes
import os
import signal
from pathlib import Path

from . import wait

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def children(pid):
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    except OSError:
        pass
    return found


def descendants(pid):
    found = []
    pending = children(pid)
    while pending:
        child = pending.pop()
        found.append(child)
        pending += children(child)
    return found


def command_line(pid):
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="replace") for word in raw.split(b"\0")[:-1]]


def is_running(pid):
    """Whether pid exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def resident_kib(pid):
    """How much of pid's memory is in use, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(f"no VmRSS of {pid}")


def emulator_of(guest_name):
    """The pid of the emulator that runs a guest of this test; None if there is none."""
    for pid in descendants(os.getpid()):
        words = command_line(pid)
        if not words or "qemu-system" not in words[0] or not is_running(pid):
            continue
        for word in words:
            if guest_name in word.replace("=", ",").split(","):
                return pid
    return None


def reap():
    """Forgets children that ended, except those that a subprocess.Popen waits for."""
    for pid in children(os.getpid()):
        if not is_running(pid):
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def end_all_descendants():
    """Kills what is left below this test, and returns the command lines of what there was."""
    left = []
    for pid in descendants(os.getpid()):
        if is_running(pid):
            left.append(" ".join(command_line(pid))[:200])
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def all_ended():
        reap()
        return not any(is_running(pid) for pid in descendants(os.getpid()))

    wait.until(all_ended, "the end of every process of the test")
    return left


def end(pid):
    """Kills one process below this test and waits for its end."""
    os.kill(pid, signal.SIGKILL)

    def ended():
        reap()
        return not is_running(pid)

    wait.until(ended, f"the end of process {pid}")
