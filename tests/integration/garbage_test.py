# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Clients that say what no client should. Each gets the answer that the wire's rules give or is
dropped; a healthy client that keeps calling meanwhile notices nothing, and the daemon stays the
same process. Packets by number, answers as recorded from the peer."""

import os
import random
import socket
import struct
import threading
import time

import libvirt

from harness import processes, settings, wait
from harness.python_client import PythonCase
from rawclient import (CALL_WITH_FDS, CONTINUE, ERROR, HEADER_SIZE, KEEPALIVE, MESSAGE, OK, PING,
                       PONG, REPLY, STREAM, STREAM_HOLE, Closed, Packet, RawClient)
import wire

_RPC_CODE = 39
_FROM_RPC, _FROM_REMOTE = 7, 13
_LENGTH_MAX = 33_554_436
# Random payloads never go to a procedure that could do something to the machine.
_SAFE = ("auth_list", "connect_get_type", "connect_get_uri", "connect_get_hostname",
         "connect_supports_feature", "domain_lookup_by_name", "domain_lookup_by_uuid",
         "domain_lookup_by_id", "domain_get_info", "domain_get_state", "domain_get_xml_desc",
         "domain_define_xml", "domain_create", "domain_destroy", "domain_suspend",
         "connect_list_all_domains", "connect_list_defined_domains", "domain_open_console",
         "connect_domain_event_callback_register_any", "connect_get_capabilities",
         "domain_set_autostart")


class HealthyClient:
    """Calls without a pause on a thread of its own until it is stopped, and keeps every failure."""

    def __init__(self, uri, guest_name):
        self.connection = libvirt.open(uri)
        self.guest_name = guest_name
        self.calls, self.slowest, self.failure = 0, 0.0, None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.ending.is_set():
                begun = time.monotonic()
                name = self.connection.lookupByName(self.guest_name).name()
                assert name == self.guest_name
                self.connection.listAllDomains()
                self.slowest = max(self.slowest, time.monotonic() - begun)
                self.calls += 1
        except (libvirt.libvirtError, AssertionError) as error:
            self.failure = error

    def stop(self):
        self.ending.set()
        self.thread.join(settings.PATIENCE)
        self.connection.close()


class GarbageCase(PythonCase):
    counts_as_test = False  # what is called here by accident is not tested

    def setUp(self):
        super().setUp()
        self.tables = wire.Tables(settings.TABLES)
        self.guest = self.new_guest("bystander")
        self.connect().defineXML(self.guest.xml)
        self.daemon = self.subject.pid
        self.healthy = HealthyClient(self.subject.uri(), self.guest.name)

    def finish(self):
        self.healthy.stop()
        super().finish()

    def tearDown(self):
        """What must hold whatever was sent."""
        calls = self.healthy.calls
        wait.until(lambda: self.healthy.calls > calls + 2 or self.healthy.failure,
                   "the healthy client to go on calling")
        self.assertIsNone(self.healthy.failure)
        self.assertEqual(self.subject.pid, self.daemon)
        self.assertLess(self.healthy.slowest, settings.PATIENCE / 4)
        with self.raw() as client:
            self.assert_lives(client.open())

    def raw(self, kind="rw"):
        client = RawClient(self.subject.socket(kind), self.tables, settings.PATIENCE)
        self.addCleanup(client.close)
        return client

    def assert_lives(self, client):
        self.assertEqual(client.call("auth_list"), {"types": [0]})

    def assert_refused(self, client, packet, code, message, domains=(_FROM_RPC, _FROM_REMOTE)):
        error = client.refusal(packet)
        self.assertEqual((error["code"], error["level"]), (code, 2), error)
        self.assertIn(error["domain"], domains, error)
        self.assertRegex(error["message"], message)
        self.assert_lives(client)


class Lengths(GarbageCase):
    def test_length_below_a_header_closes(self):
        for length in (0, 1, 4, 24, HEADER_SIZE - 1):
            with self.subTest(length):
                client = self.raw()
                client.send_bytes(struct.pack(">I", length) + bytes(64))
                self.assertTrue(client.is_closed())

    def test_length_above_the_limit_closes(self):
        for length in (_LENGTH_MAX + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            with self.subTest(length):
                client = self.raw()
                client.send_bytes(struct.pack(">I", length) + bytes(64))
                self.assertTrue(client.is_closed())

    def test_longest_message_is_read(self):
        client = self.raw().open()
        name = client.tables.program("remote").call("domain_lookup_by_name").encode(name="nobody")
        packet = client.packet("domain_lookup_by_name",
                               payload=name + bytes(_LENGTH_MAX - HEADER_SIZE - len(name)))
        # Whether bytes behind the arguments are ignored or refused is the daemon's choice.
        error = client.refusal(packet)
        self.assertIn(error["code"], (42, _RPC_CODE), error)
        self.assert_lives(client)

    def test_huge_lengths_that_never_arrive_cost_nothing(self):
        """Announced bytes are not allocated: 200 times 32 MiB would be noticed."""
        before = processes.resident_kib(self.daemon)
        clients = [self.raw() for _ in range(200)]
        for client in clients:
            client.send_bytes(struct.pack(">I", _LENGTH_MAX) + bytes(32))
        self.assert_lives(self.raw())
        self.assertLess(processes.resident_kib(self.daemon) - before, 512 * 1024)
        for client in clients:
            client.close()

    def test_truncated_messages_wait_and_end_with_the_client(self):
        whole = self.raw().packet("domain_lookup_by_name", name="nobody").encode()
        held = []
        for cut in (1, 3, 4, 5, 20, HEADER_SIZE, len(whole) - 1):
            client = self.raw()
            client.send_bytes(whole[:cut])
            held.append((client, cut))
        self.assert_lives(self.raw())
        for client, cut in held:
            client.socket.shutdown(socket.SHUT_WR)
            self.assertTrue(client.is_closed(), cut)

    def test_message_in_single_bytes_is_read(self):
        client = self.raw()
        packet = client.packet("auth_list")
        for byte in packet.encode():
            client.send_bytes(bytes([byte]))
        self.assertEqual(client.value_of(client.reply_to(packet.serial)), {"types": [0]})

    def test_many_messages_in_one_write_are_all_answered(self):
        client = self.raw()
        packets = [client.packet("auth_list") for _ in range(100)]
        client.send_bytes(b"".join(packet.encode() for packet in packets))
        for packet in packets:
            self.assertEqual(client.reply_to(packet.serial).status, OK)


class Headers(GarbageCase):
    def changed(self, client, **fields):
        packet = client.packet("auth_list")
        for name, value in fields.items():
            setattr(packet, name, value)
        return packet

    def test_unknown_programs_are_answered(self):
        client = self.raw()
        for number in (0, 1, 0x20008085, 0x20008089, 0xFFFFFFFF, 0x06900690):
            with self.subTest(number):
                self.assert_refused(client, self.changed(client, prog=number), _RPC_CODE,
                                    f"^Cannot find program {decimal(number)} version 1$",
                                    (_FROM_RPC,))

    def test_wrong_versions_are_answered(self):
        client = self.raw()
        for version in (0, 2, 0xFFFFFFFF):
            with self.subTest(version):
                self.assert_refused(
                    client, self.changed(client, vers=version), _RPC_CODE,
                    f"^Cannot find program {0x20008086} version {decimal(version)}$",
                    (_FROM_RPC,))

    def test_unknown_procedures_are_answered(self):
        client = self.raw().open()
        remote = self.tables.program("remote")
        events = [one.id for one in remote.by_id.values()
                  if one.role == "event" and "since" not in one.entry]
        self.assertGreater(len(events), 10)
        for number in (0, -1, -2147483648, 100_000, 2147483647, *events):
            with self.subTest(number):
                self.assert_refused(client, self.changed(client, proc=number), _RPC_CODE,
                                    f"^unknown procedure: {number}$")

    def test_unknown_procedures_of_other_programs_are_answered(self):
        client = self.raw().open()
        for program in ("qemu", "lxc"):
            number = self.tables.program(program).number
            for procedure in (0, -1, 9999):
                with self.subTest(program=program, procedure=procedure):
                    self.assert_refused(client, self.changed(client, prog=number, proc=procedure),
                                        _RPC_CODE, f"^unknown procedure: {procedure}$")

    def test_call_with_a_status_is_refused(self):
        client = self.raw()
        for status in (ERROR, CONTINUE, 3, -1):
            with self.subTest(status):
                error = client.refusal(self.changed(client, status=status))
                self.assertEqual(error["code"], _RPC_CODE, error)
                self.assert_lives(client)

    def test_types_nobody_waits_for_are_dropped_without_an_answer(self):
        client = self.raw()
        for kind in (REPLY, MESSAGE, STREAM, 5, STREAM_HOLE, 7, 255, -1):
            with self.subTest(kind):
                client.send(self.changed(client, type=kind))
                self.assert_lives(client)
                self.assertEqual(list(client.arrived), [])

    def test_stream_packets_without_a_stream_are_dropped(self):
        client = self.raw().open()
        number = client.remote.call("domain_open_console").id
        for status, payload in ((CONTINUE, b"12345"), (CONTINUE, b""), (OK, b""), (ERROR, b"")):
            with self.subTest(status=status, payload=payload):
                client.send(Packet(client.remote.number, 1, number, STREAM, 77, status, payload))
                self.assert_lives(client)
                self.assertEqual(list(client.arrived), [])

    def test_ping_is_answered_before_anything_else(self):
        client = self.raw()
        client.send(Packet(KEEPALIVE, 1, PING, MESSAGE, 0, OK))
        pong = client.read()
        self.assertEqual((pong.prog, pong.vers, pong.proc, pong.type, pong.serial, pong.status),
                         (KEEPALIVE, 1, PONG, MESSAGE, 0, OK))
        self.assert_lives(client)


class Payloads(GarbageCase):
    def refuse(self, client, name, payload):
        self.assert_refused(client, client.packet(name, payload=payload), _RPC_CODE,
                            "^Unable to decode message payload$")

    def test_missing_bytes_are_refused(self):
        client = self.raw().open()
        whole = client.remote.call("domain_get_xml_desc").encode(
            dom={"name": "name", "uuid": bytes(16), "id": -1}, flags=0)
        for cut in range(0, len(whole), 4):
            with self.subTest(cut):
                self.refuse(client, "domain_get_xml_desc", whole[:cut])

    def test_counts_above_their_limit_are_refused(self):
        client = self.raw().open()
        for count in (4_194_305, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            with self.subTest(count):
                self.refuse(client, "domain_lookup_by_name", struct.pack(">I", count) + bytes(64))

    def test_count_within_the_limit_without_its_bytes_is_refused(self):
        client = self.raw().open()
        for count in (61, 65_536, 4_194_304):
            with self.subTest(count):
                self.refuse(client, "domain_lookup_by_name", struct.pack(">I", count) + bytes(60))

    def test_list_that_announces_more_than_there_is_is_refused(self):
        client = self.raw().open()
        dom = client.remote.type("domain").encode({"name": "x", "uuid": bytes(16), "id": -1})
        for count in (16, 17, 0xFFFFFFFF):
            with self.subTest(count):
                self.refuse(client, "domain_set_memory_parameters",
                            dom + struct.pack(">I", count) + bytes(8))

    def test_unknown_union_tag_is_refused(self):
        client = self.raw().open()
        dom = client.remote.type("domain").encode({"name": "x", "uuid": bytes(16), "id": -1})
        field = client.remote.type("str").encode("limit")
        for tag in (0, 8, -1):
            with self.subTest(tag):
                self.refuse(client, "domain_set_memory_parameters",
                            dom + struct.pack(">I", 1) + field + struct.pack(">i", tag) + bytes(12))

    def test_oddities_that_may_be_refused_are_answered_in_any_case(self):
        """Presence flags other than 0 and 1, padding that isn't zero, text with a NUL or not UTF-8:
        the peer takes them, a stricter daemon may not."""
        client = self.raw().open()
        for name, payload in (
                ("connect_get_max_vcpus", struct.pack(">II", 7, 4) + b"qemu"),
                ("domain_lookup_by_name", struct.pack(">I", 5) + b"nobodyxx"),
                ("domain_lookup_by_name", struct.pack(">I", 8) + b"no\0body!"),
                ("domain_lookup_by_name", struct.pack(">I", 4) + b"\xff\xfe\x80\xc0"),
                ("domain_define_xml", struct.pack(">I", 4) + b"<\0/>"),
                ("domain_define_xml", struct.pack(">I", 4) + b"\xff\xfe\x80\xc0"),
                ("auth_list", b"left over")):
            with self.subTest(name=name, payload=payload):
                packet = client.packet(name, payload=payload)
                client.send(packet)
                self.assertIn(client.reply_to(packet.serial).status, (OK, ERROR))
                self.assert_lives(client)

    def test_deep_and_large_documents_are_refused(self):
        client = self.raw().open()
        for what, xml in (("deep", "<domain>" * 50_000),
                          ("entities", "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
                              f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in
                              zip("abcdefgh", "bcdefghi")) + "]><domain>&i;</domain>"),
                          ("large", "<domain>" + "x\n" * 2_000_000),
                          ("external", "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
                                       "<domain type='qemu'><name>&e;</name></domain>")):
            with self.subTest(what):
                client.refusal(client.packet("domain_define_xml", xml=xml))
                self.assert_lives(client)


class Descriptors(GarbageCase):
    def call_with_fds(self, client, count, name="connect_get_type"):
        packet = client.packet(name)
        packet.type = CALL_WITH_FDS
        packet.payload = struct.pack(">I", count) + packet.payload
        client.send(packet)
        return packet

    def test_too_many_are_closed_upon(self):
        for count in (33, 1000, 0x80000000, 0xFFFFFFFF):
            with self.subTest(count):
                client = self.raw().open()
                self.call_with_fds(client, count)
                self.assertTrue(client.is_closed())

    def test_byte_without_descriptor_is_closed_upon(self):
        client = self.raw().open()
        self.call_with_fds(client, 1)
        client.send_descriptor_byte()
        self.assertTrue(client.is_closed())

    def test_descriptors_that_the_call_does_not_want_are_closed_and_it_runs(self):
        client = self.raw().open()
        ours, theirs = socket.socketpair()
        packet = self.call_with_fds(client, 1)
        client.send_descriptor_byte(theirs.fileno())
        theirs.close()
        self.assertEqual(client.value_of(client.reply_to(packet.serial)), {"type": "QEMU"})
        ours.settimeout(settings.PATIENCE)
        self.assertEqual(ours.recv(1), b"", "the daemon kept a descriptor it had no use for")
        ours.close()

    def test_missing_descriptors_hold_up_this_client_alone(self):
        client = self.raw().open()
        self.call_with_fds(client, 2)
        client.send_descriptor_byte(0)
        self.assert_lives(self.raw())
        client.socket.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed())

    def test_descriptor_attached_to_a_plain_packet_is_not_kept(self):
        for _ in range(20):
            with self.raw() as client:
                ours, theirs = socket.socketpair()
                packet = client.packet("auth_list")
                socket.send_fds(client.socket, [packet.encode()], [theirs.fileno()])
                theirs.close()
                try:
                    client.reply_to(packet.serial)
                except Closed:
                    pass
                client.close()
                ours.settimeout(settings.PATIENCE)
                self.assertEqual(ours.recv(1), b"")
                ours.close()

    def test_count_missing_is_not_fatal_to_others(self):
        client = self.raw().open()
        packet = client.packet("connect_get_type")
        packet.type = CALL_WITH_FDS
        client.send(packet)
        try:
            client.read()
        except Closed:
            pass


class RandomBytes(GarbageCase):
    """Each seed is reproducible: the failing one is in the message."""

    def test_noise(self):
        for seed in range(60):
            with self.subTest(seed=seed), self.raw() as client:
                client.send_bytes(random.Random(seed).randbytes(4096))

    def test_noise_with_a_true_length(self):
        for seed in range(60):
            chance = random.Random(1000 + seed)
            with self.subTest(seed=seed), self.raw() as client:
                for _ in range(5):
                    body = chance.randbytes(chance.randrange(24, 400))
                    client.send_bytes(struct.pack(">I", 4 + len(body)) + body)

    def test_noise_as_payload(self):
        for seed in range(60):
            chance = random.Random(2000 + seed)
            with self.subTest(seed=seed), self.raw() as client:
                client.open()
                for _ in range(5):
                    size = chance.choice((0, 4, 8, 20, 64, 500))
                    packet = client.packet(chance.choice(_SAFE), payload=chance.randbytes(size))
                    client.send(packet)
                    self.assertIn(client.reply_to(packet.serial).status, (OK, ERROR))

    def test_true_calls_with_a_few_wrong_bytes(self):
        for seed in range(60):
            chance = random.Random(3000 + seed)
            with self.subTest(seed=seed), self.raw() as client:
                client.open()
                for _ in range(10):
                    data = bytearray(self.true_call(client, chance).encode())
                    for _ in range(chance.randrange(1, 4)):
                        data[self.harmless_offset(chance, len(data))] = chance.randrange(256)
                    if not client.send_bytes(bytes(data)):
                        break

    def true_call(self, client, chance):
        dom = {"name": self.guest.name, "uuid": os.urandom(16), "id": chance.randrange(-1, 5)}
        name, arguments = chance.choice((
            ("domain_lookup_by_name", {"name": self.guest.name}),
            ("domain_get_state", {"dom": dom, "flags": 0}),
            ("domain_get_xml_desc", {"dom": dom, "flags": 0}),
            ("domain_define_xml", {"xml": "<domain type='qemu'><name/></domain>"}),
            ("connect_list_all_domains", {"need_results": 1, "flags": 0}),
            ("connect_get_type", {})))
        return client.packet(name, **arguments)

    @staticmethod
    def harmless_offset(chance, size):
        """Anywhere but in the procedure's number, so that nothing else is called by accident."""
        while True:
            offset = chance.randrange(size)
            if not 12 <= offset < 16:
                return offset


def decimal(number):
    """A pattern: the peer prints large numbers as negative ones."""
    return f"({number}|{number - 2**32})" if number >= 2**31 else str(number)
