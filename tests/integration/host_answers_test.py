# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What the host says of the machine and of the connection, the same for every driver. Figures are compared with
what the kernel says here, refusals were recorded from the peer."""

import os
import socket

import libvirt

from harness import settings
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
