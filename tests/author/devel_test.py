# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The development package as such: what it says of the machine that made it (nothing), whether it can be moved,
and whether a plugin that is installed with it is found by the daemon that is installed with it."""

import os
import shutil
import subprocess

from author import DEVEL, AuthorCase
from harness import settings


def files_of(folder):
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


class DevelopmentPackage(AuthorCase):
    def install(self, prefix, *words, **environment):
        done = subprocess.run(["cmake", "--install", str(settings.BUILD), "--prefix", str(prefix), *words],
                              env=dict(os.environ, **environment), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_says_nothing_of_where_it_was_made(self):
        files = files_of(DEVEL)
        for needed in ("plugin.map", "libpolyvirt-sdk.a", "polyvirt-plugin.pc", "polyvirt-plugin-config.cmake",
                       "polyvirt/abi/entry.h", "polyvirt/services.h", "c-null/README.md"):
            self.assertTrue(any(name.endswith(needed) for name in files), f"{needed} is not installed")
        names = {str(settings.TREE).encode(), str(settings.BUILD).encode(), str(DEVEL).encode()}
        told = [f"{name}: {wrong.decode()}" for name, path in files.items() for wrong in names
                if wrong in path.read_bytes()]
        self.assertEqual(told, [])

    def test_destdir_and_prefix_do_not_show_in_it(self):
        """Installed for another prefix, through DESTDIR: the same bytes, so it can be packaged and moved."""
        self.install("/usr", "--component", "devel", DESTDIR=str(self.folder / "stage"))
        self.assertEqual([path.name for path in (self.folder / "stage").iterdir()], ["usr"])
        ours, theirs = files_of(DEVEL), files_of(self.folder / "stage" / "usr")
        self.assertEqual(list(ours), list(theirs))
        self.assertEqual([name for name in ours if ours[name].read_bytes() != theirs[name].read_bytes()], [])

    def test_works_where_it_was_moved_to(self):
        moved = self.folder / "else where"
        shutil.copytree(DEVEL, moved)
        for tool in ("pkg-config --cflags polyvirt-plugin", "pkg-config --variable=plugindir polyvirt-plugin"):
            told = self.run_tool(*tool.split(), prefix=moved).replace("\\ ", " ")
            self.assertIn(str(moved), told)
            self.assertNotIn(str(DEVEL), told)
        build = self.cmake(self.copy_template("c-null", moved), prefix=moved)
        self.serve(self.audit(build / "plugins" / "template.so"))
        self.assertEqual(self.domains(), {"demo": "shut off"})

    def test_every_header_is_found_by_its_name(self):
        include = next(DEVEL.glob("include/polyvirt-plugin"))
        names = [str(path.relative_to(include)) for path in sorted(include.rglob("*.h"))]
        abi = [name for name in names if name.startswith("polyvirt/abi/")]
        self.assertGreater(len(abi), 40)
        self.assertGreater(len(names), len(abi))
        for suffix, standard, listed, module in (("c", "c11", abi, "polyvirt-plugin"),
                                                 ("cpp", "c++20", names, "polyvirt-sdk")):
            source = self.folder / f"all.{suffix}"
            source.write_text("".join(f"#include <{name}>\n" for name in listed) * 2 + "int one_declaration;\n")
            flags = self.run_tool("pkg-config", "--cflags", module).split()
            self.run_tool("gcc" if suffix == "c" else "g++", f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                          "-fsyntax-only", *flags, source)

    def test_installed_daemon_finds_installed_plugin(self):
        """The whole, installed below one prefix that is not the configured one; `make install` of a template."""
        prefix = self.folder / "usr"
        for component in ("host", "tools", "devel", "plugin-qemu"):
            self.install(prefix, "--component", component)
        self.assertEqual(list(prefix.rglob("plugins-0/qemu.so")) != [], (settings.BUILD / "plugins" / "qemu.so").exists())
        folder = self.copy_template("c-null", prefix)
        self.make(folder, "install", prefix=prefix)
        for path in (prefix, *prefix.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o022)
        self.start_daemon([], prefix / "sbin" / "polyvirtd")
        self.assertEqual(self.domains(), {"demo": "shut off"})
