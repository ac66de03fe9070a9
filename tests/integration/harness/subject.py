# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The daemon under test: polyvirtd, or (only when asked for) the peer, against which each case is
written first. Cases know nothing but this interface:

    start()     starts the daemon; returns once it answers
    kill()      ends it with SIGKILL; guests stay
    stop()      asks it to end; guests stay
    reboot_host()  as if the host went down: no daemon, no guests, nothing in the run folder
    clean_up()  ends it and everything it started
    pid         the daemon's process
    socket(kind)  path of the socket: "rw", "ro" or "admin"
    uri(kind)   the URI of that socket
"""

import os
import signal
import socket
import subprocess

from . import processes, settings, wait


class Subject:
    name = ""

    def __init__(self, root):
        self.root = root
        self.process = None
        self.log_path = root / "daemon.log"

    def uri(self, kind="rw"):
        return f"qemu+unix:///system?socket={self.socket(kind)}"

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def accepts(self, kind="rw"):
        if not self.is_running():
            raise AssertionError(f"{self.name} ended while starting:\n{self.log_tail()}")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket(kind)))
            except OSError:
                return False
        return True

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(settings.PATIENCE)

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(settings.PATIENCE)

    def reboot_host(self):
        self.kill()
        for pid in processes.descendants(os.getpid()):
            if "qemu-system" in "".join(processes.command_line(pid)[:1]):
                processes.end(pid)
        self.empty_run_folder()

    def empty_run_folder(self):
        raise NotImplementedError

    def clean_up(self):
        if self.is_running():
            self.kill()
        processes.end_all_descendants()

    def log_tail(self, lines=60):
        """Without what only says that the machine is slow."""
        try:
            text = self.log_path.read_text(errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join([line for line in text.splitlines() if " ms on its loop (" not in line][-lines:])

    def launch(self, command, environment):
        """Starts `command`, its output appended to the log, and waits until it listens."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                cwd=self.root, start_new_session=True)
        wait.until(self.accepts, f"{self.name} to listen on {self.socket()}")


def create(root, call_log):
    """The subject that the environment asks for, its state under `root`."""
    if settings.SUBJECT == "peer":
        from .peer import Peer
        return Peer(root)
    if settings.SUBJECT == "polyvirtd":
        from .polyvirtd import Polyvirtd
        return Polyvirtd(root, call_log)
    raise SystemExit(f"POLYVIRT_TEST_SUBJECT is {settings.SUBJECT!r}; known: polyvirtd, peer")
