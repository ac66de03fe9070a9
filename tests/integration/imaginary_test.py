# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Domains of the test driver, through the Python binding: every operation changes what the next one sees."""

import threading
import xml.etree.ElementTree as ET

import libvirt
import libvirt_qemu

from harness import wait
from harness.imaginary import ImaginaryCase, domain_xml
from harness.tools import AdminCase

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
INVALID_ARG, NO_DOMAIN, INVALID = 8, 42, 55


class Events:
    """Every domain event of a connection, by the name of its kind."""

    KINDS = {name[len("VIR_DOMAIN_EVENT_ID_"):].lower(): number for name, number in vars(libvirt).items()
             if name.startswith("VIR_DOMAIN_EVENT_ID_") and not name.endswith("LAST")}

    def __init__(self, connection):
        self.told = []
        for name, number in self.KINDS.items():
            connection.domainEventRegisterAny(None, number, self.hearer(name), None)

    def hearer(self, name):
        return lambda _connection, domain, *facts: self.told.append((name, domain.name(), facts[:-1]))

    def of(self, kind):
        return [facts for name, _domain, facts in list(self.told) if name == kind]

    def expect(self, *kinds):
        for kind in kinds:
            wait.until(lambda kind=kind: self.of(kind), f"event {kind}, told were {self.told}")


def root_of(domain, flags=0):
    return ET.fromstring(domain.XMLDesc(flags))


