# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What becomes of guests that crash, hang or sleep, as their documents say. The guests do these things themselves: they
write to their machine's ports."""

import libvirt

from harness import guest as guests
from harness import processes, wait
from harness.python_client import PythonCase, Recorder

CRASHED, STOPPED_CRASHED, PMSUSPENDED = (8, 0), (5, 2), (7, 0)
STARTED_WAKEUP, RESUMED = (2, 4), (4, 0)
PANIC = "printf '\\001' | dd of=/dev/port bs=1 seek=1285 2>/dev/null"       # port 0x505
BARK = "printf '\\017' | dd of=/dev/port bs=1 seek=1091 2>/dev/null"        # port 0x443: at once
RUNNING, OFF, CRASHED_STATE = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED


class Life(PythonCase):
    def prepare_guest(self, devices="", actions=""):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<devices>", actions + "<devices>").replace("</devices>", devices + "</devices>")
        connection = self.connect()
        self.domain = connection.defineXML(guest.xml)
        self.events = Recorder(connection)
        self.guest = guest
        return guest

    def boot(self, *words, **more):
        self.prepare_guest(*words, **more)
        self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        console = self.console(self.guest)
        self.domain.resume()
        console.expect("# ", console.expect(guests.GREETING))
        return console

    def crash(self, action):
        console = self.boot("<panic model='isa'/>", f"<on_crash>{action}</on_crash>")
        console.type(PANIC + "\r")
        self.events.expect(self.guest, CRASHED)
        return console

    def dumps(self):
        return list((self.subject.root / "root" / "var" / "lib" / "polyvirt" / "qemu" / "dump").glob(f"{self.guest.name}-*"))

    def test_a_crash_ends_a_guest(self):
        self.crash("destroy")
        self.events.expect(self.guest, STOPPED_CRASHED)
        self.assertEqual(self.domain.state(), [OFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED])

    def test_a_crash_leaves_a_guest_standing(self):
        self.crash("preserve")
        self.assertEqual(self.domain.state(), [CRASHED_STATE, libvirt.VIR_DOMAIN_CRASHED_PANICKED])
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(self.guest.name)
        self.assertEqual(domain.state()[0], CRASHED_STATE)
        domain.destroy()

    def test_a_crash_starts_a_guest_again(self):
        console = self.crash("restart")
        console.expect("# ", console.expect(guests.GREETING, len(console.text)))
        self.assertEqual(self.domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_CRASHED])

    def test_the_memory_of_a_crash_is_kept(self):
        console = self.crash("coredump-restart")
        console.expect("# ", console.expect(guests.GREETING, len(console.text)))
        [dump] = self.dumps()
        self.assertGreater(dump.stat().st_size, 16 << 20)
        self.assertEqual((dump.stat().st_uid, dump.stat().st_mode & 0o777), (0, 0o600))
        self.assertEqual(dump.read_bytes()[:4], b"\x7fELF")

    def test_a_watchdog_dumps_and_goes_on(self):
        console = self.boot("<watchdog model='ib700' action='dump'/>")
        console.type(BARK + "\r")
        wait.until(self.dumps, "the dump")
        wait.until(lambda: self.events.of(self.guest).count(RESUMED) == 2, "the guest to go on")  # once at its start
        self.assertEqual(self.domain.state()[0], RUNNING)

    def test_a_guest_sleeps_and_is_woken(self):
        console = self.boot()
        console.type("echo mem >/sys/power/state\r")
        self.events.expect(self.guest, PMSUSPENDED)
        self.assertEqual(self.domain.state()[0], libvirt.VIR_DOMAIN_PMSUSPENDED)
        code, _, text = self.refused(self.domain.resume)
        self.assertEqual((code, text), (libvirt.VIR_ERR_OPERATION_INVALID, "Requested operation is not valid: domain is pmsuspended"))
        self.domain.pMWakeup()
        self.events.expect(self.guest, STARTED_WAKEUP)
        self.assertEqual(self.domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_WAKEUP])

    def test_a_guest_is_put_to_sleep_through_its_agent(self):
        self.boot("<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>")
        wait.until(lambda: "state='connected'" in self.domain.XMLDesc(), "the agent")
        code, _, _ = self.refused(lambda: self.domain.pMSuspendForDuration(libvirt.VIR_NODE_SUSPEND_TARGET_MEM, 5))
        self.assertEqual(code, libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED)
        self.domain.pMSuspendForDuration(libvirt.VIR_NODE_SUSPEND_TARGET_MEM, 0)
        self.events.expect(self.guest, PMSUSPENDED)
        self.domain.pMWakeup()
        self.events.expect(self.guest, STARTED_WAKEUP)

    def test_without_an_agent_or_a_guest_nobody_sleeps(self):
        self.prepare_guest()
        sleep = lambda: self.domain.pMSuspendForDuration(libvirt.VIR_NODE_SUSPEND_TARGET_MEM, 0)
        self.assertEqual(self.refused(sleep)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        self.domain.create()
        self.assertEqual(self.refused(sleep)[0], libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED)

    def test_only_a_sleeper_is_woken(self):
        self.prepare_guest()
        code, _, _ = self.refused(self.domain.pMWakeup)
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID)
        self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        _, _, text = self.refused(self.domain.pMWakeup)
        self.assertIn("unable to execute QEMU command 'system_wakeup'", text)

    def test_a_reboot_becomes_an_end_while_the_guest_runs(self):
        console = self.boot()
        flags = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
        self.domain.setLifecycleAction(libvirt.VIR_DOMAIN_LIFECYCLE_REBOOT, libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY, flags)
        for which in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
            self.assertIn("<on_reboot>destroy</on_reboot>", self.domain.XMLDesc(which))
        console.type("reboot -f\r")
        wait.until(lambda: not self.domain.isActive(), "the end of the guest")
        self.assertEqual(self.domain.state(), [OFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN])

    def test_actions_that_cannot_be_are_refused(self):
        self.prepare_guest()
        set_action = self.domain.setLifecycleAction
        for event, action, words in ((0, 4, "Lifecycle event 'poweroff' doesn't support 'coredump-destroy' action"),
                                     (1, 3, "the 'preserve' action for 'on_reboot'/'on_poweroff'"),
                                     (2, 2, "the 'rename-restart' action")):
            code, _, text = self.refused(lambda e=event, a=action: set_action(e, a, libvirt.VIR_DOMAIN_AFFECT_CONFIG))
            self.assertEqual(code, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
            self.assertIn(words, text)
        code, _, _ = self.refused(lambda: set_action(0, 0, libvirt.VIR_DOMAIN_AFFECT_LIVE))
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID)

    def test_an_emulator_that_ends_by_itself_is_told_at_once_and_quoted(self):
        self.prepare_guest()
        self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        processes.end(processes.emulator_of(self.guest.name))
        self.events.expect(self.guest, (5, 5))
        self.assertEqual(self.domain.state(), [OFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED])
        self.domain.create()
        self.domain.destroy()
