# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The report counts what it should, and does not accept what contradicts itself."""

import importlib.machinery
import importlib.util
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
_PATH = Path(__file__).with_name("procedures")
_LOADER = importlib.machinery.SourceFileLoader("procedures", str(_PATH))
report = importlib.util.module_from_spec(importlib.util.spec_from_loader("procedures", _LOADER))
_LOADER.exec_module(report)

KNOWN = {("remote", "open"): "call", ("remote", "create"): "call", ("admin", "open"): "call",
         ("remote", "moved"): "event"}
PRINTED = "remote open implemented\nremote create missing\nadmin open implemented\n"


class Report(unittest.TestCase):
    def test_calls_are_counted_and_events_are_not(self):
        implemented = report.implemented_procedures(PRINTED + "remote moved implemented\n", KNOWN)
        proven = report.proven_procedures(["remote open ok"], KNOWN)
        self.assertEqual(report.summary(KNOWN, implemented, proven),
                         "procedures: 3 known, 2 implemented, 1 tested")

    def test_same_name_in_two_programs_is_two_procedures(self):
        self.assertEqual(report.proven_procedures(["admin open ok"], KNOWN), {("admin", "open")})

    def test_errors_of_the_operation_prove_it(self):
        self.assertEqual(report.proven_procedures(["remote open 42"], KNOWN), {("remote", "open")})

    def test_refusals_before_the_operation_prove_nothing(self):
        lines = [f"remote open {code}" for code in (1, 3, 29, 39, 45, 88)]
        self.assertEqual(report.proven_procedures(lines, KNOWN), set())

    def test_table_names_the_state_of_each_call(self):
        self.assertEqual(
            report.table(KNOWN, {("remote", "open"), ("admin", "open")}, {("admin", "open")}),
            "remote open implemented\nremote create missing\nadmin open tested\n")

    def refuse_printed(self, printed):
        with self.assertRaises(report.Contradiction):
            report.implemented_procedures(printed, KNOWN)

    def test_unknown_procedure_is_refused(self):
        self.refuse_printed(PRINTED + "remote fly implemented\n")

    def test_unmentioned_call_is_refused(self):
        self.refuse_printed("remote open implemented\n")

    def test_two_answers_are_refused(self):
        self.refuse_printed(PRINTED + "remote open missing\n")

    def test_other_words_are_refused(self):
        self.refuse_printed(PRINTED + "remote open perhaps\n")

    def test_broken_records_are_refused(self):
        for line in ("remote open", "remote open fine", "remote fly ok"):
            with self.subTest(line), self.assertRaises(report.Contradiction):
                report.proven_procedures([line], KNOWN)


if __name__ == "__main__":
    unittest.main()