class Life(AdminCase, ImaginaryCase):
    def test_the_host_outlives_its_last_client(self):
        self.define("stays")
        self.connection.close()
        wait.until(lambda: "polyvirtd" not in self.polyvirt("clients"), "no client left")
        self.assertEqual(self.connect().lookupByName("stays").name(), "stays")

    def test_the_default_host_is_there(self):
        c = self.connection
        self.assertTrue(c.getURI().startswith("test+unix:///default?"))
        self.assertEqual(c.getType(), "TEST")
        self.assertEqual(c.getVersion(), 2)
        domain = c.lookupByName("test")
        self.assertEqual(domain.UUIDString(), "6695eb01-f6a4-8304-79aa-97f2502e193f")
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, 0])
        self.assertEqual(domain.info()[1:4], [8388608, 2097152, 2])
        self.assertEqual(domain.OSType(), "linux")
        self.assertEqual(domain.maxMemory(), 8388608)
        self.assertEqual(domain.maxVcpus(), 2)
        self.assertEqual(domain.controlInfo()[0], 0)

    def test_a_life_with_all_its_states_and_events(self):
        events = Events(self.connection)
        domain = self.define()
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_SHUTOFF)
        domain.create()
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED])
        domain.suspend()
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER])
        domain.resume()
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_UNPAUSED])
        domain.reboot()
        domain.reset()
        domain.pMSuspendForDuration(libvirt.VIR_NODE_SUSPEND_TARGET_MEM, 0)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PMSUSPENDED)
        domain.pMWakeup()
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_WAKEUP])
        domain.injectNMI()
        domain.sendKey(0, 0, [30], 1)
        domain.shutdown()
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN])
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER])
        domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_GRACEFUL)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED])
        domain.create()
        domain.sendProcessSignal(1, libvirt.VIR_DOMAIN_PROCESS_SIGNAL_TERM)
        domain.create()
        domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
        domain.undefine()
        wait.until(lambda: (1, 0) in events.of("lifecycle"), "the undefinition")
        self.assertEqual(events.of("lifecycle")[:4], [(0, 0), (2, 0), (3, 0), (4, 0)])
        events.expect("reboot", "pmsuspend", "pmwakeup")
        self.assertEqual(self.refused(lambda: self.connection.lookupByName("a"))[0], NO_DOMAIN)

    def test_wrong_times_are_refused(self):
        domain = self.define()
        for call in (domain.suspend, domain.resume, domain.shutdown, domain.destroy, domain.reset, domain.pMWakeup,
                     lambda: domain.save("/x"), lambda: domain.managedSave(), lambda: domain.vcpus()):
            self.assertEqual(self.refused(call)[:2], (INVALID, 12))
        domain.create()
        self.assertEqual(self.refused(domain.create)[0], INVALID)
        self.assertEqual(self.refused(domain.resume)[0], INVALID)
        self.assertEqual(self.refused(lambda: domain.destroyFlags(64))[0], INVALID_ARG)

    def test_other_ways_to_begin(self):
        domain = self.connection.defineXMLFlags(domain_xml(), libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        with open("/dev/null", "rb") as nothing:
            domain.createWithFiles([nothing.fileno()], 0)
            other = self.connection.createXMLWithFiles(domain_xml("t"), [nothing.fileno()], 0)
        self.assertTrue(domain.isActive() and other.isActive())

    def test_transient_domains_go_when_they_stop(self):
        domain = self.connection.createXML(domain_xml("t"), 0)
        self.assertFalse(domain.isPersistent())
        self.assertEqual(self.refused(domain.undefine)[0], INVALID)
        self.assertEqual(self.refused(lambda: domain.setAutostart(1))[0], INVALID)
        domain.destroy()
        self.assertEqual(self.refused(domain.info)[0], NO_DOMAIN)

    def test_autodestroy_ends_with_its_client(self):
        other = self.connect()
        other.createXML(domain_xml("t"), libvirt.VIR_DOMAIN_START_AUTODESTROY)
        other.close()
        wait.until(lambda: "t" not in [d.name() for d in self.connection.listAllDomains()], "the domain's end")

    def test_redefined_while_running(self):
        domain = self.start()
        again = self.connection.defineXML(domain_xml("a", memory=1000000, more=f"<uuid>{domain.UUIDString()}</uuid>"))
        self.assertEqual(again.ID(), domain.ID())
        self.assertEqual(root_of(domain).findtext("memory"), "524288")
        self.assertEqual(root_of(domain, libvirt.VIR_DOMAIN_XML_INACTIVE).findtext("memory"), "1000000")
        self.assertTrue(domain.isUpdated())
        domain.undefineFlags(0)
        self.assertFalse(domain.isPersistent())
        domain.setLifecycleAction(libvirt.VIR_DOMAIN_LIFECYCLE_CRASH, libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE, LIVE)
        self.assertEqual(root_of(domain).findtext("on_crash"), "preserve")

    def test_marks_names_and_words(self):
        events = Events(self.connection)
        domain = self.define()
        domain.setAutostart(1)
        self.assertEqual(domain.autostart(), 1)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "hello", None, None)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "long\nwords", None, None)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<x y='1'/>", "k", "urn:k")
        self.assertEqual(domain.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None), "hello")
        self.assertEqual(domain.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None), "long\nwords")
        self.assertIn("y=", domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "urn:k"))
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, None, "k", "urn:k")
        self.assertEqual(self.refused(lambda: domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "urn:k"))[0], 80)
        self.define("taken")
        self.assertEqual(self.refused(lambda: domain.rename("taken"))[0], INVALID)
        domain.rename("b")
        renamed = self.connection.lookupByName("b")
        self.assertEqual(renamed.UUIDString(), domain.UUIDString())
        self.assertEqual(renamed.autostart(), 1)
        events.expect("metadata_change")
        wait.until(lambda: (0, 2) in events.of("lifecycle"), "the new name")

    def test_messages_and_labels(self):
        domain = self.start()
        self.assertEqual(domain.messages(), [])
        self.assertEqual(domain.securityLabel()[0], "libvirt-test")
        self.assertEqual(domain.securityLabelList()[0][0], "libvirt-test")
        self.assertEqual(self.connection.getSecurityModel()[0], "testSecurity")


