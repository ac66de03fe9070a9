# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The administrator's scripts for interfaces of type ethernet, in a network namespace of the test's own."""

import os
import unittest
import xml.etree.ElementTree as ElementTree

import libvirt

from harness import wait
from harness.namespaces import NamespaceCase

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
_INTERNAL, _SYSTEM, _UNSUPPORTED = 1, 38, 67


@unittest.skipIf(os.geteuid() != 0, "taps are made by root")
class Scripts(NamespaceCase):
    def script(self, name, body):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def prepare(self):
        self.told = self.folder / "told"
        state = f'$(cat /sys/class/net/$1/operstate 2>/dev/null || echo gone) >> {self.told}'
        up, down = self.script("up", f"echo up $1 {state}"), self.script("down", f"echo down $1 {state}")
        self.good = f"<interface type='ethernet'><script path='{up}'/><downscript path='{down}'/><model type='virtio'/>{{}}</interface>"
        bad = self.script("bad", f"echo bad $1 >> {self.told}; echo no luck >&2; exit 3")
        self.bad = f"<interface type='ethernet'><script path='{bad}'/><downscript path='{down}'/></interface>"

    def defined(self, devices):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<serial", devices + "<serial", 1)
        return self.connect().defineXML(guest.xml)

    def names(self, domain):
        return [one.get("dev") for one in ElementTree.fromstring(domain.XMLDesc()).findall("devices/interface/target")]

    def lines(self):
        return self.told.read_text().splitlines() if self.told.exists() else []

    def test_they_run_when_it_comes_and_when_it_goes(self):
        domain = self.defined(self.good.format(""))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        [name] = self.names(domain)
        self.assertEqual(len(self.lines()), 1)
        self.assertRegex(self.lines()[0], f"up {name} (up|unknown|down)")
        domain.attachDeviceFlags(self.good.format("<alias name='ua-second'/>"), LIVE)
        second = self.names(domain)[1]
        self.assertRegex(self.lines()[1], f"up {second} (up|unknown|down)")
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(domain.name())
        domain.destroy()
        wait.until(lambda: len(self.lines()) == 4, "the scripts of what goes")
        self.assertEqual(sorted(self.lines()[2:]), sorted([f"down {name} gone", f"down {second} gone"]))

    def test_a_failure_is_quoted_and_undone(self):
        domain = self.defined(self.good.format("") + self.bad)
        code, _, words = self.refused(domain.create)
        self.assertEqual(code, _INTERNAL)
        self.assertRegex(words, r"Child process \(/.*/bad vnet\d+\) unexpected exit status 3: no luck")
        self.assertFalse(domain.isActive())
        self.assertEqual([line.split()[0] for line in self.lines()], ["up", "bad", "down", "down"])
        self.assertNotIn("vnet", self.space.run("ip", "link"))

    def test_a_failure_of_an_attach_is_undone(self):
        domain = self.defined("")
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        before = domain.XMLDesc()
        self.assertEqual(self.refused(lambda: domain.attachDeviceFlags(self.bad, LIVE))[0], _INTERNAL)
        self.assertEqual(domain.XMLDesc(), before)
        self.assertEqual([line.split()[0] for line in self.lines()], ["bad", "down"])
        wait.until(lambda: "vnet" not in self.space.run("ip", "link"), "the tap to go")

    def test_what_can_have_none(self):
        for device, code, words in (("<interface type='user'><script path='/bin/true'/></interface>", _UNSUPPORTED,
                                     "scripts are not supported on interfaces of type user"),
                                    ("<interface type='ethernet'><script path='true'/></interface>", _SYSTEM, "Cannot find 'true' in path")):
            with self.subTest(device):
                domain = self.defined(device)
                found = self.refused(domain.create)
                self.assertEqual(found[0], code)
                self.assertIn(words, found[2])
                domain.undefine()
