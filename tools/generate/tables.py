# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The wire's tables (host/protocol/tables) as Python objects, for every generator.

    wire = Tables(Path("host/protocol/tables"))
    wire.programs["remote"].procs        # list of Proc, in order of their numbers
    parse_type("list(domain, domain_list)")  # Type(kind="list", item=Type("name", name="domain"), limit=...)
"""
from dataclasses import dataclass, field
from pathlib import Path
import re

import yaml

PROGRAMS = ("remote", "qemu", "lxc", "admin", "keepalive", "polyvirt")
OF_THE_OWNER = ("admin", "polyvirt")   # the socket's peer must be the daemon's own user: no finer rules
SCALARS = ("i32", "u32", "i64", "u64", "f64", "i8", "u8", "i16", "u16")
READONLY = ("allow", "deny", "unknown")


class TableError(Exception):
    """A table or spec that makes no sense; the text names the place."""


@dataclass(frozen=True)
class Type:
    kind: str                     # scalar, str, blob, raw, list, vec, opt, name
    name: str = ""                # scalar or type name
    item: "Type | None" = None    # list, vec, opt
    limit: str = ""               # str, blob, list: name or number of the bound
    count: int = 0                # raw, vec


def parse_type(text: str) -> Type:
    text = str(text).strip()
    if text in SCALARS:
        return Type("scalar", name=text)
    if text == "str":
        return Type("str", limit="string")
    match = re.fullmatch(r"(\w+)\((.*)\)", text)
    if not match:
        if not re.fullmatch(r"\w+", text):
            raise TableError(f"type expression '{text}' is not understood")
        return Type("name", name=text)
    kind, inner = match.groups()
    if kind in ("str", "blob"):
        return Type(kind, limit=inner.strip())
    if kind == "raw":
        return Type("raw", count=int(inner))
    if kind == "opt":
        return Type("opt", item=parse_type(inner))
    if kind in ("list", "vec"):
        item, bound = inner.rsplit(",", 1)
        if kind == "vec":
            return Type("vec", item=parse_type(item), count=int(bound))
        return Type("list", item=parse_type(item), limit=bound.strip())
    raise TableError(f"type expression '{text}': unknown '{kind}'")


@dataclass
class Field:
    name: str
    type: Type


def parse_fields(entries) -> list:
    fields = []
    for entry in entries or []:
        (name, text), = entry.items()
        fields.append(Field(name, parse_type(text)))
    return fields


@dataclass
class Condition:
    kind: str        # flags_all, flags_any, flags_none, equals
    value: int
    arg: str         # the argument that is looked at, 32 bits wide


@dataclass
class Proc:
    program: "Program"
    id: int
    name: str
    role: str
    raw: dict
    args: list = field(default_factory=list)
    ret: list = field(default_factory=list)
    event: "list | str | None" = None   # fields, or the name of a struct

    @property
    def full_name(self):
        return f"{self.program.name}.{self.name}"


@dataclass
class Program:
    name: str
    number: int
    version: int
    procs: list
    types: dict      # own types, name -> raw entry
    limits: dict


class Tables:
    def __init__(self, folder: Path):
        def load(name):
            with open(folder / name, encoding="utf-8") as file:
                return yaml.safe_load(file)
        shared = load("types.yaml")
        self.framing, self.limits, self.types = shared["framing"], dict(shared["limits"]), shared["types"]
        self._constants(load("constants.yaml"))
        self.programs = {}
        for name in PROGRAMS:
            self.programs[name] = self._program(name, load(f"{name}.yaml"))
        remote = load("remote.yaml")
        self.event_ids, self.features = remote["event_ids"], remote["features"]
        for feature_id, feature in self.features.items():
            self._add(self.constants, feature["name"], feature_id)
        self.errors = load("error-codes.yaml")

    def _constants(self, raw):
        """constants: name -> number, of enums and macros; strings: name -> text. Later versions included."""
        self.constants, self.strings = {}, dict(raw["strings"])
        newer = raw.get("newer") or {}
        for enum in raw["enums"].values():
            for name, value in enum["values"].items():
                self._add(self.constants, name, value)
        for name, value in raw["numbers"].items():
            self._add(self.constants, name, value)
        for enum in (newer.get("enums") or {}).values():
            for name, entry in enum.items():
                self._add(self.constants, name, entry["value"])
        for name, entry in (newer.get("numbers") or {}).items():
            self._add(self.constants, name, entry["value"])
        for name, entry in (newer.get("strings") or {}).items():
            self._add(self.strings, name, entry["value"])

    @staticmethod
    def _add(table, name, value):
        if table.setdefault(name, value) != value:
            raise TableError(f"constant {name} is {table[name]} in one place and {value} in another")

    def _program(self, name, raw):
        program = Program(name, raw["program"], raw["version"], [], raw.get("types", {}),
                          raw.get("limits", {}))
        for entry in list(raw["procedures"]) + list(raw.get("newer", [])):
            proc = Proc(program, entry["id"], entry["name"], entry["role"], entry)
            event = entry.get("event")
            proc.event = event if isinstance(event, str) else parse_fields(event)
            proc.args, proc.ret = parse_fields(entry.get("args")), parse_fields(entry.get("ret"))
            program.procs.append(proc)
        program.procs.sort(key=lambda p: p.id)
        for place, proc in enumerate(program.procs):
            if proc.id != place + 1:
                raise TableError(f"{proc.full_name} has number {proc.id}, expected {place + 1}: "
                                 "numbers run from 1 without gaps")
            ruled = proc.role == "call" and program.name not in OF_THE_OWNER
            for rule in ("readonly", "acl"):
                if ruled and rule not in proc.raw:
                    raise TableError(f"{proc.full_name} has no '{rule}' entry")
            readonly = proc.raw.get("readonly", "allow")
            if not isinstance(readonly, dict) and readonly not in READONLY:
                raise TableError(f"{proc.full_name}: readonly is '{readonly}', expected one of {READONLY}")
        return program

    def limit(self, program, name) -> int:
        if str(name).isdigit():
            return int(name)
        for table in (program.limits if program else {}, self.limits):
            if name in table:
                return table[name]
        raise TableError(f"limit '{name}' stands in no table")

    def condition(self, raw, proc) -> Condition:
        (kind, value), = [(k, v) for k, v in raw.items() if k not in ("arg",)]
        if kind == "equals":
            found = Condition(kind, self.constant(value, proc.full_name), raw["arg"])
        elif kind in ("flags_all", "flags_any", "flags_none"):
            mask = 0
            for name in value:
                mask |= self.constant(name, proc.full_name)
            found = Condition(kind, mask, "flags")
        else:
            raise TableError(f"{proc.full_name}: condition '{kind}' is not understood")
        if not any(f.name == found.arg and f.type.name in ("i32", "u32") for f in proc.args):
            raise TableError(f"{proc.full_name}: a rule looks at '{found.arg}', which is no i32 or u32 argument")
        return found

    def constant(self, name, where) -> int:
        if isinstance(name, int):
            return name
        if name not in self.constants:
            raise TableError(f"{where}: constant '{name}' stands in no table")
        return self.constants[name]

    def call_procs(self):
        for program in self.programs.values():
            for proc in program.procs:
                if proc.role == "call":
                    yield proc
