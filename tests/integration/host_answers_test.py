# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What the host says of the machine and of the connection, the same for every driver. Figures are compared with
what the kernel says here, refusals were recorded from the peer."""

import os
import socket
from xml.etree import ElementTree

import libvirt

from harness import settings, wait
from harness.sample import URI, SampleCase
from rawclient import RawClient, WireError
import wire


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as file:
        return {line.split(":")[0]: int(line.split()[1]) for line in file}


class Machine(SampleCase):
    def cells(self):
        folder = "/sys/devices/system/node"
        names = [n for n in os.listdir(folder) if n.startswith("node")] if os.path.isdir(folder) else []
        return len(names) or 1

    def test_info(self):
        model, memory, cpus, _, nodes, sockets, cores, threads = self.connection.getInfo()
        self.assertEqual((model, nodes), (os.uname().machine, self.cells()))
        self.assertEqual(cpus, os.cpu_count())
        self.assertLessEqual(cpus, nodes * sockets * cores * threads)
        self.assertGreater(memory, 0)

    def test_cpu_times(self):
        whole = self.connection.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS)
        self.assertEqual(list(whole), ["kernel", "user", "idle", "iowait"])
        parts = [self.connection.getCPUStats(i) for i in range(os.cpu_count())]
        ticks = os.sysconf("SC_CLK_TCK")
        rounding = os.cpu_count() * 1_000_000_000 // ticks
        self.assertLessEqual(whole["user"], sum(p["user"] for p in parts) + rounding)
        with open("/proc/stat", encoding="ascii") as file:
            user, nice = (int(n) for n in file.readline().split()[1:3])
        self.assertLessEqual(whole["user"], (user + nice) * 1_000_000_000 // ticks)
        self.assertEqual(self.refused(lambda: self.connection.getCPUStats(9999)),
                         (libvirt.VIR_ERR_INVALID_ARG, 0, "Invalid cpuNum in virHostCPUGetStatsLinux"))
        self.assertEqual(self.refused(lambda: self.connection.getCPUStats(0, 1)),
                         (libvirt.VIR_ERR_INVALID_ARG, 0, "unsupported flags (0x1) in function virHostCPUGetStats"))

    def test_memory(self):
        whole = self.connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)
        self.assertEqual(list(whole), ["total", "free", "buffers", "cached"])
        self.assertEqual(whole["total"], meminfo()["MemTotal"])
        if os.path.exists("/sys/devices/system/node/node0"):
            cell = self.connection.getMemoryStats(0)
            self.assertEqual(list(cell), ["total", "free"])
            self.assertGreater(cell["total"], cell["free"])
        last = self.cells() - 1
        self.assertEqual(self.refused(lambda: self.connection.getMemoryStats(99)),
                         (libvirt.VIR_ERR_INVALID_ARG, 0,
                          f"cellNum in virHostMemGetStats must be less than or equal to {last}"))

    def test_free_memory(self):
        cells = self.connection.getCellsFreeMemory(0, 64)
        self.assertEqual(len(cells), self.cells())
        self.assertGreater(self.connection.getFreeMemory(), 0)
        self.assertEqual(self.refused(lambda: self.connection.getCellsFreeMemory(99, 1)),
                         (libvirt.VIR_ERR_INTERNAL_ERROR, 0,
                          f"internal error: start cell 99 out of range (0-{self.cells() - 1})"))

    def test_free_pages(self):
        small = os.sysconf("SC_PAGESIZE") // 1024
        self.assertGreater(self.connection.getFreePages([small], -1, 1)[-1][small], 0)
        if os.path.exists("/sys/devices/system/node/node0"):
            self.assertGreater(self.connection.getFreePages([small], 0, 1)[0][small], 0)
            self.assertEqual(self.refused(lambda: self.connection.getFreePages([3], 0, 1)),
                             (libvirt.VIR_ERR_OPERATION_FAILED, 0,
                              "operation failed: page size 3 is not available on node 0"))
        self.assertEqual(self.refused(lambda: self.connection.getFreePages([3], -1, 1))[2],
                         "operation failed: page size 3 is not available")
        self.assertEqual(self.refused(lambda: self.connection.getFreePages([small], 99, 1))[0],
                         libvirt.VIR_ERR_INTERNAL_ERROR)

    def test_cpu_map(self):
        present, online, number = self.connection.getCPUMap()
        self.assertEqual((len(online), sum(online)), (present, number))
        self.assertEqual(number, os.cpu_count())

    def test_memory_parameters(self):
        known = {"shm_pages_to_scan", "shm_sleep_millisecs", "shm_pages_shared", "shm_pages_sharing",
                 "shm_pages_unshared", "shm_pages_volatile", "shm_full_scans", "shm_merge_across_nodes"}
        found = self.connection.getMemoryParameters()
        self.assertLessEqual(set(found), known)
        if os.path.exists("/sys/kernel/mm/ksm/pages_to_scan"):
            with open("/sys/kernel/mm/ksm/pages_to_scan", encoding="ascii") as file:
                self.assertEqual(found["shm_pages_to_scan"], int(file.read()))

    def test_sysinfo(self):
        if os.path.exists("/sys/class/dmi/id/sys_vendor"):
            self.assertTrue(self.connection.getSysinfo().startswith("<sysinfo type='smbios'>"))
        else:
            self.assertEqual(self.refused(self.connection.getSysinfo),
                             (libvirt.VIR_ERR_CONFIG_UNSUPPORTED, libvirt.VIR_FROM_TEST,
                              "unsupported configuration: Host SMBIOS information is not available"))
        self.assertEqual(self.refused(lambda: self.connection.getSysinfo(1)),
                         (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_FROM_TEST,
                          "unsupported flags (0x1) in function sampleConnectGetSysinfo"))


class MachineOfFiles(SampleCase):
    """What changes the machine, on one whose proc and sys are files of the test. Words and codes were recorded from the
    peer, with files of the test's in its mount namespace."""

    FILES = {
        "sys/kernel/mm/ksm/pages_to_scan": "100\n",
        "sys/kernel/mm/ksm/sleep_millisecs": "20\n",
        "sys/kernel/mm/ksm/full_scans": "7\n",
        "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "5\n",
        "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "5\n",
        "sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages": "3\n",
        "sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages": "2\n",
        "sys/power/state": "freeze mem disk\n",
        "sys/power/disk": "[platform] shutdown reboot\n",
        "sys/class/rtc/rtc0/wakealarm": "",
        "sys/class/dmi/id/sys_vendor": "Maker\n",
    }

    def prepare(self):
        super().prepare()
        self.root = self.folder / "machine"
        for name, text in self.FILES.items():
            self.file(name).parent.mkdir(parents=True, exist_ok=True)
            self.file(name).write_text(text)
        self.subject.environment["POLYVIRT_MACHINE_ROOT"] = str(self.root)

    def file(self, name):
        return self.root / name

    def check_refused(self, call, code, text):
        found = self.refused(call)
        self.assertEqual((found[0], found[2]), (code, text))

    def test_page_sharing_is_tuned(self):
        self.virsh("node-memory-tune", "--shm-pages-to-scan", "123", "--shm-sleep-millisecs", "45")
        self.assertEqual([self.file(f"sys/kernel/mm/ksm/{name}").read_text()
                          for name in ("pages_to_scan", "sleep_millisecs")], ["123", "45"])
        self.assertEqual(self.connection.getMemoryParameters(),
                         {"shm_pages_to_scan": 123, "shm_sleep_millisecs": 45, "shm_full_scans": 7})

    def test_page_sharing_is_not_tuned_in_part(self):
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        client.open(URI)
        uint, ullong, string = 2, 4, 7

        def refused(*params):
            with self.assertRaises(WireError) as caught:
                client.call("node_set_memory_parameters", flags=0,
                            params=[{"field": name, "value": (kind, value)} for name, kind, value in params])
            return caught.exception.code, caught.exception.message

        right = ("shm_pages_to_scan", uint, 9)
        self.assertEqual(refused(right, ("shm_merge_across_nodes", uint, 0)), (
            55, "Requested operation is not valid: Parameter 'shm_merge_across_nodes' is not supported by this kernel"))
        self.assertEqual(refused(right, ("shm_full_scans", uint, 1)),
                         (74, "argument unsupported: parameter 'shm_full_scans' not supported"))
        self.assertEqual(refused(right, right),
                         (8, "invalid argument: parameter 'shm_pages_to_scan' occurs multiple times"))
        for kind, value, name in ((string, "x", "string"), (ullong, 5, "ullong")):
            self.assertEqual(refused(right, ("shm_sleep_millisecs", kind, value)), (
                8, f"invalid argument: invalid type '{name}' for parameter 'shm_sleep_millisecs', expected 'uint'"))
        self.assertEqual(self.file("sys/kernel/mm/ksm/pages_to_scan").read_text(), "100\n", "all or nothing")

    def pools(self):
        return [int(self.file(f"sys/{where}/hugepages/hugepages-2048kB/nr_hugepages").read_text())
                for where in ("kernel/mm", "devices/system/node/node0", "devices/system/node/node1")]

    def test_huge_pages_are_reserved(self):
        self.virsh("allocpages", "2048KiB", "4", "--add")
        self.assertEqual(self.pools(), [9, 3, 2])
        self.virsh("allocpages", "2048KiB", "4", "--cellno", "1")
        self.assertEqual(self.pools(), [9, 3, 4])
        self.assertEqual(self.connection.allocPages({2048: 8}, 0, 9, libvirt.VIR_NODE_ALLOC_PAGES_SET), 2)
        self.assertEqual(self.pools(), [9, 8, 8], "cells that there are")

    def test_huge_pages_that_there_are_not(self):
        c, small = self.connection, os.sysconf("SC_PAGESIZE") // 1024
        self.check_refused(lambda: c.allocPages({small: 3}, -1, 1), libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
                           "Operation not supported: system pages pool can't be modified")
        self.check_refused(lambda: c.allocPages({3: 3}, -1, 1), libvirt.VIR_ERR_OPERATION_FAILED,
                           "operation failed: page size 3 is not available")
        self.check_refused(lambda: c.allocPages({2048: 3}, 99, 1), libvirt.VIR_ERR_INTERNAL_ERROR,
                           "internal error: start cell 99 out of range (0-1)")
        self.check_refused(lambda: c.allocPages({2048: 3}, -2, 1), libvirt.VIR_ERR_OPERATION_FAILED,
                           "operation failed: NUMA node -2 is not available")
        self.check_refused(lambda: c.allocPages({2048: 2**64 - 1}, -1, 1), libvirt.VIR_ERR_OPERATION_FAILED,
                           f"operation failed: {2**64 - 1} pages more than 5 are too many")
        self.assertEqual(self.pools(), [5, 3, 2])

    def test_sleep(self):
        for target, seconds, state, disk in (("mem", 70, "mem", "[platform] shutdown reboot\n"),
                                             ("disk", 80, "disk", "platform")):
            self.file("sys/power/state").write_text("freeze mem disk\n")
            self.virsh("nodesuspend", target, str(seconds))
            # The reply comes first, then the machine sleeps.
            wait.until(lambda: self.file("sys/power/state").read_text() == state, "the machine to sleep")
            self.assertEqual(self.file("sys/class/rtc/rtc0/wakealarm").read_text(), f"+{seconds}")
            self.assertEqual(self.file("sys/power/disk").read_text(), disk)

    def test_sleep_that_is_not_possible(self):
        c = self.connection
        self.check_refused(lambda: c.suspendForDuration(libvirt.VIR_NODE_SUSPEND_TARGET_HYBRID, 70),
                           libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, "argument unsupported: Hybrid-Suspend")
        self.check_refused(lambda: c.suspendForDuration(9, 70), libvirt.VIR_ERR_INVALID_ARG,
                           "invalid argument: Invalid suspend target")
        self.check_refused(lambda: c.suspendForDuration(0, 10), libvirt.VIR_ERR_INVALID_ARG,
                           "invalid argument: Suspend duration is too short")
        self.check_refused(lambda: c.suspendForDuration(0, 70, 1), libvirt.VIR_ERR_INVALID_ARG,
                           "unsupported flags (0x1) in function virNodeSuspend")
        self.file("sys/class/rtc/rtc0/wakealarm").unlink()
        self.assertIn("cannot set the alarm that wakes the machine",
                      self.refused(lambda: c.suspendForDuration(0, 70))[2])
        self.assertEqual(self.file("sys/power/state").read_text(), "freeze mem disk\n")

    def test_processors_and_memory_modules_of_the_firmware(self):
        table = b""
        for kind, length, fields, texts in (
                (4, 0x2a, {4: b"\1", 5: b"\3", 6: b"\xb3", 0x18: b"\x41", 0x14: b"\xa0\x0f"}, b"CPU 1\0"),
                (17, 0x22, {0x0c: b"\0\x20", 0x0e: b"\x09", 0x10: b"\1", 0x12: b"\x1a"}, b"A<1>\0"),
                (127, 4, {}, b"\0")):
            area = bytearray(length)
            area[0], area[1] = kind, length
            for at, value in fields.items():
                area[at:at + len(value)] = value
            table += bytes(area) + texts + b"\0"
        self.file("sys/firmware/dmi/tables").mkdir(parents=True)
        self.file("sys/firmware/dmi/tables/DMI").write_bytes(table)
        found = ElementTree.fromstring(self.virsh("sysinfo"))
        self.assertEqual([child.tag for child in found], ["system", "processor", "memory_device"])
        entries = {entry.get("name"): entry.text for entry in found.iter("entry")}
        self.assertEqual({name: entries[name] for name in ("socket_destination", "family", "max_speed", "size", "locator")},
                         {"socket_destination": "CPU 1", "family": "Xeon", "max_speed": "4000 MHz", "size": "8 GB",
                          "locator": "A<1>"})


