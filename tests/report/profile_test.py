# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The check of the test driver's profile sees what is not tested."""

import importlib.machinery
import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
_LOADER = importlib.machinery.SourceFileLoader("profile", str(Path(__file__).with_name("profile")))
profile = importlib.util.module_from_spec(importlib.util.spec_from_loader("profile", _LOADER))
_LOADER.exec_module(profile)


class Profile(unittest.TestCase):
    def test_operations_lead_to_all_their_procedures(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "dom_x.yaml").write_text(
                "ops:\n- op: create\n  wire:\n  - proc: remote.domain_create\n  - {proc: remote.domain_create_with_flags, args: {}}\n"
                "- {op: silent, wire: []}\n")
            found = profile.procedures_of(Path(folder))
        self.assertEqual(found, {"dom_x.create": {("remote", "domain_create"), ("remote", "domain_create_with_flags")},
                                 "dom_x.silent": set()})
        self.assertEqual(profile.wanted(["dom_x.create", "dom_x.silent"], found), found["dom_x.create"])

    def test_every_operation_of_the_tree_is_read(self):
        found = profile.procedures_of(profile.SPEC)
        self.assertGreater(len(found), 200)
        self.assertIn(("remote", "domain_create"), found["dom_lifecycle.create"])

    def test_an_operation_that_the_spec_does_not_have_is_an_error(self):
        with self.assertRaises(profile.report.Contradiction):
            profile.wanted(["dom_x.other"], {"dom_x.create": set()})

    def test_a_kit_that_tells_no_operation_is_an_error(self):
        self.assertEqual(profile.operations("ok 1\n# profile: op: a.b c.d\n"), ["a.b", "c.d"])
        with self.assertRaises(profile.report.Contradiction):
            profile.operations("# profile: uri: x\n")

    def test_only_cases_on_the_test_driver_count(self):
        chosen = [case for case in ("imaginary_test.Life.test_x", "test_network_test.Ports.test_y", "latest_test.A.test_z",
                                    "open_test.Open.test_imaginary_test") if profile.CASES.match(case)]
        self.assertEqual(chosen, ["imaginary_test.Life.test_x", "test_network_test.Ports.test_y"])


if __name__ == "__main__":
    unittest.main()
