# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Copies of the ABI's headers as another release would have them: an older one, that lacks what was appended since,
and a newer one, that has more."""

import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "generate"))
import abi_table  # noqa: E402
import c_headers  # noqa: E402

# What the loader itself cannot do without; pv_obj and pv_probe are made by one side and read whole by the other.
ENTRY = {"pv_plugin", "pv_host_root", "pv_probe", "pv_obj"}


def copy(source, dest):
    shutil.copytree(pathlib.Path(source) / "polyvirt" / "abi", pathlib.Path(dest) / "polyvirt" / "abi")
    (pathlib.Path(dest) / "polyvirt" / "abi" / "gen" / "layout.h").unlink(missing_ok=True)
    return pathlib.Path(dest)


def rewrite(dest, header, edits):
    """edits: [(begin, end, text)], places in the file as it is."""
    path = dest / "polyvirt" / "abi" / header
    text = path.read_text()
    for begin, end, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    path.write_text(text)


def set_minor(dest, change):
    path = dest / "polyvirt" / "abi" / "base.h"
    text = path.read_text()
    minor = int(re.search(r"^#define PV_ABI_MINOR (\d+)$", text, re.M)[1])
    path.write_text(text.replace(f"#define PV_ABI_MINOR {minor}", f"#define PV_ABI_MINOR {minor + change}"))
    return minor + change


def apply(dest, headers, edits):
    for header in headers.texts:
        if any(where == header for where, *_ in edits):
            rewrite(dest, header, [edit for where, *edit in edits if where == header])


def as_released(source, dest, table):
    """The headers as of the release whose table this is: members that came later are taken away, and padding that has
    got a name has none again. Structs that came later stay: nothing of the release uses them."""
    dest = copy(source, dest)
    headers = c_headers.read(dest)
    released = abi_table.parse(pathlib.Path(table).read_text().splitlines(), table)
    edits = []
    for struct in headers.structs.values():
        fact = released.get(("struct", struct.name))
        if fact is None:
            continue
        for member, (_, name, _) in zip(struct.members, fact[2]):
            if member.name != name: # filled padding; anything else the table's own check reports
                text = headers.texts[struct.header][slice(*member.span)]
                edits.append((struct.header, *member.span, re.sub(rf"\b{member.name}\b", name, text)))
        later = struct.members[len(fact[2]):]
        if {m.span for m in later} & {m.span for m in struct.members[:len(fact[2])]}:
            raise SystemExit(f"{struct.header}: {struct.name}: declare what is appended on lines of its own")
        edits += [(struct.header, *span, "") for span in sorted({m.span for m in later})]
    apply(dest, headers, edits)
    return dest


def older(source, dest, used):
    """A release before: of each struct that grows, the last declaration is not there yet, unless one of its names
    stands in the text `used`. (dest, {struct: names})."""
    dest = copy(source, dest)
    headers = c_headers.read(dest)
    words = set(re.findall(r"(?:\.|->)(\w+)", used))
    cut, edits = {}, []
    for struct in headers.structs.values():
        last = [m for m in struct.members if m.span == struct.members[-1].span]
        names = {m.name for m in last}
        # Services take what a plugin hands them in the form of the first release at least; that is not cut.
        shrinks = struct.grows and (struct.slots or struct.name.endswith(("_in", "_out")))
        if not shrinks or struct.name in ENTRY or "size" in names or names & words:
            continue
        cut[struct.name] = names
        edits.append((struct.header, *last[0].span, ""))
    apply(dest, headers, edits)
    set_minor(dest, -1)
    return dest, cut


def newer(source, dest):
    """A release to come: two further slots in each table, a further field `novel` in each other struct that grows."""
    dest = copy(source, dest)
    headers = c_headers.read(dest)
    edits = []
    for struct in headers.structs.values():
        if struct.grows and struct.name not in ENTRY:
            novel = "    void (*novel)(void) PV_NOEXCEPT;\n    void (*novel2)(void) PV_NOEXCEPT;\n" if struct.slots \
                else "    uint64_t novel;\n"
            edits.append((struct.header, struct.body[1], struct.body[1], novel))
    apply(dest, headers, edits)
    set_minor(dest, 1)
    return dest
