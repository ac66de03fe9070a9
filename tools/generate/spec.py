# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The spec of the ops (plugin-api/spec/*.yaml), read and checked.

Everything that the generators emit comes from the classes here. What is wrong in a file raises
SpecError with the file, the op and what was expected.
"""
import pathlib
import re
from dataclasses import dataclass, field

import yaml


class SpecError(Exception):
    pass


# Kinds of objects: number in the ABI, type on the wire.
KINDS = {
    "domain": (1, "domain"), "network": (2, "network"), "network_port": (3, "network_port"),
    "interface": (4, "interface"), "pool": (5, "storage_pool"), "volume": (6, "storage_vol"),
    "nodedev": (7, "node_device"), "nwfilter": (8, "nwfilter"),
    "nwfilter_binding": (9, "nwfilter_binding"), "secret": (10, "secret"),
    "snapshot": (11, "domain_snapshot"), "checkpoint": (12, "domain_checkpoint"),
}
WIRE_KINDS = {wire: kind for kind, (_, wire) in KINDS.items()}

SCALARS = {"u32": ("uint32_t", 4), "i32": ("int32_t", 4), "bool": ("int32_t", 4),
           "u64": ("uint64_t", 8), "i64": ("int64_t", 8), "f64": ("double", 8)}
ARRAYS = {"bytes": "const uint8_t *", "params": "const pv_param *", "strings": "const char *const *",
          "u32s": "const uint32_t *", "u64s": "const uint64_t *", "fds": "const int32_t *"}
BUILDERS = {"str": "pv_sink *", "opt_str": "pv_sink *", "bytes": "pv_sink *", "params": "pv_params *",
            "strings": "pv_strings *", "groups": "pv_groups *", "records": "pv_records *",
            "objs": "pv_objs *"}
STREAMS = {"none": 0, "read": 1, "write": 2, "duplex": 3}
DEADLINES = {"none": 0, "query": 1, "modify": 2}
C_RESERVED = {"size", "default", "register", "switch", "case", "enum", "union", "struct", "class",
              "new", "delete", "this", "template", "operator", "private", "public", "signed"}


@dataclass
class Field:
    name: str
    base: str           # u32 ... str params records kind objs
    arg: str = ""       # record, kind, enumeration or family of parameters
    doc: str = ""
    is_flags: bool = False


@dataclass
class Record:
    name: str
    c_name: str
    fields: list
    table: object = None


@dataclass
class Wire:
    program: str
    proc: str
    args: dict
    ret: dict
    set: dict
    drop: list
    adapter: bool
    on_error: dict
    where: str


@dataclass
class Op:
    table: object
    name: str
    slot: int
    doc: str
    since: str
    target: str
    does: str
    may_block: bool
    deadline: str
    client_gone: str
    stream: str
    always: bool
    default: str
    uses: list
    later: bool
    ins: list
    outs: list
    wire: list = field(default_factory=list)

    @property
    def id(self):
        return self.table.number << 8 | self.slot

    @property
    def c_base(self):
        return f"pv_{self.table.prefix}_{self.name}"

    @property
    def c_const(self):
        return f"PV_OP_{self.table.prefix}_{self.name}".upper()

    @property
    def full_name(self):
        return f"{self.table.stem}.{self.name}"


@dataclass
class Table:
    number: int
    id: str
    stem: str
    prefix: str
    doc: str
    records: dict
    ops: list
    host: bool = False

    kind: str = "none"  # of the objects that the table is about

    @property
    def c_name(self):
        return f"pv_{self.stem}"

    @property
    def kind_number(self):
        return KINDS[self.kind][0] if self.kind in KINDS else 0


PARAM_TYPES = {"int": 1, "uint": 2, "llong": 3, "ullong": 4, "double": 5, "boolean": 6, "string": 7}


@dataclass
class Param:
    """One parameter of a family, or many whose names have a number or any text in some places."""
    name: str        # as it stands on the wire; "*" and "**" as in params.yaml
    constant: str    # "": it has none
    types: list      # names of PARAM_TYPES
    many: bool

    @property
    def mask(self):
        """A bit for each type, by the wire's number."""
        return sum(1 << PARAM_TYPES[t] for t in self.types)


def fail(where, text):
    raise SpecError(f"{where}: {text}")


def check_keys(where, data, known, required=()):
    if not isinstance(data, dict):
        fail(where, f"a mapping is expected, found {data!r}")
    for key in data:
        if key not in known:
            fail(where, f"unknown key '{key}' (known: {', '.join(sorted(known))})")
    for key in required:
        if key not in data:
            fail(where, f"key '{key}' is missing")


