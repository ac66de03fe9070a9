# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Many clients at once, and many calls of one client. A guest whose emulator is stopped (SIGSTOP)
is the slow call: it is slow for as long as the test wants, on any machine."""

import os
import signal
import threading

import libvirt

from harness import processes, settings, wait
from harness.python_client import PythonCase
from rawclient import KEEPALIVE, MESSAGE, OK, PING, PONG, REPLY, Packet, RawClient
import wire

_CLIENTS = 8
_RUNNING, _PAUSED = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED


class StuckGuest:
    """While this holds, the guest's emulator answers nothing."""

    def __init__(self, guest):
        self.emulator = processes.emulator_of(guest.name)

    def __enter__(self):
        os.kill(self.emulator, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        os.kill(self.emulator, signal.SIGCONT)


class ParallelClients(PythonCase):
    def run_all(self, *works):
        """Runs each work on a thread of its own; fails with the first error of any."""
        errors = []

        def guarded(work):
            try:
                work()
            except BaseException as error:  # pylint: disable=broad-except
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(settings.PATIENCE)
            self.assertFalse(thread.is_alive(), "a client got no answer")
        if errors:
            raise errors[0]

    def live_through(self, guest):
        connection = self.connect()
        for _ in range(2):
            domain = connection.defineXML(guest.xml)
            domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
            self.assertEqual(connection.lookupByID(domain.ID()).UUIDString(), guest.uuid)
            self.assertEqual(domain.state()[0], _PAUSED)
            self.assertIn(f"<name>{guest.name}</name>", domain.XMLDesc())
            domain.destroy()
            self.assertEqual(domain.isActive(), 0)
            domain.undefine()

    def test_eight_clients_on_eight_guests(self):
        guests = [self.new_guest(f"g{number}") for number in range(_CLIENTS)]
        self.run_all(*[lambda guest=guest: self.live_through(guest) for guest in guests])
        self.assertEqual(self.connect().listAllDomains(), [])

    def test_a_stuck_guest_holds_up_nobody_else(self):
        connection, stuck = self.connect(), self.new_guest("stuck")
        domain = connection.defineXML(stuck.xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        resumed = threading.Event()

        def resume():
            domain.resume()
            resumed.set()

        with StuckGuest(stuck):
            waiting = threading.Thread(target=resume)
            waiting.start()
            guests = [self.new_guest(f"g{number}") for number in range(_CLIENTS - 1)]
            self.run_all(*[lambda guest=guest: self.live_through(guest) for guest in guests])
            self.assertFalse(resumed.is_set(), "resume succeeded on an emulator that is stopped")
        waiting.join(settings.PATIENCE)
        self.assertTrue(resumed.is_set())
        self.assertEqual(domain.state()[0], _RUNNING)

    def test_eight_clients_on_one_guest(self):
        guest = self.new_guest()
        domain = self.connect().defineXML(guest.xml)
        outcomes = []

        def start():
            try:
                self.connect().lookupByName(guest.name).createWithFlags(
                    libvirt.VIR_DOMAIN_START_PAUSED)
                outcomes.append("started")
            except libvirt.libvirtError as error:
                outcomes.append(error.get_error_message())

        self.run_all(*[start] * _CLIENTS)
        self.assertEqual(sorted(outcomes), [
            "Requested operation is not valid: domain is already running"] * (_CLIENTS - 1)
            + ["started"])
        self.assertEqual(domain.state()[0], _PAUSED)


class CallsInFlight(PythonCase):
    def setUp(self):
        super().setUp()
        self.client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES),
                                settings.PATIENCE)
        self.addCleanup(self.client.close)
        self.client.open()

    def test_replies_match_their_calls_whatever_their_order(self):
        guests = [self.new_guest(f"g{number}") for number in range(3)]
        for guest in guests:
            self.define(guest)
        expected = {}
        for round_ in range(60):
            guest = guests[round_ % len(guests)]
            expected[self.client.start("domain_lookup_by_name", name=guest.name)] = guest
        while expected:
            reply = self.client.next_reply()
            guest = expected.pop(reply.serial)
            self.assertEqual(self.client.value_of(reply)["dom"]["name"], guest.name)

    def test_quick_calls_overtake_a_slow_one(self):
        stuck, other = self.paused_guest("stuck"), self.defined_guest("other")
        client = self.client
        dom = client.call("domain_lookup_by_name", name=stuck.name)["dom"]
        with StuckGuest(stuck):
            slow = client.start("domain_resume", dom=dom)
            quick = [client.start("domain_lookup_by_name", name=other.name) for _ in range(3)]
            state = client.call("domain_get_state", dom=dom, flags=0)
            self.assertEqual(state["state"], _PAUSED)
            for serial in quick:
                self.assertEqual(client.value_of(client.reply_to(serial))["dom"]["name"],
                                 other.name)
            self.assertEqual([packet.serial for packet in client.arrived], [])
        self.assertEqual(client.value_of(client.reply_to(slow)), {})
        wait.until(lambda: client.call("domain_get_state", dom=dom, flags=0)["state"] == _RUNNING,
                   "the resumed guest to run")

    def test_many_slow_calls_leave_the_connection_alive(self):
        """The peer stops reading at five calls in flight, pings included."""
        if settings.SUBJECT == "peer":
            self.skipTest("the peer stops reading a client with five calls in flight")
        stuck, client = self.paused_guest("stuck"), self.client
        dom = client.call("domain_lookup_by_name", name=stuck.name)["dom"]
        with StuckGuest(stuck):
            slow = [client.start("domain_resume", dom=dom) for _ in range(10)]
            client.send(Packet(KEEPALIVE, 1, PING, MESSAGE, 0, OK))
            answer = client.read()
            self.assertEqual((answer.prog, answer.proc), (KEEPALIVE, PONG))
        for serial in slow:
            self.assertEqual(client.reply_to(serial).type, REPLY)

    def test_one_serial_twice_gets_two_replies(self):
        packet = self.client.packet("connect_get_type")
        self.client.send(packet)
        self.client.send(packet)
        for _ in range(2):
            reply = self.client.next_reply()
            self.assertEqual((reply.serial, self.client.value_of(reply)),
                             (packet.serial, {"type": "QEMU"}))

    def test_calls_sent_before_closing_do_no_harm(self):
        guest = self.new_guest()
        self.client.start("domain_define_xml", xml=guest.xml)
        self.client.start("domain_lookup_by_name", name=guest.name)
        self.client.close()
        connection = self.connect()
        wait.until(lambda: connection.listDefinedDomains() == [guest.name],
                   "the definition whose client left")
