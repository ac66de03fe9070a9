# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Streams packet by packet, on the console of a guest that is paused: nothing arrives from it
unasked. What the daemon answers was recorded from the peer."""

import struct

import libvirt

from harness import settings, wait
from harness.python_client import PythonCase
from rawclient import (CONTINUE, ERROR, OK, STREAM, STREAM_HOLE, Closed, Packet, RawClient,
                       WireError)
import wire

_FORCE, _SAFE = 1, 2


class ConsoleStream(PythonCase):
    def setUp(self):
        super().setUp()
        self.tables = wire.Tables(settings.TABLES)
        self.guest = self.new_guest()
        self.domain = self.connect().defineXML(self.guest.xml)
        self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)

    def client(self):
        client = RawClient(self.subject.socket(), self.tables, settings.PATIENCE)
        self.addCleanup(client.close)
        return client.open()

    def open_console(self, client, flags=0):
        """The serial of a console stream."""
        dom = client.call("domain_lookup_by_name", name=self.guest.name)["dom"]
        serial = client.start("domain_open_console", dom=dom, dev_name=None, flags=flags)
        client.value_of(client.reply_to(serial))
        return serial

    def send(self, client, serial, status, payload=b"", kind=STREAM):
        number = client.remote.call("domain_open_console").id
        client.send(Packet(client.remote.number, client.remote.version, number, kind, serial,
                           status, payload))

    def next_of_stream(self, client, serial):
        """The next packet of the stream, without those of data."""
        while True:
            packet = client.arrived.popleft() if client.arrived else client.read()
            if packet.serial == serial and (packet.type != STREAM or packet.status != CONTINUE):
                return packet

    def assert_console_is_free(self):
        """Waits, because the daemon may hear of the end a little later than the test."""
        def opened():
            with self.client() as client:
                try:
                    self.open_console(client, _SAFE)
                except WireError:
                    return False
                return True
        wait.until(opened, "the console to be free")

    def assert_lives(self, client):
        self.assertEqual(client.call("auth_list"), {"types": [0]})

    def test_abort_is_answered_with_ok_and_frees_the_console(self):
        client = self.client()
        serial = self.open_console(client)
        self.send(client, serial, ERROR)
        answer = self.next_of_stream(client, serial)
        self.assertEqual((answer.type, answer.status, answer.payload), (STREAM, OK, b""))
        self.open_console(client, _SAFE)

    def test_finish_is_answered_with_ok_and_frees_the_console(self):
        client = self.client()
        serial = self.open_console(client)
        self.send(client, serial, OK)
        answer = self.next_of_stream(client, serial)
        self.assertEqual((answer.type, answer.status, answer.payload), (STREAM, OK, b""))
        self.open_console(client, _SAFE)

    def test_packets_behind_the_end_are_dropped(self):
        client = self.client()
        serial = self.open_console(client)
        self.send(client, serial, ERROR)
        self.send(client, serial, CONTINUE, b"too late")
        self.send(client, serial, OK)
        self.assertEqual(self.next_of_stream(client, serial).status, OK)
        self.assert_lives(client)
        self.assertEqual(list(client.arrived), [])

    def test_client_that_leaves_frees_the_console(self):
        client = self.client()
        self.open_console(client)
        client.close()
        self.assert_console_is_free()

    def test_second_console_is_refused_and_opens_no_stream(self):
        first, second = self.client(), self.client()
        self.open_console(first)
        with self.assertRaises(WireError) as refused:
            self.open_console(second, _SAFE)
        self.assertIn("Active console session exists for this domain", refused.exception.message)
        self.send(second, second.serial - 1, CONTINUE, b"data")
        self.assert_lives(second)
        self.assertEqual(list(second.arrived), [])

    def test_forced_console_takes_over(self):
        first, second = self.client(), self.client()
        serial = self.open_console(first)
        self.open_console(second, _FORCE)
        packet = first.read()
        self.assertEqual((packet.type, packet.serial), (STREAM, serial))
        self.assert_lives(second)

    def test_console_ends_when_the_guest_does(self):
        client = self.client()
        serial = self.open_console(client)
        self.domain.destroy()
        packet = client.read()
        self.assertEqual((packet.type, packet.serial, packet.payload), (STREAM, serial, b""))
        self.assert_lives(client)

    def test_data_of_any_length_is_taken(self):
        client = self.client()
        serial = self.open_console(client)
        for payload in (b"1", b"12345", b"x" * 7):
            self.send(client, serial, CONTINUE, payload)
        self.assert_lives(client)
        self.send(client, serial, ERROR)
        self.assertEqual(self.next_of_stream(client, serial).status, OK)

    def test_hole_on_a_stream_without_holes_drops_the_client(self):
        client = self.client()
        serial = self.open_console(client)
        self.send(client, serial, CONTINUE, struct.pack(">qI", 4096, 0), STREAM_HOLE)
        with self.assertRaises(Closed):
            self.next_of_stream(client, serial)
        self.assert_console_is_free()

    def test_status_that_no_stream_has_ends_it(self):
        client = self.client()
        serial = self.open_console(client)
        self.send(client, serial, 9)
        answer = self.next_of_stream(client, serial)
        self.assertEqual(answer.status, ERROR)
        self.assert_lives(client)
        self.assert_console_is_free()