class Tune(ImaginaryCase):
    def test_memory_and_processors(self):
        events = Events(self.connection)
        domain = self.start(vcpus=4)
        domain.setMemory(400000)
        self.assertEqual(domain.info()[2], 400000)
        domain.setMemoryFlags(300000, CONFIG)
        self.assertEqual(root_of(domain, libvirt.VIR_DOMAIN_XML_INACTIVE).findtext("currentMemory"), "300000")
        self.assertEqual(self.refused(lambda: domain.setMemory(9000000))[0], INVALID_ARG)
        self.assertEqual(self.refused(lambda: domain.setMaxMemory(9000000))[0], INVALID)
        domain.setVcpus(2)
        self.assertEqual((domain.vcpusFlags(LIVE), domain.vcpusFlags(CONFIG)), (2, 4))
        domain.setVcpu("2", 1, LIVE)
        self.assertEqual(domain.vcpusFlags(LIVE), 3)
        domain.setVcpusFlags(8, CONFIG | libvirt.VIR_DOMAIN_VCPU_MAXIMUM)
        self.assertEqual(domain.vcpusFlags(CONFIG | libvirt.VIR_DOMAIN_VCPU_MAXIMUM), 8)
        self.assertEqual(self.refused(lambda: domain.setVcpus(33))[0], INVALID_ARG)
        domain.setMemoryStatsPeriod(5, LIVE)
        events.expect("balloon_change")
        domain.destroy()
        domain.setMaxMemory(600000)
        self.assertEqual(domain.maxMemory(), 600000)

    def test_pins(self):
        domain = self.start()
        domain.pinVcpu(1, (True, False, True))
        self.assertEqual(domain.vcpuPinInfo()[1][:4], (True, False, True, False))
        domain.pinVcpuFlags(0, (False, True), CONFIG)
        self.assertEqual(domain.vcpuPinInfo(CONFIG)[0][:2], (False, True))
        self.assertEqual(domain.vcpus()[1][1][:3], (True, False, True))
        domain.pinEmulator((True, True), LIVE)
        self.assertEqual(domain.emulatorPinInfo()[:3], (True, True, False))
        self.assertEqual(self.refused(lambda: domain.pinVcpu(7, (True,)))[0], INVALID_ARG)

    def test_io_threads(self):
        domain = self.start()
        domain.addIOThread(3, LIVE)
        domain.pinIOThread(3, (False, True), LIVE)
        self.assertEqual([(i[0], i[1][:2]) for i in domain.ioThreadInfo()], [(3, [False, True])])
        domain.setIOThreadParams(3, {"poll_max_ns": 1000}, LIVE)
        self.assertEqual(domain.getCPUStats(True)[0]["user_time"], 5540000000)
        self.assertEqual(self.refused(lambda: domain.addIOThread(3, LIVE))[0], INVALID_ARG)
        domain.delIOThread(3, LIVE)
        self.assertEqual(domain.ioThreadInfo(), [])

    def test_parameters(self):
        domain = self.start()
        self.assertEqual(domain.schedulerType(), ("fair", 1))
        domain.setSchedulerParameters({"weight": 70})
        self.assertEqual(domain.schedulerParameters(), {"weight": 70})
        domain.setSchedulerParametersFlags({"weight": 80}, CONFIG)
        self.assertEqual(domain.schedulerParametersFlags(CONFIG), {"weight": 80})
        domain.setMemoryParameters({"hard_limit": 1000000}, CONFIG)
        self.assertEqual(domain.memoryParameters(CONFIG)["hard_limit"], 1000000)
        domain.setBlkioParameters({"weight": 500, "device_weight": "/dev/sda,300"})
        self.assertEqual(domain.blkioParameters()["device_weight"], "/dev/sda,300")
        domain.setNumaParameters({"numa_nodeset": "0-1", "numa_mode": 2})
        self.assertEqual(domain.numaParameters(), {"numa_nodeset": "0-1", "numa_mode": 2})
        domain.setInterfaceParameters("testnet0", {"inbound.average": 10, "inbound.peak": 20})
        self.assertEqual(domain.interfaceParameters("testnet0")["inbound.peak"], 20)
        domain.setBlockIoTune("vda", {"total_bytes_sec": 1000})
        self.assertEqual(domain.blockIoTune("vda")["total_bytes_sec"], 1000)
        self.assertEqual(root_of(domain).findtext("devices/disk/iotune/total_bytes_sec"), "1000")
        self.assertEqual(self.refused(lambda: domain.setBlockIoTune("vda", {"read_bytes_sec": 5}))[0], INVALID_ARG)
        self.assertEqual(self.refused(lambda: domain.blockIoTune("nope"))[0], INVALID_ARG)
        domain.setPerfEvents({"cmt": True})
        self.assertTrue(domain.perfEvents()["cmt"])


