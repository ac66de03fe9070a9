# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Events: the payload structs of the ABI, made from the wire's event messages.

A message is [callbackID], the object, and the rest in some order; the rest is the payload. Older
clients get older messages of the same content (`old`).
"""
import re
from dataclasses import dataclass, field

from spec import KINDS, WIRE_KINDS, Field, SpecError, members_of

# kind of event_ids -> (prefix of the constants, kind)
ID_ENUMS = {"domain": "virDomainEventID", "network": "virNetworkEventID",
            "storage_pool": "virStoragePoolEventID", "node_device": "virNodeDeviceEventID",
            "secret": "virSecretEventID"}
# Registered by calls of their own, so the wire gives them no number.
EXTRA = [("domain", 1000, "qemu_monitor", "qemu.domain_monitor_event")]
# Messages that are no object's event, or whose event number the tables do not know.
NOT_EVENTS = {"remote.connect_event_connection_closed": "sent by the host itself",
              "remote.domain_event_vcpu_removed": "event number unknown",
              "remote.domain_event_callback_channel_lifecycle": "event number unknown"}
RENAMED = {"size": "new_size"}  # `size` leads every struct
SCALARS = ("i32", "u32", "i64", "u64")


@dataclass
class Event:
    kind: str
    id: int
    name: str
    new: str            # procedure, "program.name"
    old: str            # procedure or ""
    parts: list         # of the new message after callbackID: ("object", path) | ("field", Field, path, Type)
    old_parts: list
    records: dict = field(default_factory=dict)

    @property
    def c_name(self):
        return f"pv_event_{self.kind}_{self.name}"

    @property
    def c_const(self):
        return f"PV_EVENT_{self.kind}_{self.name}".upper()

    @property
    def fields(self):
        return [part[1] for part in self.parts if part[0] == "field"]


def snake(name):
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    return RENAMED.get(name, name)


def flatten(facts, event, fields, path, prefix):
    """Parts of one message: nested structs dissolve into their fields."""
    parts = []
    for field_ in fields:
        name, type_ = field_.name, field_.type
        here = path + [name]
        c_name = prefix + snake(name)
        if type_.kind == "name" and type_.name in WIRE_KINDS:
            if WIRE_KINDS[type_.name] != event.kind:
                raise SpecError(f"event {event.new}: a {type_.name} where a {event.kind} belongs")
            parts.append(("object", here))
        elif type_.kind == "name" and "struct" in facts.types[type_.name]:
            inner = facts.struct(type_.name)
            # The struct that is the whole old message keeps its fields' names.
            sub = "" if type_.name.startswith("ev_") else snake(name) + "_"
            parts += flatten(facts, event, inner, here, prefix + sub)
        else:
            parts.append(("field", to_field(facts, event, c_name, type_), here, type_))
    return parts


def to_field(facts, event, name, type_):
    if type_.kind == "scalar" and type_.name in SCALARS:
        return Field(name, type_.name)
    if type_.kind == "str":
        return Field(name, "str")
    if type_.kind == "opt" and type_.item.kind == "str":
        return Field(name, "opt_str")
    if type_.kind == "list" and type_.item.kind == "name":
        if type_.item.name == "typed_param":
            return Field(name, "params")
        record = type_.item.name.replace("domain_event_", "")
        event.records[record] = [to_field(facts, event, snake(f.name), f.type)
                                 for f in facts.struct(type_.item.name)]
        return Field(name, "records", record)
    raise SpecError(f"event {event.new}: no payload type for field {name}")


def message(facts, name):
    proc = facts.procs[name]
    return facts.struct(proc.event) if isinstance(proc.event, str) else proc.event


def load(facts, constants):
    """All events, in order of kind and number; every event message of the programs is accounted for."""
    rows = []
    for wire_kind, entry in facts.event_ids.items():
        names = {v: n for n, v in constants.enums[ID_ENUMS[wire_kind]].items()}
        for number, messages in entry["ids"].items():
            if number not in names:
                raise SpecError(f"{wire_kind} event {number} has no name in the constants")
            name = names[number].partition("_EVENT_ID_")[2].lower()
            old = f"remote.{messages['old']}" if "old" in messages else ""
            rows.append((wire_kind, number, name, f"remote.{messages['new']}", old))
    rows += [(kind, number, name, proc, "") for kind, number, name, proc in EXTRA]
    known = {KINDS[k][1]: k for k in KINDS}
    events = []
    for wire_kind, number, name, new, old in rows:
        event = Event(known.get(wire_kind, wire_kind), number, name, new, old, [], [])
        fields = message(facts, new)
        if fields[0].name != "callbackID":
            raise SpecError(f"event {new}: the first field is not callbackID")
        event.parts = flatten(facts, event, fields[1:], [], "")
        if old:
            event.old_parts = flatten(facts, event, message(facts, old), [], "")
        if sum(part[0] == "object" for part in event.parts) != 1:
            raise SpecError(f"event {new}: one object is expected")
        events.append(event)
    used = {e.new for e in events} | {e.old for e in events} | set(NOT_EVENTS)
    for name, proc in facts.procs.items():
        if proc.role == "event" and name not in used:
            raise SpecError(f"event message {name} belongs to no event")
    return events


def c_header(events):
    """(text of events.h, [(struct, members, size)])."""
    out = ["/* What happened to an object: pv_event.payload points to the struct of (kind, id), or is NULL where\n"
           " * there is none beyond the object. Texts are borrowed until post() returns. */\n"
           "#include <polyvirt/abi/event.h>\n"]
    structs = []
    for kind in dict.fromkeys(e.kind for e in events):
        rows = [f"    {e.c_const} = {e.id}" for e in events if e.kind == kind]
        out.append(f"/* pv_event.id where kind is PV_KIND_{kind.upper()}. */\nenum {{\n" + ",\n".join(rows) + "\n};\n")
    done = set()
    for event in events:
        for name, fields in event.records.items():
            if name not in done:
                done.add(name)
                members, size = members_of(fields, "record")
                structs.append((f"pv_event_{name}", members, size))
                out.append(struct(f"pv_event_{name}", members))
        members, size = members_of(event.fields, "in")
        structs.append((event.c_name, members, size))
        out.append(f"/* {event.c_const} */\n" + struct(event.c_name, members))
    return "\n".join(out), structs


def struct(c_name, members):
    lines = []
    for m in members:
        decl = re.sub("@([a-z_]+)@", r"pv_event_\1", m.decl)
        lines.append(f"    {decl};" + (f" /* {m.doc} */" if m.doc else ""))
    return f"typedef struct {c_name} {{\n" + "\n".join(lines) + f"\n}} {c_name};\n"
