# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""An emulator's monitor, for what a test tells it itself: QMP, one command after the other. A monitor serves one client, so
only while there is no daemon."""

import json
import os
import socket
from pathlib import Path

from . import wait


class Monitor:
    def __init__(self, path):
        path = Path(path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.folder = os.open(path.parent, os.O_PATH)  # the path itself may be too long for a socket's address
        wait.until(lambda: self.connected(f"/proc/self/fd/{self.folder}/{path.name}"), "the monitor to listen")
        self.file = self.socket.makefile("r")
        self.read()
        self.ask("qmp_capabilities")

    @classmethod
    def of(cls, guest, below):
        """Of a guest that runs, whose daemon has its folders below that one."""
        (path,) = Path(below).rglob(f"domain-*-{guest.name[:20]}/monitor.sock")
        return cls(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def connected(self, path):
        """False between its socket's bind and its listen."""
        try:
            self.socket.connect(path)
        except ConnectionRefusedError:
            return False
        return True

    def read(self):
        return json.loads(self.file.readline())

    def ask(self, command, **arguments):
        """What it returns; KeyError with its error."""
        return self.give(command, [], **arguments)

    def give(self, command, descriptors, **arguments):
        """The same with descriptors that go along."""
        socket.send_fds(self.socket, [json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"], descriptors)
        while True:
            reply = self.read()
            if "error" in reply:
                raise KeyError(reply["error"]["desc"])
            if "event" not in reply:
                return reply["return"]

    def concluded(self, job):
        """Waits for a job's end, which is to be taken note of by job-dismiss."""
        wait.until(lambda: any(one["id"] == job and one["status"] == "concluded" for one in self.ask("query-jobs")), f"the job {job}")

    def close(self):
        self.file.close()
        self.socket.close()
        os.close(self.folder)
