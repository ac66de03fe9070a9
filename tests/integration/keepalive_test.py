# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Keepalive in both directions: pings of clients are answered at once, whatever else is going on; clients that
announced it are pinged, and cut off when they stay silent; others are never pinged."""

from harness import settings
from harness.sample import URI, SampleCase
from rawclient import MESSAGE, OK, Closed, Packet, RawClient
import wire

KEEPALIVE, PING, PONG = 0x6b656570, 1, 2
FEATURE = 10


class Keepalive(SampleCase):
    config = "keepalive: {interval: 1s, count: 2}\n"

    def raw(self):
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        return client

    def send(self, client, procedure):
        client.send(Packet(KEEPALIVE, 1, procedure, MESSAGE, 0, OK, b""))

    def expect(self, client, procedure):
        packet = client.read()
        self.assertEqual((packet.prog, packet.proc, packet.type, packet.serial, packet.payload),
                         (KEEPALIVE, procedure, MESSAGE, 0, b""))

    def test_ping_is_answered_even_before_anything_else(self):
        client = self.raw()
        for _ in range(3):
            self.send(client, PING)
            self.expect(client, PONG)
        client.open(URI)
        self.send(client, PING)
        self.expect(client, PONG)

    def test_client_that_answers_lives(self):
        client = self.raw().open(URI)
        self.assertEqual(client.call("connect_supports_feature", feature=FEATURE), {"supported": 1})
        for _ in range(5):
            self.expect(client, PING)
            self.send(client, PONG)
        self.assertEqual(client.call("connect_get_type"), {"type": "Sample"})

    def test_silent_client_is_cut_off_after_its_pings(self):
        client = self.raw().open(URI)
        client.call("connect_supports_feature", feature=FEATURE)
        for _ in range(2):
            self.expect(client, PING)
        with self.assertRaises(Closed):
            client.read()
        self.assert_logged("answered none of our keepalive pings")

    def test_client_that_did_not_announce_it_is_never_pinged(self):
        quiet, pinged = self.raw().open(URI), self.raw().open(URI)
        pinged.call("connect_supports_feature", feature=FEATURE)
        for _ in range(4):
            self.expect(pinged, PING)
            self.send(pinged, PONG)
        self.assertEqual(quiet.call("connect_get_type"), {"type": "Sample"})
        self.assertEqual(list(quiet.arrived), [])
