# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Devices of real containers, from their start on and while they run, as seen from inside."""

import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import libvirt

from harness import settings, wait
from harness.container import ContainerCase, init_of

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
BOTH = LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
_MISC = "<hostdev mode='capabilities' type='misc'><source><char>/dev/net/tun</char></source></hostdev>"


def devices(domain, path, flags=0):
    return ElementTree.fromstring(domain.XMLDesc(flags)).findall(f"devices/{path}")


class DeviceCase(ContainerCase):
    def loop(self, size=1 << 20, text=b"of the host"):
        image = self.folder / "image"
        image.write_bytes(text.ljust(size, b"\0"))
        return self.attach(image)

    def make_devices(self):
        """pvdm0, which is to be a device with others on it, and pvdm1, which is to be lent."""
        self.in_space("ip", "link", "add", "pvdm0", "type", "veth", "peer", "name", "pvdm1")

    def attach(self, image):
        device = subprocess.run(["losetup", "-f", "--show", str(image)], check=True, capture_output=True, text=True).stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=False, stderr=subprocess.DEVNULL)
        return device

    def file_system(self, name="fs.img"):
        if shutil.which("mke2fs") is None:
            raise unittest.SkipTest("no mke2fs")
        contents = self.folder / f"{name}-contents"
        contents.mkdir()
        (contents / "file").write_text("in an image\n")
        image = self.folder / name
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(contents), str(image), "4M"], check=True)
        return image

    def read_inside(self, shell, path):
        return shell.run(f"dd if={path} bs=11 count=1 2>&1 | head -n 1")


class FromTheStart(DeviceCase):
    def test_block_and_character_devices(self):
        device = self.loop()
        domain = self.started(devices=f"<disk type='block' device='disk'><source dev='{device}'/><target dev='sda'/></disk>"
                                      f"<hostdev mode='capabilities' type='storage'><source><block>{device}</block></source></hostdev>{_MISC}")
        shell = self.shell(domain)
        self.assertIn("of the host", self.read_inside(shell, "/dev/sda"))
        self.assertIn("of the host", self.read_inside(shell, device))
        self.assertTrue(shell.run("ls -l /dev/net/tun").startswith("c"))

    def test_file_systems_of_devices_and_images(self):
        device, image = self.attach(self.file_system("device.img")), self.file_system("file.img")
        domain = self.started(devices=f"<filesystem type='block'><source dev='{device}'/><target dir='/device'/></filesystem>"
                                      f"<filesystem type='file'><driver type='loop' format='raw'/><source file='{image}'/>"
                                      "<target dir='/file'/><readonly/></filesystem>")
        shell = self.shell(domain)
        self.assertEqual(shell.run("cat /device/file /file/file"), "in an image\nin an image")
        self.assertIn("Read-only", shell.run("touch /file/x 2>&1"))
        domain.destroy()
        self.assertNotIn(str(image), subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout)

    def test_links_without_a_bridge(self):
        self.make_devices()
        domain = self.started(devices="<interface type='direct'><mac address='02:00:00:00:00:11'/><source dev='pvdm0' mode='bridge'/></interface>"
                                      "<interface type='ethernet'><mac address='02:00:00:00:00:12'/><guest dev='wire'/></interface>"
                                      "<hostdev mode='capabilities' type='net'><source><interface>pvdm1</interface></source></hostdev>")
        shell = self.shell(domain)
        self.assertIn("02:00:00:00:00:11", shell.run("ip link show eth0"))
        self.assertIn("02:00:00:00:00:12", shell.run("ip link show wire"))
        self.assertIn("pvdm1", shell.run("ls /sys/class/net"))
        self.assertNotIn("pvdm1", self.in_space("ip", "link"))
        self.assertEqual([node.get("actual") for node in devices(domain, "interface/guest")], ["eth0", "wire"])
        domain.destroy()
        self.assertIn("pvdm1", self.in_space("ip", "link"))

    def test_what_init_is_given(self):
        root = self.make_root()
        (root / "data").mkdir()
        self.write_init(root, "exec /bin/sh -c 'echo \"$0 $1 $GREETING $(id -u) $PWD\"; exec sh' \"$@\"\n")
        text = self.xml(root=root, init="/init").replace(
            "</init>", "</init><initarg>one</initarg><initarg>two</initarg><initenv name='GREETING'>hello</initenv>"
                       "<initdir>/data</initdir>").replace("<console type='pty'/>", "<console type='pty'/><console type='pty'/>")
        domain = self.connect().createXML(text)
        shell = self.shell(domain)
        shell.expect("one two hello 0 /data")
        self.assertEqual(shell.run("echo $container_ttys"), "tty1")
        self.assertEqual(len(devices(domain, "console")), 2)

    def test_capabilities_and_anothers_network(self):
        first = self.started(extra="<features><privnet/><capabilities policy='default'><mknod state='on'/></capabilities></features>")
        beside = self.shell(first)
        self.assertEqual(beside.run("mknod /tmp/node c 1 3 && ls /tmp"), "node")
        second = self.xml(name="c2").replace("<domain type='lxc'>", "<domain type='lxc' xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0'>"
                                             ).replace("</domain>", "<lxc:namespace><lxc:sharenet type='name' value='c1'/></lxc:namespace></domain>")
        second = self.connect().createXML(second)
        shell = self.shell(second)
        self.assertEqual(shell.run("ls /sys/class/net"), "lo")
        self.assertIn("not permitted", shell.run("mknod /tmp/node c 1 3 2>&1"))
        self.assertEqual(shell.run("ls -l /proc/self/ns/net").split()[-1], beside.run("ls -l /proc/self/ns/net").split()[-1])
        second.destroy()


