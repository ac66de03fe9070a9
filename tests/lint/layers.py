#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Every #include against the layer table of layers.yaml."""

import fnmatch
import pathlib
import posixpath
import re

import yaml

import tree as lint

TABLE = yaml.safe_load((pathlib.Path(__file__).resolve().parent / "layers.yaml").read_text())
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.M)


def folder_of(path):
    """(key of the table, the folder itself) for a file's path; None if the table has no row for it."""
    parts = path.split("/")[:-1]
    if f"{parts[0]}/." in TABLE["folders"] and len(parts) == 1:
        return f"{parts[0]}/.", parts[0]
    for depth in range(len(parts), 0, -1):
        folder = "/".join(parts[:depth])
        for key in TABLE["folders"]:
            if key.count("/") == depth - 1 and fnmatch.fnmatchcase(folder, key):
                return key, folder
    return None


def target_of(tree, name, quoted, include):
    """The path in the tree which an include means, or None for what comes from outside."""
    beside = posixpath.normpath(f"{posixpath.dirname(name)}/{include}")
    if quoted and tree.exists(beside):
        return beside
    for row in TABLE["prefixes"]:
        if include.startswith(row["prefix"]):
            if row["folder"] == ".":
                return include
            return f"{row['folder']}/{include[len(row['prefix']):]}"
    if quoted:
        own = folder_of(name)
        if own and tree.exists(f"{own[1]}/{include}"):
            return f"{own[1]}/{include}"
    return None


def check_library(name, row, include):
    for prefix, allowed in TABLE["libraries"].items():
        if include.startswith(prefix) and row[0] not in allowed:
            yield f"{name}: includes <{include}>, which only {' and '.join(allowed)} may see"


def check_include(tree, name, row, quoted, include):
    target = target_of(tree, name, quoted, include)
    if target is None:
        yield from check_library(name, row, include)
        return
    other = folder_of(target)
    if other is None:
        yield f"{name}: includes {include}, whose folder has no row in tests/lint/layers.yaml"
    elif other[1] != row[1] and other[1] not in TABLE["folders"][row[0]]:
        yield f"{name}: {row[1]} may not use {other[1]} ({include})"


def check(tree):
    for name in tree.files(lint.ALL_OF_OURS, lint.CPP):
        row = folder_of(name)
        if row is None:
            yield f"{name}: its folder has no row in tests/lint/layers.yaml"
            continue
        for match in INCLUDE.finditer(tree.text(name)):
            yield from check_include(tree, name, row, match[1] == '"', match[2])


SAMPLES = {
    "rpc knows plugin": ({"host/rpc/a.cpp": '#include "host/plugin/registry.h"\n'},
                         "host/rpc may not use host/plugin"),
    "plugin knows rpc": ({"host/plugin/a.h": '  #  include "host/rpc/client.h"\n'},
                         "host/plugin may not use host/rpc"),
    "plugin knows protocol": ({"host/plugin/a.h": '#include "host/protocol/xdr.h"\n'}, "may not use"),
    "driver knows host": ({"plugins/qemu/a.cpp": '#include "host/loop/event_loop.h"\n'},
                          "plugins/qemu may not use host/loop"),
    "driver knows driver": ({"plugins/qemu/a.cpp": '#include "plugins/network/a.h"\n'},
                            "plugins/qemu may not use plugins/network"),
    "driver by relative path": ({"plugins/qemu/x/a.cpp": '#include "../../../host/loop/a.h"\n',
                                 "host/loop/a.h": ""}, "may not use host/loop"),
    "host knows sdk": ({"host/daemon/a.cpp": '#include "sdk/xml.h"\n'}, "may not use plugin-api/sdk"),
    "base knows abi": ({"plugin-api/base/a.h": "#include <polyvirt/abi/base.h>\n"}, "may not use"),
    "libevent elsewhere": ({"host/rpc/a.cpp": "#include <event2/event.h>\n"}, "only host/loop may see"),
    "folder without a row": ({"host/novel/a.cpp": ""}, "no row"),
    "main goes past the daemon": ({"host/main.cpp": '#include "host/rpc/client.h"\n'}, "host may not use"),
    "as it should be": ({
        "host/dispatch/a.cpp": '#include "host/rpc/client.h"\n#include <polyvirt/abi/base.h>\n',
        "host/rpc/b.cpp": '#include "b.h"\n#include "base/log.h"\n#include <vector>\n',
        "host/rpc/b.h": "",
        "plugins/qemu/monitor/m.cpp": '#include "driver.h"\n#include "monitor/m.h"\n#include "sdk/a.h"\n',
        "plugins/qemu/driver.h": "", "plugins/qemu/monitor/m.h": ""}, None),
}

if __name__ == "__main__":
    lint.main(__doc__, check, SAMPLES)
