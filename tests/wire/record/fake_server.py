# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A daemon that answers just enough: it keeps the packets that a client sends and replies with what a
case prepared, or with the smallest reply there is. It has no state and no driver.

    with FakeServer(path, tables, {"remote.domain_lookup_by_name": {"dom": ...}}) as server:
        ... the client library calls ...
        packet = server.last("remote", "domain_lookup_by_name")
"""
import array
import os
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))
import wire  # noqa: E402: the tables' other reader

CALL, REPLY, MESSAGE, STREAM, CALL_WITH_FDS, REPLY_WITH_FDS, STREAM_HOLE = range(7)
OK, ERROR, CONTINUE = range(3)
HEADER = ">IIiiIi"


def smallest(codec):
    """The value that takes the fewest bytes."""
    if isinstance(codec, wire.Number):
        return 0
    if isinstance(codec, wire.Bytes):
        return "" if codec.text else bytes(0 if codec.counted else codec.limit)
    if isinstance(codec, wire.Items):
        return [] if codec.counted else [smallest(codec.item)] * codec.limit
    if isinstance(codec, wire.Optional):
        return None
    if isinstance(codec, wire.Union):
        tag = next(iter(codec.arms))
        return tag, smallest(codec.arms[tag])
    return {name: smallest(inner) for name, inner in codec.fields}


@dataclass
class Packet:
    data: bytes                 # all of it, with length and header
    program: "wire.Program"
    procedure: "wire.Procedure"
    prog: int
    vers: int
    type: int
    serial: int
    status: int
    fds: list = field(default_factory=list)

    @property
    def payload(self):
        return self.data[28:]

    def args_codec(self):
        return self.program.struct(self.procedure.entry["args"])

    def args(self):
        """Decoded arguments of a call; all bytes must be used."""
        payload = self.payload[4:] if self.type == CALL_WITH_FDS else self.payload
        reader = wire.Reader(payload)
        value = self.args_codec().decode(reader)
        if reader.at != len(payload):
            raise wire.DecodeError(f"{self.procedure.name}: {len(payload) - reader.at} bytes left over")
        return value


@dataclass
class Raw:
    """A reply given as bytes."""
    payload: bytes
    status: int = OK


@dataclass
class WithFds:
    """A reply that brings descriptors."""
    values: dict
    fds: list


@dataclass
class Then:
    """A reply, and packets to be sent after it: (type, status, payload) of the call's stream, or
    (procedure, payload) of an event."""
    values: object
    packets: list


class FakeServer:
    def __init__(self, path, tables, answers=None):
        self.path, self.tables, self.answers = str(path), tables, dict(answers or {})
        self.packets, self.problems = [], []
        self.programs = {p.number: p for p in tables.programs.values()}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.arrived = threading.Condition()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.connections = []

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)
        # A client that has an event loop closes its socket only when that runs.
        for connection, thread in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass    # gone already
            thread.join(30)
        for packet in self.packets:
            for fd in packet.fds:
                os.close(fd)
        os.unlink(self.path)

    def last(self, program, procedure, kind=None, seconds=10):
        """The newest packet of a procedure (and of a type, with `kind`). One that nobody answers may
        still be under way."""
        def match(packet):
            return (packet.program.name, packet.procedure.name) == (program, procedure) and \
                kind in (None, packet.type, (packet.type, packet.status))
        with self.arrived:
            if self.arrived.wait_for(lambda: any(map(match, self.packets)), seconds):
                return next(filter(match, reversed(self.packets)))
            seen = [p.procedure.name for p in self.packets]
        raise LookupError(f"{program}.{procedure} was not called; seen: {seen}")

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self.connections.append((connection, thread))
            thread.start()

    def _serve(self, connection):
        with connection:
            while packet := self._read(connection):
                with self.arrived:
                    self.packets.append(packet)
                    self.arrived.notify_all()
                try:
                    self._answer(connection, packet)
                except OSError:
                    return
                except Exception as problem:  # pylint: disable=broad-except
                    self.problems.append(f"{packet.procedure.name}: {problem!r}")
                    return

    def _read(self, connection):
        head = _exactly(connection, 4)
        if head is None:
            return None
        data = head + _exactly(connection, struct.unpack(">I", head)[0] - 4)
        prog, vers, proc, kind, serial, status = struct.unpack_from(HEADER, data, 4)
        program = self.programs[prog]
        packet = Packet(data, program, program.by_id[proc], prog, vers, kind, serial, status)
        if kind == CALL_WITH_FDS:
            for _ in range(struct.unpack_from(">I", data, 28)[0]):
                _, control, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4))
                packet.fds.append(array.array("i", control[0][2])[0])
        return packet

    def _answer(self, connection, packet):
        if packet.program.name == "keepalive":
            if packet.procedure.name == "ping":
                _send(connection, packet, MESSAGE, OK, b"", proc=packet.program.by_name["pong"].id)
            return
        if packet.type == STREAM and packet.status in (OK, ERROR):
            return _send(connection, packet, STREAM, OK, b"")
        if packet.type not in (CALL, CALL_WITH_FDS):
            return
        name = f"{packet.program.name}.{packet.procedure.name}"
        answer = self.answers.get(name, {})
        if callable(answer):
            answer = answer(packet)
        self._reply(connection, packet, answer)

    def _reply(self, connection, packet, answer):
        if isinstance(answer, Raw):
            return _send(connection, packet, REPLY, answer.status, answer.payload)
        if isinstance(answer, Then):
            self._reply(connection, packet, answer.values)
            for one in answer.packets:
                if len(one) == 3:
                    _send(connection, packet, *one)
                else:
                    _send(connection, packet, MESSAGE, OK, one[1], proc=packet.program.by_name[one[0]].id)
            return
        fds = []
        if isinstance(answer, WithFds):
            answer, fds = answer.values, answer.fds
        codec = packet.program.struct(packet.procedure.entry["ret"])
        payload = codec.encode({**smallest(codec), **answer})
        if not fds:
            return _send(connection, packet, REPLY, OK, payload)
        _send(connection, packet, REPLY_WITH_FDS, OK, struct.pack(">I", len(fds)) + payload)
        for fd in fds:
            connection.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        try:
            more = connection.recv(count - len(data))
        except ConnectionError:
            return None
        if not more:
            return None
        data += more
    return data


def _send(connection, packet, kind, status, payload, proc=None):
    head = struct.pack(HEADER, packet.prog, packet.vers, packet.procedure.id if proc is None else proc,
                       kind, packet.serial, status)
    connection.sendall(struct.pack(">I", 28 + len(payload)) + head + payload)
