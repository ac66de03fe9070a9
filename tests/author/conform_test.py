# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Each template, built with the installed package, keeps the contract: polyvirt-conform of that package says so. Whoever
copies one begins with a driver that passes."""

import re
import subprocess
from pathlib import Path

from author import DEVEL, AuthorCase
from harness import settings

KIT = DEVEL / "bin" / "polyvirt-conform"
# What has nothing to try: one domain, no op with a number, none that must answer from memory.
ALWAYS = {"calls.beside", "ops.numbers", "ops.prompt"}
NULL = ALWAYS | {"life.reconfigure", "ops.texts", "ops.gone", "faults.spawn"}


class Templates(AuthorCase):
    def check(self, plugin, skipped, *words):
        """No case fails, and those that do not apply are these alone: a kit that skips everything shows nothing."""
        done = subprocess.run([str(KIT), str(plugin), "--verbose", *words], capture_output=True, text=True, check=False,
                              errors="replace", timeout=settings.PATIENCE * 9)
        told = re.findall(r"^(not ok|ok) \d+ - (\S+)(?: # SKIP (.*))?$", done.stdout, re.M)
        self.assertEqual([name for word, name, _ in told if word == "not ok"], [], done.stdout)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({name for _, name, why in told if why}, skipped, done.stdout)
        self.assertGreater(len(told), 40)

    def test_c_null(self):
        folder = self.copy_template("c-null")
        self.make(folder)
        self.check(folder / "template.so", NULL)

    def test_cpp_null(self):
        self.check(self.cmake(self.copy_template("cpp-null")) / "plugins" / "template.so", ALWAYS)

    def test_cpp_process(self):
        self.check(self.cmake(self.copy_template("cpp-process")) / "plugins" / "template.so", ALWAYS)

    def test_cpp_network_client(self):
        self.check(self.cmake(self.copy_template("cpp-network-client")) / "plugins" / "template.so", ALWAYS)

    def test_rust(self):
        if not Path("/usr/bin/rustc").exists():
            self.skipTest("rustc not installed (scripts/install-deps --test)")
        folder = self.copy_template("rust")
        self.make(folder, "RUSTC=/usr/bin/rustc", "RUSTFLAGS=-C opt-level=1 -C strip=symbols")
        self.check(folder / "template.so", NULL)

    def test_no_template_is_forgotten(self):
        there = {folder.name for folder in next(DEVEL.glob("share/doc/polyvirt-plugin/templates")).iterdir() if folder.is_dir()}
        tested = {name.removeprefix("test_").replace("_", "-") for name in dir(self) if name.startswith("test_")}
        self.assertLessEqual(there, tested)
