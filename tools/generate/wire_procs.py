# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The procedure, feature and event tables and the constants as C++."""
from wire_codecs import HEAD, ident, quote


def condition(tables, raw, proc):
    c = tables.condition(raw, proc)
    offset = f"offsetof({proc.program.name}::{proc.name}_args, {ident(c.arg)})"
    return f"{{Test::{c.kind}, {c.value}u, {quote(c.arg)}, {offset}}}"


def boolean(value):
    return "true" if value else "false"


def proc_row(tables, proc, acl_name):
    """One ProcInfo. What the tables call unknown is denied."""
    raw = proc.raw
    readonly, before_open = raw.get("readonly", "allow"), raw.get("before_open", False)
    when, open_when = "{}", "{}"
    if isinstance(readonly, dict):
        when = condition(tables, readonly["deny_when"], proc)
    if isinstance(before_open, dict):
        open_when = condition(tables, before_open["only_when"], proc)
    sparse = raw.get("stream_sparse_flag")
    fds = {"one": 1, "many": tables.framing["fds_max"]}
    api = raw.get("api", "")
    parts = [
        f"{proc.program.number:#x}u", str(proc.id), quote(proc.name), quote("" if api == "unknown" else api),
        quote(raw.get("kind", "")), quote(raw.get("since", "")),
        f"Role::{proc.role}", f"Priority::{'high' if raw.get('priority') == 'high' else 'low'}",
        f"StreamKind::{raw.get('stream', 'none')}", boolean(raw.get("duplex")),
        f"{tables.constant(sparse, proc.full_name) if sparse else 0}u",
        str(fds.get(raw.get("call_fds"), 0)), str(fds.get(raw.get("reply_fds"), 0)),
        boolean(readonly in ("deny", "unknown")), when,
        boolean(raw.get("before_auth")), boolean(before_open is True), open_when,
        acl_name, boolean(raw.get("acl") == "unknown")]
    return "    {" + ", ".join(parts) + "},"


def acl_entries(proc):
    """(permission, raw condition or None, whether it is a filter) of each entry."""
    acl = proc.raw.get("acl") or []
    entries = []
    if acl == "unknown":
        return entries
    for rule in acl:
        entries.append((rule["perm"], rule["when"], False) if isinstance(rule, dict) else (rule, None, False))
    return entries + [(perm, None, True) for perm in proc.raw.get("acl_filter") or []]


def permission_names(tables):
    """Every permission that a procedure needs; its place in this order is its number."""
    return sorted({perm for program in tables.programs.values() for proc in program.procs
                   for perm, _, _ in acl_entries(proc)})


def acl_rows(tables, proc, numbers):
    return [f"{{{quote(perm)}, {numbers[perm]}, {condition(tables, when, proc) if when else '{}'}, {boolean(filtered)}}}"
            for perm, when, filtered in acl_entries(proc)]


def procs_source(tables):
    out = [HEAD, "#include <cstddef>", '#include "host/protocol/proc_info.h"']
    out += [f'#include "host/protocol/gen/{name}.h"' for name in tables.programs]
    out += ["", "namespace polyvirt::protocol {", "namespace {", ""]
    tables_of = []
    names = permission_names(tables)
    numbers = {name: place for place, name in enumerate(names)}
    for program in tables.programs.values():
        rows = []
        for proc in program.procs:
            acl, name = acl_rows(tables, proc, numbers), "{}"
            if acl:
                name = f"kAcl_{program.name}_{proc.id}"
                out.append(f"constexpr AclRule {name}[] = {{{', '.join(acl)}}};")
            rows.append(proc_row(tables, proc, name))
        out.append(f"constexpr ProcInfo k_{program.name}[] = {{\n" + "\n".join(rows) + "\n};")
        tables_of.append(program)
    out += ["", "} // namespace", "", "std::span<const ProcInfo> procs(std::uint32_t program) {",
            "    switch (program) {"]
    out += [f"    case {p.number:#x}u: return k_{p.name};" for p in tables_of]
    out += ["    default: return {};", "    }", "}", "",
            "const char* program_name(std::uint32_t program) {", "    switch (program) {"]
    out += [f"    case {p.number:#x}u: return {quote(p.name)};" for p in tables_of]
    out += ['    default: return "";', "    }", "}", "", "std::span<const std::uint32_t> programs() {",
            "    static constexpr std::uint32_t kAll[] = {" +
            ", ".join(f"{p.number:#x}u" for p in tables_of) + "};", "    return kAll;", "}", "",
            "std::span<const char* const> permissions() {",
            "    static constexpr const char* kAll[] = {" + ", ".join(quote(n) for n in names) + "};",
            "    return kAll;", "}", "",
            "const FeatureInfo* find_feature(std::int32_t id) {",
            "    static constexpr FeatureInfo kFeatures[] = {"]
    for number, feature in tables.features.items():
        out.append(f"        {{{number}, {quote(feature['name'])}, {boolean('daemon' in feature)}, "
                   f"{boolean(feature.get('daemon', 0))}, "
                   f"{boolean(feature.get('starts_daemon_pings'))}}},")
    out += ["    };", "    for (const FeatureInfo& f : kFeatures)", "        if (f.id == id) return &f;",
            "    return nullptr;", "}", "", "std::span<const EventInfo> event_table() {",
            "    static constexpr EventInfo kEvents[] = {"]
    by_name = {p.name: p.id for p in tables.programs["remote"].procs}
    for kind, entry in tables.event_ids.items():
        for number, names in entry["ids"].items():
            out.append(f"        {{{quote(kind)}, {number}, {by_name[names['old']] if 'old' in names else 0}, "
                       f"{by_name[names['new']]}}},")
    out += ["    };", "    return kEvents;", "}", "", "} // namespace polyvirt::protocol", ""]
    return "\n".join(out)


def constants_header(tables):
    out = [HEAD, "#pragma once", "#include <cstdint>", "", "namespace polyvirt::protocol {", ""]
    for name, value in sorted(tables.constants.items()):
        if -2**31 <= value < 2**31:
            out.append(f"inline constexpr std::int32_t {name} = {value};")
        elif 0 <= value < 2**32:
            out.append(f"inline constexpr std::uint32_t {name} = {value}u;")
        else:
            out.append(f"inline constexpr std::int64_t {name} = {value};")
    out += [f"inline constexpr char {name}[] = {quote(text)};" for name, text in sorted(tables.strings.items())]
    out += ["", "} // namespace polyvirt::protocol", ""]
    return "\n".join(out)
