# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A session with the Python binding and its own event loop. What it sees was recorded from the
peer; where the peer's wording of an error is poor, only its code and domain are demanded."""

import libvirt

from harness import guest as guests
from harness import settings, wait
from harness.python_client import (
    DEFINED, RESUMED, SHUTDOWN_BY_GUEST, SHUTDOWN_BY_HOST, STARTED, STOPPED_DESTROYED,
    STOPPED_SHUTDOWN, SUSPENDED, UNDEFINED, PythonCase, Recorder)

_INVALID_ARG, _XML_ERROR, _NO_DOMAIN, _OPERATION_INVALID, _XML_DETAIL = 8, 27, 42, 55, 35
_FROM_QEMU, _FROM_DOMAIN = 10, 20


class PythonSession(PythonCase):
    def test_life_of_a_guest(self):
        connection, guest = self.connect(), self.new_guest()
        events = Recorder(connection)
        domain = connection.defineXML(guest.xml)
        self.assertEqual((domain.name(), domain.UUIDString(), domain.ID()),
                         (guest.name, guest.uuid, -1))
        self.assertEqual((domain.isActive(), domain.isPersistent(), domain.autostart()), (0, 1, 0))
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, 0])
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_PAUSED,
                                          libvirt.VIR_DOMAIN_PAUSED_USER])
        stream = self.console_of(connection, domain)
        domain.resume()
        self.expect_greeting(stream)
        domain.shutdown()
        events.expect(guest, STOPPED_SHUTDOWN)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF,
                                          libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN])
        domain.undefine()
        events.expect(guest, UNDEFINED)
        self.assertEqual(events.of(guest), [DEFINED, STARTED, SUSPENDED, RESUMED,
                                            SHUTDOWN_BY_GUEST, STOPPED_SHUTDOWN, UNDEFINED])

    def console_of(self, connection, domain):
        stream = connection.newStream(0)
        domain.openConsole(None, stream, 0)
        return stream

    def expect_greeting(self, stream):
        seen = b""
        while guests.GREETING.encode() not in seen:
            data = stream.recv(4096)
            self.assertTrue(data, f"the console ended after {seen!r}")
            seen += data
        stream.abort()

    def test_states_and_lists(self):
        connection, guest = self.connect(), self.new_guest()
        domain = connection.defineXML(guest.xml)
        self.assertEqual((connection.numOfDomains(), connection.numOfDefinedDomains()), (0, 1))
        self.assertEqual(connection.listDefinedDomains(), [guest.name])
        domain.create()
        self.assertGreater(domain.ID(), 0)
        self.assertEqual(connection.listDomainsID(), [domain.ID()])
        self.assertEqual((connection.numOfDomains(), connection.numOfDefinedDomains()), (1, 0))
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING,
                                          libvirt.VIR_DOMAIN_RUNNING_BOOTED])
        self.assertEqual(domain.info()[:4], [libvirt.VIR_DOMAIN_RUNNING, guests.MEMORY_KIB,
                                             guests.MEMORY_KIB, 1])
        self.assertEqual((domain.OSType(), domain.maxMemory(), domain.isUpdated()),
                         ("hvm", guests.MEMORY_KIB, 0))
        for found in (connection.lookupByName(guest.name), connection.lookupByID(domain.ID()),
                      connection.lookupByUUIDString(guest.uuid), *connection.listAllDomains()):
            self.assertEqual((found.name(), found.UUIDString(), found.ID()),
                             (guest.name, guest.uuid, domain.ID()))
        domain.destroy()
        self.assertEqual((domain.ID(), domain.isActive()), (-1, 0))

    def test_list_filters(self):
        connection = self.connect()
        off = connection.defineXML(self.new_guest("off").xml)
        paused = connection.defineXML(self.new_guest("paused").xml)
        paused.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        transient = connection.createXML(self.new_guest("transient").xml,
                                         libvirt.VIR_DOMAIN_START_PAUSED)
        off.setAutostart(1)
        for expected, flags in (
                ([off, paused, transient], 0),
                ([paused, transient], libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE),
                ([off], libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE),
                ([off, paused], libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT),
                ([transient], libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT),
                ([], libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING),
                ([paused, transient], libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED),
                ([off], libvirt.VIR_CONNECT_LIST_DOMAINS_SHUTOFF),
                ([off], libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART),
                ([paused, transient], libvirt.VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART)):
            with self.subTest(flags=flags):
                self.assertEqual({one.name() for one in connection.listAllDomains(flags)},
                                 {one.name() for one in expected})

    def test_facts_of_the_host(self):
        connection = self.connect()
        self.assertGreaterEqual(connection.getVersion(), 1_000_000)
        self.assertGreaterEqual(connection.getLibVersion(), 9_000_000)
        self.assertTrue(connection.getHostname())
        self.assertGreaterEqual(connection.getMaxVcpus("qemu"), 1)
        self.assertEqual((connection.isSecure(), connection.isEncrypted()), (1, 0))
        self.assertEqual(connection.getInfo()[0], "x86_64")
        self.assertIn("<capabilities>", connection.getCapabilities())
        self.assertIn("<domainCapabilities>",
                      connection.getDomainCapabilities(None, "x86_64", "pc", "qemu", 0))


