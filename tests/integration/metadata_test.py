# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Title, description, metadata and names of domains of the qemu driver; keys, NMIs and the raw monitor of one that runs."""

import json
import os
import threading
import xml.etree.ElementTree as ElementTree

import libvirt
import libvirt_qemu

from harness import wait
from harness.python_client import PythonCase, Recorder

_URI = "http://example.org/app"
_NO_METADATA, _INVALID_ARG, _OPERATION_INVALID, _NO_DOMAIN = 80, 8, 55, 42
_TITLE, _DESCRIPTION, _ELEMENT = (libvirt.VIR_DOMAIN_METADATA_TITLE, libvirt.VIR_DOMAIN_METADATA_DESCRIPTION,
                                  libvirt.VIR_DOMAIN_METADATA_ELEMENT)
_LIVE, _CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG


class Metadata(PythonCase):
    def defined(self, label="guest"):
        guest, connection = self.new_guest(label), self.connect()
        return connection, connection.defineXML(guest.xml)

    def test_title_description_and_elements(self):
        _, domain = self.defined()
        domain.setMetadata(_TITLE, "a title", None, None, 0)
        domain.setMetadata(_DESCRIPTION, "words", None, None, 0)
        domain.setMetadata(_ELEMENT, "<tag>blue</tag>", "app", _URI, 0)
        self.assertEqual(domain.metadata(_TITLE, None), "a title")
        self.assertEqual(domain.metadata(_DESCRIPTION, None), "words")
        self.assertEqual(domain.metadata(_ELEMENT, _URI), "<tag>blue</tag>")
        document = ElementTree.fromstring(domain.XMLDesc())
        self.assertEqual(document.findtext("metadata/{%s}tag" % _URI), "blue")
        domain.setMetadata(_ELEMENT, None, None, _URI, 0)
        self.assertEqual(self.refused(lambda: domain.metadata(_ELEMENT, _URI))[0], _NO_METADATA)

    def test_live_and_config_are_two(self):
        _, domain = self.defined()
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        domain.setMetadata(_TITLE, "of both", None, None, _LIVE | _CONFIG)
        domain.setMetadata(_TITLE, "of the running one", None, None, _LIVE)
        self.assertEqual(domain.metadata(_TITLE, None, _LIVE), "of the running one")
        self.assertEqual(domain.metadata(_TITLE, None, _CONFIG), "of both")
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByUUIDString(domain.UUIDString())
        self.assertEqual(domain.metadata(_TITLE, None, _LIVE), "of the running one")

    def test_changes_are_told(self):
        connection, domain = self.defined()
        told, seen = threading.Event(), []

        def on_change(_connection, _domain, kind, uri, _opaque):
            seen.append((kind, uri))
            told.set()

        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, on_change, None)
        domain.setMetadata(_ELEMENT, "<tag/>", "app", _URI, 0)
        self.assertTrue(told.wait(30))
        self.assertEqual(seen, [(_ELEMENT, _URI)])

    def test_rename_keeps_all_but_the_name(self):
        connection, domain = self.defined()
        old, new = domain.name(), f"renamed-{os.getpid()}"
        domain.setAutostart(1)
        events = Recorder(connection)
        domain.rename(new)
        self.assertEqual(self.refused(lambda: connection.lookupByName(old))[0], _NO_DOMAIN)
        found = connection.lookupByName(new)
        self.assertEqual((found.UUIDString(), found.autostart()), (domain.UUIDString(), 1))
        wait.until(lambda: len(events.told) >= 2, "the events of the rename")
        self.assertEqual(events.told[-2:], [(old, (1, 1)), (new, (0, 2))])
        self.subject.kill()
        self.subject.start()
        connection = self.connect()
        self.assertEqual([d.name() for d in connection.listAllDomains()], [new])
        self.assertEqual(connection.lookupByName(new).autostart(), 1)
        connection.lookupByName(new).undefine()

    def test_rename_is_refused_where_it_cannot_be(self):
        connection, domain = self.defined()
        other = connection.defineXML(self.new_guest("other").xml)
        for name, code in ((domain.name(), _OPERATION_INVALID), (other.name(), _OPERATION_INVALID), ("a/b", 27)):
            self.assertEqual(self.refused(lambda name=name: domain.rename(name))[0], code, name)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertEqual(self.refused(lambda: domain.rename("x"))[0], _OPERATION_INVALID)


class Native(PythonCase):
    def paused(self):
        domain = self.connect().defineXML(self.new_guest().xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        return domain

    def test_monitor_commands(self):
        domain = self.paused()
        answer = json.loads(libvirt_qemu.qemuMonitorCommand(domain, '{"execute": "query-status"}', 0))
        self.assertEqual(answer["return"]["status"], "prelaunch")
        text = libvirt_qemu.qemuMonitorCommand(domain, "info status", libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)
        self.assertTrue(text.startswith("VM status: paused"), text)
        wrong = json.loads(libvirt_qemu.qemuMonitorCommand(domain, '{"execute": "no-such"}', 0))
        self.assertEqual(wrong["error"]["class"], "CommandNotFound")
        self.assertEqual(self.refused(lambda: libvirt_qemu.qemuMonitorCommand(domain, "no json", 0))[0], 1)
        self.assertEqual(domain.messages(), ["tainted: custom monitor control commands issued"])
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByUUIDString(domain.UUIDString())
        self.assertEqual(domain.messages(), ["tainted: custom monitor control commands issued"])
        domain.destroy()
        self.assertEqual(domain.messages(), [])

    def test_monitor_events(self):
        domain = self.paused()
        heard = []
        libvirt_qemu.qemuMonitorEventRegister(domain.connect(), domain, "RESUME|STOP",
                                              lambda _c, d, event, *_: heard.append((d.name(), event)), None,
                                              libvirt_qemu.VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX)
        domain.resume()
        domain.suspend()
        wait.until(lambda: len(heard) == 2, "the monitor's events")
        self.assertEqual(heard, [(domain.name(), "RESUME"), (domain.name(), "STOP")])

    def test_keys_and_nmi(self):
        domain = self.paused()
        for codeset, key in ((libvirt.VIR_KEYCODE_SET_LINUX, 28), (libvirt.VIR_KEYCODE_SET_WIN32, 13),
                             (libvirt.VIR_KEYCODE_SET_USB, 40)):
            domain.sendKey(codeset, 10, [key], 1, 0)
        self.assertEqual(self.refused(lambda: domain.sendKey(libvirt.VIR_KEYCODE_SET_LINUX, 10, [4000], 1, 0))[0], 1)
        domain.injectNMI()
