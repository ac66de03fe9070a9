# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The same structs as data (host/protocol/layout.h)."""
from wire_codecs import HEAD, Scope, ident, in_order, named_structs, proc_structs, quote


def held(scope, t):
    """(holder, type of what is held, name of its bound, number of items)."""
    t = scope.resolve(t)
    if t.kind == "opt":
        return "optional", scope.resolve(t.item), 0, 0
    if t.kind == "list":
        return "list", scope.resolve(t.item), scope.limit(t), 0
    if t.kind == "vec":
        return "vec", scope.resolve(t.item), 0, t.count
    return "one", t, 0, 0


def object_name(scope, t):
    own = scope.program and t.name in scope.program.types
    return f"{scope.program.name}_{t.name}" if own else t.name


def field_row(scope, struct, f):
    holder, item, limit, count = held(scope, f.type)
    size, layout = 0, "nullptr"
    if item.kind == "scalar":
        shape = item.name
    elif item.kind == "name" and not scope.is_struct(item):
        shape = "i32"
    elif item.kind == "name":
        shape, layout = "object", f"&kLayout_{object_name(scope, item)}"
    elif item.kind == "raw":
        shape, size = "raw", item.count
    else:
        shape, size = item.kind, scope.limit(item)
    access = "{}"
    if holder == "list":
        access = f"kListOf<{scope.item(item)}>"
    return (f"    {{{quote(f.name)}, offsetof({struct}, {ident(f.name)}), Holder::{holder}, Shape::{shape}, "
            f"{limit}, {size}, {count}, {layout}, {access}}},")


def layout(struct, name, cpp):
    out, fields, arms = [], "{}", "{}"
    if struct.fields:
        fields = f"kFields_{name}"
        out.append(f"constexpr FieldLayout {fields}[] = {{")
        out += [field_row(struct.scope, cpp, f) for f in struct.fields]
        out.append("};")
    if struct.union:
        arms = f"kArms_{name}"
        out.append(f"constexpr std::int32_t {arms}[] = {{{', '.join(str(tag) for tag, _ in struct.union)}}};")
    out.append(f"constexpr Layout kLayout_{name} = layout_of<{cpp}>({quote(cpp)}, {fields}, {arms});")
    return out


def layout_source(tables):
    out = [HEAD, "#include <cstddef>", '#include "host/protocol/layout.h"']
    out += [f'#include "host/protocol/gen/{name}.h"' for name in tables.programs]
    out += ["", "namespace polyvirt::protocol {", "namespace {", ""]
    names = []

    def add(struct, name, cpp):
        names.append(name)
        out.extend(layout(struct, name, cpp))

    for struct in in_order(named_structs(tables, None, tables.types)):
        add(struct, struct.name, struct.name)
    for program in tables.programs.values():
        for struct in in_order(named_structs(tables, program, program.types)):
            add(struct, f"{program.name}_{struct.name}", f"{program.name}::{struct.name}")
        for struct in proc_structs(tables, program):
            add(struct, f"{program.name}_{struct.name}", f"{program.name}::{struct.name}")
    out.append("constexpr const Layout* kAll[] = {" + ", ".join(f"&kLayout_{name}" for name in names) + "};")
    for program in tables.programs.values():
        out.append(f"constexpr MessageLayouts kMessages_{program.name}[] = {{")
        out += [message_row(program, proc) for proc in program.procs]
        out.append("};")
    out += ["", "} // namespace", "", "std::span<const Layout* const> layouts() { return kAll; }", "",
            "std::span<const MessageLayouts> message_layouts(std::uint32_t program) {", "    switch (program) {"]
    out += [f"    case {p.number:#x}u: return kMessages_{p.name};" for p in tables.programs.values()]
    out += ["    default: return {};", "    }", "}", "", "} // namespace polyvirt::protocol", ""]
    return "\n".join(out)


def message_row(program, proc):
    own = f"&kLayout_{program.name}_{proc.name}"
    if proc.role == "call":
        return f"    {{{own}_args, {own}_ret, nullptr}},"
    event = f"&kLayout_{proc.event}" if isinstance(proc.event, str) else f"{own}_event"
    return f"    {{nullptr, nullptr, {event}}},"