class Figures(ImaginaryCase):
    def test_statistics(self):
        domain = self.start()
        self.assertEqual(domain.memoryStats()["actual"], 524288)
        self.assertGreater(domain.blockStats("vda")[0], 0)
        self.assertIn("rd_bytes", domain.blockStatsFlags("vda"))
        self.assertEqual(domain.blockInfo("vda")[1:], [1 << 40, 1 << 40])
        self.assertGreater(domain.interfaceStats("testnet0")[0], 0)
        self.assertEqual(set(domain.diskErrors()), {"vda", "hdc"})
        self.assertEqual(len(domain.getCPUStats(False)), 2)
        self.assertEqual(len(domain.memoryPeek(10, 4, libvirt.VIR_MEMORY_PHYSICAL)), 4)
        self.assertEqual(domain.blockPeek("vda", 251, 3), b"\0\1\2")
        self.assertEqual(self.refused(lambda: domain.blockPeek("vda", 1 << 41, 3))[0], INVALID_ARG)

    def test_all_at_once(self):
        domain = self.start()
        domain.addIOThread(1, LIVE)
        domain.setPerfEvents({"cmt": True})
        domain.startDirtyRateCalc(1, 0)
        (mine, figures), = self.connection.domainListGetStats([domain])
        self.assertEqual(mine.name(), "a")
        for key in ("state.state", "cpu.time", "balloon.current", "vcpu.1.time", "net.0.rx.bytes", "block.0.rd.bytes",
                    "perf.cmt", "iothread.1.poll-max-ns", "dirtyrate.calc_period"):
            self.assertIn(key, figures)
        everybody = self.connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE)
        self.assertEqual({d.name() for d, _ in everybody}, {"a", "test"})
        self.assertTrue(all(set(f) == {"state.state", "state.reason"} for _, f in everybody))
        domain.destroy()
        off = self.connection.getAllDomainStats(0, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE)
        self.assertEqual([d.name() for d, _ in off], ["a"])

    def test_the_node(self):
        c = self.connection
        self.assertEqual(c.getInfo(), ["i686", 3072, 16, 1400, 2, 2, 2, 2])
        self.assertEqual(c.getFreeMemory(), 6 << 20)
        self.assertEqual(c.getCellsFreeMemory(0, 2), [2 << 20, 4 << 20])
        self.assertEqual(c.getCPUMap()[:2], (8, [True, False, True, False, True, False, False, False]))
        self.assertEqual(c.getCPUStats(-1)["iowait"], 763600000)
        self.assertEqual(c.getFreePages([4, 2048], 0, 1), {0: {4: 19, 2048: 97}})
        self.assertEqual(c.getMaxVcpus(None), 32)
        self.assertIn("<os_type>xen</os_type>", c.getCapabilities())
        self.assertIn("<domain>test</domain>", c.getDomainCapabilities())
        self.assertIn("LENOVO", c.getSysinfo())
        self.assertIn("Nehalem", c.getCPUModelNames("x86_64"))
        cpu = "<cpu><arch>x86_64</arch><model>{}</model></cpu>"
        self.assertEqual(c.compareCPU(cpu.format("Nehalem")), libvirt.VIR_CPU_COMPARE_SUPERSET)
        self.assertIn("Penryn", c.baselineCPU([cpu.format("Nehalem"), cpu.format("Penryn")]))
        # The hypervisor offers what its processor is, to those who mean this machine.
        mine = (None, "i686", None, "test")
        self.assertEqual(c.compareHypervisorCPU(*mine, cpu.format("Nehalem")), libvirt.VIR_CPU_COMPARE_SUPERSET)
        self.assertIn("Penryn", c.baselineHypervisorCPU(*mine, [cpu.format("Nehalem"), cpu.format("Penryn")]))
        self.assertEqual(self.refused(lambda: c.compareHypervisorCPU(None, "s390x", None, None, cpu.format("Nehalem")))[0], INVALID_ARG)
        self.assertEqual(self.refused(lambda: c.baselineHypervisorCPU("/bin/kvm", None, None, None, [cpu.format("Nehalem")]))[0], INVALID_ARG)


