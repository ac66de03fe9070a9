# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""For the script tests: the real client library against a fake server that sends what our encoder
(wire_encode) made. First argument of a script: the path of wire_encode."""
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "record"))
from cases import ANSWERS  # noqa: E402
from fake_server import FakeServer, wire  # noqa: E402

import libvirt  # noqa: E402

TABLES = wire.Tables(Path(__file__).resolve().parents[2] / "host/protocol/tables")
ENCODER = sys.argv[1]

# Before any connection: it makes the library follow its sockets.
libvirt.virEventRegisterDefaultImpl()
libvirt.registerErrorHandler(lambda *_: None, None)


def encoded(*words):
    done = subprocess.run([ENCODER, *map(str, words)], capture_output=True, text=True, check=True)
    return bytes.fromhex(done.stdout.strip())


class Served:
    """with Served({"remote.connect_get_type": Raw(...)}) as connection: ..."""

    def __init__(self, answers):
        self.answers = {**ANSWERS, **answers}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="pvwire")  # pylint: disable=consider-using-with
        self.server = FakeServer(Path(self.folder.name) / "s", TABLES, self.answers)
        self.server.__enter__()
        self.uri = f"qemu+unix:///system?socket={self.server.path}"
        self.connection = libvirt.open(self.uri)
        return self.connection

    def __exit__(self, *_):
        self.connection.close()
        self.server.__exit__()
        self.folder.cleanup()
        if self.server.problems:
            raise AssertionError(self.server.problems)
