# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Tuning and figures of running guests: what the emulator, the kernel and the documents then say."""

import os
import re
import signal
import time
from pathlib import Path

import libvirt

from harness import processes, wait
from harness.python_client import PythonCase

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
_BALLOON = "<memballoon model='virtio'><stats period='1'/></memballoon>"


def threads(pid):
    """The names of an emulator's threads, by number."""
    return {int(tid): Path(f"/proc/{pid}/task/{tid}/comm").read_text().strip()
            for tid in os.listdir(f"/proc/{pid}/task")}


def allowed(tid):
    text = Path(f"/proc/{tid}/status").read_text()
    return re.search(r"^Cpus_allowed_list:\s*(\S+)", text, re.M).group(1)


class Tune(PythonCase):
    def start(self, vcpu="<vcpu>1</vcpu>", more="", flags=0):
        connection = self.connect()
        guest = self.new_guest()
        xml = guest.xml.replace("<vcpu>1</vcpu>", vcpu).replace("</devices>", _BALLOON + "</devices>")
        domain = connection.defineXML(xml.replace("<os>", more + "<os>"))
        domain.createWithFlags(flags)
        self.emulator = processes.emulator_of(guest.name)
        return connection, domain

    def fails(self, code, call, *arguments):
        with self.assertRaises(libvirt.libvirtError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.get_error_code(), code, caught.exception)
        return caught.exception.get_error_message()

    # processors ------------------------------------------------------------------------------

    def test_processors_are_plugged_in(self):
        connection, domain = self.start("<vcpu current='1'>3</vcpu>", flags=libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertEqual(len(domain.vcpus()[0]), 1)
        domain.setVcpusFlags(2, LIVE)
        self.assertEqual(domain.vcpusFlags(LIVE), 2)
        self.assertEqual(domain.vcpusFlags(CONFIG), 1)
        self.assertEqual([one[0] for one in domain.vcpus()[0]], [0, 1])
        domain.setVcpu("2", 1, LIVE | CONFIG)
        self.assertEqual((domain.vcpusFlags(LIVE), domain.vcpusFlags(CONFIG)), (3, 2))
        self.assertIn("<vcpu id='1' enabled='yes' hotpluggable='yes' order='2'/>", domain.XMLDesc())
        names = [name for name in threads(self.emulator).values() if name.startswith("CPU ")]
        self.assertEqual(len(names), 3, threads(self.emulator))
        self.fails(libvirt.VIR_ERR_INVALID_ARG, domain.setVcpusFlags, 4, LIVE)
        self.fails(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, domain.setVcpu, "0", 0, LIVE)

    def test_plugged_processors_are_there_at_the_next_start(self):
        _, domain = self.start("<vcpu current='1'>3</vcpu>", flags=libvirt.VIR_DOMAIN_START_PAUSED)
        domain.destroy()
        domain.setVcpu("2", 1, CONFIG)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertEqual([one[0] for one in domain.vcpus()[0]], [0, 2])

    def test_a_guest_that_keeps_its_processor(self):
        _, domain = self.start("<vcpu current='1'>2</vcpu>", flags=libvirt.VIR_DOMAIN_START_PAUSED)
        domain.setVcpusFlags(2, LIVE)
        before = time.monotonic()
        with self.assertRaises(libvirt.libvirtError) as caught:
            domain.setVcpusFlags(1, LIVE)
        # By the guest's silence, or by its board, which knows no removal before a system has switched it over.
        self.assertIn(caught.exception.get_error_code(), (libvirt.VIR_ERR_OPERATION_TIMEOUT, libvirt.VIR_ERR_INTERNAL_ERROR))
        self.assertLess(time.monotonic() - before, 20)
        self.assertEqual(domain.vcpusFlags(LIVE), 2)

    # pins ------------------------------------------------------------------------------------

    def test_pins_are_the_kernels(self):
        _, domain = self.start("<vcpu>2</vcpu><iothreads>1</iothreads>", flags=libvirt.VIR_DOMAIN_START_PAUSED)
        cpus = os.sysconf("SC_NPROCESSORS_CONF")
        if cpus < 2:
            self.skipTest("one processor")
        first = (True,) + (False,) * (cpus - 1)
        domain.pinVcpuFlags(1, first, LIVE)
        domain.pinIOThread(1, first, LIVE)
        by_name = {name: tid for tid, name in threads(self.emulator).items()}
        self.assertEqual(allowed(by_name["CPU 1/TCG"]), "0")
        self.assertEqual(allowed(by_name["IO iothread1"]), "0")
        self.assertNotEqual(allowed(by_name["CPU 0/TCG"]), "0")
        self.assertEqual(domain.vcpus()[1][1], first)
        domain.pinEmulator(first, LIVE)
        self.assertEqual(allowed(self.emulator), "0")
        self.assertIn("<vcpupin vcpu='1' cpuset='0'/>", domain.XMLDesc())
        self.assertNotIn("vcpupin", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))

    def test_pins_of_the_document_hold_from_the_start(self):
        _, domain = self.start("<vcpu>1</vcpu>", "<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>")
        by_name = {name: tid for tid, name in threads(self.emulator).items()}
        self.assertEqual(allowed(by_name["CPU 0/TCG"]), "0")
        self.assertEqual(domain.vcpuPinInfo(LIVE)[0][0], True)

    # I/O threads -----------------------------------------------------------------------------

    def test_iothreads_come_and_go(self):
        _, domain = self.start("<vcpu>1</vcpu><iothreads>1</iothreads>", flags=libvirt.VIR_DOMAIN_START_PAUSED)
        domain.addIOThread(4, LIVE)
        self.assertEqual(sorted(one[0] for one in domain.ioThreadInfo(LIVE)), [1, 4])
        self.assertEqual([one[0] for one in domain.ioThreadInfo(CONFIG)], [1])
        self.assertIn("IO iothread4", threads(self.emulator).values())
        domain.setIOThreadParams(4, {"poll_max_ns": 1000}, LIVE)
        stats = domain.connect().domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_IOTHREAD)[0][1]
        self.assertEqual(stats["iothread.4.poll-max-ns"], 1000)
        domain.delIOThread(4, LIVE)
        self.assertNotIn("IO iothread4", threads(self.emulator).values())
        self.fails(libvirt.VIR_ERR_INVALID_ARG, domain.delIOThread, 4, LIVE)

    # memory ----------------------------------------------------------------------------------

    def test_persistent_memory_and_parameters(self):
        domain = self.connect().defineXML(self.new_guest().xml)
        domain.setMemoryFlags(65536, CONFIG)
        self.assertEqual(domain.info()[2], 65536)
        self.fails(libvirt.VIR_ERR_INVALID_ARG, domain.setMemoryFlags, 1 << 20, CONFIG)
        domain.setMemoryParameters({"hard_limit": 500000}, CONFIG)
        self.assertEqual(domain.memoryParameters(CONFIG)["hard_limit"], 500000)
        domain.setSchedulerParametersFlags({"cpu_shares": 512, "vcpu_quota": 50000}, CONFIG)
        self.assertEqual(domain.schedulerParametersFlags(CONFIG)["vcpu_quota"], 50000)
        self.assertIn("<quota>50000</quota>", domain.XMLDesc())
        self.fails(libvirt.VIR_ERR_INVALID_ARG, domain.setSchedulerParametersFlags, {"vcpu_period": 1}, CONFIG)
        self.fails(libvirt.VIR_ERR_OPERATION_INVALID, domain.setMemoryFlags, 65536, LIVE)

    def test_memory_of_a_running_guest(self):
        _, domain = self.start()
        self.fails(libvirt.VIR_ERR_OPERATION_INVALID, domain.setMaxMemory, 1 << 18)
        domain.setMemoryFlags(100000, LIVE)  # its kernel has no balloon: asked, and not obeyed
        self.assertEqual(domain.maxMemory(), 128 * 1024)
        domain.setMemoryStatsPeriod(3, LIVE)
        self.assertIn("<stats period='3'/>", domain.XMLDesc())
        self.assertGreater(domain.memoryStats()["rss"], 1000)
        self.assertEqual(len(domain.memoryPeek(0, 64, libvirt.VIR_MEMORY_PHYSICAL)), 64)

    # figures ---------------------------------------------------------------------------------

    def test_every_group_of_figures(self):
        connection, domain = self.start("<vcpu>2</vcpu><iothreads>1</iothreads>")
        stats = connection.domainListGetStats([domain])[0][1]
        for field in ("state.state", "cpu.time", "balloon.current", "balloon.rss", "vcpu.1.time", "vcpu.1.delay", "net.count",
                      "block.count", "iothread.1.poll-max-ns", "dirtyrate.calc_status"):
            self.assertIn(field, stats)
        domain.startDirtyRateCalc(1)
        wait.until(lambda: connection.domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_DIRTYRATE)[0][1]
                   ["dirtyrate.calc_status"] == 2, "the rate")
        inactive = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE
        self.assertEqual(connection.getAllDomainStats(0, inactive), [])
        off = connection.defineXML(self.new_guest("off").xml)
        self.fails(libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, connection.domainListGetStats, [off], libvirt.VIR_DOMAIN_STATS_IOTHREAD,
                   libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)

    def test_a_stuck_emulator_delays_nobody(self):
        connection, domain = self.start()
        domain.memoryStats()
        os.kill(self.emulator, signal.SIGSTOP)
        try:
            time_of = []
            for _ in range(5):
                before = time.monotonic()
                stats = connection.domainListGetStats([domain])[0][1]
                domain.memoryStats()
                domain.vcpus()
                time_of.append(time.monotonic() - before)
                self.assertIn("balloon.rss", stats)
            self.assertLess(max(time_of), 1.5, time_of)
            self.assertLess(min(time_of), 0.1, time_of)
            wait.until(lambda: domain.memoryStats() and domain.controlInfo()[0] == libvirt.VIR_DOMAIN_CONTROL_OCCUPIED, "the question")
        finally:
            os.kill(self.emulator, signal.SIGCONT)
        wait.until(lambda: domain.controlInfo()[0] == libvirt.VIR_DOMAIN_CONTROL_OK, "the emulator")

    def test_the_next_daemon_knows_the_threads(self):
        _, domain = self.start("<vcpu current='1'>2</vcpu>", flags=libvirt.VIR_DOMAIN_START_PAUSED)
        domain.setVcpusFlags(2, LIVE)
        name = domain.name()
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(name)
        wait.until(lambda: len(domain.vcpus()[0]) == 2, "the threads")
        self.assertEqual(domain.vcpusFlags(LIVE), 2)

    def test_counters_of_the_kernel(self):
        connection, domain = self.start()
        self.assertEqual(set(domain.perfEvents().values()), {False})
        try:
            for which in (LIVE, CONFIG):  # the binding asks for the present ones first, which goes for one description alone
                domain.setPerfEvents({"task_clock": True}, which)
        except libvirt.libvirtError as error:
            self.assertEqual(error.get_error_code(), libvirt.VIR_ERR_SYSTEM_ERROR)
            self.skipTest(f"the kernel counts nothing for us: {error}")
        self.assertEqual([name for name, on in domain.perfEvents().items() if on], ["task_clock"])
        self.assertIn("<event name='task_clock' enabled='yes'/>", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))

        def counted():
            figures = connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_PERF)[0][1]
            self.assertEqual(set(figures), {"perf.task_clock"})
            return figures["perf.task_clock"]
        wait.until(lambda: counted() > 0, "the guest to be counted")
        domain.setPerfEvents({"task_clock": False}, LIVE)
        self.assertEqual(connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_PERF)[0][1], {})
        self.assertTrue(domain.perfEvents(CONFIG)["task_clock"])
        self.fails(libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, domain.setPerfEvents, {"cmt": True}, LIVE)

    def test_a_change_is_told(self):
        connection, domain = self.start(flags=libvirt.VIR_DOMAIN_START_PAUSED)
        told = []
        connection.domainEventRegisterAny(domain, libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE,
                                          lambda _c, _d, what, _o: told.append(what), None)
        cpus = os.sysconf("SC_NPROCESSORS_CONF")
        domain.pinVcpuFlags(0, (True,) + (False,) * (cpus - 1), LIVE)
        wait.until(lambda: told, "the event")
        self.assertEqual(told[0], {"cputune.vcpupin0": "0"})
