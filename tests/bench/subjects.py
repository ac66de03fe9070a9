# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The daemons that are measured, and a counter of their system calls."""

import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile

import libvirt

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("POLYVIRT_BUILD", HERE.parent.parent / "build/release")).resolve()
os.environ["POLYVIRT_BUILD"] = str(BUILD)
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from harness.peer import Peer  # noqa: E402
from harness.polyvirtd import Polyvirtd  # noqa: E402


def start(name, root):
    root.mkdir(parents=True, exist_ok=True)
    subject = Peer(root) if name == "peer" else Polyvirtd(root, None)
    subject.options = ["--plugins", f"{BUILD}/plugins:{BUILD}/tests/plugins/t_stuck"]
    subject.start()
    return subject


def connect(subject):
    return libvirt.open(f"qemu+unix:///system?socket={subject.socket()}")


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class Counter:
    """Counts the daemon's system calls; a tracepoint, which costs them next to nothing."""

    def __init__(self, pid):
        self.process = None
        if shutil.which("perf") is None:
            return
        self.file = tempfile.NamedTemporaryFile("r", suffix=".perf")
        self.process = subprocess.Popen(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", self.file.name,
                                         "-p", str(pid)], stderr=subprocess.DEVNULL)

    def attached(self):
        """Whether it counts by now: perf says nothing, but opens its counters before it waits for the end."""
        try:
            opened = [os.readlink(f"/proc/{self.process.pid}/fd/{fd}") for fd in
                      os.listdir(f"/proc/{self.process.pid}/fd")]
            waits = Path(f"/proc/{self.process.pid}/wchan").read_text() or "?"
        except OSError:
            return False
        return any("perf_event" in name for name in opened) and waits != "0"

    def count(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        for line in self.file.read().splitlines():
            if "raw_syscalls" in line:
                number = line.split(",")[0]
                return int(number) if number.isdigit() else None
        return None
