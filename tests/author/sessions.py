# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""TemplateCase: what each template can do, shown through virsh and a binding. The same for plugins that were just built
and for those that earlier releases' packages built (tests/abi/kept)."""

import os
import signal

import libvirt
from author import AuthorCase
from harness import processes, wait


class TemplateCase(AuthorCase):
    def start_again(self, name="demo"):
        """virsh itself looks whether a domain runs; the driver is asked by a binding, which does not."""
        connection = libvirt.open(f"template+unix:///default?socket={self.subject.socket()}")
        try:
            connection.lookupByName(name).create()
        except libvirt.libvirtError as error:
            return error.get_error_message()
        finally:
            connection.close()
        return ""

    def document(self, name, inner=""):
        path = self.folder / f"{name}.xml"
        path.write_text(f"<domain type='template'><name>{name}</name>{inner}</domain>")
        return str(path)

    def talk_to_null(self, plugin):
        """The null drivers of C and Rust, which do the same."""
        self.serve(self.audit(plugin))
        self.assertEqual(self.domains(), {"demo": "shut off"})
        self.assertEqual(self.virsh("start", "demo"), "Domain 'demo' started")
        self.assertEqual(self.domains(), {"demo": "running"})
        self.assertIn("domain is already running", self.start_again())
        self.assertIn("<name>demo</name>", self.virsh("dumpxml", "demo"))
        self.assertEqual(self.virsh("destroy", "demo"), "Domain 'demo' destroyed")
        self.assertEqual(self.virsh("domstate", "--reason", "demo"), "shut off (destroyed)")
        self.assertIn("not supported", self.virsh_fails("reset", "demo"))

    # cpp-null -------------------------------------------------------------------------------------

    def talk_to_cpp_null(self, plugin):
        self.serve(self.audit(plugin))
        self.assertEqual(self.domains(), {})
        self.virsh("define", self.document("one", "<!-- kept --><memory>1</memory>"))
        self.virsh("define", self.document("two"))
        self.assertEqual(self.domains(), {"one": "shut off", "two": "shut off"})
        uuid = self.virsh("domuuid", "one")
        self.virsh("start", "one")
        self.assertEqual(self.domains(), {"one": "running", "two": "shut off"})
        self.assertIn("already running", self.start_again("one"))
        self.assertIn("<memory>1</memory>", self.virsh("dumpxml", "one"))
        self.assertIn("destroy it first", self.virsh_fails("undefine", "one"))
        self.assertIn("unsupported flags 1", self.virsh_fails("start", "two", "--paused"))
        self.assertIn("already exists with uuid", self.virsh_fails("define", self.document("one")))
        self.virsh("destroy", "one")
        self.virsh("undefine", "two")
        self.restart_daemon()
        self.assertEqual(self.domains(), {"one": "shut off"})
        self.assertEqual(self.virsh("domuuid", "one"), uuid)
        self.assertIn(f"<uuid>{uuid}</uuid>", self.virsh("dumpxml", "one"))

    # cpp-process ----------------------------------------------------------------------------------

    def guests(self):
        """Processes that stand for guests, wherever they hang by now."""
        return [pid for pid in processes.descendants(os.getpid())
                if processes.command_line(pid) == ["/bin/sleep", "infinity"] and processes.is_running(pid)]

    def records(self):
        """What is kept about processes, by uuid."""
        return list((self.folder / "root" / "run").rglob("*-*-*-*-*"))

    def create(self, name):
        """A new domain; its process."""
        before = set(self.guests())
        self.virsh("create", self.document(name))
        fresh = wait.until(lambda: set(self.guests()) - before, f"the process of {name}")
        self.assertEqual(len(fresh), 1)
        return fresh.pop()

    def talk_to_cpp_process(self, plugin):
        self.serve(self.audit(plugin))
        first, second = self.create("first"), self.create("second")
        self.assertEqual(self.domains(), {"first": "running", "second": "running"})
        self.assertIn("runs already", self.virsh_fails("create", self.document(
            "first", f"<uuid>{self.virsh('domuuid', 'first')}</uuid>")))
        os.kill(first, signal.SIGTERM)
        wait.until(lambda: self.domains() == {"second": "running"}, "the driver to notice that first has ended")
        self.virsh("destroy", "second")
        self.assertFalse(processes.is_running(second))
        self.assertEqual(self.domains(), {})

        # The daemon goes, once well and once not; its guests stay, and are known to it again.
        third, fourth = self.create("third"), self.create("fourth")
        self.assertEqual(len(self.records()), 2)
        self.restart_daemon()
        self.assertEqual(self.domains(), {"third": "running", "fourth": "running"})
        self.subject.kill()
        os.kill(third, signal.SIGKILL)
        wait.until(lambda: not processes.is_running(third), "third to end")
        self.subject.start()
        wait.until(lambda: self.domains() == {"fourth": "running"}, "the driver to see that third has ended meanwhile")
        os.kill(fourth, signal.SIGTERM)
        wait.until(lambda: self.domains() == {}, "the driver to notice that fourth has ended")
        wait.until(lambda: not self.records(), "its record to go")
