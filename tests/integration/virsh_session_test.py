# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A session with the distribution's virsh. What it shows was recorded from the peer."""

import itertools
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from harness import guest as guests
from harness import wait
from harness.case import IntegrationCase

_EMULATOR = "/usr/bin/qemu-system-x86_64"
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_NOT_RUNNING = "error: Requested operation is not valid: domain is not running"


def table(text):
    """The rows of one of virsh's tables, without its head."""
    return [re.split(r"  +", line.strip()) for line in text.splitlines()[2:] if line.strip()]


def sheet(text):
    """A list of `name: value` lines as a dict."""
    return dict(re.split(r":\s*", line, maxsplit=1) for line in text.splitlines())


class VirshSession(IntegrationCase):
    def reason(self, guest):
        return self.virsh("domstate", "--reason", guest.name)

    # The host -------------------------------------------------------------------------------------

    def test_version_names_the_hypervisor(self):
        emulator = subprocess.run([_EMULATOR, "--version"], capture_output=True, text=True,
                                  check=True).stdout
        version = re.search(r"version (\d+\.\d+\.\d+)", emulator).group(1)
        shown = sheet(self.virsh("version"))
        self.assertEqual(shown["Running hypervisor"], f"QEMU {version}")
        self.assertRegex(shown["Using API"], r"^QEMU \d")

    def test_version_of_the_daemon(self):
        self.assertRegex(sheet(self.virsh("version", "--daemon"))["Running against daemon"],
                         r"^\d+\.\d+\.\d+$")

    def test_uri(self):
        self.assertEqual(self.virsh("uri"), self.subject.uri())

    def test_hostname(self):
        self.assertRegex(self.virsh("hostname"), r"^\S+$")

    def test_capabilities_describe_host_and_guests(self):
        document = ElementTree.fromstring(self.virsh("capabilities"))
        self.assertEqual(document.tag, "capabilities")
        self.assertRegex(document.findtext("host/uuid"), _UUID)
        self.assertEqual(document.findtext("host/cpu/arch"), "x86_64")
        found = document.find("guest/arch[@name='x86_64']")
        self.assertEqual(found.findtext("wordsize"), "64")
        self.assertEqual(found.findtext("emulator"), _EMULATOR)
        self.assertIn("qemu", [domain.get("type") for domain in found.findall("domain")])
        machines = {machine.text: machine.get("canonical") for machine in found.findall("machine")}
        self.assertIn(machines["pc"], machines)

    def test_domain_capabilities_of_the_default_emulator(self):
        document = ElementTree.fromstring(self.virsh("domcapabilities", "--virttype", "qemu"))
        self.assertEqual(document.tag, "domainCapabilities")
        self.assertEqual([document.findtext(name) for name in ("path", "domain", "arch")],
                         [_EMULATOR, "qemu", "x86_64"])
        self.assertRegex(document.findtext("machine"), r"^pc-i440fx-")
        self.assertGreaterEqual(int(document.find("vcpu").get("max")), 1)

    def test_node_info(self):
        shown = sheet(self.virsh("nodeinfo"))
        self.assertEqual(shown["CPU model"], "x86_64")
        self.assertGreaterEqual(int(shown["CPU(s)"]), 1)

    # Definition -----------------------------------------------------------------------------------

    def test_define_says_where_from(self):
        guest = self.new_guest()
        path = self.write_xml(guest)
        self.assertEqual(self.virsh("define", path), f"Domain '{guest.name}' defined from {path}")

    def test_defined_guest_is_listed_as_shut_off(self):
        guest = self.defined_guest()
        self.assertEqual(table(self.virsh("list", "--all")), [["-", guest.name, "shut off"]])
        self.assertEqual(table(self.virsh("list")), [])
        self.assertEqual(table(self.virsh("list", "--inactive")), [["-", guest.name, "shut off"]])
        self.assertEqual(self.virsh("list", "--all", "--uuid"), guest.uuid)

    def test_dominfo_of_a_defined_guest(self):
        guest = self.defined_guest()
        shown = sheet(self.virsh("dominfo", guest.name))
        expected = {"Id": "-", "Name": guest.name, "UUID": guest.uuid, "OS Type": "hvm",
                    "State": "shut off", "CPU(s)": "1", "Max memory": f"{guests.MEMORY_KIB} KiB",
                    "Used memory": f"{guests.MEMORY_KIB} KiB", "Persistent": "yes",
                    "Autostart": "disable", "Managed save": "no"}
        self.assertEqual({name: shown.get(name) for name in expected}, expected)

    def test_names_ids_and_uuids(self):
        guest = self.defined_guest()
        self.assertEqual(self.virsh("domuuid", guest.name), guest.uuid)
        self.assertEqual(self.virsh("domname", guest.uuid), guest.name)
        self.assertEqual(self.virsh("domid", guest.name), "-")
        self.virsh("start", "--paused", guest.name)
        number = self.virsh("domid", guest.name)
        self.assertGreater(int(number), 0)
        self.assertEqual(self.virsh("domname", number), guest.name)
        self.assertEqual(self.virsh("domuuid", number), guest.uuid)

    def test_redefinition_replaces_the_document(self):
        guest = self.defined_guest()
        guest.xml = guest.xml.replace("<vcpu>1</vcpu>", "<vcpu>2</vcpu>")
        self.define(guest)
        self.assertEqual(table(self.virsh("list", "--all")), [["-", guest.name, "shut off"]])
        self.assertEqual(sheet(self.virsh("dominfo", guest.name))["CPU(s)"], "2")

    def test_definition_under_the_uuid_of_another_is_refused(self):
        guest = self.defined_guest()
        other = self.new_guest("other")
        other.xml = other.xml.replace(other.uuid, guest.uuid)
        complaint = self.virsh_fails("define", self.write_xml(other))
        self.assertIn(f"domain '{guest.name}' is already defined with uuid {guest.uuid}", complaint)

    def test_definition_under_the_name_of_another_is_refused(self):
        guest = self.defined_guest()
        other = self.new_guest()
        complaint = self.virsh_fails("define", self.write_xml(other))
        self.assertIn(f"domain '{guest.name}' already exists with uuid {guest.uuid}", complaint)

    def test_undefined_guest_is_gone(self):
        guest = self.defined_guest()
        self.assertEqual(self.virsh("undefine", guest.name),
                         f"Domain '{guest.name}' has been undefined")
        self.assertEqual(table(self.virsh("list", "--all")), [])
        self.assertIn(f"failed to get domain '{guest.name}'",
                      self.virsh_fails("dominfo", guest.name))

    def test_dumpxml_of_a_defined_guest(self):
        guest = self.defined_guest()
        document = ElementTree.fromstring(self.virsh("dumpxml", guest.name))
        self.assertEqual((document.tag, document.attrib), ("domain", {"type": "qemu"}))
        self.assertEqual(
            [document.findtext(name) for name in
             ("name", "uuid", "memory", "currentMemory", "vcpu", "os/type", "on_poweroff",
              "on_reboot", "on_crash", "devices/emulator")],
            [guest.name, guest.uuid, str(guests.MEMORY_KIB), str(guests.MEMORY_KIB), "1", "hvm",
             "destroy", "restart", "destroy", _EMULATOR])
        self.assertEqual(document.find("memory").get("unit"), "KiB")
        self.assertRegex(document.find("os/type").get("machine"), r"^pc-i440fx-")
        given = ElementTree.fromstring(guest.xml)
        for name in ("os/kernel", "os/initrd", "os/cmdline"):
            self.assertEqual(document.findtext(name), given.findtext(name))
        self.assertIsNotNone(document.find("features/acpi"))
        self.assertEqual(document.find("devices/serial/target").attrib,
                         {"type": "isa-serial", "port": "0"})
        self.assertEqual(document.find("devices/console/target").attrib,
                         {"type": "serial", "port": "0"})

    def test_dumpxml_defines_the_same_guest_again(self):
        guest = self.defined_guest()
        first = self.virsh("dumpxml", guest.name)
        guest.xml = first
        self.virsh("undefine", guest.name)
        self.define(guest)
        self.assertEqual(self.virsh("dumpxml", guest.name), first)

    def test_dumpxml_of_a_running_guest(self):
        guest = self.paused_guest()
        live = ElementTree.fromstring(self.virsh("dumpxml", guest.name))
        self.assertEqual(live.get("id"), self.virsh("domid", guest.name))
        path = live.find("devices/serial/source").get("path")
        self.assertRegex(path, r"^/dev/pts/\d+$")
        self.assertEqual(live.find("devices/serial/alias").get("name"), "serial0")
        self.assertEqual(live.find("devices/console").get("tty"), path)
        self.assertEqual(self.virsh("ttyconsole", guest.name), path)
        kept = ElementTree.fromstring(self.virsh("dumpxml", "--inactive", guest.name))
        self.assertIsNone(kept.get("id"))
        self.assertIsNone(kept.find("devices/serial/source"))

    def test_autostart(self):
        guest = self.defined_guest()
        self.assertEqual(self.virsh("autostart", guest.name),
                         f"Domain '{guest.name}' marked as autostarted")
        self.assertEqual(sheet(self.virsh("dominfo", guest.name))["Autostart"], "enable")
        self.assertEqual(len(table(self.virsh("list", "--all", "--autostart"))), 1)
        self.assertEqual(self.virsh("autostart", "--disable", guest.name),
                         f"Domain '{guest.name}' unmarked as autostarted")
        self.assertEqual(sheet(self.virsh("dominfo", guest.name))["Autostart"], "disable")
        self.assertEqual(table(self.virsh("list", "--all", "--autostart")), [])

    # State ----------------------------------------------------------------------------------------

    def test_start_paused_resume_suspend_destroy(self):
        guest = self.defined_guest()
        self.assertEqual(self.reason(guest), "shut off (unknown)")
        self.assertEqual(self.virsh("start", "--paused", guest.name),
                         f"Domain '{guest.name}' started")
        self.assertEqual(self.reason(guest), "paused (user)")
        self.assertEqual(self.virsh("resume", guest.name), f"Domain '{guest.name}' resumed")
        self.assertEqual(self.reason(guest), "running (unpaused)")
        self.assertEqual(self.virsh("suspend", guest.name), f"Domain '{guest.name}' suspended")
        self.assertEqual(self.reason(guest), "paused (user)")
        self.assertEqual(self.virsh("destroy", guest.name), f"Domain '{guest.name}' destroyed")
        self.assertEqual(self.reason(guest), "shut off (destroyed)")

    def test_started_guest_runs(self):
        guest = self.defined_guest()
        self.virsh("start", guest.name)
        self.assertEqual(self.reason(guest), "running (booted)")
        self.assertEqual(table(self.virsh("list")),
                         [[self.virsh("domid", guest.name), guest.name, "running"]])
        self.assertRegex(sheet(self.virsh("dominfo", guest.name))["CPU time"], r"^\d+\.\d+s$")

    def test_suspending_the_suspended_succeeds(self):
        guest = self.paused_guest()
        self.virsh("suspend", guest.name)
        self.assertEqual(self.reason(guest), "paused (user)")

    def test_resuming_the_running_is_refused(self):
        guest = self.paused_guest()
        self.virsh("resume", guest.name)
        self.assertEqual(self.virsh_fails("resume", guest.name),
                         f"error: Failed to resume domain '{guest.name}'\n"
                         "error: Requested operation is not valid: domain is already running")

    def test_starting_the_running_is_refused(self):
        guest = self.paused_guest()
        self.assertEqual(self.virsh_fails("start", guest.name), "error: Domain is already active")

    def test_operations_on_a_guest_that_does_not_run_are_refused(self):
        guest = self.defined_guest()
        for verb in ("suspend", "resume", "shutdown", "reboot", "reset", "destroy"):
            with self.subTest(verb):
                self.assertEqual(
                    self.virsh_fails(verb, guest.name),
                    f"error: Failed to {verb} domain '{guest.name}'\n{_NOT_RUNNING}")

    def test_transient_guest_is_gone_once_it_ends(self):
        guest = self.new_guest()
        path = self.write_xml(guest)
        self.assertEqual(self.virsh("create", "--paused", path),
                         f"Domain '{guest.name}' created from {path}")
        self.assertEqual(sheet(self.virsh("dominfo", guest.name))["Persistent"], "no")
        self.assertIn("cannot undefine transient domain", self.virsh_fails("undefine", guest.name))
        self.virsh("destroy", guest.name)
        self.assertEqual(table(self.virsh("list", "--all")), [])

    def test_undefined_while_running_becomes_transient(self):
        guest = self.paused_guest()
        self.virsh("undefine", guest.name)
        self.assertEqual(sheet(self.virsh("dominfo", guest.name))["Persistent"], "no")
        self.virsh("destroy", guest.name)
        self.assertEqual(table(self.virsh("list", "--all")), [])

    def test_missing_guest_is_named(self):
        for word in ("no-such-guest", "4711", "8b0d8a5e-1b8b-4f0c-9a53-5f4a2ed5c0de"):
            with self.subTest(word):
                self.assertEqual(self.virsh_fails("dominfo", word),
                                 f"error: failed to get domain '{word}'")

    # Guests that boot -----------------------------------------------------------------------------

    def test_console_shows_the_greeting_and_takes_input(self):
        guest = self.defined_guest()
        self.virsh("start", "--paused", guest.name)
        console = self.console(guest)
        self.virsh("resume", guest.name)
        at = console.expect(guests.GREETING)
        at = console.expect("# ", at)
        console.type("hello\r")
        console.expect(guests.GREETING, at)
        console.type("\x1d")
        self.assertEqual(console.expect_end(), 0)
        again = self.console(guest)
        again.type("hello\r")
        again.expect(guests.GREETING)

    def test_console_of_a_guest_that_does_not_run_is_refused(self):
        guest = self.defined_guest()
        terminal = self.virsh_on_terminal("console", guest.name)
        terminal.expect("The domain is not running")
        self.assertNotEqual(terminal.expect_end(), 0)

    def test_second_console_is_refused(self):
        guest = self.paused_guest()
        self.console(guest)
        second = self.virsh_on_terminal("console", guest.name)
        second.expect("Active console session exists for this domain")
        self.assertNotEqual(second.expect_end(), 0)

    def test_console_ends_with_the_guest(self):
        guest = self.paused_guest()
        console = self.console(guest)
        self.virsh("destroy", guest.name)
        console.expect_end()

    def test_life_of_a_guest_and_its_events(self):
        """Boot, reboot, reset, shutdown; and every event in order, as `virsh event` shows them."""
        events = self.listen()
        guest = self.defined_guest()
        self.virsh("start", "--paused", guest.name)
        console = self.console(guest)
        self.virsh("resume", guest.name)
        at = console.expect(guests.GREETING)
        self.assertEqual(self.virsh("reboot", guest.name),
                         f"Domain '{guest.name}' is being rebooted")
        at = console.expect(guests.GREETING, at)
        self.assertEqual(self.virsh("reset", guest.name), f"Domain '{guest.name}' was reset")
        at = console.expect(guests.GREETING, at)
        self.virsh("suspend", guest.name)
        self.virsh("resume", guest.name)
        self.assertEqual(self.virsh("shutdown", guest.name),
                         f"Domain '{guest.name}' is being shutdown")
        console.expect_end()
        wait.until(lambda: self.reason(guest) == "shut off (shutdown)", "the guest's shutdown")
        self.virsh("undefine", guest.name)
        self.assertEqual(self.events_of(events, guest), [
            "lifecycle: Defined Added",
            "lifecycle: Started Booted",
            "lifecycle: Suspended Paused",
            "lifecycle: Resumed Unpaused",
            "reboot",
            "lifecycle: Suspended Paused",
            "lifecycle: Resumed Unpaused",
            "lifecycle: Shutdown Finished after guest request",
            "lifecycle: Stopped Shutdown",
            "lifecycle: Undefined Removed"])

    def test_events_of_start_and_destroy(self):
        events = self.listen()
        guest = self.defined_guest()
        self.virsh("start", guest.name)
        self.virsh("destroy", guest.name)
        self.virsh("undefine", guest.name)
        self.assertEqual(self.events_of(events, guest), [
            "lifecycle: Defined Added",
            "lifecycle: Resumed Unpaused",
            "lifecycle: Started Booted",
            "lifecycle: Shutdown Finished after host request",
            "lifecycle: Stopped Destroyed",
            "lifecycle: Undefined Removed"])

    def listen(self):
        """virsh event on a terminal, known to hear: guests come and go until it reports one."""
        events = self.virsh_on_terminal("event", "--all", "--loop")
        marker = self.new_guest("marker")

        def heard():
            self.define(marker)
            self.virsh("undefine", marker.name)
            events.read(0.1)
            return marker.name in events.text

        wait.until(heard, "virsh event to listen")
        return events

    def events_of(self, events, guest):
        """What `events` reported of the guest up to its end; a row of equal ones counts as one."""
        events.expect(f"domain '{guest.name}': Undefined Removed")
        events.interrupt()
        events.expect(r"events received: \d+")
        events.expect_end()
        told = [(kind + detail).strip() for kind, detail in
                re.findall(f"event '([a-z-]+)' for domain '{guest.name}'(:.*)?", events.text)]
        return [one for one, _ in itertools.groupby(told)]
