# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Cases with the sample driver (tests/plugins/sample), which publishes whatever objects a case asks
for. What its own operations answer is no part of the report of procedures; what the host answers is."""

import json
import shutil
import subprocess
import uuid

from . import case, settings
from .polyvirtd import Polyvirtd
from .python_client import PythonCase

URI = "sample:///default"
KINDS = ["none", "domain", "network", "network_port", "interface", "pool", "volume", "nodedev",
         "nwfilter", "nwfilter_binding", "secret", "snapshot", "checkpoint"]
ACTIVE, PERSISTENT, AUTOSTART, UPDATED = 1, 2, 4, 8
# By kind: bits 32 and up.
MANAGED_SAVE, HAS_SNAPSHOT, HAS_CHECKPOINT, AUTOSTART_ONCE = (1 << n for n in range(32, 36))
CURRENT, METADATA, RUNNING, DISK_ONLY, EXTERNAL = (1 << n for n in range(32, 37))
EPHEMERAL, PRIVATE = (1 << n for n in range(32, 34))


class Sample(Polyvirtd):
    """polyvirtd with the sample driver alone."""

    def __init__(self, root, call_log):
        super().__init__(root, call_log)
        self.options = ["--plugins", str(settings.BUILD / "tests" / "plugins" / "sample")]

    def uri(self, kind="rw"):
        return f"sample+unix:///default?socket={self.socket(kind)}"


class SampleCase(PythonCase):
    # What polyvirtd.yaml says.
    config = ""

    def setUp(self):
        if settings.SUBJECT != "polyvirtd":
            self.skipTest("the sample driver is polyvirtd's")
        super().setUp()
        self.connection = self.connect()

    def make_subject(self):
        etc = self.folder / "root" / "etc" / "polyvirt"
        etc.mkdir(parents=True)
        (etc / "polyvirtd.yaml").write_text(self.config)
        return Sample(self.folder, self.running_log)

    def finish(self):
        if self.running_log.exists():
            keep_what_the_host_answers(self.running_log)
        super().finish()

    # Commands ---------------------------------------------------------------------------------

    def tell(self, *commands, connection=None):
        """Results of the driver's commands, in order."""
        text = json.dumps(list(commands))
        return json.loads((connection or self.connection).domainXMLFromNative("sample", text))

    def publish(self, kind, name, **facts):
        return self.publish_all([(kind, name, facts)])[0]

    def publish_all(self, objects):
        """Handles of objects (kind, name, facts), in order; kinds that have a uuid get one."""
        return self.tell(*({"do": "publish", "kind": KINDS.index(kind), "name": name,
                            "uuid": new_uuid(kind), **facts} for kind, name, facts in objects))

    def post(self, kind, event, values, **names):
        """An event with this payload, see tests/plugins/sample/payload.h."""
        status, = self.tell({"do": "event", "kind": KINDS.index(kind), "event": event,
                             "values": values, **names})
        self.assertEqual(status, 0, f"the host refused event {event} of a {kind}")


def new_uuid(kind):
    has = kind not in ("interface", "volume", "nodedev", "nwfilter_binding", "snapshot", "checkpoint")
    return str(uuid.uuid4()) if has else ""


_implemented = set()


def keep_what_the_host_answers(log):
    """Drops calls that no built driver and not the host has."""
    if not _implemented:
        root = log.parent / "print-root"
        printed = subprocess.run(
            [str(settings.BUILD / "bin" / "polyvirtd"), "--root", str(root), "--plugins", str(root),
             "--print-procedures"], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=case.plain_environment()).stdout
        shutil.rmtree(root, ignore_errors=True)
        _implemented.update(tuple(line.split()[:2]) for line in printed.splitlines()
                            if line.endswith(" implemented"))
    lines = log.read_text().splitlines()
    log.write_text("".join(f"{line}\n" for line in lines if tuple(line.split()[:2]) in _implemented))