class Kept(ImaginaryCase):
    def test_saved_and_restored(self):
        domain = self.start()
        domain.suspend()
        domain.save("/nowhere/a.save")
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED])
        self.assertIn("<name>a</name>", self.connection.saveImageGetXMLDesc("/nowhere/a.save", 0))
        self.connection.saveImageDefineXML("/nowhere/a.save", domain.XMLDesc(0), libvirt.VIR_DOMAIN_SAVE_RUNNING)
        self.connection.restore("/nowhere/a.save")
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED])
        domain.saveFlags("/nowhere/b.save", None, libvirt.VIR_DOMAIN_SAVE_PAUSED)
        self.connection.restoreFlags("/nowhere/b.save", None, 0)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        domain.saveParams({libvirt.VIR_DOMAIN_SAVE_PARAM_FILE: "/nowhere/c.save"}, 0)
        self.connection.restoreParams({libvirt.VIR_DOMAIN_SAVE_PARAM_FILE: "/nowhere/c.save"}, 0)
        self.assertEqual(self.refused(lambda: self.connection.restore("/nowhere/else"))[0], 9)

    def test_managed_save(self):
        domain = self.start()
        domain.managedSave()
        self.assertTrue(domain.hasManagedSaveImage())
        self.assertEqual(self.refused(domain.undefine)[0], INVALID)
        domain.managedSaveDefineXML(domain.managedSaveGetXMLDesc(0), libvirt.VIR_DOMAIN_SAVE_PAUSED)
        domain.create()
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        domain.resume()
        domain.managedSave()
        domain.managedSaveRemove()
        self.assertFalse(domain.hasManagedSaveImage())

    def test_dumps(self):
        domain = self.start()
        domain.coreDump("/nowhere/core")
        self.assertTrue(domain.isActive())
        domain.coreDumpWithFormat("/nowhere/core", libvirt.VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, libvirt.VIR_DUMP_CRASH)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED])

    def snapshot(self, domain, name, flags=0):
        return domain.snapshotCreateXML(f"<domainsnapshot><name>{name}</name></domainsnapshot>", flags)

    def test_snapshots_are_a_tree(self):
        domain = self.start()
        one, two = self.snapshot(domain, "one"), self.snapshot(domain, "two")
        self.assertEqual(two.getParent().getName(), "one")
        self.assertTrue(two.isCurrent())
        self.assertEqual(ET.fromstring(one.getXMLDesc()).findtext("state"), "running")
        domain.suspend()
        domain.revertToSnapshot(one)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_FROM_SNAPSHOT])
        three = self.snapshot(domain, "three", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)
        self.assertEqual(sorted(one.listChildrenNames()), ["three", "two"])
        self.assertEqual(ET.fromstring(three.getXMLDesc()).find("disks/disk").get("snapshot"), "external")
        one.delete(0)
        self.assertIsNone(ET.fromstring(two.getXMLDesc()).find("parent"))
        domain.revertToSnapshot(two, libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_FROM_SNAPSHOT])
        text = two.getXMLDesc()
        two.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        domain.snapshotCreateXML(text, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE)
        four = self.snapshot(domain, "four", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT])
        self.assertEqual(self.refused(domain.undefine)[0], INVALID)
        three.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY)
        self.assertEqual(sorted(domain.snapshotListNames()), ["four", "three", "two"])
        four.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN)
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
        self.assertEqual(self.refused(lambda: three.getXMLDesc())[0], NO_DOMAIN)

    def test_checkpoints_and_backups(self):
        domain = self.start(faults=Long.FAULTS)
        text = "<domaincheckpoint><name>{}</name></domaincheckpoint>"
        one = domain.checkpointCreateXML(text.format("one"))
        two = domain.checkpointCreateXML(text.format("two"))
        self.assertEqual(two.getParent().getName(), "one")
        self.assertEqual(ET.fromstring(two.getXMLDesc()).find("disks/disk").get("bitmap"), "two")
        self.assertEqual(self.refused(lambda: self.snapshot(domain, "s"))[0], 84)
        domain.backupBegin("<domainbackup><incremental>one</incremental></domainbackup>", text.format("three"))
        self.assertIn("mode='push'", domain.backupGetXMLDesc().replace('"', "'"))
        self.assertEqual(domain.jobStats()["operation"], libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP)
        domain.abortJob()
        self.assertEqual(self.refused(domain.backupGetXMLDesc)[0], 104)
        one.delete(libvirt.VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN)
        self.assertEqual(domain.listAllCheckpoints(), [])


    def test_a_backup_ends_with_an_event(self):
        events = Events(self.connection)
        domain = self.start()
        domain.backupBegin("<domainbackup/>", None)
        events.expect("job_completed")
        self.assertTrue(domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)["success"])

    def test_ten_thousand_domains(self):
        for i in range(10_000):
            self.connection.defineXML(f"<domain type='test'><name>n{i}</name><memory>1024</memory><os><type>hvm</type></os></domain>")
        self.assertEqual(len(self.connection.listAllDomains()), 10_001)
        for i in (0, 5_000, 9_999):
            domain = self.connection.lookupByName(f"n{i}")
            domain.create()
            domain.destroy()
            domain.undefine()
        self.assertEqual(self.connection.numOfDefinedDomains(), 9_997)


