# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The peer, libvirtd, in namespaces and with state of its own: nothing of the machine's libvirt,
network or control groups is touched, and all of it is gone with the test. Needs root."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from . import processes, settings, wait
from .subject import Subject

_SOCKETS = {"rw": "libvirt-sock", "ro": "libvirt-sock-ro", "admin": "libvirt-admin-sock"}


class Peer(Subject):
    name = "peer"

    def __init__(self, root):
        super().__init__(root)
        self.space = None
        self.leader = None
        self.daemon_pid = None

    def socket(self, kind="rw"):
        return self.root / _SOCKETS[kind]

    @property
    def pid(self):
        return self.daemon_pid

    def start(self):
        if self.space is None:
            self.make_space()
        self.launch(["nsenter", "-t", str(self.leader), "-m", "-n", "-p", "-u",
                     "libvirtd", "-f", "/etc/libvirt/libvirtd.conf", "-p", "/run/libvirt/pid"],
                    dict(os.environ))
        self.daemon_pid = wait.until(self.find_daemon, "libvirtd in its namespaces")

    def empty_run_folder(self):
        subprocess.run(["nsenter", "-t", str(self.leader), "-m",
                        "find", "/run/libvirt", "-mindepth", "1", "-delete"], check=True)

    def find_daemon(self):
        for pid in processes.children(self.process.pid):
            if processes.command_line(pid)[:1] == ["libvirtd"]:
                return pid
        return None

    def make_space(self):
        inside = Path(__file__).with_name("peer_space.py")
        with open(self.log_path, "ab") as log:
            self.space = subprocess.Popen(
                ["unshare", "-m", "-n", "-p", "-u", "-f", "--kill-child", sys.executable,
                 str(inside), str(self.root)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait.until(self.space_is_ready, "the peer's namespaces")
        self.leader = processes.children(self.space.pid)[0]

    def space_is_ready(self):
        if self.space.poll() is not None:
            raise AssertionError(f"no namespaces for the peer:\n{self.log_tail()}")
        return (self.root / "ready").exists()

    def clean_up(self):
        if self.space is not None and self.space.poll() is None:
            os.kill(self.space.pid, signal.SIGKILL)
            self.space.wait(settings.PATIENCE)
        if self.process is not None:
            self.process.wait(settings.PATIENCE)
        processes.end_all_descendants()
