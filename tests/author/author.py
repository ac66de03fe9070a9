# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""AuthorCase: somebody with a folder of their own, an installed development package and a daemon. Verbs for
building a plugin there and for talking to it with virsh."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import processes, settings
from harness.case import plain_environment
from harness.polyvirtd import Polyvirtd

DEVEL = Path(os.environ.get("POLYVIRT_DEVEL") or settings.BUILD / "tests" / "author" / "prefix").resolve()
AUDIT = settings.TREE / "tests" / "abi" / "exports.py"


class AuthorCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        processes.adopt_orphans()
        self.addCleanup(processes.end_all_descendants)
        self.folder = Path(tempfile.mkdtemp(prefix="pvau."))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.subject = None

    # Building -----------------------------------------------------------------------------------

    def need(self, *programs):
        missing = [program for program in programs if shutil.which(program) is None]
        if missing:
            self.skipTest(f"{', '.join(missing)} not installed (scripts/install-deps --test)")

    def environment(self, prefix=DEVEL, **more):
        """What an author has: the search paths of the installed package, and none of this tree's."""
        configs = next(prefix.glob("lib*/**/polyvirt-plugin.pc"), None)
        self.assertIsNotNone(configs, f"no polyvirt-plugin.pc below {prefix}")
        return dict(plain_environment(), PKG_CONFIG_PATH=str(configs.parent), CMAKE_PREFIX_PATH=str(prefix), **more)

    def run_tool(self, *command, cwd=None, **environment):
        """Runs a tool of the author's, which must succeed; what it printed."""
        done = subprocess.run([str(word) for word in command], cwd=cwd or self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=settings.PATIENCE * 3,
                              env=self.environment(**environment))
        self.assertEqual(done.returncode, 0, f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def copy_template(self, name, prefix=DEVEL):
        """A copy of an installed template in the author's folder."""
        source = next(prefix.glob(f"share/doc/polyvirt-plugin/templates/{name}"), None)
        self.assertIsNotNone(source, f"the development package has no template {name}")
        return Path(shutil.copytree(source, self.folder / name))

    def make(self, folder, *words, **environment):
        self.run_tool("make", "-C", folder, *words, **environment)

    def cmake(self, folder, *words, **environment):
        """Configures and builds with CMake; the build folder."""
        build = folder / "build"
        self.run_tool("cmake", "-S", folder, "-B", build, "-G", "Ninja", *words, **environment)
        self.run_tool("cmake", "--build", build, "-j", "1", **environment)
        return build

    def audit(self, plugin):
        """The file exports its entry alone and nothing would pin it."""
        self.run_tool(sys.executable, AUDIT, plugin)
        return plugin

    # Running ------------------------------------------------------------------------------------

    def place(self, *plugins):
        """A folder with just these plugins."""
        folder = self.folder / "plugins"
        folder.mkdir(exist_ok=True)
        for plugin in plugins:
            target = folder / plugin.name
            shutil.copy(plugin, target)
            target.chmod(0o644)
        return folder

    def serve(self, *plugins):
        """Starts a daemon that has these plugins and no other."""
        self.start_daemon(["--plugins", str(self.place(*plugins))])

    def start_daemon(self, options, program=None):
        self.subject = Polyvirtd(self.folder, None)
        self.subject.options = options
        if program is not None:
            self.subject.program = program
        self.addCleanup(self.end_daemon)
        self.subject.start()

    def end_daemon(self):
        subject, self.subject = self.subject, None
        if subject is not None:
            subject.clean_up()

    def leave(self):
        """The daemon ends, and nothing of it is left."""
        self.end_daemon()
        processes.end_all_descendants()
        for name in ("root", "plugins"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def restart_daemon(self):
        self.assertEqual(self.subject.stop(), 0, self.subject.log_tail())
        self.subject.start()

    def virsh_try(self, *words, uri="template+unix:///default"):
        return subprocess.run(["virsh", "-c", f"{uri}?socket={self.subject.socket()}", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=plain_environment(),
                              timeout=settings.PATIENCE)

    def virsh(self, *words, **options):
        """Runs virsh, which must succeed; what it printed, without white space at the ends."""
        done = self.virsh_try(*words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""),
                         f"virsh {' '.join(words)}\n{self.subject.log_tail()}")
        return done.stdout.strip()

    def virsh_fails(self, *words, **options):
        done = self.virsh_try(*words, **options)
        self.assertEqual(done.returncode, 1, f"virsh {' '.join(words)}: {done.stdout}")
        return done.stderr.strip()

    def domains(self, *words):
        """{name: state} as `virsh list --all` shows them."""
        rows = [line.split(None, 2) for line in self.virsh("list", "--all", *words).splitlines()[2:] if line.strip()]
        return {row[1]: row[2] for row in rows}
