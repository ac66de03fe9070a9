# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Who is slow, stuck, silent or does not read harms nobody else: promises that the peer does not keep. Counts and
order, no times: those are tests/bench's. docs/limits.md has the limits."""

import socket
import struct

from harness import settings, wait
from harness.stuck import StuckCase
from rawclient import CONTINUE, ERROR, KEEPALIVE, MESSAGE, OK, PING, PONG, REPLY, STREAM, Closed, Packet

RESOURCE_BUSY, OPERATION_TIMEOUT = 87, 68
LIFECYCLE = 0
PARKED, IN_FLIGHT, QUEUED = 256, 16, 1024   # defaults of one client's calls


class SlowCalls(StuckCase):
    def ping(self, client):
        client.send(Packet(KEEPALIVE, 1, PING, MESSAGE, 0, OK))
        while True:
            packet = client.read()
            if (packet.prog, packet.proc) == (KEEPALIVE, PONG):
                return
            client.arrived.append(packet)

    def test_a_hundred_hanging_calls_leave_the_connection_as_it_was(self):
        client = self.client()
        stuck, healthy = self.domain(client, "d0"), self.domain(client, "d1")
        hanging = [client.start("domain_suspend", dom=stuck) for _ in range(100)]
        for _ in range(20):
            self.ping(client)
            client.call("domain_resume", dom=healthy)             # the driver's
            client.call("domain_get_state", dom=stuck, flags=0)   # the host's, of the stuck one
        self.assertEqual(list(client.arrived), [], "something else was answered")
        client.call("domain_abort_job", dom=stuck)
        for serial in hanging:
            self.assertEqual(client.value_of(client.reply_to(serial)), {})

    def test_calls_beyond_a_clients_share_are_answered_busy_one_by_one(self):
        client = self.client()
        stuck = self.domain(client, "d0")
        sent = [client.start("domain_suspend", dom=stuck) for _ in range(PARKED + IN_FLIGHT + QUEUED + 300)]
        busy = set()
        while len(busy) < 300:
            packet = client.next_reply()
            self.assertEqual(client.error_in(packet)["code"], RESOURCE_BUSY)
            busy.add(packet.serial)
        self.ping(client)
        other = self.client()
        other.call("domain_resume", dom=self.domain(other, "d1"))
        # What waited runs now, and hangs in its turn.
        answered = {}
        while len(answered) + len(busy) < len(sent):
            other.call("domain_abort_job", dom=stuck)
            while len(answered) + len(busy) < len(sent) and self.has_input(client):
                packet = client.next_reply()
                if packet.status == ERROR:
                    self.assertEqual(client.error_in(packet)["code"], RESOURCE_BUSY)
                    busy.add(packet.serial)
                else:
                    answered[packet.serial] = packet
        self.assertEqual(set(answered) | busy, set(sent))
        self.assertEqual(len(answered) + len(busy), len(sent), "a call was answered twice")
        client.call("domain_resume", dom=self.domain(client, "d1"))

    @staticmethod
    def has_input(client):
        client.socket.settimeout(0.05)
        try:
            return bool(client.socket.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return False
        finally:
            client.socket.settimeout(settings.PATIENCE)

    def has_reply(self, client, serial):
        """After reading what is there now: calls in flight may overtake each other."""
        while self.has_input(client):
            client.arrived.append(client.read())
        return any(packet.serial == serial and packet.type == REPLY for packet in client.arrived)

    def test_five_hundred_clients_of_a_stuck_object_hold_up_nobody(self):
        """Each of these calls would keep a thread for itself."""
        self.need_descriptors(1200)
        healthy = self.client()
        one, other = self.domain(healthy, "d0"), self.domain(healthy, "d1")
        clients = [self.client() for _ in range(500)]
        serials = [client.start("domain_reset", dom=one, flags=0) for client in clients]
        for _ in range(100):
            healthy.call("domain_resume", dom=other)
            healthy.call("domain_get_state", dom=one, flags=0)
        late = self.client()
        late.call("domain_shutdown", dom=other)
        self.assertIn("d1", self.virsh_on_stuck("list", "--name"))
        self.assertLess(self.threads(), 64)
        late.call("domain_abort_job", dom=one)
        for client, serial in zip(clients, serials):
            while not self.has_reply(client, serial):
                late.call("domain_abort_job", dom=one)
            self.assertEqual(client.value_of(client.reply_to(serial)), {}, "a connection was lost")

    def virsh_on_stuck(self, *words):
        uri = f"stuck+unix:///default?socket={self.subject.socket()}"
        return self.run_virsh(uri, *words)

    def test_workers_that_block_on_many_objects_are_replaced(self):
        client = self.client()
        stuck = [self.domain(client, f"d{number}") for number in range(6)]
        blocked = [(client, client.start("domain_reset", dom=dom, flags=0)) for dom in stuck for _ in range(2)]
        # Twelve of the client's sixteen are taken, and twelve of the twenty workers.
        others = [self.client() for _ in range(3)]
        for other in others:
            blocked += [(other, other.start("domain_reset", dom=dom, flags=0)) for dom in stuck[:4]]
        for _ in range(20):
            others[0].call("domain_resume", dom=self.domain(client, "d7"))
        teller = self.client()
        for who, serial in blocked:
            while not self.has_reply(who, serial):
                for dom in stuck:
                    teller.call("domain_abort_job", dom=dom)
            self.assertEqual(who.value_of(who.reply_to(serial)), {})


class Leaving(StuckCase):
    def prepare(self):
        super().prepare()
        self.subject.configure("calls: {query_deadline: 1s}\n")

    def test_a_query_that_is_not_answered_in_time_fails_for_its_client_alone(self):
        client = self.client()
        stuck = self.domain(client, "d0")
        for slow in ("domain_get_time", "domain_get_hostname"):   # gives up when cancelled; does not
            reply = client.reply_to(client.start(slow, dom=stuck, flags=0))
            error = client.error_in(reply)
            self.assertEqual(error["code"], OPERATION_TIMEOUT, error["message"])
            self.assertIn(slow, error["message"])
        change = client.start("domain_suspend", dom=stuck)
        again = client.reply_to(client.start("domain_get_time", dom=stuck, flags=0))
        self.assertEqual(again.status, ERROR)
        self.assertEqual([packet.serial for packet in client.arrived], [], "the change has no deadline")
        client.call("domain_abort_job", dom=stuck)
        self.assertEqual(client.value_of(client.reply_to(change)), {})
        self.assertEqual([packet.serial for packet in client.arrived], [], "a late answer was sent after all")

    def test_queries_end_with_their_client(self):
        client = self.client()
        stuck = self.domain(client, "d0")
        for _ in range(50):
            client.start("domain_get_time", dom=stuck, flags=0)
        client.call("domain_get_state", dom=stuck, flags=0)
        client.close()
        # A call that was left in the driver would keep the daemon from stopping cleanly.
        self.assertEqual(self.subject.stop(), 0)
        self.assertNotIn("still", self.subject.log_tail())


class SilentSockets(StuckCase):
    def test_ten_thousand_of_them_do_not_keep_root_out(self):
        self.need_descriptors(10_500)
        silent = []
        for _ in range(10_000):
            made = socket.socket(socket.AF_UNIX)
            made.connect(str(self.subject.socket()))
            silent.append(made)
        self.addCleanup(lambda: [made.close() for made in silent])
        for _ in range(5):
            uri = f"stuck+unix:///default?socket={self.subject.socket()}"
            self.assertIn("d1", self.run_virsh(uri, "list", "--name"))
        client = self.client()
        self.assertEqual(client.call("connect_get_type")["type"], "STUCK")
        for made in silent:
            made.setblocking(False)
        ended = sum(1 for made in silent[:5000] if self.has_ended(made))
        self.assertGreater(ended, 4000, "the oldest ones made room")
        self.assertFalse(self.has_ended(silent[-1]), "not the youngest")

    @staticmethod
    def has_ended(made):
        try:
            return made.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


class Subscribers(StuckCase):
    STORM = 20_000

    def subscribe(self, client):
        return client.call("connect_domain_event_callback_register_any", eventID=LIFECYCLE, dom=None)

    def expect_storm(self, client):
        """All of a storm's events arrive, in order. The last field of each is its number in the storm."""
        for number in range(self.STORM):
            while True:
                packet = client.arrived.popleft() if client.arrived else client.read()
                if packet.type == MESSAGE and packet.prog != KEEPALIVE:
                    break
            self.assertEqual(struct.unpack(">i", packet.payload[-4:]), (number,))

    def test_one_that_does_not_read_is_cut_off_and_the_others_miss_nothing(self):
        deaf, listener, actor = self.client(), self.client(), self.client()
        self.subscribe(deaf)
        self.subscribe(listener)
        dom = self.domain(actor, "d3")
        actor.call("domain_set_memory", dom=dom, memory=self.STORM)
        self.expect_storm(listener)
        while "left more events" not in self.subject.log_tail(400):
            actor.call("domain_set_memory", dom=dom, memory=self.STORM)
            self.expect_storm(listener)
        with self.assertRaises(Closed):
            while True:
                deaf.read()
        before = self.resident_kib()
        for _ in range(3):
            actor.call("domain_set_memory", dom=dom, memory=self.STORM)
            self.expect_storm(listener)
        if not settings.SANITIZED:  # which keep what was freed
            self.assertLess(self.resident_kib() - before, 4 * 1024)


class Uploads(StuckCase):
    PIECE = 65_536

    def prepare(self):
        super().prepare()
        self.subject.configure("keepalive: {interval: 1s, count: 2}\n")

    def test_a_driver_that_does_not_take_it_holds_up_the_client_and_does_not_lose_it(self):
        """The one case in which a client is not read: the wire gives uploads no window. Blocked for longer than the
        keepalive would allow a silent client."""
        client, other = self.client(), self.client()
        client.call("connect_supports_feature", feature=10)   # VIR_DRV_FEATURE_PROGRAM_KEEPALIVE: it may be pinged
        vol = {"pool": "pool", "name": "vol", "key": "/stuck/vol"}
        serial = client.start("storage_vol_upload", vol=vol, offset=0, length=0, flags=0)
        self.assertEqual(client.value_of(client.reply_to(serial)), {})
        upload = self.tables.program("remote").call("storage_vol_upload")
        piece = Packet(upload.program.number, 1, upload.id, STREAM, serial, CONTINUE, bytes(self.PIECE)).encode()
        client.socket.setblocking(False)
        sent = self.send_until_full(client, piece * 64)
        self.assertLess(sent, len(piece) * 64, "4 MiB were taken for a driver that takes none")
        client.socket.settimeout(settings.PATIENCE)
        for _ in range(5):   # a silent client would be gone after three
            packet = client.read()
            self.assertEqual((packet.prog, packet.proc), (KEEPALIVE, PING))
        other.call("storage_vol_wipe", vol=vol, flags=0)
        client.send_bytes((piece * 64)[sent:])
        client.send(Packet(upload.program.number, 1, upload.id, STREAM, serial, OK))
        while True:
            packet = client.read()
            if packet.prog != KEEPALIVE:
                break
        self.assertEqual((packet.type, packet.status, packet.serial), (STREAM, OK, serial))

    @staticmethod
    def send_until_full(client, data):
        sent = 0
        stuck = 0
        while sent < len(data) and stuck < 20:
            try:
                sent += client.socket.send(data[sent:])
                stuck = 0
            except BlockingIOError:
                stuck += 1
                wait.writable(client.socket, 0.05)
        return sent

