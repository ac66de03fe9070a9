# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The wire's facts (host/protocol/tables) as far as the spec's generators need them."""
import pathlib
import re
from dataclasses import dataclass

import yaml

PROGRAMS = ("remote", "qemu", "lxc")


class Constants:
    """Public names and numbers: enums {ENUM: {NAME: value}}, bits (names of the flag enums), strings."""

    def __init__(self, path):
        data = yaml.safe_load(pathlib.Path(path).read_text())
        self.enums, self.bits, self.strings = {}, set(), dict(data["strings"])
        for name, enum in data["enums"].items():
            self.enums[name] = dict(enum["values"])
            if enum["bits"]:
                self.bits.add(name)
        newer = data.get("newer") or {}
        for name, values in (newer.get("enums") or {}).items():
            self.enums.setdefault(name, {}).update({n: v["value"] for n, v in values.items()})
        self.strings.update({n: v["value"] for n, v in (newer.get("strings") or {}).items()})
        self.values = {n: v for values in self.enums.values() for n, v in values.items()}


@dataclass
class Type:
    """A type expression: base (i32, str, list, opt, ... or `name`), inner type, name or limit."""
    base: str
    inner: object = None
    arg: str = ""


def parse_type(text):
    match = re.fullmatch(r"(\w+)(?:\((.*)\))?", text.strip())
    if not match:
        raise ValueError(f"'{text}' is no type expression")
    base, inside = match[1], match[2]
    if base == "opt":
        return Type("opt", parse_type(inside))
    if base in ("list", "vec"):
        inner, _, arg = inside.rpartition(",")
        return Type(base, parse_type(inner), arg.strip())
    if base in ("str", "blob", "raw"):
        return Type(base, arg=inside or "string")
    if base in ("i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f64"):
        return Type(base)
    return Type("name", arg=base)


def fields_of(data):
    """[(name, Type)] of a list of one-entry mappings."""
    return [(n, parse_type(t)) for entry in data or [] for n, t in entry.items()]


class Facts:
    """Programs' procedures by "program.name", shared types, event ids."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.types = yaml.safe_load((folder / "types.yaml").read_text())["types"]
        self.procs, self.event_ids = {}, {}
        for program in PROGRAMS:
            data = yaml.safe_load((folder / f"{program}.yaml").read_text())
            for proc in data["procedures"] + (data.get("newer") or []):
                proc["program"] = program
                self.procs[f"{program}.{proc['name']}"] = proc
            for kind, ids in (data.get("event_ids") or {}).items():
                self.event_ids[kind] = ids

    def struct(self, name):
        return fields_of(self.types[name]["struct"])
