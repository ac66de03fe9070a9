#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""scripts/lib/sum_tests.py against results that ctest itself wrote, one test of each fate."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SUM_TESTS = pathlib.Path(__file__).resolve().parents[2] / "scripts/lib/sum_tests.py"

FATES = {
    "passes": "add_test(NAME passes COMMAND sh -c {echo fine})",
    "fails": "add_test(NAME fails COMMAND sh -c {echo the-reason; exit 3})",
    "skips": """add_test(NAME skips COMMAND sh -c {echo SKIP: no such machine; exit 77})
        set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)""",
    "skips_as_googletest": r"""add_test(NAME skips_as_googletest
            COMMAND printf {a_test.cpp:7: Skipped\nneeds a second host\n\n[  SKIPPED ] a.b\n})
        set_tests_properties(skips_as_googletest PROPERTIES
            SKIP_REGULAR_EXPRESSION {\\[  SKIPPED \\]})""",
    "was_not_built": "add_test(NAME was_not_built COMMAND /nonexistent/program)",
    "is_disabled": """add_test(NAME is_disabled COMMAND true)
        set_tests_properties(is_disabled PROPERTIES DISABLED ON)""",
    "passes_at_second": "add_test(NAME passes_at_second COMMAND sh -c {test -e seen || (touch seen; echo too-early; false)})",
    "reports": "add_test(NAME reports COMMAND sh -c {echo procedures: 9 known, 2 implemented})",
}


def junit_of(folder, names):
    """Runs a project of these tests, and what failed once more, and returns the files that ctest wrote."""
    lines = [FATES[name].replace("{", '"').replace("}", '"') for name in names]
    head = ["cmake_minimum_required(VERSION 3.25)", "project(fates NONE)", "enable_testing()"]
    (folder / "CMakeLists.txt").write_text("\n".join(head + lines) + "\n")
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL}
    subprocess.run([os.environ.get("CMAKE_COMMAND", "cmake"), "-B", "b"], check=True, **quiet)
    ctest = [os.environ.get("CTEST_COMMAND", "ctest"), "--test-dir", "b"]
    subprocess.run(ctest + ["--output-junit", folder / "junit.xml"],
                   stderr=subprocess.DEVNULL, **quiet)
    subprocess.run(ctest + ["--rerun-failed", "--output-junit", folder / "again.xml"], stderr=subprocess.DEVNULL, **quiet)
    return f"{folder}/junit.xml,{folder}/again.xml"


class SumTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def sum(self, *names, broken=()):
        """Returns exit code, output, and last line."""
        args = [sys.executable, str(SUM_TESTS)]
        for text in broken:
            args += ["--broken", text]
        if names:
            args.append(f"one={junit_of(pathlib.Path(self.folder.name), names)}")
        done = subprocess.run(args, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout, done.stdout.splitlines()[-1]

    def test_each_fate_is_counted_as_what_it_is(self):
        code, _, last = self.sum(*FATES)
        self.assertEqual(last, "3 passed, 2 failed, 3 skipped")
        self.assertEqual(code, 1)

    def test_what_passed_with_skips_is_a_success(self):
        code, _, last = self.sum("passes", "skips")
        self.assertEqual((code, last), (0, "1 passed, 0 failed, 1 skipped"))

    def test_a_skip_tells_its_reason(self):
        _, output, _ = self.sum("skips", "skips_as_googletest", "passes")
        self.assertIn("one: skipped skips: no such machine\n", output)
        self.assertIn("one: skipped skips_as_googletest: needs a second host\n", output)

    def test_a_failure_shows_its_output(self):
        _, output, _ = self.sum("fails")
        self.assertIn("one: FAILED fails: ", output)
        self.assertIn("    the-reason\n", output)

    def test_what_passes_at_its_second_run_is_told(self):
        code, output, last = self.sum("passes", "passes_at_second")
        self.assertEqual((code, last), (0, "2 passed, 0 failed, 0 skipped"))
        self.assertIn("one: UNSTEADY passes_at_second: ", output)
        self.assertIn("    too-early\n", output)
        self.assertIn("(1 of the passed at their second run: passes_at_second)\n", output)

    def test_what_fails_twice_is_named_again_at_the_end(self):
        code, output, _ = self.sum("fails", "passes_at_second")
        self.assertEqual((code, output.splitlines()[-2]), (1, "FAILED one: fails"))

    def test_the_report_of_procedures_is_repeated(self):
        _, output, _ = self.sum("reports")
        self.assertIn("one: procedures: 9 known, 2 implemented\n", output)

    def test_only_skips_are_no_success(self):
        self.assertEqual(self.sum("skips")[0], 1)

    def test_nothing_is_no_success(self):
        code, output, last = self.sum()
        self.assertEqual((code, last), (1, "0 passed, 0 failed, 0 skipped"))
        self.assertIn("no test ran", output)

    def test_a_broken_stage_is_a_failure(self):
        code, output, last = self.sum("passes", broken=["two: did not build"])
        self.assertEqual((code, last), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("FAILED two: did not build\n", output)


if __name__ == "__main__":
    unittest.main()
