# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The driver whose calls misbehave on demand (tests/plugins/stuck.c, whose head says how it is steered), and raw
clients of it."""

import os
import resource
from pathlib import Path

import wire
from rawclient import RawClient

from . import settings
from .case import IntegrationCase

URI = "stuck:///default"


class StuckCase(IntegrationCase):
    # The plugin's operations do nothing, so having called them proves nothing of a procedure.
    counts_as_test = False

    def setUp(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the driver that gets stuck is a plugin of polyvirtd")
        self.tables = wire.Tables(settings.TABLES)
        super().setUp()

    def prepare(self):
        self.subject.options += ["--plugins", str(settings.BUILD / "tests" / "plugins" / "t_stuck")]

    def client(self, uri=URI):
        """A raw client with an open connection."""
        made = RawClient(self.subject.socket(), self.tables, settings.PATIENCE)
        self.addCleanup(made.close)
        return made.open(uri)

    def domain(self, client, name):
        return client.call("domain_lookup_by_name", name=name)["dom"]

    # What the daemon uses --------------------------------------------------------------------

    def threads(self):
        return len(os.listdir(f"/proc/{self.subject.pid}/task"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.subject.pid}/fd"))

    def resident_kib(self):
        for line in Path(f"/proc/{self.subject.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("the daemon is gone")

    def need_descriptors(self, number):
        """Skips the case where the system does not let this process, and so the daemon, have so many."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < number:
            self.skipTest(f"needs {number} descriptors in one process, the limit is {hard} (ulimit -Hn)")
        if soft < number:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
