# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The host goes down and comes up again: the distribution's service for guests, with this daemon."""

import os
import subprocess
import unittest
from pathlib import Path

import libvirt

from harness.python_client import PythonCase

SCRIPT = Path("/usr/lib/libvirt/libvirt-guests.sh")
GUEST = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><os><type>hvm</type></os></domain>"""
# The script's settings, its list of guests and its lock are in folders of the test's own.
SPACE = """mount --make-rprivate / && mount --bind {folder}/default /etc/default && mount --bind {folder}/state /var/lib/libvirt &&
mount -t tmpfs tmpfs /var/lock && exec {script} {action}"""


@unittest.skipUnless(SCRIPT.exists() and os.geteuid() == 0, "needs root and libvirt-guests.sh (package libvirt-daemon)")
class HostShutdown(PythonCase):
    def guests_service(self, action):
        done = subprocess.run(["unshare", "-m", "sh", "-c", SPACE.format(folder=self.folder, script=SCRIPT, action=action)], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_running_guests_are_saved_and_come_back(self):
        (self.folder / "state").mkdir()
        (self.folder / "default").mkdir()
        (self.folder / "default" / "libvirt-guests").write_text(f"URIS='{self.subject.uri()}'\nON_SHUTDOWN=suspend\nON_BOOT=start\n")
        connection = self.connect()
        on, off = (connection.defineXML(GUEST.format(name=name)) for name in ("on", "off"))
        on.create()
        self.guests_service("stop")
        self.assertEqual((on.state()[0], on.hasManagedSaveImage(), off.hasManagedSaveImage()), (libvirt.VIR_DOMAIN_SHUTOFF, 1, 0))
        self.subject.stop()
        self.subject.start()
        self.guests_service("start")
        connection = self.connect()
        on, off = (connection.lookupByName(name) for name in ("on", "off"))
        self.assertEqual((on.state()[0], on.hasManagedSaveImage(), off.isActive()), (libvirt.VIR_DOMAIN_RUNNING, 0, 0))
        on.destroy()