def check_name(where, name):
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        fail(where, f"'{name}' is no name: a-z, 0-9 and _ only")
    if name in C_RESERVED:
        fail(where, f"'{name}' cannot be a field or slot: it is reserved")


def parse_field(where, name, text, side, records, constants):
    """side: in, out or record."""
    check_name(where, name)
    doc = ""
    if isinstance(text, dict):
        check_keys(f"{where}.{name}", text, {"type", "doc"}, ["type"])
        doc, text = text.get("doc", ""), text["type"]
    if isinstance(text, list) and len(text) == 1:
        text = f"[{text[0]}]"
    here = f"{where}.{name}"
    if text in SCALARS:
        return Field(name, text, doc=doc)
    match = re.fullmatch(r"(flags|enum)\((\w+)\)", str(text))
    if match:
        if constants is not None and match[2] not in constants.enums:
            fail(here, f"the constants have no enumeration '{match[2]}'")
        return Field(name, "u32" if match[1] == "flags" else "i32", match[2], doc, match[1] == "flags")
    if text in ("str", "opt_str", "bytes"):
        return Field(name, text, doc=doc)
    if text in ("params", "strings", "u32s", "u64s") and (side != "out" or text in BUILDERS):
        return Field(name, text, doc=doc)
    match = re.fullmatch(r"(params|groups)\((\w+)\)", str(text))
    if match and (side == "out" or side == "in" and match[1] == "params"):
        return Field(name, match[1], match[2], doc)
    if text == "uuid" and side == "in" or text == "fds" and side == "in":
        return Field(name, text, doc=doc)
    if text == "groups" and side == "out":
        return Field(name, text, doc=doc)
    if (text in KINDS or text == "any") and side != "record":
        return Field(name, "kind", text, doc)
    match = re.fullmatch(r"\[(\w+)\]", str(text))
    if match:
        if match[1] in KINDS or match[1] == "any":
            if side != "record":
                return Field(name, "objs", match[1], doc)
        elif match[1] in records and side == "record":
            return Field(name, "records", match[1], doc)
    match = re.fullmatch(r"records\((\w+)\)", str(text))
    if match and side == "out":
        if match[1] not in records:
            fail(here, f"there is no record '{match[1]}'")
        return Field(name, "records", match[1], doc)
    fail(here, f"'{text}' is no type for an {side} field")


def parse_fields(where, data, side, records, constants):
    if not isinstance(data, dict):
        fail(where, f"a mapping of fields is expected, found {data!r}")
    fields = [parse_field(where, n, t, side, records, constants) for n, t in data.items()]
    names = {f.name for f in fields}
    for f in fields:
        if f.base in ARRAYS or f.base == "objs":
            if f"n{f.name}" in names:
                fail(where, f"'n{f.name}' is the count of '{f.name}' already")
    return fields


def parse_wire(where, data):
    check_keys(where, data, {"proc", "args", "ret", "set", "drop", "adapter", "on_error"}, ["proc"])
    program, _, proc = data["proc"].partition(".")
    for key in ("args", "ret", "set"):
        if not isinstance(data.get(key, {}), dict):
            fail(where, f"'{key}' must be a mapping")
    return Wire(program, proc, data.get("args", {}), data.get("ret", {}), data.get("set", {}),
                data.get("drop", []), data.get("adapter", False), data.get("on_error", {}),
                f"{where}: {data['proc']}")


def parse_param(where, name, data, constants):
    here = f"{where}.{name}"
    many = False
    if isinstance(data, dict):
        check_keys(here, data, {"type", "many"}, ["type"])
        many, data = bool(data.get("many", False)), data["type"]
    types = data if isinstance(data, list) else [data]
    for t in types:
        if t not in PARAM_TYPES:
            fail(here, f"'{t}' is no type of a parameter ({', '.join(PARAM_TYPES)})")
    if not re.fullmatch(r"VIR_[A-Z0-9_]+", name):
        if not re.fullmatch(r"[A-Za-z0-9._*-]+", name) or "***" in name:
            fail(here, "a name is one of the wire's constants, or a text of a-z, 0-9, '.', '_', '-' with '*' and '**'")
        return Param(name, "", types, many)
    text = constants.strings.get(name) if constants is not None else name
    if text is None:
        fail(here, f"the constants have no text '{name}'")
    return Param(text, name, types, many)


OP_KEYS = {"op", "doc", "since", "target", "does", "may_block", "deadline", "client_gone", "stream",
           "always", "in", "out", "wire", "default", "uses", "later"}