class WhileItRuns(DeviceCase):
    def test_an_interface_comes_and_goes(self):
        domain = self.started(extra="<features><privnet/></features>")
        shell = self.shell(domain)
        domain.attachDeviceFlags("<interface type='bridge'><source bridge='pvbr0'/><ip address='192.0.2.9' family='ipv4' prefix='24'/>"
                                 "<route family='ipv4' address='0.0.0.0' prefix='0' gateway='192.0.2.1'/><mtu size='1400'/></interface>", BOTH)
        mac = devices(domain, "interface/mac")[0].get("address")
        self.assertEqual(devices(domain, "interface/mac", libvirt.VIR_DOMAIN_XML_INACTIVE)[0].get("address"), mac)
        inside = shell.run("ip link show eth0")
        self.assertIn(mac, inside)
        self.assertIn("mtu 1400", inside)
        self.assertIn("1 packets received", shell.run("ping -c 1 -W 5 192.0.2.1"))
        self.assertIn("default via 192.0.2.1", shell.run("ip route"))
        end = devices(domain, "interface/target")[0].get("dev")
        self.assertIn("pvbr0", self.in_space("ip", "link", "show", end))
        self.assertGreater(domain.interfaceStats(end)[1], 0)
        domain.attachDeviceFlags("<interface type='ethernet'><guest dev='wire'/></interface>", LIVE)
        self.assertIn("wire", shell.run("ls /sys/class/net"))
        domain.detachDeviceFlags(f"<interface type='bridge'><mac address='{mac}'/><source bridge='pvbr0'/></interface>", BOTH)
        self.assertNotIn("eth0", shell.run("ls /sys/class/net"))
        self.assertNotIn(end, self.in_space("ip", "link"))
        self.assertEqual(len(devices(domain, "interface")), 1)
        self.assertEqual(devices(domain, "interface", libvirt.VIR_DOMAIN_XML_INACTIVE), [])

    def test_an_interface_of_our_network_has_a_port_until_the_end(self):
        if not (settings.BUILD / "plugins" / "network.so").exists():
            self.skipTest("the network driver is not built")
        network = self.connect().networkDefineXML("<network><name>inner</name><bridge name='pvin0' stp='off'/><ip address='192.0.2.65' "
                                                  "netmask='255.255.255.224'/></network>")
        network.create()
        domain = self.started(extra="<features><privnet/></features>")
        domain.attachDeviceFlags("<interface type='network'><source network='inner'/><ip address='192.0.2.66' family='ipv4' prefix='27'/>"
                                 "</interface>", LIVE)
        self.assertEqual(len(network.listAllPorts()), 1)
        self.assertIn("1 packets received", self.shell(domain).run("ping -c 1 -W 5 192.0.2.65"))
        self.subject.kill()
        self.subject.start()
        domain, network = self.connect().lookupByName("c1"), self.connect().networkLookupByName("inner")
        self.assertEqual((len(network.listAllPorts()), len(devices(domain, "interface"))), (1, 1))
        domain.destroy()
        self.assertEqual(network.listAllPorts(), [])

    def test_a_device_of_a_network_is_one_containers_alone(self):
        if not (settings.BUILD / "plugins" / "network.so").exists():
            self.skipTest("the network driver is not built")
        self.make_devices()
        own = self.in_space("ip", "link", "show", "pvdm0")
        card = "<interface type='network'><mac address='02:00:00:00:00:{}'/><source network='pool'/></interface>"
        network = self.connect().networkDefineXML("<network><name>pool</name><forward mode='passthrough'><interface dev='pvdm0'/></forward></network>")
        network.create()
        domain = self.started(devices=card.format("21"))
        self.assertIn("02:00:00:00:00:21", self.shell(domain).run("ip link show eth0"))
        self.assertRegex(domain.XMLDesc(), "<interface type='direct'>\\s*<mac [^>]*>\\s*"
                                           "<source network='pool' portid='[^']*' dev='pvdm0' mode='passthrough'/>")
        self.assertIn("<source network='pool'/>", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        other = self.connect().defineXML(self.xml(name="c2", devices=card.format("22")))
        self.assertIn("requires exclusive access to interfaces, but none are available", self.refused(other.create)[2])
        network.destroy()
        network.create()
        wait.until(lambda: len(network.listAllPorts()) == 1, "the container's port to be back")
        self.assertIn("<interface dev='pvdm0' connections='1'/>", network.XMLDesc())
        domain.destroy()
        self.assertEqual(network.listAllPorts(), [])
        self.assertEqual(self.in_space("ip", "link", "show", "pvdm0").split()[-3:], own.split()[-3:])

    def test_an_interface_that_a_dead_daemon_did_not_finish_is_in_no_description(self):
        if not (settings.BUILD / "plugins" / "network.so").exists():
            self.skipTest("the network driver is not built")
        self.connect().networkCreateXML("<network><name>inner</name><bridge name='pvin0' stp='off'/></network>")
        domain = self.started(extra="<features><privnet/></features>")
        domain.attachDeviceFlags("<interface type='network'><source network='inner'/></interface>", LIVE)
        end = devices(domain, "interface/target")[0].get("dev")
        self.subject.kill()
        self.in_space("ip", "link", "delete", end)
        self.subject.start()
        domain = self.connect().lookupByName("c1")
        wait.until(lambda: devices(domain, "interface") == [], "what is not there to be in no description")
        wait.until(lambda: self.connect().networkLookupByName("inner").listAllPorts() == [], "its port to be given back")

    def test_what_cannot_come_leaves_nothing(self):
        in_the_hosts = self.started()
        interface = "<interface type='bridge'><source bridge='pvbr0'/></interface>"
        self.assertEqual(self.refused(lambda: in_the_hosts.attachDeviceFlags(interface, LIVE))[0], libvirt.VIR_ERR_OPERATION_INVALID)
        in_the_hosts.destroy()
        domain = self.started(name="c2", extra="<features><privnet/></features>")
        before = self.in_space("ip", "-o", "link")
        for text in ("<interface type='bridge'><source bridge='nobridge'/></interface>",
                     "<interface type='direct'><source dev='nodevice'/></interface>",
                     "<interface type='bridge'><source bridge='pvbr0'/><guest dev='lo'/></interface>",
                     "<filesystem type='mount'><source dir='/nowhere'/><target dir='/x'/></filesystem>",
                     "<filesystem type='mount'><source dir='/tmp'/><target dir='/../x'/></filesystem>",
                     "<hostdev mode='capabilities' type='net'><source><interface>nodevice</interface></source></hostdev>"):
            with self.subTest(text):
                self.refused(lambda xml=text: domain.attachDeviceFlags(xml, LIVE))
        self.assertEqual(self.in_space("ip", "-o", "link").count("\n"), before.count("\n"))
        self.assertEqual(devices(domain, "interface"), [])
        self.assertEqual(len(devices(domain, "filesystem")), 1)

    def test_file_systems_come_and_go(self):
        other = self.folder / "other"
        other.mkdir()
        (other / "file").write_text("of the host\n")
        device = self.attach(self.file_system())
        domain = self.started()
        shell = self.shell(domain)
        folder = f"<filesystem type='mount'><source dir='{other}'/><target dir='/srv/deep'/><readonly/></filesystem>"
        for text in (folder, "<filesystem type='ram'><source usage='4096' units='KiB'/><target dir='/ram'/></filesystem>",
                     "<filesystem type='bind'><source dir='/etc'/><target dir='/also'/></filesystem>",
                     f"<filesystem type='block'><source dev='{device}'/><target dir='/image'/></filesystem>"):
            domain.attachDeviceFlags(text, LIVE)
        self.assertEqual(shell.run("cat /srv/deep/file /image/file"), "of the host\nin an image")
        self.assertIn("Read-only", shell.run("touch /srv/deep/x 2>&1"))
        self.assertIn("size=4096k", shell.run("grep ' /ram ' /proc/mounts"))
        shell.run("touch /etc/mark")
        self.assertEqual(shell.run("ls /also"), "mark")
        self.assertEqual(len(devices(domain, "filesystem")), 5)
        domain.detachDeviceFlags(folder, LIVE)
        self.assertEqual(shell.run("ls /srv/deep"), "")
        self.assertEqual(len(devices(domain, "filesystem")), 4)

    def test_devices_of_the_host_come_and_go(self):
        device = self.loop()
        self.make_devices()
        domain = self.started(extra="<features><privnet/></features>")
        shell = self.shell(domain)
        net = "<hostdev mode='capabilities' type='net'><source><interface>pvdm1</interface></source><ip address='192.0.2.130' family='ipv4' " \
              "prefix='25'/></hostdev>"
        disk = f"<disk type='block' device='disk'><source dev='{device}'/><target dev='sda'/></disk>"
        for text in (net, disk, _MISC):
            domain.attachDeviceFlags(text, LIVE)
        self.assertIn("192.0.2.130/25", shell.run("ip address show pvdm1"))
        self.assertIn("of the host", self.read_inside(shell, "/dev/sda"))
        self.assertTrue(shell.run("ls -l /dev/net/tun").startswith("c"))
        for text in (net, disk, _MISC):
            domain.detachDeviceFlags(text, LIVE)
        self.assertIn("pvdm1", self.in_space("ip", "link"))
        self.assertIn("No such file", shell.run("ls /dev/sda 2>&1"))
        self.assertEqual(devices(domain, "hostdev") + devices(domain, "disk"), [])

    def test_a_reboot_begins_with_what_it_started_with(self):
        domain = self.started(extra="<features><privnet/></features>")
        domain.attachDeviceFlags("<interface type='ethernet'/>", LIVE)
        before = init_of("c1", self.folder)
        shell = self.shell(domain)
        self.assertIn("eth0", shell.run("ls /sys/class/net"))
        shell.stream.send(b"reboot -f\n")
        wait.until(lambda: init_of("c1", self.folder) != before, "the next init")
        wait.until(lambda: devices(domain, "interface") == [], "its description to be that of its start")
