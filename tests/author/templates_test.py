# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Each template, copied out of the installed package, built there and served by a daemon."""

from author import AuthorCase


class CNull(AuthorCase):
    def talk(self, plugin):
        self.serve(self.audit(plugin))
        self.assertEqual(self.domains(), {"demo": "shut off"})
        self.assertEqual(self.virsh("start", "demo"), "Domain 'demo' started")
        self.assertEqual(self.domains(), {"demo": "running"})
        self.assertIn("domain is already running", self.start_again())
        self.assertIn("<name>demo</name>", self.virsh("dumpxml", "demo"))
        self.assertEqual(self.virsh("destroy", "demo"), "Domain 'demo' destroyed")
        self.assertEqual(self.virsh("domstate", "--reason", "demo"), "shut off (destroyed)")
        self.assertIn("not supported", self.virsh_fails("reset", "demo"))

    def start_again(self):
        """virsh itself looks whether a domain runs; the driver is asked by a binding, which does not."""
        import libvirt
        connection = libvirt.open(f"template+unix:///default?socket={self.subject.socket()}")
        try:
            connection.lookupByName("demo").create()
        except libvirt.libvirtError as error:
            return error.get_error_message()
        finally:
            connection.close()
        return ""

    def test_make_with_gcc(self):
        folder = self.copy_template("c-null")
        self.make(folder, "CC=gcc")
        self.talk(folder / "template.so")

    def test_make_with_clang(self):
        self.need("clang")
        folder = self.copy_template("c-null")
        self.make(folder, "CC=clang")
        self.talk(folder / "template.so")

    def test_cmake(self):
        self.talk(self.cmake(self.copy_template("c-null")) / "plugins" / "template.so")