def parse_op(table, slot, data, defaults, constants):
    where = f"{table.stem}.yaml: {data.get('op', f'op number {slot}') if isinstance(data, dict) else data}"
    check_keys(where, data, OP_KEYS, ["op", "doc", "wire"])
    get = lambda key, default: data.get(key, defaults.get(key, default))
    does = get("does", None)
    if does not in ("read", "change"):
        fail(where, f"'does' must be read or change, not {does!r}")
    op = Op(table=table, name=data["op"], slot=slot, doc=" ".join(str(data["doc"]).split()),
            since=str(get("since", "0.1")), target=get("target", "none"), does=does,
            may_block=get("may_block", True),
            deadline=get("deadline", "query" if does == "read" else "none"),
            client_gone=get("client_gone", "cancel" if does == "read" else "finish"),
            stream=get("stream", "none"), always=get("always", False),
            default=get("default", ""), uses=data.get("uses", []), later=data.get("later", False),
            ins=parse_fields(where + ".in", data.get("in", {}), "in", table.records, constants),
            outs=parse_fields(where + ".out", data.get("out", {}), "out", table.records, constants))
    check_name(where, op.name)
    if op.target not in KINDS and op.target != "none" and not (table.host and op.target == "any"):
        fail(where, f"'{op.target}' is no kind of target")
    if op.default not in ("", "host"):
        fail(where, f"default is 'host' or absent, not '{op.default}'")
    if op.uses and not table.host:
        fail(where, "only ops of the host use others")
    if op.later and not table.host:
        fail(where, "only ops of the host are answered later by themselves; a driver's may always be pending")
    if op.stream not in STREAMS:
        fail(where, f"'{op.stream}' is no stream direction")
    if op.deadline not in DEADLINES:
        fail(where, f"'{op.deadline}' is no class of deadline")
    if op.client_gone not in ("finish", "cancel"):
        fail(where, f"client_gone is finish or cancel, not '{op.client_gone}'")
    if does == "change" and (op.deadline != "none" or op.client_gone != "finish"):
        fail(where, "what changes something has no deadline and finishes without its client")
    if not op.may_block and does == "change":
        fail(where, "what changes something may block")
    for wire in data["wire"]:
        op.wire.append(parse_wire(where, wire))
    return op


def parse_table(stem, data, constants=None, host=False):
    where = f"{stem}.yaml"
    check_keys(where, data, {"table", "number", "prefix", "doc", "defaults", "records", "ops"} | ({"raw"} if host else set()),
               ["number", "doc", "ops"] + ([] if host else ["table"]))
    check_keys(where + ": defaults", data.get("defaults", {}), OP_KEYS - {"op", "doc", "wire", "in", "out", "uses"})
    ident = data.get("table", "host")
    if not host and not re.fullmatch(r"pv(\.[a-z]+)+/[1-9][0-9]*", ident):
        fail(where, f"'{ident}' is no interface id such as pv.dom.lifecycle/1")
    if not host and ident.partition("/")[0][3:].replace(".", "_") != stem:
        fail(where, f"the file of table {ident} must be named after it")
    prefix = data.get("prefix", stem.partition("_")[0])
    table = Table(data["number"], ident, stem, prefix, " ".join(data["doc"].split()), {}, [], host,
                  data.get("defaults", {}).get("target", "none"))
    for name, fields in (data.get("records") or {}).items():
        here = f"{where}: record {name}"
        check_name(here, name)
        record = Record(name, f"pv_{prefix}_{name}", [], table)
        record.fields = parse_fields(here, fields, "record", table.records, constants)
        table.records[name] = record
    for slot, op in enumerate(data["ops"]):
        table.ops.append(parse_op(table, slot, op, data.get("defaults", {}), constants))
    names = [op.name for op in table.ops]
    for name in names:
        if names.count(name) > 1:
            fail(where, f"there are two ops '{name}'")
    if len(table.ops) > 255:
        fail(where, "a table has at most 255 ops")
    return table


