# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The procedures that host.yaml describes, in the build tree:

    host/dispatch/gen/host_ops.h        in and out of each op of the host, and the function that answers it
    host/dispatch/gen/host_answers.cpp  for each procedure: arguments -> in, the function, out -> reply

A function gets values of the host's own (ObjectPtr, Uuid, std::string) and knows nothing of the wire's variants. An
op marked `later: true` gets a Reply besides, and answers with it from another thread."""
from spec import KINDS, WIRE_KINDS, SpecError
from wire_codecs import ident

IN_TYPES = {"u32": "std::uint32_t", "i32": "std::int32_t", "u64": "std::uint64_t", "i64": "std::int64_t",
            "bool": "bool", "str": "std::string_view", "opt_str": "std::optional<std::string_view>", "uuid": "Uuid",
            "kind": "plugin::ObjectPtr", "params": "std::span<const protocol::typed_param>"}
OUT_TYPES = {"u32": "std::uint32_t", "i32": "std::int32_t", "u64": "std::uint64_t", "i64": "std::int64_t",
             "bool": "bool", "str": "std::string", "opt_str": "std::optional<std::string>",
             "kind": "plugin::ObjectPtr", "objs": "std::vector<plugin::ObjectPtr>", "strings": "std::vector<std::string>"}
LISTS = ("objs", "strings")


def struct_name(op, side):
    return "".join(word.capitalize() for word in op.name.split("_")) + side.capitalize()


def struct(op, side):
    types, fields = (IN_TYPES, op.ins) if side == "in" else (OUT_TYPES, op.outs)
    lines = [f"struct {struct_name(op, side)} {{"]
    if side == "in" and op.target != "none":
        lines.append("    plugin::ObjectPtr target; // never null")
    for f in fields:
        if f.base not in types:
            raise SpecError(f"host.yaml: {op.name}: the host has no '{f.base}' as {side}")
        start = "{}" if f.base in ("u32", "i32", "u64", "i64", "bool") else ""
        lines.append(f"    {types[f.base]} {f.name}{start};")
    return lines + ["};"]


def ops_header(head, host):
    out = [head, "#pragma once", "#include <cstdint>", "#include <optional>", "#include <span>", "#include <string>",
           "#include <string_view>", "#include <vector>", "", '#include "base/result.h"', '#include "base/uuid.h"',
           '#include "host/dispatch/answer_support.h"', '#include "host/plugin/registry.h"',
           '#include "host/protocol/gen/types.h"', "", "namespace polyvirt::dispatch::host {", ""]
    for op in host.ops:
        out += [f"// {op.doc}", *struct(op, "in"), *struct(op, "out")]
        reply = f", Reply<{struct_name(op, 'out')}> reply" if op.later else f", {struct_name(op, 'out')}& out"
        out += [f"Status {op.name}(WireCall& call, const {struct_name(op, 'in')}& in{reply});", ""]
    return "\n".join(out + ["} // namespace polyvirt::dispatch::host", ""])


class Answer:
    """One procedure."""

    def __init__(self, facts, glue, mapping):
        self.facts, self.glue, self.m = facts, glue, mapping
        self.op, self.proc, self.ns = mapping.op, mapping.proc, mapping.proc.program.name
        self.id = f"{self.ns}_{self.proc.name}"

    def kind(self):
        """Whose objects the procedure is about: of them the provider is asked. "none": of the connection's driver."""
        for f, value in self.m.sets:
            if f.name == "kind":
                return next(k for k in KINDS if value == f"PV_KIND_{k.upper()}")
        for f in self.proc.args + self.proc.ret:
            t = self.facts.resolve(f.type)
            t = self.facts.resolve(t.item) if t.kind == "opt" else t
            if t.kind == "name" and t.name in WIRE_KINDS:
                return WIRE_KINDS[t.name]
        if self.m.target:
            return self.op.target
        kinds = [f.arg for f in self.op.outs if f.base in ("kind", "objs") and f.arg != "any"]
        return kinds[0] if kinds else "none"

    def text(self):
        op, lines = self.op, []
        lines += [f"{self.ns}::{self.proc.name}_args a{{}};", "if (!decode(decoder, a)) return bad_payload();"]
        if self.proc.args:
            lines.append("PV_TRY(call.access().take_arguments(&a));")
        kind = self.kind()
        if kind != "none":
            lines.append(f"if (!call.use_provider({KINDS[kind][0]})) return no_support(call.proc());")
        if self.m.conditional:
            value = f"static_cast<std::uint32_t>(a.{ident(self.m.condition.name)})" if self.m.condition else "0"
            lines.append(f"if (!glue::check_conditional(call, {value})) return call.take_error(PV_FAIL);")
        lines.append(f"host::{struct_name(op, 'in')} in{{}};")
        # Counts before objects, as the peer looks at them.
        for arg in sorted(self.m.args, key=lambda a: a.how not in ("limit", "need")):
            lines += self.arg(arg)
        lines += [f"in.{f.name} = {value};" for f, value in self.m.sets]
        encode = self.encode()
        rest = "PV_TRY(call.access().check_rest(call.instance != nullptr ? &call.driver().registry() : nullptr));"
        if op.later:
            if any(a.how in ("limit", "need") for a in self.m.args):
                raise SpecError(f"{self.m.wire.where}: what is answered later has no limits")
            lines += [rest, f"return host::{op.name}(call, in, &encode_{self.id});"]
            head = [f"Status encode_{self.id}([[maybe_unused]] WireCall& call, [[maybe_unused]] const host::{struct_name(op, 'out')}& out,",
                    "    protocol::Encoder& encoder) {", *["    " + x for x in encode], "}"]
        else:
            shown = [f"PV_TRY(call.access().check(out.{f.name}));" for f in op.outs if f.base == "kind"]
            lines += [f"host::{struct_name(op, 'out')} out{{}};", f"PV_TRY(host::{op.name}(call, in, out));", *shown, rest,
                      *encode]
            head = []
        return "\n".join([f"// {self.proc.full_name} -> host.{op.name}", *head,
                          f"Status answer_{self.id}(WireCall& call, protocol::Decoder& decoder, "
                          f"[[maybe_unused]] protocol::Encoder& encoder) {{",
                          *["    " + x for x in lines], "}", ""])

    def row(self):
        return f"    {{{self.proc.program.number:#x}u, {self.proc.id}, &answer_{self.id}}},"

    def arg(self, arg):
        a = f"a.{ident(arg.wire.name)}"
        t = self.facts.resolve(arg.wire.type)
        if arg.how == "ignore":
            return []
        if arg.how == "target":
            found = f"look_up(call, {a})" if t.kind == "name" else f"look_up_name(call, {KINDS[self.op.target][0]}, {a}.view())"
            return [f"PV_ASSIGN_OR_RETURN(in.target, {found});"]
        if arg.how == "need":
            return [f"const std::size_t take_{arg.field.name} = {a} != 0 ? SIZE_MAX : 0;"]
        if arg.how == "limit":
            number, code, text = self.glue.limit_words(arg)
            return [f"std::uint32_t take_{arg.field.name} = 0;",
                    f"if (!glue::take_limit(call, static_cast<std::int64_t>({a}), {number}, ErrorCode::{code}, \"{text}\", "
                    f"take_{arg.field.name}))", "    return call.take_error(PV_FAIL);"]
        if arg.how != "field":
            raise SpecError(f"{self.m.wire.where}: the host has no '{arg.how}'")
        return self.field(arg.field, t, a)

    def field(self, f, t, a):
        to = f"in.{f.name}"
        if f.base == "bool":
            return [f"{to} = {a} != 0;"]
        if f.base == "uuid":
            return [f"{to} = Uuid::from_bytes({a}.data());"]
        if f.base == "str":
            return [f"{to} = {a}.view();"]
        if f.base == "opt_str":
            return [f"if ({a}.present()) {to} = {a}.view();"]
        if f.base == "kind":
            found = f"look_up(call, {'*' if t.kind == 'opt' else ''}{a})"
            block = f"PV_ASSIGN_OR_RETURN({to}, {found});"
            return [f"if ({a} != nullptr) {{", "    " + block, "}"] if t.kind == "opt" else [block]
        if t.kind == "scalar" and t.name == "u32" and f.base == "i32":
            return [f"{to} = static_cast<std::int32_t>({a});"]
        return [f"{to} = {a};"]

    def encode(self):
        lines = [f"{self.ns}::{self.proc.name}_ret r{{}};"]
        for r in self.m.rets:
            lines += self.ret(r)
        return lines + ["encode(encoder, r);", "return {};"]

    def ret(self, r):
        to, f = f"r.{ident(r.wire.name)}", r.field
        t = self.facts.resolve(r.wire.type)
        if r.how == "const":
            return [f"{to} = {r.value};"]
        if r.how == "count":
            value = f"out.{f.name}.size()"
            return [f"{to} = static_cast<std::{'uint' if t.name == 'u32' else 'int'}32_t>({value});"]
        if f.base in LISTS:
            return [f"PV_TRY({self.list_function(r, t)}(call, out.{f.name}, {self.take(f)}, "
                    f"{self.facts.limit(self.proc, t.limit)}, \"{r.wire.name}\", {to}));"]
        if f.base == "kind":
            return [f"{to} = to_wire<protocol::{t.name}>(call, *out.{f.name});"]
        if f.base == "str":
            return [f"{to} = call.keep(out.{f.name});"]
        if f.base == "opt_str":
            return [f"if (out.{f.name}) {to} = call.keep(*out.{f.name});"]
        if f.base == "bool":
            return [f"{to} = out.{f.name} ? 1 : 0;"]
        return [f"{to} = out.{f.name};"]

    def list_function(self, r, t):
        if r.field.base == "strings":
            return "put_strings"
        if r.how in ("names", "ids", "uuids"):
            return f"put_{r.how}"
        return f"put_objects<protocol::{self.facts.resolve(t.item).name}>"

    def take(self, f):
        return f"take_{f.name}" if self.m.limit(f) or self.m.need(f) else "SIZE_MAX"


def answers_source(head, facts, make_glue, mappings):
    programs = sorted({m.proc.program.name for m in mappings})
    out = [head, '#include "base/error_text.h"', '#include "host/dispatch/gen/host_ops.h"',
           '#include "host/dispatch/glue_support.h"', '#include "host/dispatch/host_table.h"',
           '#include "host/dispatch/look_up.h"']
    out += [f'#include "host/protocol/gen/{p}.h"' for p in programs]
    out += ["", "namespace polyvirt::dispatch {", "namespace {", ""]
    out += [f"namespace {p} = protocol::{p};" for p in programs] + [""]
    rows = []
    for m in mappings:
        answer = Answer(facts, make_glue(facts, m), m)
        out.append(answer.text())
        rows.append(answer.row())
    return "\n".join(out + ["constexpr HostAnswer kAnswers[] = {", *rows, "};", "", "} // namespace", "",
                            "std::span<const HostAnswer> spec_answers() { return kAnswers; }", "",
                            "} // namespace polyvirt::dispatch", ""])
