# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What the spec's generators need of the wire's tables, beyond tables.py: constants by enumeration,
procedures by "program.name"."""
from pathlib import Path

import yaml

from tables import Tables, parse_fields

# The programs that reach drivers or the host's answers; admin and keepalive are the daemon's own.
PROGRAMS = ("remote", "qemu", "lxc")


class Constants:
    """enums {ENUM: {NAME: value}}, strings {NAME: text}, values {NAME: value}; newer ones included."""

    def __init__(self, path):
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        self.enums, self.strings = {}, dict(data["strings"])
        for name, enum in data["enums"].items():
            self.enums[name] = dict(enum["values"])
        newer = data.get("newer") or {}
        for name, values in (newer.get("enums") or {}).items():
            self.enums.setdefault(name, {}).update({n: v["value"] for n, v in values.items()})
        self.strings.update({n: v["value"] for n, v in (newer.get("strings") or {}).items()})
        self.values = {n: v for values in self.enums.values() for n, v in values.items()}


class Facts:
    def __init__(self, folder):
        self.tables = Tables(Path(folder))
        self.types, self.event_ids = self.tables.types, self.tables.event_ids
        self.procs = {p.full_name: p for name in PROGRAMS for p in self.tables.programs[name].procs}

    def struct(self, name):
        return parse_fields(self.types[name]["struct"])

    def resolve(self, t):
        """The type behind names that only stand for another one."""
        while t.kind == "name" and "is" in self.types[t.name]:
            t = parse_fields([{"x": self.types[t.name]["is"]}])[0].type
        return t

    def limit(self, proc, name):
        return self.tables.limit(proc.program, name)