class Long(ImaginaryCase):
    """Jobs that take their time: only as long as the case lets them."""

    FAULTS = "<fault:long-jobs ms='3600000'/>"

    def save_aside(self, domain):
        outcome = []

        def save():
            try:
                domain.save("/nowhere/a.save")
                outcome.append(None)
            except libvirt.libvirtError as error:
                outcome.append(error.get_error_code())

        thread = threading.Thread(target=save)
        thread.start()
        self.addCleanup(thread.join)
        wait.until(lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_BOUNDED, "the job")
        return thread, outcome

    def test_a_job_is_seen_and_aborted(self):
        domain = self.start(faults=self.FAULTS)
        thread, outcome = self.save_aside(domain)
        self.assertEqual(domain.controlInfo()[0], libvirt.VIR_DOMAIN_CONTROL_JOB)
        self.assertEqual(domain.jobStats()["operation"], libvirt.VIR_DOMAIN_JOB_OPERATION_SAVE)
        domain.abortJobFlags(0)
        thread.join()
        self.assertEqual(outcome, [78])
        self.assertTrue(domain.isActive())
        self.assertEqual(self.refused(domain.abortJob)[0], INVALID)
        self.assertFalse(domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)["success"])

    def test_destroy_ends_a_job(self):
        domain = self.start(faults=self.FAULTS)
        thread, outcome = self.save_aside(domain)
        domain.destroy()
        thread.join()
        self.assertEqual(outcome, [78])

    def test_block_jobs(self):
        events = Events(self.connection)
        domain = self.start()
        domain.blockResize("vda", 2048)
        self.assertEqual(domain.blockInfo("vda")[0], 2048 * 1024)
        domain.blockPull("vda")
        events.expect("block_job")
        wait.until(lambda: not domain.blockJobInfo("vda"), "the pull's end")
        domain.blockCommit("vda", None, None)
        wait.until(lambda: not domain.blockJobInfo("vda"), "the commit's end")
        domain.blockCopy("vda", "<disk type='file'><source file='/copy'/></disk>", {}, 0)
        ready = (libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_COPY, libvirt.VIR_DOMAIN_BLOCK_JOB_READY)
        wait.until(lambda: ready in [facts[1:3] for facts in events.of("block_job")], "a copy that is ready")
        domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        self.assertEqual(root_of(domain).find("devices/disk/source").get("file"), "/copy")

    def test_a_slow_block_job(self):
        domain = self.start(faults=self.FAULTS)
        domain.blockRebase("vda", "/copy", 5, libvirt.VIR_DOMAIN_BLOCK_REBASE_COPY)
        domain.blockJobSetSpeed("vda", 7)
        info = domain.blockJobInfo("vda")
        self.assertEqual((info["type"], info["bandwidth"]), (libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_COPY, 7))
        self.assertEqual(self.refused(lambda: domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT))[0], 83)
        domain.blockJobAbort("vda")
        self.assertFalse(domain.blockJobInfo("vda"))


