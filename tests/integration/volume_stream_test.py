# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Streams of volumes, whose driver sends and takes as the test says: contents and holes, errors that come
late, clients and drivers that stop, and what is held in between."""

import os
import struct
import subprocess
import threading
import time

import libvirt

from harness import settings, wait
from harness.case import plain_environment
from harness.sample import ACTIVE, URI, SampleCase
from rawclient import CONTINUE, ERROR, MESSAGE, OK, STREAM, STREAM_HOLE, Packet, RawClient
import wire

KIB, MIB = 1 << 10, 1 << 20
SPARSE = 1
KEEPALIVE = 0x6b656570


def byte_at(place):
    """What the driver sends at a place."""
    return (place * 7 + place // 253 + 1) & 0xff


def contents(count, holes=()):
    data = bytearray(byte_at(i) for i in range(count))
    for first, length in holes:
        data[first:first + length] = bytes(length)
    return bytes(data)


def sum_of(data):
    """What the driver makes of an upload."""
    return sum(b * (i % 65_521 + 1) for i, b in enumerate(data))


class VolumeCase(SampleCase):
    def setUp(self):
        super().setUp()
        pool = self.publish("pool", "pool", attrs=ACTIVE, keys=[["type", "dir"]])
        self.publish("volume", "vol", parent=pool, keys=[["key", "/vol"], ["path", "/vol"]])
        self.volume = self.connection.storageVolLookupByKey("/vol")
        self.tables = wire.Tables(settings.TABLES)
        self.path = self.folder / "file"

    def plan(self, **what):
        self.tell({"do": "plan", "volume": "vol", **what})

    def figures(self):
        return self.tell({"do": "figures", "volume": "vol"})[0]

    def expect_figures(self, **wanted):
        wait.until(lambda: wanted.items() <= self.figures().items(), f"{wanted}")
        return self.figures()

    def raw(self):
        client = RawClient(self.subject.socket(), self.tables, settings.PATIENCE)
        self.addCleanup(client.close)
        return client.open(URI)

    def open_stream(self, client, call, flags=0):
        vol = {"pool": "pool", "name": "vol", "key": "/vol"}
        serial = client.start(call, vol=vol, offset=0, length=0, flags=flags)
        client.value_of(client.reply_to(serial))
        return serial

    def send(self, client, call, serial, status, payload=b"", kind=STREAM):
        client.send(Packet(client.remote.number, client.remote.version, client.remote.call(call).id, kind,
                           serial, status, payload))


class Contents(VolumeCase):
    def test_download(self):
        self.plan(bytes=700_001)
        self.virsh("vol-download", "--pool", "pool", "vol", str(self.path))
        self.assertEqual(self.path.read_bytes(), contents(700_001))
        self.expect_figures(data=700_001, holes=0, finished=1)

    def test_download_with_holes(self):
        holes = [(4096, 100_000), (300_000, 65_536), (500_000, 12_345)]
        size = 512_345
        self.plan(bytes=size, holes=holes)
        self.virsh("vol-download", "--sparse", "--pool", "pool", "vol", str(self.path))
        self.assertEqual(self.path.read_bytes(), contents(size, holes))
        lost = sum(length for _, length in holes)
        self.expect_figures(data=size - lost, holes=3, hole_bytes=lost, finished=1)

    def test_empty_download(self):
        self.plan(bytes=0)
        self.virsh("vol-download", "--pool", "pool", "vol", str(self.path))
        self.assertEqual(self.path.read_bytes(), b"")

    def test_upload(self):
        data = os.urandom(900_003)
        self.path.write_bytes(data)
        self.virsh("vol-upload", "--pool", "pool", "vol", str(self.path))
        self.expect_figures(data=len(data), sum=sum_of(data), finished=1)

    def test_upload_with_holes(self):
        with open(self.path, "wb") as file:
            file.write(b"a" * 4096)
            file.seek(MIB)
            file.write(b"b" * 4096)
            file.truncate(2 * MIB)
        self.virsh("vol-upload", "--sparse", "--pool", "pool", "vol", str(self.path))
        figures = self.expect_figures(finished=1)
        self.assertEqual(figures["data"] + figures["hole_bytes"], 2 * MIB)
        self.assertGreaterEqual(figures["hole_bytes"], MIB)

    def test_stream_that_calls_back(self):
        """The library's own event loop tells when there is something to take."""
        self.plan(bytes=300_000)
        stream = self.connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        got, over = bytearray(), threading.Event()

        def readable(one, events, _):
            while events & libvirt.VIR_STREAM_EVENT_READABLE:
                data = one.recv(64 * KIB)
                if data == -2:
                    return
                if not data:
                    one.eventRemoveCallback()
                    over.set()
                    return
                got.extend(data)

        self.volume.download(stream, 0, 0)
        stream.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE, readable, None)
        self.assertTrue(over.wait(settings.PATIENCE))
        stream.finish()
        self.assertEqual(bytes(got), contents(300_000))


