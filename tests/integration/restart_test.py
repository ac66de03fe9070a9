# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The daemon is killed with SIGKILL, or asked to end, and started again. Guests do not notice."""

import libvirt

from harness import guest as guests
from harness import processes, wait
from harness.case import IntegrationCase
from harness.python_client import (
    RESUMED, SHUTDOWN_BY_HOST, STOPPED_DESTROYED, SUSPENDED, PythonCase, Recorder)


class Restart(PythonCase):
    def restart(self, how="kill"):
        getattr(self.subject, how)()
        self.subject.start()

    def facts(self, connection, guest):
        domain = connection.lookupByName(guest.name)
        return (domain.UUIDString(), domain.ID(), domain.state(), domain.isPersistent(),
                domain.autostart())

    def test_definitions_are_kept(self):
        connection = self.connect()
        kept = [self.new_guest(f"g{number}") for number in range(3)]
        for guest in kept:
            connection.defineXML(guest.xml)
        gone = connection.defineXML(self.new_guest("gone").xml)
        gone.undefine()
        before = {guest.name: connection.lookupByName(guest.name).XMLDesc() for guest in kept}
        self.restart()
        connection = self.connect()
        self.assertEqual({one.name(): one.XMLDesc() for one in connection.listAllDomains()}, before)

    def test_every_acknowledged_definition_is_kept(self):
        """Killed right behind the reply: what was acknowledged is on the disk."""
        for number in range(5):
            guest = self.new_guest(f"g{number}")
            self.connect().defineXML(guest.xml)
            self.restart()
            self.assertEqual(self.connect().lookupByName(guest.name).UUIDString(), guest.uuid)

    def test_changed_definition_is_kept(self):
        guest = self.new_guest()
        self.connect().defineXML(guest.xml)
        self.connect().defineXML(guest.xml.replace("<vcpu>1", "<vcpu>2"))
        self.restart()
        self.assertEqual(self.connect().lookupByName(guest.name).info()[3], 2)

    def test_running_guest_is_managed_again(self):
        connection, guest = self.connect(), self.new_guest()
        connection.defineXML(guest.xml).create()
        before, emulator = self.facts(connection, guest), processes.emulator_of(guest.name)
        self.restart()
        self.assertTrue(processes.is_running(emulator))
        self.assertEqual(processes.emulator_of(guest.name), emulator)
        connection = self.connect()
        after = self.facts(connection, guest)
        self.assertEqual((after[:2], after[2][0]), (before[:2], libvirt.VIR_DOMAIN_RUNNING))
        events = Recorder(connection)
        domain = connection.lookupByName(guest.name)
        domain.suspend()
        domain.resume()
        domain.destroy()
        events.expect(guest, STOPPED_DESTROYED)
        self.assertEqual(events.of(guest), [SUSPENDED, RESUMED, SHUTDOWN_BY_HOST,
                                            STOPPED_DESTROYED])
        self.assertFalse(processes.is_running(emulator))
        domain.create()
        self.assertGreater(domain.ID(), before[1])

    def test_paused_guest_stays_paused(self):
        connection, guest = self.connect(), self.new_guest()
        connection.defineXML(guest.xml).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        before = self.facts(connection, guest)
        self.restart()
        self.assertEqual(self.facts(self.connect(), guest)[:2], before[:2])
        domain = self.connect().lookupByName(guest.name)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        domain.resume()
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)

    def test_transient_guest_is_managed_again(self):
        guest = self.new_guest()
        self.connect().createXML(guest.xml, libvirt.VIR_DOMAIN_START_PAUSED)
        self.restart()
        domain = self.connect().lookupByName(guest.name)
        self.assertEqual((domain.isActive(), domain.isPersistent()), (1, 0))
        domain.resume()
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        domain.destroy()
        self.assertEqual(self.connect().listAllDomains(), [])

    def test_guest_that_ended_meanwhile_is_off(self):
        connection, guest = self.connect(), self.new_guest()
        connection.defineXML(guest.xml).create()
        emulator = processes.emulator_of(guest.name)
        self.subject.kill()
        processes.end(emulator)
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        wait.until(lambda: not domain.isActive(), "its end to be noticed")
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_SHUTOFF)
        domain.create()
        self.assertEqual(domain.isActive(), 1)

    def test_autostart_starts_guests_when_the_host_boots(self):
        connection = self.connect()
        wanted, other = self.new_guest("wanted"), self.new_guest("other")
        connection.defineXML(wanted.xml).setAutostart(1)
        connection.defineXML(other.xml)
        self.restart("reboot_host")
        domain = self.connect().lookupByName(wanted.name)
        self.assertEqual(domain.autostart(), 1)
        wait.until(domain.isActive, "the autostarted guest")
        self.assertEqual(self.connect().lookupByName(other.name).isActive(), 0)

    def test_autostart_starts_no_guest_again_when_only_the_daemon_restarts(self):
        guest = self.new_guest()
        self.connect().defineXML(guest.xml).setAutostart(1)
        self.restart("reboot_host")
        wait.until(self.connect().lookupByName(guest.name).isActive, "the autostarted guest")
        self.connect().lookupByName(guest.name).destroy()
        self.restart()
        self.assertEqual(self.connect().lookupByName(guest.name).isActive(), 0)

    def test_orderly_end_leaves_guests_running(self):
        connection, guest = self.connect(), self.new_guest()
        connection.defineXML(guest.xml).create()
        emulator = processes.emulator_of(guest.name)
        self.restart("stop")
        self.assertEqual(processes.emulator_of(guest.name), emulator)
        self.assertEqual(self.connect().lookupByName(guest.name).state()[0],
                         libvirt.VIR_DOMAIN_RUNNING)


class ConsoleAfterRestart(IntegrationCase):
    def test_console_opens_again(self):
        guest = self.defined_guest()
        self.virsh("start", "--paused", guest.name)
        console = self.console(guest)
        self.virsh("resume", guest.name)
        console.expect("# ", console.expect(guests.GREETING))
        self.subject.kill()
        console.expect("Disconnected from")  # virsh says so and stays
        console.close()
        self.subject.start()
        console = self.console(guest)
        console.type("hello\r")
        console.expect(guests.GREETING)