class Spec:
    """All tables, in order of their numbers."""

    def __init__(self, folder, constants=None):
        self.tables = []
        for path in sorted(pathlib.Path(folder).glob("*.yaml")):
            if path.stem in ("host", "params"):
                continue
            try:
                data = yaml.safe_load(path.read_text())
            except yaml.YAMLError as error:
                fail(path.name, str(error))
            self.tables.append(parse_table(path.stem, data, constants))
        self.tables.sort(key=lambda t: t.number)
        self._load_host(pathlib.Path(folder) / "host.yaml", constants)
        self._load_families(pathlib.Path(folder) / "params.yaml", constants)
        self._check_unique("number", [t.number for t in self.tables])
        self._check_unique("C name", [op.c_base + end for op in self.ops() for end in ("_in", "_out")]
                           + [r.c_name for t in self.tables for r in t.records.values()]
                           + [t.c_name for t in self.tables])
        self._check_unique("C name", [op.c_const for op in self.ops()])

    def _load_host(self, path, constants):
        """What the host answers itself: ops of its own, and procedures that have no common shape."""
        self.host, self.raw = None, []
        if not path.exists():
            return
        try:
            data = yaml.safe_load(path.read_text())
        except yaml.YAMLError as error:
            fail(path.name, str(error))
        for entry in data.get("raw") or []:
            check_keys("host.yaml: raw", entry, {"fn", "proc"}, ["fn", "proc"])
            check_name("host.yaml: raw", entry["fn"])
            self.raw.append(entry)
        self.host = parse_table("host", data, constants, host=True)

    def _load_families(self, path, constants):
        """{family: [Param]}; a spec without the file has none, and says nothing of its parameters."""
        self.families = {}
        if not path.exists():
            return
        data = yaml.safe_load(path.read_text())
        check_keys("params.yaml", data, {"families"}, ["families"])
        for family, params in data["families"].items():
            check_name(f"params.yaml: family {family}", family)
            self.families[family] = [parse_param(f"params.yaml: {family}", n, d, constants) for n, d in params.items()]
        used = set()
        for op in self.ops():
            for f in op.ins + op.outs:
                if f.base not in ("params", "groups"):
                    continue
                if f.arg not in self.families:
                    fail(f"{op.full_name}.{f.name}", f"'{f.arg}' is no family of params.yaml; say {f.base}(FAMILY)")
                used.add(f.arg)
        for family in self.families:
            if family not in used:
                fail("params.yaml", f"no op has parameters of family '{family}'")

    def ops(self):
        return [op for table in self.tables for op in table.ops]

    @staticmethod
    def _check_unique(what, values):
        seen = set()
        for value in values:
            if value in seen:
                raise SpecError(f"the {what} {value} is given twice")
            seen.add(value)


@dataclass
class Member:
    """One member of a C struct, with its place on LP64."""
    decl: str
    name: str
    size: int
    offset: int = 0
    doc: str = ""


def members_of(fields, side):
    """The members of a struct made of `fields` after its leading size, padding made explicit."""
    members = [Member("uint32_t size", "size", 4)]
    for f in fields:
        members += field_members(f, side)
    result, offset, pads = [], 0, 0
    for m in members:
        align = 1 if m.decl.startswith("uint8_t ") else min(m.size, 8)
        if offset % align:
            result.append(Member(f"uint32_t _r{pads or ''}", f"_r{pads or ''}", 4, offset))
            pads, offset = pads + 1, offset + 4
        m.offset = offset
        offset += m.size
        result.append(m)
    if offset % 8:
        result.append(Member(f"uint32_t _r{pads or ''}", f"_r{pads or ''}", 4, offset))
        offset += 4
    return result, offset


def field_members(f, side):
    if f.base in SCALARS:
        doc = f.doc or (f.arg and f"{f.arg}") or ("0 or 1" if f.base == "bool" else "")
        return [Member(f"{SCALARS[f.base][0]} {f.name}", f.name, SCALARS[f.base][1], doc=doc)]
    if f.base == "uuid":
        return [Member(f"uint8_t {f.name}[16]", f.name, 16, doc=f.doc)]
    if side == "out":
        if f.base == "kind":
            return [Member(f"uint64_t {f.name}", f.name, 8, doc=f.doc or f"handle of the {f.arg}, 0 = none")]
        doc = f.doc or {"opt_str": "may be left unwritten", "records": f"of {f.arg}"}.get(f.base, "")
        return [Member(f"{BUILDERS[f.base]}{f.name}", f.name, 8, doc=doc)]
    if f.base in ("str", "opt_str"):
        doc = f.doc or ("may be NULL" if f.base == "opt_str" else "")
        return [Member(f"const char *{f.name}", f.name, 8, doc=doc)]
    if f.base == "kind":
        return [Member(f"const pv_obj *{f.name}", f.name, 8, doc=f.doc or f"a {f.arg}; may be NULL")]
    count = Member(f"uint32_t n{f.name}", f"n{f.name}", 4)
    if f.base == "objs":
        return [Member(f"const pv_obj *const *{f.name}", f.name, 8, doc=f.doc or f"{f.arg}s"), count]
    if f.base == "records":
        doc = f.doc or "elements stand their own `size` apart"
        return [Member(f"const @{f.arg}@ *{f.name}", f.name, 8, doc=doc), count]
    return [Member(f"{ARRAYS[f.base]}{f.name}", f.name, 8, doc=f.doc), count]