class PythonEvents(PythonCase):
    def test_every_subscriber_hears_in_order(self):
        actor, guest = self.connect(), self.new_guest()
        recorders = [Recorder(self.connect()), Recorder(self.connect()), Recorder(actor)]
        domain = actor.defineXML(guest.xml)
        domain.create()
        domain.suspend()
        domain.resume()
        domain.destroy()
        domain.undefine()
        for recorder in recorders:
            recorder.expect(guest, UNDEFINED)
            self.assertEqual(recorder.of(guest), [
                DEFINED, RESUMED, STARTED, SUSPENDED, RESUMED, SHUTDOWN_BY_HOST,
                STOPPED_DESTROYED, UNDEFINED])

    def test_deregistered_callback_is_not_called_again(self):
        actor, guest, later = self.connect(), self.new_guest(), self.new_guest("later")
        connection = self.connect()
        stopped, stays = Recorder(connection), Recorder(actor)
        actor.defineXML(guest.xml)
        stopped.expect(guest, DEFINED)
        stays.expect(guest, DEFINED)
        stopped.stop()
        actor.defineXML(later.xml)
        stays.expect(later, DEFINED)
        connection.lookupByName(later.name)  # whatever was sent before this reply has arrived
        self.assertEqual(stopped.of(later), [])

    def test_callback_may_deregister_itself(self):
        actor, connection = self.connect(), self.connect()
        told = []

        def once(_connection, domain, *_):
            told.append(domain.name())
            connection.domainEventDeregisterAny(number)

        number = connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, once, None)
        stays = Recorder(actor)
        first, second = self.new_guest("first"), self.new_guest("second")
        actor.defineXML(first.xml)
        stays.expect(first, DEFINED)
        actor.defineXML(second.xml)
        stays.expect(second, DEFINED)
        connection.lookupByName(second.name)
        self.assertEqual(told, [first.name])

    def test_events_of_one_domain_alone(self):
        actor, one, other = self.connect(), self.new_guest("one"), self.new_guest("other")
        domain = actor.defineXML(one.xml)
        everything, filtered = Recorder(self.connect()), Recorder(actor, domain)
        actor.defineXML(other.xml)
        domain.undefine()
        filtered.expect(one, UNDEFINED)
        everything.expect(one, UNDEFINED)
        self.assertEqual(filtered.told, [(one.name, UNDEFINED)])
        self.assertIn((other.name, DEFINED), everything.told)

    def test_reboot_event(self):
        connection, guest = self.connect(), self.new_guest()
        told = []
        connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, lambda _c, domain, _o: told.append(
                domain.UUIDString()), None)
        domain = connection.defineXML(guest.xml)
        domain.create()
        domain.reset(0)
        wait.until(lambda: told, "the reboot event of a reset")
        self.assertEqual(set(told), {guest.uuid})

    def test_close_callback_when_the_daemon_dies(self):
        connection = self.connect()
        reasons = []
        connection.registerCloseCallback(lambda _c, reason, _o: reasons.append(reason), None)
        self.assertEqual(connection.isAlive(), 1)
        self.subject.kill()
        wait.until(lambda: reasons, "the close callback")
        self.assertEqual(reasons, [libvirt.VIR_CONNECT_CLOSE_REASON_EOF])

    def test_unregistered_close_callback_is_not_called(self):
        connection, other = self.connect(), self.connect()
        reasons, heard = [], []
        connection.registerCloseCallback(lambda _c, reason, _o: reasons.append(reason), None)
        other.registerCloseCallback(lambda _c, reason, _o: heard.append(reason), None)
        connection.unregisterCloseCallback()
        self.subject.kill()
        wait.until(lambda: heard, "the close callback of the other connection")
        wait.until(lambda: not connection.isAlive(), "the end of the connection")
        self.assertEqual(reasons, [])

    def test_keepalive_is_answered(self):
        connection = self.connect()
        self.assertEqual(connection.setKeepAlive(1, 3), 0)
        guest = self.new_guest()
        recorder = Recorder(connection)
        self.connect().defineXML(guest.xml)
        recorder.expect(guest, DEFINED)
        self.assertEqual(connection.isAlive(), 1)


