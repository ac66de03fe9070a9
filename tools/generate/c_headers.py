# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Reads the ABI's C headers: structs with their members and places (LP64), function types, constants, ids.

Not a C parser: it knows the few forms in which these headers are written (docs/plugin-abi.md says which) and
stops with file and text at anything else, so that nothing of the ABI is passed over in silence.
"""
import dataclasses
import pathlib
import re

# size and alignment
BASIC = {"int8_t": 1, "uint8_t": 1, "char": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4,
         "int64_t": 8, "uint64_t": 8, "double": 8, "size_t": 8}
# They hold no declarations of their own: asserts and lists made of what the others declare.
DERIVED = {"gen/layout.h", "gen/ops.h"}


class HeaderError(Exception):
    pass


@dataclasses.dataclass
class Member:
    name: str
    type: str            # as C writes it without the name: "const char *", "uint8_t[16]", "pv_status (*)(pv_inst *)"
    offset: int = 0
    size: int = 0
    span: tuple = (0, 0)  # where its declaration stands in the file


@dataclasses.dataclass
class Struct:
    name: str
    members: list
    size: int
    header: str           # "gen/dom_config.h"
    body: tuple           # where the text between its braces stands in the file
    align: int = 8

    @property
    def grows(self):
        """It says its size, so members may be appended."""
        return bool(self.members) and (self.members[0].name, self.members[0].type) == ("size", "uint32_t")

    @property
    def slots(self):
        return [m for m in self.members if "(*)" in m.type]


@dataclasses.dataclass
class Headers:
    root: pathlib.Path
    texts: dict            # header -> text
    structs: dict          # name -> Struct
    functions: dict        # typedef'd function pointers: name -> type
    opaque: list
    aliases: dict          # pv_status -> int32_t
    constants: dict        # name -> value, enumerators and #defines of numbers
    ids: dict              # name -> text, #defines of texts
    wide: set              # constants that are written as unsigned 64-bit numbers


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)


def without_directives(text):
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def squeeze(text):
    text = " ".join(text.replace("*", " * ").split())
    return re.sub(r"\* (?=\*)", "*", text)


def split(text, separator, start=0):
    """(part, its place) between separators that stand in no bracket."""
    depth, begin = 0, 0
    for i, c in enumerate(text):
        if c in "({[":
            depth += 1
        elif c in ")}]":
            depth -= 1
        elif c == separator and depth == 0:
            yield text[begin:i], start + begin
            begin = i + 1
    if text[begin:].strip():
        yield text[begin:], start + begin


FUNCTION = re.compile(r"(?P<result>[\w\s*]+?)\(\s*\*\s*(?P<name>\w+)\s*\)\s*\((?P<args>.*)\)\s*PV_NOEXCEPT", re.S)


class Reader:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        folder = self.root / "polyvirt" / "abi"
        self.out = Headers(self.root, {}, {}, {}, [], {}, {}, {}, set())
        found = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.h"))
        if "base.h" not in found:
            raise HeaderError(f"{folder}: no base.h there")
        # What is embedded by value is declared before; base.h first, gen/ last.
        found.sort(key=lambda n: (n != "base.h", n.startswith("gen/"), n))
        for name in found:
            text = (folder / name).read_text()
            self.out.texts[name] = text
            if name not in DERIVED:
                self.read(name, text)

    def fail(self, header, text):
        raise HeaderError(f"{header}: cannot read '{' '.join(text.split())[:120]}'")

    def read(self, header, original):
        text = without_comments(original)
        for name, value in re.findall(r'^#define (PV_\w+) "([^"]*)"$', text, re.M):
            self.out.ids[name] = value
        for name, value in re.findall(r"^#define (PV_\w+) \(?([0-9][\w]*(?: << \d+)?)\)?\s*$", text, re.M):
            self.out.constants[name] = self.number(header, value)
            if "ULL" in value.upper():
                self.out.wide.add(name)
        text = without_directives(text)
        for part, place in split(text, ";"):
            stripped = part.strip()
            if not stripped or stripped.startswith("PV_EXPORT"):
                continue
            if stripped.startswith("enum"):
                self.enum(header, stripped)
            elif stripped.startswith("typedef"):
                self.typedef(header, part, place)
            elif not re.fullmatch(r'extern "C" \{|\}', stripped):
                self.fail(header, stripped)

    def number(self, header, text):
        found = re.fullmatch(r"(-?(?:0x[0-9a-fA-F]+|\d+))[uUlL]*(?: << (\d+))?", text.strip())
        if not found:
            return self.fail(header, text)
        return int(found[1], 0) << int(found[2] or 0)

    def enum(self, header, text):
        body = re.fullmatch(r"enum\s*\{(.*)\}", text, re.S)
        if not body:
            self.fail(header, text)
        for entry, _ in split(body[1], ","):
            found = re.fullmatch(r"\s*(PV_\w+)\s*=\s*(\S.*?)\s*", entry, re.S)
            if not found:
                self.fail(header, entry)
            self.out.constants[found[1]] = self.number(header, found[2])

    def typedef(self, header, part, place):
        text = part.strip()
        opaque = re.fullmatch(r"typedef struct (\w+) (\w+)", text)
        if opaque and opaque[1] == opaque[2]:
            self.out.opaque.append(opaque[1])
            return
        struct = re.search(r"typedef struct (\w+)\s*\{(.*)\}\s*(\w+)\s*$", part, re.S)
        if struct:
            if struct[1] != struct[3]:
                self.fail(header, text)
            body = (place + struct.start(2), place + struct.end(2))
            members, size, align = self.members(header, struct[2], body[0])
            self.out.structs[struct[1]] = Struct(struct[1], members, size, header, body, align)
            return
        function = FUNCTION.fullmatch(text.removeprefix("typedef "))
        if function:
            self.out.functions[function["name"]] = self.function_type(header, function)
            return
        alias = re.fullmatch(r"typedef (\w+) (\w+)", text)
        if not alias or alias[1] not in BASIC:
            self.fail(header, text)
        self.out.aliases[alias[2]] = alias[1]

    def function_type(self, header, function):
        arguments = [self.argument(header, a.strip()) for a, _ in split(function["args"], ",")]
        return f"{squeeze(function['result'])} (*)({', '.join(arguments)})"

    def argument(self, header, text):
        """Its type alone: names of arguments are nobody's business."""
        if text == "void":
            return text
        function = FUNCTION.fullmatch(text)
        if function:
            return self.function_type(header, function)
        found = re.fullmatch(r"(.*?[\s*])(\w+)(\[\d+\])?", text, re.S)
        if not found or not found[1].strip():
            self.fail(header, text)
        return squeeze(found[1] + ("*" if found[3] else ""))

    def members(self, header, body, start):
        members = []
        for part, place in split(body, ";", start):
            members += self.member(header, part, place)
        return self.lay_out(header, members)

    def member(self, header, part, place):
        text = part.strip()
        span = (place, place + len(part) + 1)
        function = FUNCTION.fullmatch(text)
        if function:
            return [Member(function["name"], self.function_type(header, function), size=8, span=span)]
        union = re.fullmatch(r"union\s*\{(.*)\}\s*(\w+)", text, re.S)
        if union:
            inner, _, _ = self.members(header, union[1], 0)
            return [Member(union[2], "union {" + "; ".join(f"{m.type} {m.name}" for m in inner) + "}",
                           size=max(m.size for m in inner), span=span)]
        found = []
        base = re.match(r"((?:const\s+)?(?:struct\s+)?\w+)(.*)$", text, re.S)
        if not base:
            self.fail(header, text)
        for declarator, _ in split(base[2], ","):
            one = re.fullmatch(r"\s*((?:\*|const|\s)*)(\w+)\s*(\[(\d+)\])?\s*", declarator)
            if not one:
                self.fail(header, text)
            kind = squeeze(f"{base[1]} {one[1]}")
            size = 8 if "*" in kind else self.size_of(header, kind)
            if one[3]:
                kind, size = kind + one[3], size * int(one[4])
            found.append(Member(one[2], kind, size=size, span=span))
        return found

    def size_of(self, header, kind):
        kind = self.out.aliases.get(kind, kind)
        if kind in BASIC:
            return BASIC[kind]
        if kind in self.out.functions:
            return 8
        if kind in self.out.structs:
            return self.out.structs[kind].size
        return self.fail(header, kind)

    def align_of(self, member):
        kind = re.sub(r"\[\d+\]$", "", member.type)
        kind = self.out.aliases.get(kind, kind)
        if kind in self.out.structs:
            return self.out.structs[kind].align
        return BASIC.get(kind, 8)

    def lay_out(self, header, members):
        offset, align = 0, 1
        for member in members:
            own = self.align_of(member)
            align = max(align, own)
            offset = -(-offset // own) * own
            member.offset = offset
            offset += member.size
        if not members:
            self.fail(header, "a struct without members")
        return members, -(-offset // align) * align, align


def read(root):
    """Headers below `root`/polyvirt/abi. HeaderError: something is written in a form that is not known here."""
    return Reader(root).out
