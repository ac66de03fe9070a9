# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The wire's programs and their payloads, read from the tables. It shares nothing with the daemon's
generated codecs but the tables, so that a mistake of one shows against the other.

    tables = wire.Tables(folder)
    remote = tables.program("remote")
    payload = remote.call("domain_lookup_by_name").encode(name="x")

A struct is a dict of its fields, a union a pair (tag, value), text is str, bytes are bytes, an
absent optional is None.
"""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

import yaml

_PROGRAMS = ("remote", "qemu", "lxc", "admin", "keepalive", "polyvirt")
_NUMBERS = {"i8": ">i", "i16": ">i", "i32": ">i", "u8": ">I", "u16": ">I", "u32": ">I",
            "i64": ">q", "u64": ">Q", "f64": ">d"}


class DecodeError(Exception):
    """A payload that is not what the tables say."""


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise DecodeError(f"{count} bytes wanted at {self.at} of {len(self.data)}")
        taken = self.data[self.at:self.at + count]
        self.at += count
        return taken

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]


class Number:
    def __init__(self, form):
        self.form = form

    def encode(self, value):
        return struct.pack(self.form, value)

    def decode(self, reader):
        return reader.number(self.form)


class Bytes:
    """blob, raw and, as text, str."""

    def __init__(self, limit, counted=True, text=False):
        self.limit, self.counted, self.text = limit, counted, text

    def encode(self, value):
        data = value.encode() if self.text else bytes(value)
        head = struct.pack(">I", len(data)) if self.counted else b""
        return head + data + bytes(-len(data) % 4)

    def decode(self, reader):
        count = reader.number(">I") if self.counted else self.limit
        if count > self.limit:
            raise DecodeError(f"{count} bytes, limit {self.limit}")
        data = reader.take(count)
        if any(reader.take(-count % 4)):
            raise DecodeError("padding that is not zero")
        return data.decode() if self.text else data


class Items:
    """list and vec."""

    def __init__(self, item, limit, counted):
        self.item, self.limit, self.counted = item, limit, counted

    def encode(self, value):
        head = struct.pack(">I", len(value)) if self.counted else b""
        return head + b"".join(self.item.encode(one) for one in value)

    def decode(self, reader):
        count = reader.number(">I") if self.counted else self.limit
        if count > self.limit:
            raise DecodeError(f"{count} items, limit {self.limit}")
        return [self.item.decode(reader) for _ in range(count)]


class Optional:
    def __init__(self, item):
        self.item = item

    def encode(self, value):
        if value is None:
            return struct.pack(">I", 0)
        return struct.pack(">I", 1) + self.item.encode(value)

    def decode(self, reader):
        flag = reader.number(">I")
        if flag > 1:
            raise DecodeError(f"presence flag {flag}")
        return self.item.decode(reader) if flag else None


class Struct:
    def __init__(self, fields):
        self.fields = fields

    def encode(self, value):
        unknown = set(value) - {name for name, _ in self.fields}
        if unknown:
            raise KeyError(f"no such fields: {sorted(unknown)}")
        return b"".join(codec.encode(value[name]) for name, codec in self.fields)

    def decode(self, reader):
        return {name: codec.decode(reader) for name, codec in self.fields}


class Union:
    def __init__(self, tag, arms):
        self.tag, self.arms = tag, arms

    def encode(self, value):
        return self.tag.encode(value[0]) + self.arms[value[0]].encode(value[1])

    def decode(self, reader):
        tag = self.tag.decode(reader)
        if tag not in self.arms:
            raise DecodeError(f"union tag {tag}")
        return tag, self.arms[tag].decode(reader)


@dataclass
class Procedure:
    program: "Program"
    id: int
    name: str
    role: str
    entry: dict = field(repr=False)

    def encode(self, /, **values):
        return self.program.struct(self.entry["args"]).encode(values)

    def decode(self, payload):
        """The reply (of a call) or the message (of an event) as a dict."""
        fields = self.entry["event" if self.role == "event" else "ret"]
        whole = isinstance(fields, str)
        codec = self.program.type(fields) if whole else self.program.struct(fields)
        reader = Reader(payload)
        value = codec.decode(reader)
        if reader.at != len(payload):
            raise DecodeError(f"{self.name}: {len(payload) - reader.at} bytes left over")
        return value


class Program:
    def __init__(self, name, table, shared):
        self.name = name
        self.number = table["program"]
        self.version = table["version"]
        self.limits = {**shared["limits"], **(table.get("limits") or {})}
        self.types = {**shared["types"], **(table.get("types") or {})}
        self.by_name = {}
        self.by_id = {}
        for entry in table["procedures"] + (table.get("newer") or []):
            made = Procedure(self, entry["id"], entry["name"], entry["role"], entry)
            self.by_name[made.name] = made
            self.by_id[made.id] = made

    def call(self, name):
        return self.by_name[name]

    def struct(self, fields):
        return Struct([(name, self.type(kind)) for one in fields for name, kind in one.items()])

    def type(self, expression):
        if expression in _NUMBERS:
            return Number(_NUMBERS[expression])
        if expression == "str":
            return Bytes(self.limit("string"), text=True)
        found = re.fullmatch(r"(\w+)\((.*)\)", expression)
        if not found:
            return self.named_type(expression)
        kind, inside = found.groups()
        if kind == "str":
            return Bytes(self.limit(inside), text=True)
        if kind in ("blob", "raw"):
            return Bytes(self.limit(inside), counted=kind == "blob")
        if kind == "opt":
            return Optional(self.type(inside))
        item, limit = (part.strip() for part in inside.rsplit(",", 1))
        return Items(self.type(item), self.limit(limit), counted=kind == "list")

    def limit(self, text):
        return int(text) if str(text).isdigit() else self.limits[text]

    def named_type(self, name):
        entry = self.types[name]
        if "is" in entry:
            return self.type(entry["is"])
        if "struct" in entry:
            return self.struct(entry["struct"])
        if "enum" in entry:
            return Number(">i")
        union = entry["union"]
        arms = {value: self.type(kind) for value, arm in union["arms"].items()
                for kind in arm.values()}
        return Union(self.type(union["tag"]), arms)


class Tables:
    def __init__(self, folder):
        folder = Path(folder)
        shared = load(folder / "types.yaml")
        self.framing = shared["framing"]
        self.programs = {name: Program(name, load(folder / f"{name}.yaml"), shared)
                         for name in _PROGRAMS}

    def program(self, name):
        return self.programs[name]


def load(path):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with open(path, encoding="utf-8") as source:
        return yaml.load(source, Loader=loader)