class PythonErrors(PythonCase):
    def test_missing_domains(self):
        connection, guest = self.connect(), self.new_guest()
        for call, what in (
                (lambda: connection.lookupByName(guest.name), f"name '{guest.name}'"),
                (lambda: connection.lookupByUUIDString(guest.uuid), f"uuid '{guest.uuid}'"),
                (lambda: connection.lookupByID(4242), "id 4242")):
            with self.subTest(what):
                self.assertEqual(self.refused(call), (
                    _NO_DOMAIN, _FROM_QEMU, f"Domain not found: no domain with matching {what}"))

    def test_all_fields_of_an_error(self):
        connection = self.connect()
        with self.assertRaises(libvirt.libvirtError) as caught:
            connection.lookupByName("nobody")
        error = caught.exception
        self.assertEqual(
            (error.get_error_level(), error.get_str1(), error.get_str2(), error.get_str3(),
             error.get_int1(), error.get_int2()),
            (libvirt.VIR_ERR_ERROR, "Domain not found: %s", "no domain with matching name 'nobody'",
             None, -1, -1))

    def test_domain_that_went_away(self):
        connection, guest = self.connect(), self.new_guest()
        domain = connection.defineXML(guest.xml)
        self.connect().lookupByName(guest.name).undefine()
        for call in (domain.create, domain.info, domain.undefine, domain.XMLDesc):
            self.assertEqual(self.refused(call), (
                _NO_DOMAIN, _FROM_QEMU, "Domain not found: no domain with matching uuid "
                f"'{guest.uuid}' ({guest.name})"))

    def test_operations_that_the_state_forbids(self):
        connection = self.connect()
        domain = connection.defineXML(self.new_guest().xml)
        for call in (domain.suspend, domain.resume, domain.shutdown, domain.destroy):
            code, _, message = self.refused(call)
            self.assertEqual((code, message), (
                _OPERATION_INVALID, "Requested operation is not valid: domain is not running"))
        domain.create()
        self.assertEqual(self.refused(domain.create), (
            _OPERATION_INVALID, _FROM_QEMU,
            "Requested operation is not valid: domain is already running"))

    def test_documents_that_are_no_domain(self):
        connection, guest = self.connect(), self.new_guest()
        memory = "<memory unit='MiB'>128</memory>"
        for what, xml, code in (
                ("empty", "", _XML_DETAIL),
                ("cut off", "<domain", _XML_DETAIL),
                ("another document", "<nodomain/>", _XML_ERROR),
                ("without a name", "<domain type='qemu'/>", 21),
                ("empty name", guest.xml.replace(guest.name, ""), 21),
                ("unknown type", guest.xml.replace("type='qemu'", "type='cow'"), 67),
                ("without memory", guest.xml.replace(memory, ""), _XML_ERROR),
                ("unit unknown", guest.xml.replace("'MiB'", "'cows'"), _INVALID_ARG),
                ("no number", guest.xml.replace("<vcpu>1", "<vcpu>many"), _XML_ERROR)):
            with self.subTest(what):
                found, _, message = self.refused(lambda: connection.defineXML(xml))
                self.assertEqual(found, code, message)
                self.assertEqual(self.refused(lambda: connection.createXML(xml))[0], code)
        self.assertEqual(connection.listAllDomains(), [])

    def test_start_without_its_kernel(self):
        connection, guest = self.connect(), self.new_guest()
        domain = connection.defineXML(guest.xml.replace("/vmlinuz<", "/no-such-kernel<"))
        _, _, message = self.refused(domain.create)
        self.assertIn(f"{settings.GUEST}/no-such-kernel", message)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_SHUTOFF)
        self.assertEqual(domain.isActive(), 0)

    def test_unknown_flags_are_refused(self):
        connection = self.connect()
        domain = connection.defineXML(self.new_guest().xml)
        code, _, message = self.refused(lambda: domain.createWithFlags(1 << 20))
        self.assertEqual(code, _INVALID_ARG)
        self.assertIn("unsupported flags (0x100000)", message)
        self.assertEqual(domain.isActive(), 0)

    def test_console_that_the_guest_lacks(self):
        connection = self.connect()
        domain = connection.defineXML(self.new_guest().xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        _, _, message = self.refused(
            lambda: domain.openConsole("serial9", connection.newStream(0), 0))
        self.assertIn("serial9", message)