class Connection(SampleCase):
    def test_what_it_says_of_itself(self):
        c = self.connection
        self.assertEqual((c.getHostname(), c.getType(), c.getLibVersion(), c.isSecure(), c.isEncrypted()),
                         (socket.gethostname(), "Sample", 9_000_000, 1, 0))
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        self.assertEqual(client.open(URI).call("connect_get_uri"), {"uri": URI})

    def test_kinds_that_nobody_has(self):
        """What no driver of the connection has is not supported; arguments are decoded first."""
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        client.open(URI)
        error = client.refusal(client.packet("connect_list_all_networks", payload=b"\0\0"))
        self.assertEqual((error["code"], error["message"]), (39, "Unable to decode message payload"))

    def identity(self, connection):
        return self.tell({"do": "identity"}, connection=connection)[0]

    def test_identity_of_the_client_reaches_the_driver(self):
        found = self.identity(self.connection)
        self.assertEqual((found["uid"], found["gid"], found["pid"], found["transport"], found["readonly"]),
                         (str(os.geteuid()), str(os.getegid()), str(os.getpid()), "unix", False))

    def test_identity_of_somebody_else(self):
        other = self.connect()
        other.setIdentity({"user-name": "bob", "unix-user-id": 1234, "unix-group-id": 99, "process-id": 77,
                           "sasl-user-name": "bob@REALM", "x509-distinguished-name": "CN=bob",
                           "process-time": 5, "selinux-context": "x"})
        found = self.identity(other)
        self.assertEqual(found, {"uid": "1234", "gid": "99", "pid": "77", "user": "bob", "transport": "unix",
                                 "sasl-user": "bob@REALM", "x509-dname": "CN=bob", "readonly": False})
        self.assertEqual(self.identity(self.connection)["uid"], str(os.geteuid()), "of that connection alone")

    def test_wrong_identities(self):
        for identity, code, text in (
                ({"nix": "bob"}, libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
                 "argument unsupported: parameter 'nix' not supported"),
                ({"unix-user-id": "bob"}, libvirt.VIR_ERR_INVALID_ARG,
                 "invalid argument: invalid type for parameter 'unix-user-id', expected 4, found 7"),
                ({"unix-user-id": 1 << 40}, libvirt.VIR_ERR_INVALID_ARG,
                 f"invalid argument: parameter 'unix-user-id' is {1 << 40}, no such id")):
            found = self.raw_identity(identity)
            self.assertEqual((found.code, found.message), (code, text))
        self.assertEqual(self.identity(self.connection)["uid"], str(os.geteuid()))

    def raw_identity(self, identity):
        params = [{"field": name, "value": (7, v) if isinstance(v, str) else (4, v)} for name, v in identity.items()]
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        client.open(URI)
        with self.assertRaises(WireError) as refused:
            client.call("connect_set_identity", params=params, flags=0)
        return refused.exception
