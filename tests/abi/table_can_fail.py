#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The check of today's headers against a release's table finds what breaks plugins, and lets growth pass.

Each sample changes one thing in a copy of the headers and says what the check must say, or None."""

import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "generate"))
import abi_table  # noqa: E402
import c_headers  # noqa: E402

SLOT = "    void (*extra)(pv_inst *inst) PV_NOEXCEPT;\n"
SAMPLES = {
    # What breaks.
    "slot inserted": ("log.h", "    /* [any] leaf. Lines below", SLOT + "    /* [any] leaf. Lines below",
                      "struct pv_svc_log: member 3 was '16 level"),
    "slot removed from the end": ("config.h", "    pv_status (*get)(pv_host *host, const char *key, char *buffer, uint32_t length) "
                                  "PV_NOEXCEPT;\n", "", "struct pv_svc_config: 'get' is gone"),
    "slots exchanged": ("stream.h", ("    void (*resume)(pv_stream *stream) PV_NOEXCEPT;",
                                     "    void (*finish)(pv_stream *stream) PV_NOEXCEPT;"), "exchange",
                        "struct pv_svc_stream: member 7 was '48 resume"),
    "slot renamed": ("gen/dom_lifecycle.h", "(*destroy)(pv_inst", "(*kill)(pv_inst",
                     "struct pv_dom_lifecycle: member 7 was '48 destroy"),
    "slot's argument retyped": ("loop.h", "(*set_events)(pv_watch *watch, uint32_t events)",
                                "(*set_events)(pv_watch *watch, uint64_t events)",
                                "struct pv_svc_loop: member 5 was '32 set_events"),
    "slot's argument appended": ("loop.h", "(*remove)(pv_watch *watch)", "(*remove)(pv_watch *watch, int32_t wait)",
                                 "struct pv_svc_loop: member 8 was '56 remove"),
    "slot's result retyped": ("loop.h", "int32_t (*on_loop)", "int64_t (*on_loop)",
                              "struct pv_svc_loop: member 11 was '80 on_loop"),
    "callback retyped": ("loop.h", "typedef void (*pv_fn)(void *ctx)", "typedef int32_t (*pv_fn)(void *ctx)",
                         "type pv_fn was"),
    "field inserted": ("registry.h", "    int32_t state, reason;  /* domains",
                       "    uint32_t extra, _r;\n    int32_t state, reason;  /* domains",
                       "struct pv_obj_desc: member 5 was '36 state int32_t'"),
    "field retyped": ("base.h", "    int32_t state;  /* the wire's", "    uint32_t state;  /* the wire's",
                      "struct pv_obj: member 6 was '44 state int32_t'"),
    "field renamed": ("gen/dom_config.h", "const char *new_name;", "const char *name;",
                      "struct pv_dom_rename_in: member 2 was '8 new_name"),
    "array made shorter": ("entry.h", "char canonical[256];", "char canonical[128];", "struct pv_probe: member 4 was"),
    "padding of a plugin's struct given a meaning": ("proc.h", "    uint32_t _r;\n    int64_t max_output;",
                                                     "    uint32_t extra;\n    int64_t max_output;",
                                                     "struct pv_spawn: member 12 was '68 _r"),
    "padding replaced by something wider": ("gen/dom_config.h", "    uint32_t _r1;\n} pv_dom_define_xml_in",
                                            "    uint64_t extra;\n} pv_dom_define_xml_in",
                                            "struct pv_dom_define_xml_in: member 4 was '20 _r1"),
    "what cannot grow grows": ("base.h", "    } v;\n} pv_param;", "    } v;\n    uint64_t extra;\n} pv_param;",
                               "struct pv_param: had 24 bytes and has 32"),
    "struct removed": ("log.h", "pv_svc_log;", "pv_svc_logger;", "cannot read"),
    "struct renamed": ("log.h", "pv_svc_log", "pv_svc_logger", "struct pv_svc_log is gone"),
    "size taken away": ("log.h", "uint32_t size, _r;", "uint32_t number, _r;", "struct pv_svc_log: began with its size"),
    "constant changed": ("base.h", "PV_DEADLINE = -7", "PV_DEADLINE = -9", "constant PV_DEADLINE was -7 and is -9"),
    "constant removed": ("base.h", "    PV_CANCELLED = -6,\n", "", "constant PV_CANCELLED is gone"),
    "bit changed": ("base.h", "PV_ATTR_AUTOSTART (1ULL << 2)", "PV_ATTR_AUTOSTART (1ULL << 4)",
                    "constant PV_ATTR_AUTOSTART was 4 and is 16"),
    "op renumbered": ("gen/dom_lifecycle.h", "PV_OP_DOM_RESET = 0x0304", "PV_OP_DOM_RESET = 0x0324",
                      "constant PV_OP_DOM_RESET was 772 and is 804"),
    "id changed": ("log.h", '"host.log/1"', '"host.log/2"', "id PV_SVC_LOG was host.log/1 and is host.log/2"),
    "form that the reader does not know": ("log.h", "    int32_t (*level)(pv_host *host) PV_NOEXCEPT;",
                                           "    int32_t level : 3;", "cannot read"),
    "function that may throw": ("log.h", "(*level)(pv_host *host) PV_NOEXCEPT;", "(*level)(pv_host *host);", "cannot read"),
    # What does not.
    "nothing": ("log.h", "uint32_t size", "uint32_t size", None),
    "slot appended": ("log.h", "    int32_t (*level)(pv_host *host) PV_NOEXCEPT;\n",
                      "    int32_t (*level)(pv_host *host) PV_NOEXCEPT;\n" + SLOT, None),
    "argument renamed": ("log.h", "int32_t level, const char *category", "int32_t how, const char *category", None),
    "field appended": ("registry.h", "    pv_release_fn release;  /* of `data`", "    pv_release_fn release;\n    uint64_t extra;  /* of `data`",
                       None),
    "padding of an argument given a meaning": ("gen/dom_config.h", "    uint32_t _r1;\n} pv_dom_define_xml_in",
                                               "    uint32_t extra;\n} pv_dom_define_xml_in", None),
    "constant appended": ("base.h", "    PV_ABI = -8 ", "    PV_NOVEL = -9,\n    PV_ABI = -8 ", None),
    "next minor": ("base.h", "#define PV_ABI_MINOR 3", "#define PV_ABI_MINOR 4", None),
    "comments": ("log.h", "/* host.log/1 */", "/* struct pv_x { int; }; */", None),
}


def change(text, what, into):
    if into == "exchange":
        first, second = what
        return text.replace(first, "@").replace(second, first).replace("@", second)
    return text.replace(what, into)


def judge(folder, old, header, what, into):
    """What the check says about the copy in `folder` with the change: lines."""
    path = folder / "polyvirt" / "abi" / header
    original = path.read_text()
    changed = change(original, what, into)
    if changed == original and what != into:
        return ["the sample changes nothing: the header has been rewritten, rewrite the sample"]
    path.write_text(changed)
    try:
        new = abi_table.parse(abi_table.lines_of(c_headers.read(folder)), "changed")
        return list(abi_table.faults(old, new))
    except c_headers.HeaderError as error:
        return [str(error)]
    finally:
        path.write_text(original)


def main():
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "include"
        shutil.copytree(ROOT / "plugin-api" / "include", folder)
        old = abi_table.parse(abi_table.lines_of(c_headers.read(folder)), "unchanged")
        for sample, (header, what, into, expected) in SAMPLES.items():
            found = judge(folder, old, header, what, into)
            if expected is None and found:
                wrong.append(f"{sample}: should pass, but: {found[0]}")
            elif expected is not None and not any(expected in fault for fault in found):
                wrong.append(f"{sample}: expected '{expected}', found {found or 'nothing'}")
    print("\n".join([*wrong, f"{len(SAMPLES)} samples, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
