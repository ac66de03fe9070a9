# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Plugins that were built with the development packages of earlier releases (tests/abi/kept) with today's daemon: they
load, and do all that they did."""

from harness import settings
from sessions import TemplateCase

KEPT = settings.TREE / "tests" / "abi" / "kept"


class Kept(TemplateCase):
    def each(self, name, talk):
        """Talks to the plugin of that name of every release that has one; each gets a daemon of its own."""
        found = sorted(KEPT.glob(f"*/{name}.so"))
        self.assertNotEqual(found, [], f"no release has kept {name}.so")
        for plugin in found:
            with self.subTest(plugin=str(plugin.relative_to(KEPT))):
                talk(plugin)
            self.leave()

    def test_null_driver_in_c(self):
        self.each("c-null", self.talk_to_null)

    def test_null_driver_in_rust(self):
        self.each("rust", self.talk_to_null)

    def test_null_driver_in_cpp(self):
        self.each("cpp-null", self.talk_to_cpp_null)

    def test_process_driver_in_cpp(self):
        self.each("cpp-process", self.talk_to_cpp_process)

    def test_each_release_has_kept_some_and_each_kept_one_is_tried(self):
        releases = {table.stem for table in (settings.TREE / "plugin-api" / "abi").glob("*.txt")}
        self.assertEqual({folder.name for folder in KEPT.iterdir() if folder.is_dir()}, releases)
        for plugin in KEPT.glob("*/*.so"):
            self.assertIn(plugin.stem, ("probe", "c-null", "rust", "cpp-null", "cpp-process"))
        for release in releases:
            self.assertTrue((KEPT / release / "README.md").exists())
