# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The agent in a guest: what it is asked, and what is left of the daemon's patience when it is no honest one."""

import json
import subprocess
import threading
import time

import libvirt
import libvirt_qemu

from harness import processes, wait
from harness.python_client import STOPPED_SHUTDOWN, PythonCase, Recorder

_CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
_UNRESPONSIVE, _UNSUPPORTED, _TIMEOUT, _INTERNAL, _INVALID_ARG, _NOT_VALID = 86, 74, 68, 1, 8, 55


class Agent(PythonCase):
    def started(self, channel=_CHANNEL):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<serial", channel + "<serial", 1)
        self.connection = self.connect()
        self.lifecycle = []
        self.connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
            lambda _c, _d, state, reason, _o: self.lifecycle.append((state, reason)), None)
        self.events = Recorder(self.connection)
        domain = self.connection.defineXML(guest.xml)
        domain.create()
        self.guest = guest
        return domain

    def connected(self):
        domain = self.started()
        wait.until(lambda: "state='connected'" in domain.XMLDesc(), "the agent")
        return domain

    def ask(self, domain, command, timeout=-2, **arguments):
        document = {"execute": command}
        if arguments:
            document["arguments"] = arguments
        return json.loads(libvirt_qemu.qemuAgentCommand(domain, json.dumps(document), timeout, 0))

    def test_what_it_is_asked(self):
        domain = self.connected()
        wait.until(lambda: self.lifecycle == [(2, 1), (1, 2)], "news of the agent")
        self.assertEqual(self.ask(domain, "guest-ping"), {"return": {}})
        self.assertIn("tainted: custom guest agent control commands issued", domain.messages())
        self.assertEqual(domain.hostname(), "polyvirt-guest")
        self.assertGreater(domain.getTime()["seconds"], 0)
        self.assertEqual((domain.fsFreeze(), domain.fsThaw()), (1, 1))
        self.assertEqual(domain.guestVcpus(), {"vcpus": "0", "online": "0", "offlinable": ""})
        addresses = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
        self.assertEqual(addresses["lo"]["addrs"], [{"addr": "127.0.0.1", "prefix": 8, "type": 0}])
        self.assertEqual(self.refused(lambda: domain.fSTrim(None, 0))[0], _INTERNAL)
        self.assertEqual(self.refused(lambda: domain.setUserPassword("root", "x"))[0], _INTERNAL)

    def test_facts_that_it_cannot_tell_are_left_out(self):
        domain = self.connected()
        facts = domain.guestInfo()
        self.assertEqual((facts["os.id"], facts["hostname"], facts["user.0.login-time"], facts["timezone.offset"]),
                         ("polyvirt", "polyvirt-guest", 1500, 0))
        self.assertNotIn("fs.count", facts)
        self.assertEqual(self.refused(lambda: domain.guestInfo(libvirt.VIR_DOMAIN_GUEST_INFO_FILESYSTEM))[0], _INTERNAL)
        self.assertEqual(self.refused(lambda: domain.guestInfo(1 << 20))[0], _INVALID_ARG)

    def test_shutdown_and_reboot_through_it(self):
        domain = self.connected()
        domain.reboot(libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT)
        wait.until(lambda: self.lifecycle[-2:] == [(2, 2), (1, 2)], "the agent after the reboot")
        domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT)
        self.events.expect(self.guest, STOPPED_SHUTDOWN)

    def test_the_daemon_finds_it_again(self):
        domain = self.connected()
        domain.agentSetResponseTimeout(7, 0)
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(self.guest.name)
        self.assertEqual(self.ask(domain, "guest-ping"), {"return": {}})

    def test_a_quiet_snapshot_freezes_and_thaws(self):
        disk = self.folder / "disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1M"], check=True)
        disk.chmod(0o666)
        self.folder.chmod(0o777)
        domain = self.started(f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>"
                              f"<target dev='vda' bus='virtio'/></disk>{_CHANNEL}")
        wait.until(lambda: "state='connected'" in domain.XMLDesc(), "the agent")
        quiet = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
        domain.snapshotCreateXML("<domainsnapshot><name>quiet</name></domainsnapshot>", quiet)
        self.assertEqual(self.ask(domain, "test-freezes"), {"return": 1})
        self.assertEqual(domain.fsThaw(), 0)

    def test_processors_of_the_guests_own_system(self):
        domain = self.connected()
        self.assertEqual(domain.vcpusFlags(libvirt.VIR_DOMAIN_VCPU_GUEST), 1)
        self.assertEqual(self.refused(lambda: domain.setVcpusFlags(2, libvirt.VIR_DOMAIN_VCPU_GUEST))[0], _INVALID_ARG)

    def test_without_an_agent(self):
        domain = self.started(channel="")
        self.assertEqual(self.refused(domain.hostname)[0], _UNSUPPORTED)
        self.assertEqual(self.refused(lambda: domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT))[0], _UNSUPPORTED)
        domain.suspend()
        self.assertEqual(self.refused(domain.hostname)[0], _NOT_VALID)

    def test_nobody_behind_the_channel(self):
        domain = self.started()
        domain.suspend()
        domain.resume()
        if "state='connected'" not in domain.XMLDesc():
            self.assertEqual(self.refused(domain.hostname)[0], _UNRESPONSIVE)

    def test_an_agent_that_never_answers_holds_up_nobody(self):
        domain = self.connected()
        before = time.monotonic()
        self.assertEqual(self.refused(lambda: self.ask(domain, "test-silent", timeout=2))[0], _UNRESPONSIVE)
        self.assertLess(time.monotonic() - before, 20)
        self.assertEqual(self.ask(domain, "guest-ping"), {"return": {}})
        # One that waits without end: what is no question to the agent goes on beside it.
        waiting = threading.Thread(target=lambda: self.refused(lambda: self.ask(domain, "test-silent")))
        waiting.start()
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "beside it", None, None, 0)
        domain.suspend()
        domain.resume()
        json.loads(libvirt_qemu.qemuMonitorCommand(domain, '{"execute": "query-status"}', 0))
        domain.destroy()
        waiting.join(60)
        self.assertFalse(waiting.is_alive())

    def test_a_hostile_agent_costs_no_memory(self):
        domain = self.connected()
        self.ask(domain, "guest-ping")
        before = processes.resident_kib(self.subject.process.pid)
        for command in ("test-noise", "test-deep", "test-noise"):
            self.assertEqual(self.refused(lambda command=command: self.ask(domain, command, timeout=20))[0], _UNRESPONSIVE)
        self.assertEqual(self.ask(domain, "guest-ping"), {"return": {}})
        self.assertLess(processes.resident_kib(self.subject.process.pid) - before, 40 * 1024)
