# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Every driver at once: many clients, each through lives of its own objects, and nobody's are lost, mixed up or left."""

import threading
import xml.etree.ElementTree as ElementTree

import libvirt

from harness import processes, settings
from harness.container import ContainerCase
from harness.python_client import close_quietly

CLIENTS = 32
LIVES = 2

GUEST = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><memballoon model='none'/><video><model type='none'/></video></devices></domain>"""
NETWORK = """<network><name>{name}</name><bridge name='pvall{n}' stp='off'/>
  <ip address='10.60.{n}.1' netmask='255.255.255.0'><dhcp><range start='10.60.{n}.2' end='10.60.{n}.90'/></dhcp></ip></network>"""
HOST = "<host mac='52:54:00:60:00:01' ip='10.60.{n}.50'/>"
VOLUME = "<volume><name>{name}.qcow2</name><capacity unit='MiB'>64</capacity><target><format type='qcow2'/></target></volume>"
IMAGINARY = "<domain type='test'><name>{name}</name><memory>8192</memory><os><type>hvm</type></os></domain>"


class AllDrivers(ContainerCase):
    def prepare(self):
        super().prepare()
        self.subject.configure("plugins:\n  network:\n    default_network: false\n")

    def open(self, hypervisor):
        connection = libvirt.open(self.subject.uri().replace("qemu", hypervisor, 1).replace("/system", "/default" if hypervisor == "test" else "/system"))
        self.addCleanup(close_quietly, connection)
        return connection

    def guest(self, name, _):
        connection = self.open("qemu")
        domain = connection.defineXML(GUEST.format(name=name))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        domain.resume()
        self.assertEqual(connection.lookupByUUIDString(domain.UUIDString()).info()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.assertIn("balloon.current", connection.domainListGetStats([domain], 0)[0][1])
        domain.destroy()
        domain.undefine()

    def container(self, name, _):
        connection = self.open("lxc")
        domain = connection.defineXML(self.xml(name, root=self.root, init="/bin/sleep").replace("</init>", "</init><initarg>1000</initarg>", 1))
        domain.create()
        domain.suspend()
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        domain.resume()
        self.assertGreater(domain.memoryStats()["rss"], 0)
        domain.destroy()
        domain.undefine()

    def network(self, name, n):
        connection = self.open("qemu")
        network = connection.networkDefineXML(NETWORK.format(name=name, n=n))
        network.create()
        network.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, 0, HOST.format(n=n),
                       libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)
        hosts = [host.get("ip") for host in ElementTree.fromstring(network.XMLDesc()).iter("host")]
        self.assertEqual((hosts, network.DHCPLeases()), ([f"10.60.{n}.50"], []))
        network.destroy()
        network.undefine()

    def pool(self, name, _):
        connection = self.open("qemu")
        path = self.folder / name
        pool = connection.storagePoolDefineXML(f"<pool type='dir'><name>{name}</name><target><path>{path}</path></target></pool>")
        pool.build()
        pool.create()
        volume = pool.createXML(VOLUME.format(name=name))
        volume.resize(96 << 20)
        pool.refresh()
        self.assertEqual((pool.listVolumes(), volume.info()[1]), ([f"{name}.qcow2"], 96 << 20))
        volume.delete()
        pool.destroy()
        pool.undefine()

    def imaginary(self, name, _):
        connection = self.open("test")
        domain = connection.defineXML(IMAGINARY.format(name=name))
        domain.create()
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        domain.destroy()
        domain.undefine()

    def run_client(self, number, errors):
        works = (self.guest, self.container, self.network, self.pool, self.imaginary)
        work = works[number % len(works)]
        try:
            for life in range(LIVES):
                work(f"all{number}-{life}", number)
        except BaseException as error:  # pylint: disable=broad-except
            errors.append((work.__name__, number, repr(error)))

    def test_many_clients_of_all_drivers(self):
        self.root = self.make_root()
        errors = []
        clients = [threading.Thread(target=self.run_client, args=(n, errors)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(2 * settings.PATIENCE)
            self.assertFalse(client.is_alive(), "a client got no answer")
        self.assertEqual(errors, [])
        qemu, lxc, test = self.open("qemu"), self.open("lxc"), self.open("test")
        left = [o.name() for o in qemu.listAllDomains() + lxc.listAllDomains() + qemu.listAllNetworks() + qemu.listAllStoragePools()]
        self.assertEqual((left, [d.name() for d in test.listAllDomains()]), ([], ["test"]))
        self.assertNotIn("pvall", self.in_space("ip", "link", "show"))
        self.assertEqual([n for n in range(CLIENTS) if processes.emulator_of(f"all{n}-{LIVES - 1}")], [])
