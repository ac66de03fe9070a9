# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""How the procedures of the wire map to ops: every field of either side is accounted for.

resolve() answers {procedure: Mapping} or raises SpecError: a procedure that stands nowhere or twice, a
field that nothing takes or gives, types that do not fit.
"""
import re
import dataclasses
from dataclasses import dataclass

from spec import KINDS, SpecError, WIRE_KINDS, fail


@dataclass
class Arg:
    """Where one field of the wire's arguments goes. how: target, field, limit, need, stride, param, ignore."""
    wire: object            # tables.Field
    how: str
    field: object = None    # spec Field: of `in` (field, param), of `out` (limit, need, stride)
    sub: object = None      # stride: field of the record
    text: str = ""          # param: name of the parameter


@dataclass
class Ret:
    """What one field of the reply is made of. how: field, target, count, probe, const, packed, column, names,
    ids, uuids."""
    wire: object
    how: str
    field: object = None
    sub: object = None
    value: int = 0
    items: dict = dataclasses.field(default_factory=dict)   # records, groups: {wire field of the item: (Field, items)}


@dataclass
class Mapping:
    proc: object            # tables.Proc
    op: object
    wire: object            # spec Wire
    args: list = dataclasses.field(default_factory=list)
    rets: list = dataclasses.field(default_factory=list)
    sets: list = dataclasses.field(default_factory=list)    # [(Field, C++ expression)]
    target: object = None   # Arg
    adapter: bool = False
    fds: object = None      # Field that takes the descriptors
    conditional: bool = False   # the procedure has rules that depend on an argument
    condition: object = None    # that argument, None where this variant has none

    def limit(self, out):
        return next((a for a in self.args if a.how == "limit" and a.field is out), None)

    def need(self, out):
        return next((a for a in self.args if a.how == "need" and a.field is out), None)


# in: wire scalar -> op field's base.
IN_SCALARS = {("i32", "i32"), ("i32", "bool"), ("u32", "u32"), ("u64", "u64"), ("i64", "i64"), ("u32", "u64")}
# out: op field's base -> wire scalar.
OUT_SCALARS = {("i32", "i32"), ("bool", "i32"), ("u32", "u32"), ("u64", "u64"), ("i64", "i64"), ("u32", "u16"),
               ("i32", "u8"), ("i32", "i8"), ("u32", "i32")}


