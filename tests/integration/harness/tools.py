# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Cases that administer the daemon with its users' own programs: virt-admin and polyvirt."""

import json
import subprocess

from . import settings, wait
from .case import IntegrationCase, plain_environment


class AdminCase(IntegrationCase):
    def virt_admin_try(self, *words):
        uri = f"libvirtd:///system?socket={self.subject.socket('admin')}"
        return subprocess.run(["virt-admin", "-c", uri, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=plain_environment(),
                              timeout=settings.PATIENCE)

    def virt_admin(self, *words):
        """Runs virt-admin, which must succeed; what it printed, without white space at the ends."""
        wait.until(self.subject.socket("admin").exists, "the admin socket")  # the daemon may be about to make it
        done = self.virt_admin_try(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"virt-admin {' '.join(words)}")
        return done.stdout.strip()

    def virt_admin_fails(self, *words):
        """Runs virt-admin, which must fail; its complaint."""
        done = self.virt_admin_try(*words)
        self.assertEqual(done.returncode, 1, f"virt-admin {' '.join(words)}: {done.stdout}")
        return done.stderr.strip()

    def virt_admin_pairs(self, *words):
        """virt-admin's list of NAME : VALUE lines as a dict."""
        pairs = {}
        for line in self.virt_admin(*words).splitlines():
            name, found, value = line.partition(":")
            if found:
                pairs[name.strip()] = value.strip()
        return pairs

    def main_server(self):
        return "libvirtd" if settings.SUBJECT == "peer" else "polyvirtd"

    def polyvirt_try(self, *words, socket=None):
        program = settings.BUILD / "bin" / "polyvirt"
        return subprocess.run([str(program), "--socket", str(socket or self.subject.socket("admin")),
                               *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=plain_environment(), timeout=settings.PATIENCE)

    def polyvirt(self, *words):
        """Runs polyvirt, which must succeed; what it printed."""
        if self.subject.is_running():
            wait.until(lambda: self.subject.accepts("admin"), "the socket for administrators")  # the last that is there
        done = self.polyvirt_try(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"polyvirt {' '.join(words)}")
        return done.stdout

    def polyvirt_json(self, *words):
        return json.loads(self.polyvirt("-o", "json", *words))

    def polyvirt_fails(self, *words, socket=None):
        done = self.polyvirt_try(*words, socket=socket)
        self.assertEqual((done.returncode, done.stdout), (1, ""), f"polyvirt {' '.join(words)}")
        return done.stderr.strip()
