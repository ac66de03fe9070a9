# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A client that says whatever a test wants said: packets by the book through call() and start(),
and any bytes at all through send_bytes(). One thread uses it.

    with RawClient(path, tables) as client:
        client.open("qemu:///system")
        serial = client.start("domain_create", dom=dom)   # several may be in flight
        reply = client.reply_to(serial)                   # Packet
        value = client.call("connect_get_type")["type"]   # start, wait, decode; or WireError
"""

import array
import collections
import socket
import struct
from dataclasses import dataclass

CALL, REPLY, MESSAGE, STREAM, CALL_WITH_FDS, REPLY_WITH_FDS, STREAM_HOLE = range(7)
OK, ERROR, CONTINUE = range(3)
KEEPALIVE, PING, PONG = 0x6B656570, 1, 2
HEADER = ">IIiiIi"
HEADER_SIZE = 4 + struct.calcsize(HEADER)


class WireError(Exception):
    """An error reply; `fields` are its nine fields and the two objects."""

    def __init__(self, fields):
        super().__init__(f"code {fields['code']}, domain {fields['domain']}: {fields['message']}")
        self.fields = fields
        self.code, self.domain, self.message = (fields[n] for n in ("code", "domain", "message"))


class Closed(Exception):
    """The daemon closed the connection."""


@dataclass
class Packet:
    prog: int
    vers: int
    proc: int
    type: int
    serial: int
    status: int
    payload: bytes = b""

    def encode(self, length=None):
        head = struct.pack(HEADER, self.prog, self.vers, self.proc, self.type, self.serial,
                           self.status)
        whole = HEADER_SIZE + len(self.payload)
        return struct.pack(">I", whole if length is None else length) + head + self.payload


class RawClient:
    def __init__(self, path, tables, patience=90.0, connected=None):
        """`connected` replaces `path`: a connected socket, TLS or not, of which this becomes the owner."""
        self.tables = tables
        self.remote = tables.program("remote")
        self.error_type = self.remote.type("error")
        self.socket = connected or socket.socket(socket.AF_UNIX)
        self.socket.settimeout(patience)
        if connected is None:
            self.socket.connect(str(path))
        self.serial = 0
        self.procedures = {}                      # serial -> Procedure of calls made by the book
        self.arrived = collections.deque()        # packets read while looking for another

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Bytes and packets ------------------------------------------------------------------------

    def send_bytes(self, data):
        """False if the daemon had closed its side before all of it was taken."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def send(self, packet, length=None):
        return self.send_bytes(packet.encode(length))

    def send_descriptor_byte(self, descriptor=None):
        """One zero byte, with the descriptor attached if there is one."""
        control = []
        if descriptor is not None:
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        try:
            self.socket.sendmsg([b"\0"], control)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def read_exactly(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed(f"after {len(data)} of {count} bytes")
            data += part
        return bytes(data)

    def read(self):
        """The next packet from the socket; Closed at its end."""
        length = struct.unpack(">I", self.read_exactly(4))[0]
        if length < HEADER_SIZE:
            raise AssertionError(f"the daemon sent a length of {length}")
        body = self.read_exactly(length - 4)
        fields = struct.unpack_from(HEADER, body)
        return Packet(*fields, payload=body[struct.calcsize(HEADER):])

    def is_closed(self):
        """Waits for the daemon to close; False if it sends something instead."""
        try:
            self.read()
        except Closed:
            return True
        return False

    # Calls ------------------------------------------------------------------------------------

    def packet(self, name, /, program="remote", payload=None, **arguments):
        """A call as it should be; the test may then change any field of it."""
        procedure = self.tables.program(program).call(name)
        body = procedure.encode(**arguments) if payload is None else payload
        serial, self.serial = self.serial, self.serial + 1
        self.procedures[serial] = procedure
        return Packet(procedure.program.number, procedure.program.version, procedure.id, CALL,
                      serial, OK, body)

    def start(self, name, /, program="remote", **arguments):
        packet = self.packet(name, program, **arguments)
        if not self.send(packet):
            raise Closed("while sending")
        return packet.serial

    def reply_to(self, serial):
        """The reply to `serial`, whatever else arrives before; the rest is kept in `arrived`."""
        for packet in self.arrived:
            if packet.serial == serial and packet.type == REPLY:
                self.arrived.remove(packet)
                return packet
        while True:
            packet = self.read()
            if packet.serial == serial and packet.type == REPLY:
                return packet
            self.arrived.append(packet)

    def next_reply(self):
        """The next reply, to whichever call."""
        while True:
            packet = self.read()
            if packet.type == REPLY:
                return packet
            self.arrived.append(packet)

    def value_of(self, packet):
        """What a reply to a call of this client says; WireError if it is a refusal."""
        if packet.status == ERROR:
            raise WireError(self.error_in(packet))
        return self.procedures[packet.serial].decode(packet.payload)

    def error_in(self, packet):
        from wire import Reader
        return self.error_type.decode(Reader(packet.payload))

    def call(self, name, /, program="remote", **arguments):
        return self.value_of(self.reply_to(self.start(name, program, **arguments)))

    def refusal(self, packet):
        """Sends a packet that must be answered with an error; its fields."""
        if not self.send(packet):
            raise Closed("while sending")
        reply = self.reply_to(packet.serial)
        if reply.status != ERROR:
            raise AssertionError(f"not refused: {reply}")
        return self.error_in(reply)

    def open(self, uri="qemu:///system", flags=0):
        self.call("auth_list")
        self.call("connect_open", name=uri, flags=flags)
        return self
