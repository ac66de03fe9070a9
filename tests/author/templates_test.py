# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Each template, copied out of the installed package, built there and served by a daemon."""

import subprocess
from pathlib import Path

from author import DEVEL
from sessions import TemplateCase


class CNull(TemplateCase):
    def test_make_with_gcc(self):
        folder = self.copy_template("c-null")
        self.make(folder, "CC=gcc")
        self.talk_to_null(folder / "template.so")

    def test_make_with_clang(self):
        self.need("clang")
        folder = self.copy_template("c-null")
        self.make(folder, "CC=clang")
        self.talk_to_null(folder / "template.so")

    def test_cmake(self):
        self.talk_to_null(self.cmake(self.copy_template("c-null")) / "plugins" / "template.so")


class Rust(TemplateCase):
    # The distribution's, whatever else comes first in PATH.
    RUSTC = "/usr/bin/rustc"

    def build(self):
        if not Path(self.RUSTC).exists():
            self.skipTest("rustc not installed (scripts/install-deps --test)")
        folder = self.copy_template("rust")
        self.make(folder, f"RUSTC={self.RUSTC}", "RUSTFLAGS=-C opt-level=1 -C strip=symbols")
        return folder

    def test_make(self):
        self.talk_to_null(self.build() / "template.so")

    def test_a_struct_of_another_size_does_not_compile(self):
        self.wrong("pub struct pv_key {\n", "pub struct pv_key {\n    pub extra: u64,\n", "size_of::<pv_key>() == 16")

    def test_a_field_in_another_place_is_refused_when_loaded(self):
        folder = self.copy_template("rust")
        text = (DEVEL / "share/polyvirt-plugin/polyvirt_abi.rs").read_text()
        self.assertIn("places!(pv_obj: size 0, kind 4,", text)
        (folder / "abi.rs").write_text(text.replace("places!(pv_obj: size 0, kind 4,", "places!(pv_obj: size 0, kind 8,"))
        self.compile(folder, "-C", "opt-level=0", "-o", "template.so", "-C", "link-arg=-Wl,-Bsymbolic")
        self.serve(folder / "template.so")
        self.virsh_fails("list")
        self.subject.stop()
        self.assertIn("template.so: it refuses to be loaded: pv_obj.kind does not stand where the host has it",
                      self.subject.log_text())

    def compile(self, folder, *words):
        if not Path(self.RUSTC).exists():
            self.skipTest("rustc not installed (scripts/install-deps --test)")
        done = subprocess.run([self.RUSTC, "--edition", "2021", "--crate-type", "cdylib", "--crate-name", "template", *words,
                               "template.rs"], cwd=folder, capture_output=True, text=True, check=False,
                              env=self.environment(POLYVIRT_ABI_RS=str(folder / "abi.rs")))
        self.assertEqual(done.returncode, 0, done.stderr)

    def wrong(self, old, new, told):
        folder = self.copy_template("rust")
        text = (DEVEL / "share/polyvirt-plugin/polyvirt_abi.rs").read_text()
        self.assertIn(old, text)
        (folder / "abi.rs").write_text(text.replace(old, new))
        with self.assertRaises(AssertionError) as failed:
            self.compile(folder, "--emit", "metadata")
        self.assertIn(told, str(failed.exception))
