# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Cases on the test driver, whose hosts are imaginary: test:///default of the daemon, and, for comparison,
the one that the client library has inside itself."""

import re

from . import settings, wait
from .python_client import PythonCase

OURS, PEERS = "test+unix:///default?socket={}", "test:///default"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What both have from the start stays as it is.
_FIXED = {"dd8fe884-6c02-601e-7551-cca97df1c5df", "dfe224cb-28fb-8dd0-c4b2-64eb3f0f4566",
          "11111111-2222-3333-4444-555555555555"}


class ObjectCase(PythonCase):
    def setUp(self):
        if settings.SUBJECT != "polyvirtd":
            self.skipTest("the test driver is polyvirtd's")
        super().setUp()
        self.subject.uri = lambda kind="rw": OURS.format(self.subject.socket(kind))
        self.connection = self.connect()

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def refusal(self, call):
        code, _domain, message = self.refused(call)
        return code, message

    def expect(self, heard, *wanted):
        wait.until(lambda: len(heard) >= len(wanted), f"{wanted}, heard {heard}")
        self.assertEqual(heard, list(wanted))


def normal(text):
    """Without what is made up anew for each host."""
    return _UUID.sub(lambda m: m[0] if m[0] in _FIXED else "UUID", text)