class Resolver:
    def __init__(self, facts, spec, constants):
        self.facts, self.spec, self.constants = facts, spec, constants
        self.done, self.errors = {}, []

    def run(self):
        ops = list(self.spec.ops()) + (self.spec.host.ops if self.spec.host else [])
        for op in ops:
            for wire in op.wire:
                self.collect(self.add, op, wire)
        for entry in self.spec.raw:
            self.collect(self.add_raw, entry)
        self.collect(self.check_uses, ops)
        missing = [n for n, p in self.facts.procs.items() if p.role == "call" and n not in self.done]
        if missing:
            self.errors.append(f"{len(missing)} procedures stand in no spec: {', '.join(missing)}")
        if self.errors:
            raise SpecError("\n".join(self.errors))
        return self.done

    def collect(self, function, *args):
        try:
            function(*args)
        except SpecError as error:
            self.errors.append(str(error))

    def check_uses(self, ops):
        used = set()
        names = {op.full_name for op in self.spec.ops()}
        for op in ops:
            for name in op.uses:
                if name not in names:
                    fail(f"host.yaml: {op.name}", f"uses '{name}', which is no op")
                used.add(name)
        for op in self.spec.ops():
            if not op.wire and op.full_name not in used:
                fail(f"{op.table.stem}.yaml: {op.name}", "no procedure leads to it, and host.yaml does not use it")

    def add_raw(self, entry):
        where = f"host.yaml: raw {entry['fn']}"
        self.proc(where, entry["proc"])
        self.claim(where, entry["proc"], entry["fn"])

    def proc(self, where, name):
        proc = self.facts.procs.get(name)
        if proc is None:
            fail(where, f"the wire's tables have no procedure '{name}'")
        if proc.role != "call":
            fail(where, f"'{name}' is an event, not a call")
        return proc

    def claim(self, where, name, what):
        if name in self.done:
            other = self.done[name]
            fail(where, f"'{name}' is mapped already, to {other.op.full_name if isinstance(other, Mapping) else other}")
        self.done[name] = what

    def add(self, op, wire):
        proc = self.proc(wire.where, f"{wire.program}.{wire.proc}")
        mapping = Mapping(proc, op, wire, adapter=wire.adapter)
        self.claim(wire.where, proc.full_name, mapping)
        self.check_stream(mapping)
        self.check_conditions(mapping)
        if wire.adapter:
            if wire.args or wire.ret or wire.set:
                fail(wire.where, "an adapter maps by hand: no args, ret or set")
            self.find_target(mapping, {})
            return
        self.map_args(mapping)
        self.map_rets(mapping)

    def check_stream(self, m):
        raw = m.proc.raw
        found = "duplex" if raw.get("duplex") else raw.get("stream", "none")
        if found != m.op.stream:
            fail(m.wire.where, f"the procedure's stream is {found}, the op's {m.op.stream}")

    def check_conditions(self, m):
        """All conditions of one procedure look at one argument, which the glue hands to the check."""
        raw = m.proc.raw
        names = set()
        acl = raw.get("acl") or []
        for rule in [] if acl == "unknown" else acl:
            if isinstance(rule, dict):
                names.add(rule["when"].get("arg", "flags"))
        if isinstance(raw.get("readonly"), dict):
            names.add(raw["readonly"]["deny_when"].get("arg", "flags"))
        if len(names) > 1:
            fail(m.wire.where, f"conditions look at several arguments: {', '.join(sorted(names))}")
        m.conditional = bool(names)
        m.condition = next((f for f in m.proc.args if f.name in names), None)

    # --- arguments

    def find_target(self, m, args):
        """The field that names the target: said so, or the first of the target's type."""
        for f in m.proc.args:
            if args.get(f.name) == "target":
                m.target = Arg(f, "target")
                return
        if m.op.target == "none":
            return
        for f in m.proc.args:
            wire_kind = WIRE_KINDS.get(f.type.name) if f.type.kind == "name" else None
            if f.name not in args and wire_kind and m.op.target in ("any", wire_kind):
                m.target = Arg(f, "target")
                return
        fail(m.wire.where, f"no argument names the target, a {m.op.target}")

    def known(self, m, what, names, fields):
        unknown = sorted(set(names) - {f.name for f in fields})
        if unknown:
            fail(m.wire.where, f"the procedure has no {what} named {', '.join(map(repr, unknown))}")

    def map_args(self, m):
        where, op, args = m.wire.where, m.op, dict(m.wire.args)
        ins = {f.name: f for f in op.ins}
        outs = {f.name: f for f in op.outs}
        taken = {}
        self.known(m, "argument", args, m.proc.args)
        self.find_target(m, args)
        if m.target and op.target == "none":
            fail(where, "the op has no target")
        for f in m.proc.args:
            expression = args.pop(f.name, None)
            if m.target and f is m.target.wire:
                t = self.facts.resolve(f.type)
                if not (t.kind == "str" or t.kind == "name" and t.name in WIRE_KINDS):
                    fail(where, f"'{f.name}' names no object")
                m.args.append(m.target)
                continue
            m.args.append(self.arg(m, f, expression or f.name, ins, outs, taken))
        self.map_sets(m, ins, taken)
        params = [f for f in op.ins if f.base == "params"]
        for f in op.ins:
            if f.name in taken:
                continue
            if f.base == "fds":
                if m.proc.raw.get("call_fds"):
                    m.fds = f
            elif f.base == "kind" and not taken.get(f.name) and op.table.host:
                fail(where, f"nothing gives the op's field '{f.name}'")
            elif f not in params or not any(a.how == "param" for a in m.args):
                fail(where, f"nothing gives the op's field '{f.name}'; map an argument to it or set it")
        if m.proc.raw.get("call_fds") and not m.fds:
            fail(where, "descriptors come with the call, but the op has no field of type fds")

    def arg(self, m, f, expression, ins, outs, taken):
        where = m.wire.where
        if expression == "ignore":
            return Arg(f, "ignore")
        match = re.fullmatch(r"(limit|need|stride|param)\(([\w.]+)\)", str(expression))
        if match and match[1] == "param":
            return self.param_arg(m, f, match[2])
        if match:
            name, _, sub = match[2].partition(".")
            if name not in outs:
                fail(where, f"'{f.name}': {expression} names no result of the op")
            t = self.facts.resolve(f.type)
            if t.kind != "scalar" or t.name not in ("i32", "u32"):
                fail(where, f"'{f.name}' is no count")
            return Arg(f, match[1], outs[name], self.sub(m, outs[name], sub) if sub else None)
        if expression not in ins:
            fail(where, f"argument '{f.name}' goes nowhere: the op has no field '{expression}'")
        if expression in taken:
            fail(where, f"two arguments go to the op's field '{expression}'")
        target = ins[expression]
        taken[expression] = True
        self.check_in(m, f, target)
        return Arg(f, "field", target)

    def param_arg(self, m, f, name):
        params = [x for x in m.op.ins if x.base == "params"]
        if len(params) != 1:
            fail(m.wire.where, f"'{f.name}' becomes a typed parameter, but the op has {len(params)} lists of them")
        t = self.facts.resolve(f.type)
        if not (t.kind == "str" or t.kind == "opt" and t.item.kind == "str" or t.kind == "scalar" and t.name == "u64"):
            fail(m.wire.where, f"'{f.name}' cannot become a typed parameter")
        if name not in self.constants.strings:
            fail(m.wire.where, f"the constants have no parameter name '{name}'")
        return Arg(f, "param", params[0], text=self.constants.strings[name])

    def check_in(self, m, f, target):
        t = self.facts.resolve(f.type)
        base, where = target.base, m.wire.where
        if t.kind == "scalar":
            fits = (t.name, base) in IN_SCALARS or (t.name == "u32" and base == "i32" and target.arg)
        elif t.kind == "str":
            fits = base in ("str", "opt_str")
        elif t.kind == "opt":
            inner = self.facts.resolve(t.item)
            fits = (inner.kind == "str" and base == "opt_str"
                    or inner.kind == "name" and base == "kind" and self.kind_fits(inner, target.arg))
        elif t.kind == "blob":
            fits = base == "bytes"
        elif t.kind == "raw":
            fits = t.count == 16 and base == "uuid"
        elif t.kind == "name":
            fits = base == "kind" and self.kind_fits(t, target.arg)
        else:
            fits = t.kind == "list" and self.list_fits(self.facts.resolve(t.item), target)
        if not fits:
            fail(where, f"'{f.name}' does not fit the op's field '{target.name}' ({base}{' ' + target.arg if target.arg else ''})")

    def kind_fits(self, t, arg):
        return t.name in WIRE_KINDS and arg in ("any", WIRE_KINDS[t.name])

    def list_fits(self, item, target):
        if item.kind == "str":
            return target.base == "strings"
        if item.kind == "scalar":
            return target.base == item.name + "s"
        if item.kind == "name":
            return (item.name == "typed_param" and target.base == "params"
                    or target.base == "objs" and self.kind_fits(item, target.arg))
        return False

    def map_sets(self, m, ins, taken):
        for name, value in m.wire.set.items():
            if name not in ins:
                fail(m.wire.where, f"set: the op has no field '{name}'")
            if name in taken:
                fail(m.wire.where, f"set: '{name}' is given by an argument already")
            taken[name] = True
            m.sets.append((ins[name], self.constant(m, ins[name], value)))

    def constant(self, m, f, value):
        """A C++ expression of the field's type."""
        where = f"{m.wire.where}: set {f.name}"
        if f.base in ("str", "opt_str"):
            if value is None and f.base == "opt_str":
                return "nullptr"
            if not isinstance(value, str) or not re.fullmatch(r"[\w.-]*", value):
                fail(where, f"{value!r} is no text")
            return f'"{value}"'
        if f.base in ("bytes", "params", "strings", "objs") and value is None:
            return "nullptr"
        if f.base not in ("u32", "i32", "u64", "i64", "bool"):
            fail(where, f"a {f.base} cannot be set")
        if isinstance(value, list):
            return " | ".join(self.constant(m, f, v) for v in value)
        if isinstance(value, bool) or value is None:
            fail(where, f"{value!r} is no number")
        if isinstance(value, int):
            return str(value)
        if re.fullmatch(r"(PV|HOST)_[A-Z0-9_]+", value):
            return value
        if value not in self.constants.values:
            fail(where, f"the constants have no '{value}'")
        return str(self.constants.values[value])

    # --- replies

    def map_rets(self, m):
        where, rets = m.wire.where, dict(m.wire.ret)
        outs = {f.name: f for f in m.op.outs}
        self.known(m, "field in its reply", rets, m.proc.ret)
        used = set(m.wire.drop)
        for name in used - set(outs):
            fail(where, f"drop: the op has no result '{name}'")
        for f in m.proc.ret:
            expression = rets.pop(f.name, None)
            m.rets.append(self.ret(m, f, f.name if expression is None else expression, outs, used))
        for f in m.op.outs:
            if f.name not in used:
                fail(where, f"the reply leaves out the op's result '{f.name}'; map it or drop it")
        for name in m.wire.on_error:
            if name not in [f.name for f in m.proc.ret]:
                fail(where, f"on_error: the reply has no field '{name}'")

    def ret(self, m, f, expression, outs, used):
        where = m.wire.where
        t = self.facts.resolve(f.type)
        if isinstance(expression, dict):
            out = outs.get(expression.get("from"))
            if out is None:
                fail(where, f"'{f.name}': 'from' names no result of the op")
            used.add(out.name)
            return self.items_ret(m, f, t, out, expression.get("map", {}))
        if expression == "target":
            if m.op.target == "none" or t.kind != "name" or not self.kind_fits(t, m.op.target):
                fail(where, f"'{f.name}' cannot repeat the target")
            return Ret(f, "target")
        match = re.fullmatch(r"const\((-?\d+)\)", str(expression))
        if match:
            return Ret(f, "const", value=int(match[1]))
        match = re.fullmatch(r"(count|probe|packed|names|ids|uuids)\(([\w.]+)\)", str(expression))
        name, _, sub = (match[2] if match else str(expression)).partition(".")
        if name not in outs:
            fail(where, f"'{f.name}' of the reply comes from nowhere: the op has no result '{name}'")
        out = outs[name]
        used.add(name)
        if match:
            return self.function_ret(m, f, t, match[1], out, sub)
        if sub:
            record = self.record(m, out)
            part = self.sub(m, out, sub)
            if t.kind != "list" or (part.base, self.facts.resolve(t.item).name) not in OUT_SCALARS or not record:
                fail(where, f"'{f.name}' cannot be the column {expression}")
            return Ret(f, "column", out, part)
        if out.base in ("records", "groups"):
            return self.items_ret(m, f, t, out, {})
        self.check_out(m, f, t, out)
        return Ret(f, "field", out)

    def function_ret(self, m, f, t, function, out, sub):
        where = m.wire.where
        if function in ("count", "probe"):
            if t.kind != "scalar" or t.name not in ("i32", "u32"):
                fail(where, f"'{f.name}' is no count")
            if out.base not in ("strings", "params", "objs", "records"):
                fail(where, f"'{out.name}' cannot be counted")
            if function == "probe" and not m.limit(out):
                fail(where, f"'{f.name}': probe({out.name}) needs an argument limit({out.name})")
            return Ret(f, function, out)
        if function == "packed":
            part = self.sub(m, out, sub)
            if part.base != "bytes" or t.kind != "blob":
                fail(where, f"'{f.name}' cannot hold the packed '{sub}'")
            if not any(a.how == "stride" and a.sub is part for a in m.args):
                fail(where, f"'{f.name}': packed({out.name}.{sub}) needs an argument stride({out.name}.{sub})")
            return Ret(f, "packed", out, part)
        item = self.facts.resolve(t.item) if t.kind == "list" else None
        wanted = ("scalar", "i32") if function == "ids" else ("str", "")
        if out.base != "objs" or item is None or (item.kind, item.name) != wanted:
            fail(where, f"'{f.name}' is no list of {function}")
        return Ret(f, function, out)

    def record(self, m, out):
        return m.op.table.records.get(out.arg) if out.base == "records" else None

    def sub(self, m, out, name):
        record = self.record(m, out)
        for f in record.fields if record else []:
            if f.name == name:
                return f
        fail(m.wire.where, f"'{out.name}' has no field '{name}'")

    def items_ret(self, m, f, t, out, mapping):
        item = self.facts.resolve(t.item) if t.kind == "list" else None
        if item is None or item.kind != "name" or item.name not in self.facts.types:
            fail(m.wire.where, f"'{f.name}' is no list of structs")
        return Ret(f, "field", out, items=self.items(m, item, out, mapping))

    def items(self, m, item, out, mapping):
        where, mapping, result = m.wire.where, dict(mapping), {}
        if out.base == "groups":
            for part in self.facts.struct(item.name):
                source = mapping.pop(part.name, part.name)
                if source not in ("object", "params"):
                    fail(where, f"'{part.name}' of {item.name} comes from nowhere: a group has object and params")
                result[part.name] = (source, {})
            if sorted(s for s, _ in result.values()) != ["object", "params"] or mapping:
                fail(where, f"{item.name} is not made of an object and its parameters")
            return result
        record = m.op.table.records.get(out.arg)
        fields, used = {x.name: x for x in record.fields}, set()
        for part in self.facts.struct(item.name):
            source, inner = mapping.pop(part.name, part.name), {}
            if isinstance(source, dict):
                source, inner = source.get("from"), source.get("map", {})
            if source not in fields:
                fail(where, f"'{part.name}' of {item.name} comes from nowhere: the record has no field '{source}'")
            field_, t = fields[source], self.facts.resolve(part.type)
            used.add(source)
            if field_.base == "records":
                inner_item = self.facts.resolve(t.item) if t.kind == "list" else None
                if inner_item is None or inner_item.kind != "name":
                    fail(where, f"'{part.name}' of {item.name} is no list of structs")
                result[part.name] = (field_, self.items(m, inner_item, field_, inner))
                continue
            self.check_out(m, part, t, field_)
            result[part.name] = (field_, {})
        if mapping:
            fail(where, f"{item.name} has no field {', '.join(map(repr, mapping))}")
        packed = {r.sub.name for r in m.rets if r.how == "packed"} | self.packed_subs(m, out)
        for name in fields.keys() - used - packed:
            fail(where, f"{item.name} leaves out the record's field '{name}'")
        return result

    def packed_subs(self, m, out):
        return {a.sub.name for a in m.args if a.how == "stride" and a.field is out}

    def check_out(self, m, f, t, out):
        base = out.base
        if t.kind == "scalar":
            fits = (base, t.name) in OUT_SCALARS
        elif t.kind == "str":
            fits = base == "str"
        elif t.kind == "opt":
            fits = self.facts.resolve(t.item).kind == "str" and base in ("str", "opt_str")
        elif t.kind == "blob":
            fits = base == "bytes"
        elif t.kind == "vec":
            fits = t.item.name == "i8" and base == "str"
        elif t.kind == "name":
            fits = base == "kind" and self.kind_fits(t, out.arg)
        elif t.kind == "list":
            item = self.facts.resolve(t.item)
            fits = item.kind == "scalar" and item.name == "i8" and base == "str" or self.list_fits(item, out)
        else:
            fits = False
        if not fits:
            fail(m.wire.where, f"the op's result '{out.name}' ({base}{' ' + out.arg if out.arg else ''}) does not fit "
                 f"the reply's '{f.name}'")


def resolve(facts, spec, constants):
    return Resolver(facts, spec, constants).run()