class Inside(ImaginaryCase):
    def test_the_agent(self):
        domain = self.start()
        self.assertEqual((domain.fsFreeze(), domain.fsFreeze(), domain.fsThaw()), (2, 0, 2))
        domain.fSTrim("/", 0)
        self.assertEqual([f[0] for f in domain.fsInfo()], ["/", "/boot"])
        self.assertEqual(domain.getTime()["seconds"], 627319920)
        domain.setTime({"seconds": 5, "nseconds": 0})
        self.assertEqual(domain.getTime()["seconds"], 5)
        self.assertEqual(domain.hostname(), "testhost")
        self.assertEqual(domain.interfaceAddresses(0)["testnet0"]["addrs"][0]["addr"], "192.168.122.3")
        domain.setUserPassword("root", "secret")
        self.assertEqual(self.refused(lambda: domain.setUserPassword("nobody", "x"))[0], 9)
        self.assertEqual(domain.guestVcpus()["vcpus"], "0-1")
        domain.authorizedSSHKeysSet("root", ["key one", "key two"], 0)
        self.assertEqual(domain.authorizedSSHKeysGet("root"), ["key one", "key two"])
        domain.agentSetResponseTimeout(5, 0)
        told = domain.guestInfo(0)
        self.assertEqual((told["hostname"], told["fs.count"], told["user.0.name"], told["if.0.name"]), ("testhost", 2, "root", "testnet0"))

    def test_devices_come_and_go(self):
        events = Events(self.connection)
        domain = self.start()
        disk = "<disk type='file'><source file='/more'/><target dev='vdb'/><alias name='ua-more'/></disk>"
        domain.attachDevice(disk)
        domain.attachDeviceFlags(disk, CONFIG)
        self.assertEqual([t.get("dev") for t in root_of(domain).iterfind("devices/disk/target")].count("vdb"), 1)
        self.assertEqual(self.refused(lambda: domain.attachDevice(disk))[0], INVALID)
        domain.updateDeviceFlags(disk.replace("/more", "/other"), LIVE)
        self.assertIn("/other", domain.XMLDesc(0))
        domain.detachDeviceFlags(disk, CONFIG)
        domain.detachDeviceAlias("ua-more", LIVE)
        self.assertNotIn("vdb", domain.XMLDesc(0))
        net = "<interface type='network'><source network='default'/><mac address='52:54:00:00:00:02'/></interface>"
        domain.attachDevice(net)
        domain.detachDevice(net)
        self.assertEqual(self.refused(lambda: domain.detachDevice(net))[0], 99)
        events.expect("device_added", "device_removed")

    def read_until(self, stream, text):
        heard = b""
        while text not in heard:
            heard += stream.recv(4096)
        return heard

    def test_the_console_answers(self):
        domain = self.start()
        stream = self.connection.newStream()
        domain.openConsole(None, stream)
        self.read_until(stream, b"# ")
        stream.send(b"echo one two\n")
        self.read_until(stream, b"\r\none two\r\n")
        stream.send(b"poweroff\n")
        self.read_until(stream, b"Power down.")
        stream.abort()
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN])

    def test_a_channel_echoes(self):
        domain = self.start()
        stream = self.connection.newStream()
        domain.openChannel("org.example.0", stream, 0)
        stream.send(b"hello")
        self.assertEqual(stream.recv(16), b"hello")
        stream.abort()

    def test_events_that_only_a_guest_makes(self):
        events = Events(self.connection)
        domain = self.start()
        domain.setBlockThreshold("vda", 4096)
        for words in ("rtc-change 60", "watchdog none", "io-error vda", "graphics connect", "disk-change hdc", "tray-change hdc open",
                      "agent connected", "block-threshold vda", "memory-failure inject", "memory-device ua-dimm 1024",
                      "removal-failed ua-x", "migration-iteration 3", "control-error"):
            self.assertEqual(libvirt_qemu.qemuMonitorCommand(domain, words, 0), "")
        self.assertEqual(libvirt_qemu.qemuAgentCommand(domain, "reboot", -1, 0), "Restarting system.")
        events.expect("rtc_change", "watchdog", "io_error", "io_error_reason", "graphics", "disk_change", "tray_change",
                      "agent_lifecycle", "block_threshold", "memory_failure", "memory_device_size_change", "device_removal_failed",
                      "migration_iteration", "control_error", "reboot")
        self.assertEqual(libvirt_qemu.qemuMonitorCommandWithFiles(domain, "echo a b")[0], "a b")
        code, _, text = self.refused(lambda: libvirt_qemu.qemuMonitorCommand(domain, "fly", 0))
        self.assertEqual(code, INVALID_ARG)
        self.assertIn("tray-change DISK", text)
        libvirt_qemu.qemuMonitorCommand(domain, "io-error vda pause", 0)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR])
        domain.resume()
        libvirt_qemu.qemuMonitorCommand(domain, "panic", 0)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED])
        wait.until(lambda: (8, 0) in events.of("lifecycle"), "the crash")

    def test_the_screen(self):
        domain = self.start()
        stream = self.connection.newStream()
        self.assertEqual(domain.screenshot(stream, 0), "image/png")
        picture = bytearray()
        stream.recvAll(lambda _stream, data, to: to.extend(data), picture)
        stream.finish()
        self.assertTrue(picture.startswith(b"\x89PNG\r\n"))
        self.assertTrue(picture.endswith(b"IEND\xae\x42\x60\x82"))
