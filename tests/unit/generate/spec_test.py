#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What the generators refuse, and that the messages say where and why.

    spec_test.py ROOT [unittest arguments]

Each case takes the spec as it is, spoils one thing, and expects one error."""
import copy
from pathlib import Path
import re
import shutil
import sys
import tempfile
import unittest

ROOT = Path(sys.argv.pop(1))
sys.path.insert(0, str(ROOT / "tools/generate"))
import abi  # noqa: E402
import dispatch  # noqa: E402
import events  # noqa: E402
import mapping  # noqa: E402
import report  # noqa: E402
from facts import Constants, Facts  # noqa: E402
from spec import Spec, SpecError, members_of, parse_fields  # noqa: E402

FACTS = Facts(ROOT / "host/protocol/tables")
CONSTANTS = Constants(ROOT / "host/protocol/tables/constants.yaml")


class SpecCase(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree(ROOT / "plugin-api/spec", self.folder / "spec")

    def change(self, name, old, new):
        path = self.folder / "spec" / name
        text = path.read_text()
        self.assertIn(old, text, "the case has lost what it spoils")
        path.write_text(text.replace(old, new, 1))

    def resolve(self):
        return mapping.resolve(FACTS, Spec(self.folder / "spec", CONSTANTS), CONSTANTS)

    def refused(self, *words):
        with self.assertRaises(SpecError) as caught:
            self.resolve()
        for word in words:
            self.assertIn(word, str(caught.exception))


class TheSpecAsItIs(SpecCase):
    def test_maps_every_call_once(self):
        calls = [p for p in FACTS.procs.values() if p.role == "call"]
        self.assertEqual(sorted(self.resolve()), sorted(p.full_name for p in calls))
        self.assertGreater(len(calls), 400)

    def test_headers_are_what_is_committed(self):
        for name, text in abi.generate(ROOT).items():
            self.assertEqual((ROOT / "plugin-api/include/polyvirt/abi/gen" / name).read_text(), text, name)

    def test_generates_the_same_twice(self):
        self.assertEqual(dispatch.build(ROOT), dispatch.build(ROOT))

    def test_report_has_every_procedure(self):
        rows = report.rows(FACTS, Spec(ROOT / "plugin-api/spec", CONSTANTS), CONSTANTS)
        self.assertEqual(len(rows), len(self.resolve()))
        by_name = {row["procedure"]: row for row in rows}
        self.assertEqual(by_name["remote.domain_create"]["answered_by"], "dom_lifecycle.create")
        self.assertEqual(by_name["remote.connect_list_all_domains"]["answered_by"], "host.list")
        self.assertEqual(by_name["remote.auth_list"]["answered_by"], "host.auth_list")

    def test_what_dispatch_answers_by_hand_has_no_common_shape(self):
        by_hand = {n for n, m in self.resolve().items() if isinstance(m, str)}
        found = set()
        for path in (ROOT / "host/dispatch").glob("*_answers.cpp"):
            text = path.read_text()
            found |= {f"{p}.{n}" for p, n in re.findall(r"\b(remote|qemu|lxc)::Proc::(\w+)", text)}
        self.assertTrue(found)
        self.assertEqual(sorted(found - by_hand), [], "the spec gives these to drivers or to host.yaml's questions")


class Parameters(SpecCase):
    def test_every_list_has_a_family(self):
        self.change("dom_tune.yaml", "out: {params: params(scheduler)}", "out: {params: params}")
        self.refused("dom_tune.scheduler_params.params", "'' is no family of params.yaml; say params(FAMILY)")

    def test_family_must_be_there(self):
        self.change("dom_tune.yaml", "out: {params: params(scheduler)}", "out: {params: params(schedule)}")
        self.refused("'schedule' is no family")

    def test_family_must_be_used(self):
        self.change("params.yaml", "  scheduler:\n", "  unused:\n    \"x\": int\n  scheduler:\n")
        self.refused("no op has parameters of family 'unused'")

    def test_constant_must_be_known(self):
        self.change("params.yaml", "VIR_DOMAIN_SCHEDULER_CPU_SHARES", "VIR_DOMAIN_SCHEDULER_CPU_SHAREZ")
        self.refused("params.yaml: scheduler.VIR_DOMAIN_SCHEDULER_CPU_SHAREZ", "the constants have no text")

    def test_type_must_be_one_of_the_wires(self):
        self.change("params.yaml", "VIR_DOMAIN_SCHEDULER_CPU_SHARES: ullong", "VIR_DOMAIN_SCHEDULER_CPU_SHARES: u64")
        self.refused("'u64' is no type of a parameter")

    def test_only_results_are_groups(self):
        self.change("dom_tune.yaml", "in: {params: params(scheduler)", "in: {params: groups(scheduler)")
        self.refused("is no type for an in field")

    def test_a_name_is_of_what_may_stand_in_one(self):
        self.change("params.yaml", '"state.state": int', '"state state": int')
        self.refused("a name is one of the wire's constants")


class Procedures(SpecCase):
    def test_unmapped(self):
        self.change("dom_lifecycle.yaml", "  - proc: remote.domain_suspend\n", "  - proc: remote.domain_resume\n")
        self.refused("stand in no spec", "remote.domain_suspend", "'remote.domain_resume' is mapped already")

    def test_mapped_twice(self):
        self.change("dom_lifecycle.yaml", "  - proc: remote.domain_suspend\n",
                    "  - proc: remote.domain_suspend\n  - proc: remote.domain_resume\n")
        self.refused("'remote.domain_resume' is mapped already, to dom_lifecycle.suspend")

    def test_unknown(self):
        self.change("dom_lifecycle.yaml", "remote.domain_suspend", "remote.domain_suspnd")
        self.refused("no procedure 'remote.domain_suspnd'", "dom_lifecycle.yaml: suspend")

    def test_an_event_is_no_call(self):
        self.change("dom_lifecycle.yaml", "remote.domain_suspend", "remote.domain_event_reboot")
        self.refused("is an event")

    def test_op_without_procedure_must_be_used_by_the_host(self):
        self.change("host.yaml", "  uses: [hv_caps.supports_feature]\n", "")
        self.refused("hv_caps.yaml: supports_feature", "no procedure leads to it")

    def test_stream_must_agree(self):
        self.change("dom_console.yaml", "stream: duplex", "stream: read")
        self.refused("the procedure's stream is duplex, the op's read")


class Arguments(SpecCase):
    def test_that_go_nowhere(self):
        self.change("dom_device.yaml", "in: {alias: str, flags", "in: {name: str, flags")
        self.refused("remote.domain_detach_device_alias", "'alias' goes nowhere")

    def test_that_nothing_gives(self):
        self.change("dom_lifecycle.yaml", "{proc: remote.domain_shutdown, set: {flags: 0}}",
                    "{proc: remote.domain_shutdown}")
        self.refused("remote.domain_shutdown", "nothing gives the op's field 'flags'")

    def test_of_another_type(self):
        self.change("dom_tune.yaml", "in: {memory: u64,", "in: {memory: u32,")
        self.refused("'memory' does not fit the op's field 'memory' (u32)")

    def test_absent_text_needs_a_place_for_it(self):
        self.change("dom_console.yaml", "in: {name: opt_str,", "in: {name: str,")
        self.refused("'name' does not fit")

    def test_renamed_from_what_is_not_there(self):
        self.change("dom_console.yaml", "args: {dev_name: device}", "args: {devname: device}")
        self.refused("no argument named 'devname'")

    def test_set_twice(self):
        self.change("dom_lifecycle.yaml", "  - proc: remote.domain_reboot\n",
                    "  - {proc: remote.domain_reboot, set: {flags: 0}}\n")
        self.refused("'flags' is given by an argument already")

    def test_set_to_an_unknown_constant(self):
        self.change("dom_tune.yaml", "set: {flags: VIR_DOMAIN_MEM_LIVE}", "set: {flags: VIR_DOMAIN_MEM_LIFE}")
        self.refused("no 'VIR_DOMAIN_MEM_LIFE'")

    def test_target_of_another_kind(self):
        self.change("net_port.yaml", "  target: network\n", "  target: pool\n")
        self.refused("no argument names the target, a pool")

    def test_descriptors_need_a_field(self):
        self.change("dom_lifecycle.yaml", "in: {name: str, flags: u32, fds: fds}", "in: {name: str, flags: u32}")
        self.refused("remote.domain_fd_associate", "no field of type fds")

    def test_unknown_parameter_name(self):
        self.change("dom_save.yaml", "param(VIR_DOMAIN_SAVE_PARAM_FILE)", "param(VIR_DOMAIN_SAVE_PARAM_PATH)")
        self.refused("no parameter name 'VIR_DOMAIN_SAVE_PARAM_PATH'")


class Replies(SpecCase):
    def test_field_from_nowhere(self):
        self.change("dom_config.yaml", "out: {metadata: str}", "out: {text: str}")
        self.refused("'metadata' of the reply comes from nowhere")

    def test_result_left_out(self):
        self.change("dom_config.yaml", "out: {type: str}", "out: {type: str, more: u32}")
        self.refused("leaves out the op's result 'more'")

    def test_of_another_type(self):
        self.change("dom_stats.yaml", "allocation: u64, capacity: u64, physical", "allocation: u32, capacity: u64, physical")
        self.refused("'allocation' (u32) does not fit")

    def test_must_text_from_may_text(self):
        self.change("dom_config.yaml", "out: {type: str}", "out: {type: opt_str}")
        self.refused("'type' (opt_str) does not fit")

    def test_record_field_left_out(self):
        self.change("dom_stats.yaml", "disk_error: {disk: str,", "disk_error: {disk: str, why: str,")
        self.refused("leaves out the record's field 'why'")

    def test_record_field_from_nowhere(self):
        self.change("dom_stats.yaml", "disk_error: {disk: str,", "disk_error: {device: str,")
        self.refused("'disk' of domain_disk_error comes from nowhere")

    def test_probe_needs_a_limit(self):
        self.change("dom_tune.yaml", "args: {nparams: limit(params)}, ret: {nparams: probe(params)}",
                    "args: {nparams: ignore}, ret: {nparams: probe(params)}")
        self.refused("probe(params) needs an argument limit(params)")


class Files(SpecCase):
    def test_unknown_key(self):
        self.change("dom_config.yaml", "  target: none\n", "  tagret: none\n")
        self.refused("dom_config.yaml: define_xml", "unknown key 'tagret'")

    def test_unknown_type(self):
        self.change("dom_config.yaml", "in: {autostart: bool}", "in: {autostart: boolean}")
        self.refused("dom_config.yaml: set_autostart.in.autostart", "'boolean' is no type")

    def test_unknown_enumeration(self):
        self.change("dom_config.yaml", "flags(virDomainXMLFlags)", "flags(virDomainXMLFlag)")
        self.refused("no enumeration 'virDomainXMLFlag'")

    def test_reserved_name(self):
        self.change("dom_config.yaml", "in: {autostart: bool}", "in: {size: bool}")
        self.refused("'size' cannot be a field")

    def test_two_tables_of_one_number(self):
        self.change("dom_config.yaml", "number: 4\n", "number: 3\n")
        self.refused("the number 3 is given twice")

    def test_two_ops_of_one_name(self):
        self.change("dom_device.yaml", "op: update_device", "op: attach_device")
        self.refused("there are two ops 'attach_device'")

    def test_two_tables_with_one_c_name(self):
        self.change("dom_device.yaml", "op: update_device", "op: rename")
        self.refused("the C name pv_dom_rename_in is given twice")

    def test_file_is_named_after_its_table(self):
        (self.folder / "spec/dom_config.yaml").rename(self.folder / "spec/dom_conf.yaml")
        self.refused("must be named after it")

    def test_what_changes_has_no_deadline(self):
        self.change("dom_config.yaml", "op: undefine\n", "op: undefine\n  deadline: query\n")
        self.refused("dom_config.yaml: undefine", "no deadline")

    def test_broken_yaml_names_its_file(self):
        self.change("dom_config.yaml", "ops:\n", "ops: [\n")
        self.refused("dom_config.yaml")


class Layout(unittest.TestCase):
    def members(self, side, **fields):
        return members_of(parse_fields("test", fields, side, {}, CONSTANTS), side)

    def test_padding_is_explicit(self):
        members, size = self.members("in", flags="u32", xml="str", a="u32", fds="fds")
        self.assertEqual([(m.name, m.offset) for m in members],
                         [("size", 0), ("flags", 4), ("xml", 8), ("a", 16), ("_r", 20), ("fds", 24), ("nfds", 32),
                          ("_r1", 36)])
        self.assertEqual(size, 40)

    def test_uuid_needs_no_padding(self):
        members, size = self.members("in", uuid="uuid")
        self.assertEqual([(m.name, m.offset) for m in members], [("size", 0), ("uuid", 4), ("_r", 20)])
        self.assertEqual(size, 24)

    def test_results_are_builders(self):
        members, _ = self.members("out", xml="str", obj="domain", list=["domain"])
        self.assertEqual([m.decl for m in members], ["uint32_t size", "uint32_t _r", "pv_sink *xml", "uint64_t obj",
                                                     "pv_objs *list"])


class Events(unittest.TestCase):
    def setUp(self):
        self.events = {(e.kind, e.name): e for e in events.load(FACTS, CONSTANTS)}

    def test_old_bodies_end_the_new_ones(self):
        skips = {name: dispatch.old_skip(e) for name, e in self.events.items()}
        self.assertEqual({n: s for n, s in skips.items() if s}, {
            ("domain", "pmwakeup"): 4, ("domain", "pmsuspend"): 4, ("domain", "pmsuspend_disk"): 4})

    def test_a_body_that_differs_is_refused(self):
        event = copy.copy(self.events["domain", "lifecycle"])
        event.parts = list(reversed(event.parts))
        with self.assertRaisesRegex(SpecError, "does not end with"):
            dispatch.old_skip(event)

    def test_a_message_without_event_is_refused(self):
        ids = FACTS.event_ids["domain"]["ids"].pop(15)
        self.addCleanup(FACTS.event_ids["domain"]["ids"].__setitem__, 15, ids)
        with self.assertRaisesRegex(SpecError, "device_removed belongs to no event"):
            events.load(FACTS, CONSTANTS)


if __name__ == "__main__":
    unittest.main()
