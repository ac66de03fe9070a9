# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What one client of the soak does: an action after the other, drawn by a seeded generator."""

import random
import socket
import threading
import time

import wire
from harness import settings
from rawclient import CONTINUE, ERROR, MESSAGE, OK, STREAM, Closed, Packet, RawClient, WireError

URI = "stuck:///default"
DOMAINS = 16
TABLES = wire.Tables(settings.TABLES)
# The daemon's ways to say no that this load asks for: busy, timed out, no domain (destroyed by another), aborted.
EXPECTED = {42, 68, 78, 87}


class Counts:
    def __init__(self):
        self.all, self.lock = {}, threading.Lock()

    def add(self, name):
        with self.lock:
            self.all[name] = self.all.get(name, 0) + 1


class Actor:
    def __init__(self, path, seed, counts):
        self.path, self.counts, self.random = path, counts, random.Random(seed)
        self.seed, self.made = seed, 0

    def run_until(self, end):
        actions = [getattr(self, name) for name in dir(self) if name.startswith("do_")]
        while time.monotonic() < end:
            action = self.random.choice(actions)
            name = action.__name__[3:]
            try:
                action()
            except WireError as error:
                if error.code not in EXPECTED:
                    raise
            except Closed:
                if name != "listen":   # hears of all domains, and may have been cut off as too slow for that
                    raise
                name = "listen_cut_off"
            self.counts.add(name)

    # ------------------------------------------------------------------------------------------

    def client(self):
        return RawClient(self.path, TABLES, settings.PATIENCE)

    def opened(self):
        return self.client().open(URI)

    def domain(self, client):
        return client.call("domain_lookup_by_name", name=f"d{self.random.randrange(DOMAINS)}")["dom"]

    def do_call(self):
        with self.opened() as client:
            dom = self.domain(client)
            for _ in range(self.random.randrange(1, 30)):
                client.call(self.random.choice(["domain_resume", "domain_shutdown"]), dom=dom)
                client.call("domain_get_state", dom=dom, flags=0)

    def do_many_at_once(self):
        with self.opened() as client:
            dom = self.domain(client)
            names = ["domain_resume", "domain_shutdown", "domain_is_active"]
            serials = [client.start(self.random.choice(names), dom=dom) for _ in range(100)]
            self.random.shuffle(serials)
            for serial in serials:
                client.value_of(client.reply_to(serial))

    def do_leave_in_the_middle(self):
        with self.opened() as client:
            dom = self.domain(client)
            for _ in range(self.random.randrange(40)):
                client.start(self.random.choice(["domain_resume", "domain_shutdown", "domain_is_active"]), dom=dom)

    def do_listen(self):
        with self.opened() as client:
            ret = client.call("connect_domain_event_callback_register_any", eventID=0, dom=None)
            dom = self.domain(client)
            asked = self.random.randrange(1, 50)
            client.call("domain_set_memory", dom=dom, memory=asked)
            for _ in range(self.random.randrange(min(asked, 20) + 1)):
                self.next_packet(client, lambda packet: packet.type == MESSAGE)
            if self.random.random() < 0.5:
                client.call("connect_domain_event_callback_deregister_any", callbackID=ret["callbackID"])

    def do_listen_and_not_read(self):
        with self.opened() as client, self.opened() as actor:
            client.call("connect_domain_event_callback_register_any", eventID=0, dom=None)
            actor.call("domain_set_memory", dom=self.domain(actor), memory=1000)

    def do_stream(self):
        with self.opened() as client:
            serial = client.start("domain_open_console", dom=self.domain(client), dev_name=None, flags=0)
            client.value_of(client.reply_to(serial))
            data = bytes(self.random.randrange(1, 20000))
            self.stream_packet(client, serial, CONTINUE, data)
            got = 0
            while got < len(data):
                packet = self.next_stream_packet(client, serial)
                if packet.status == ERROR:
                    raise AssertionError(f"the stream broke: {client.error_in(packet)}")
                got += len(packet.payload)
            if self.random.random() < 0.7:   # else it just leaves
                self.stream_packet(client, serial, self.random.choice([OK, ERROR]), b"")
                while self.next_stream_packet(client, serial).status != OK:
                    pass

    def do_stream_and_leave(self):
        with self.opened() as client:
            how = self.random.choice(["flood", "block"])
            serial = client.start("domain_open_console", dom=self.domain(client), dev_name=how, flags=0)
            client.value_of(client.reply_to(serial))
            if how == "flood":
                for _ in range(self.random.randrange(5)):
                    self.next_stream_packet(client, serial)
            else:
                self.stream_packet(client, serial, CONTINUE, bytes(30000))

    def do_hang(self):
        """Told by release_all(), which runs all the time, or left."""
        with self.opened() as client:
            dom = self.domain(client)
            serials = [client.start("domain_suspend", dom=dom), client.start("domain_reset", dom=dom, flags=0),
                       client.start("domain_get_time", dom=dom, flags=0)]
            if self.random.random() < 0.5:
                for serial in serials[:2]:
                    client.value_of(client.reply_to(serial))

    def do_make_and_end(self):
        self.made += 1
        with self.opened() as client:
            name = f"s{self.seed}-{self.made}"
            dom = client.call("domain_create_xml", xml_desc=name, flags=0)["dom"]
            client.start("domain_suspend", dom=dom)
            client.call("domain_set_memory", dom=dom, memory=3)
            client.call("domain_destroy", dom=dom)

    def do_lists(self):
        with self.opened() as client:
            client.call("connect_list_all_domains", need_results=1, flags=0)
            client.call("connect_num_of_domains")
            client.call("connect_close")

    def do_say_nothing(self):
        with socket.socket(socket.AF_UNIX) as made:
            made.connect(str(self.path))

    def do_say_half(self):
        with self.client() as client:
            client.send_bytes(Packet(client.remote.number, 1, 1, 0, 0, 0, bytes(100)).encode()[:self.random.randrange(100)])

    def do_say_nonsense(self):
        with self.client() as client:
            client.send_bytes(self.random.randbytes(200))

    @staticmethod
    def stream_packet(client, serial, status, data):
        call = client.procedures[serial]
        client.send(Packet(call.program.number, 1, call.id, STREAM, serial, status, data))

    @staticmethod
    def next_packet(client, is_wanted):
        while True:
            packet = client.arrived.popleft() if client.arrived else client.read()
            if is_wanted(packet):
                return packet

    def next_stream_packet(self, client, serial):
        return self.next_packet(client, lambda packet: packet.type == STREAM and packet.serial == serial)


def release_all(path, until=lambda: True):
    """Tells all that hangs to end, again and again until until()."""
    with RawClient(path, TABLES, settings.PATIENCE).open(URI) as client:
        doms = [client.call("domain_lookup_by_name", name=f"d{number}")["dom"] for number in range(DOMAINS)]
        while True:
            for dom in doms:
                client.call("domain_abort_job", dom=dom)
            if until():
                return


def touch(path):
    """A first use of everything, so that what is made once is there."""
    with RawClient(path, TABLES, settings.PATIENCE).open(URI) as client:
        client.call("connect_domain_event_callback_register_any", eventID=0, dom=None)