class Ends(VolumeCase):
    def test_error_at_the_end_of_an_upload(self):
        self.plan(fail_at_finish=True)
        self.path.write_bytes(b"x" * 100_000)
        self.assertIn("failed to write flush failed late",
                      self.virsh_fails("vol-upload", "--pool", "pool", "vol", str(self.path)))
        self.expect_figures(data=100_000, finished=0)

    def test_error_in_the_middle_of_an_upload(self):
        self.plan(fail_after=300_000)
        self.path.write_bytes(b"x" * 4 * MIB)
        self.assertIn("no space left", self.virsh_fails("vol-upload", "--pool", "pool", "vol", str(self.path)))
        self.assertEqual(self.connection.getType(), "Sample")

    def test_error_in_the_middle_of_a_download(self):
        self.plan(bytes=4 * MIB, fail_after=1_000_000)
        self.assertIn("bad sector", self.virsh_fails("vol-download", "--pool", "pool", "vol", str(self.path)))

    def test_abort(self):
        stream = self.connection.newStream()
        self.volume.upload(stream, 0, 0)
        stream.send(b"x" * 1000)
        stream.abort()
        self.expect_figures(aborted=1)
        again = self.connection.newStream()
        self.plan(bytes=100_000_000)
        self.volume.download(again, 0, 0)
        again.recv(1000)
        again.abort()
        self.expect_figures(aborted=1, finished=0)

    def test_client_that_leaves(self):
        client = self.raw()
        serial = self.open_stream(client, "storage_vol_upload")
        self.send(client, "storage_vol_upload", serial, CONTINUE, b"x" * 1000)
        client.close()
        self.expect_figures(broken=1)

    def test_client_that_leaves_a_blocked_upload(self):
        self.plan(block=True)
        client = self.raw()
        serial = self.open_stream(client, "storage_vol_upload")
        thread = threading.Thread(target=self.send_much, args=(client, serial, 64 * MIB), daemon=True)
        thread.start()
        self.expect_figures(opened=1)
        client.socket.shutdown(2)
        thread.join(settings.PATIENCE)
        self.expect_figures(broken=1)

    def send_much(self, client, serial, count):
        for _ in range(count // (256 * KIB)):
            self.send(client, "storage_vol_upload", serial, CONTINUE, b"x" * 256 * KIB)

    def test_hole_only_where_it_was_asked_for(self):
        client = self.raw()
        serial = self.open_stream(client, "storage_vol_upload", SPARSE)
        self.send(client, "storage_vol_upload", serial, CONTINUE, struct.pack(">qI", 5000, 0), STREAM_HOLE)
        self.send(client, "storage_vol_upload", serial, OK)
        self.expect_figures(holes=1, hole_bytes=5000, finished=1)
        packet = client.read()
        self.assertEqual((packet.type, packet.serial, packet.status), (STREAM, serial, OK))


class ClientThatDoesNotRead(VolumeCase):
    def test_the_driver_is_held_up_and_all_arrives_later(self):
        self.plan(bytes=64 * MIB)
        client = self.raw()
        serial = self.open_stream(client, "storage_vol_download")
        memory = self.memory()
        sent = self.settled()
        # Its own budget, one piece at the driver's end, and what the kernel takes.
        self.assertLess(sent, 8 * MIB)
        self.assertLess(self.memory() - memory, 16 * MIB)
        self.assertEqual(self.connection.getType(), "Sample")
        got = 0
        while True:
            packet = client.read()
            self.assertEqual((packet.type, packet.serial, packet.status), (STREAM, serial, CONTINUE))
            if not packet.payload:
                break
            got += len(packet.payload)
        self.assertEqual(got, 64 * MIB)
        self.send(client, "storage_vol_download", serial, OK)
        self.assertEqual(client.read().status, OK)

    def settled(self):
        """How much the driver has sent, once many questions in a row have the same answer."""
        seen = []
        wait.until(lambda: (seen.append(self.figures()["data"]), len(seen) > 50 and len(set(seen[-50:])) == 1)[1],
                   "the driver to be held up")
        return seen[-1]

    def memory(self):
        """Of the daemon, resident bytes."""
        with open(f"/proc/{self.subject.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class BlockedUpload(VolumeCase):
    """An upload waits as long as the driver wants; the connection lives on by the daemon's pings."""

    def check_upload_that_is_blocked_for(self, seconds, *virsh_words):
        """virsh uploads into a driver that takes nothing for so long, and then all of it."""
        self.plan(block=True)
        self.path.write_bytes(b"x" * 24 * MIB)
        command = ["virsh", *virsh_words, "-c", self.subject.uri(), "vol-upload", "--pool", "pool", "vol",
                   str(self.path)]
        upload = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, env=plain_environment())
        self.addCleanup(upload.kill)
        self.expect_figures(opened=1, data=0)
        self.count_pings_for(seconds)
        self.assertIsNone(upload.poll(), "virsh goes on")
        self.assertEqual(self.figures()["data"], 0)
        self.tell({"do": "resume", "volume": "vol"})
        output, _ = upload.communicate(timeout=settings.PATIENCE)
        self.assertEqual((upload.returncode, output.strip()), (0, ""))
        self.expect_figures(data=24 * MIB, finished=1)

    def count_pings_for(self, seconds):
        """Returns when so much time is over, as told by the pings to a client that answers them."""
        client = self.raw()
        client.call("connect_supports_feature", feature=10)
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            packet = client.read()
            self.assertEqual((packet.prog, packet.type, packet.proc), (KEEPALIVE, MESSAGE, 1))
            client.send(Packet(KEEPALIVE, 1, 2, MESSAGE, 0, OK, b""))


class TakesMinutes(BlockedUpload):
    """As users meet it: the daemon's settings and virsh's own as they come, five seconds between pings. The client
    would give up after half a minute, and so would the daemon; the driver takes more than one."""

    def test_vol_upload_into_a_driver_that_blocks_for_over_a_minute(self):
        self.check_upload_that_is_blocked_for(65)


class DriverThatDoesNotTake(BlockedUpload):
    """A second of these settings stands for five of the usual ones."""

    config = "keepalive: {interval: 1s, count: 3}\n"

    def test_vol_upload_outlives_the_clients_own_keepalive(self):
        self.check_upload_that_is_blocked_for(13, "-k", "1", "-K", "2")

    def test_a_blocked_upload_is_pinged_and_not_read(self):
        self.plan(block=True)
        client = self.raw()
        client.call("connect_supports_feature", feature=10)
        serial = self.open_stream(client, "storage_vol_upload")
        sender = threading.Thread(target=self.send_all, args=(client, serial, 32 * MIB), daemon=True)
        sender.start()
        pings = 0
        while pings < 8:
            packet = client.read()
            self.assertEqual((packet.prog, packet.proc), (KEEPALIVE, 1))
            pings += 1
        self.assertTrue(sender.is_alive(), "the daemon does not read what nobody takes")
        self.tell({"do": "resume", "volume": "vol"})
        sender.join(settings.PATIENCE)
        self.assertFalse(sender.is_alive())
        self.send(client, "storage_vol_upload", serial, OK)
        while (packet := client.read()).prog == KEEPALIVE:
            pass
        self.assertEqual((packet.type, packet.serial, packet.status), (STREAM, serial, OK))
        self.expect_figures(data=32 * MIB, finished=1)

    def send_all(self, client, serial, count):
        for _ in range(count // (256 * KIB)):
            self.send(client, "storage_vol_upload", serial, CONTINUE, b"x" * 256 * KIB)


class Stall(VolumeCase):
    config = "limits: {stream_stall: 1s}\n"

    def test_an_upload_without_progress_breaks_and_the_connection_lives(self):
        self.plan(block=True)
        client = self.raw()
        serial = self.open_stream(client, "storage_vol_upload")
        sender = threading.Thread(target=self.send_all, args=(client, serial), daemon=True)
        sender.start()
        packet = client.read()
        self.assertEqual((packet.type, packet.serial, packet.status), (STREAM, serial, ERROR))
        self.assertIn("stream_stall", client.error_in(packet)["message"])
        sender.join(settings.PATIENCE)
        self.assertEqual(client.call("connect_get_type"), {"type": "Sample"})
        self.expect_figures(broken=1)

    def send_all(self, client, serial):
        for _ in range(64):
            self.send(client, "storage_vol_upload", serial, CONTINUE, b"x" * 256 * KIB)
