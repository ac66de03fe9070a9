# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Input devices of the host that a guest has: as its own, and as what its keyboard and mouse are moved by."""

import glob
import os
import unittest

import libvirt

from harness import wait
from harness.python_client import PythonCase

_NODES = sorted(glob.glob("/dev/input/event*"))
_PASSED = "<input type='passthrough' bus='virtio'><source evdev='{}'/><alias name='ua-passed'/></input>"
_EVDEV = "<input type='evdev'><source dev='{}' grab='all' repeat='on'/></input>"


@unittest.skipUnless(_NODES, "there are no input devices in /dev/input")
class HostInput(PythonCase):
    def started(self, devices):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<serial", devices + "<serial", 1)
        domain = self.connect().defineXML(guest.xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        return domain

    def test_its_node_is_the_emulators_meanwhile(self):
        node = _NODES[0]
        before = os.stat(node).st_uid
        for devices in (_PASSED, _EVDEV):
            with self.subTest(devices):
                domain = self.started(devices.format(node))
                emulator = int(domain.XMLDesc().partition("<label>+")[2].partition(":")[0] or before)
                self.assertEqual(os.stat(node).st_uid, emulator)
                domain.destroy()
                wait.until(lambda: os.stat(node).st_uid == before, "the node to be given back")
                domain.undefine()

    def test_it_comes_while_the_guest_runs(self):
        node = _NODES[0]
        domain = self.started("")
        domain.attachDeviceFlags(_PASSED.format(node), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        self.assertIn(node, domain.XMLDesc())
