# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Devices of the host in guests: USB, PCI through VFIO, SCSI. What is taken is a device that QEMU imitates, so this host is
itself a machine under QEMU and nobody's data is in it; elsewhere those cases are skipped. What is refused is so everywhere."""

import contextlib
import os
import pwd
import stat
from pathlib import Path

import libvirt
import libvirt_qemu

from harness import processes, wait
from harness.guest import GREETING
from harness.python_client import PythonCase

PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
USB, PCI, SCSI = Path("/sys/bus/usb/devices"), Path("/sys/bus/pci/devices"), Path("/sys/bus/scsi/devices")
XHCI = "<controller type='usb' index='0' model='qemu-xhci'/>"


def text(path):
    return path.read_text().strip() if path.exists() else ""


def target(link):
    return os.readlink(link).rsplit("/", 1)[1] if link.is_symlink() else ""


def usb_devices(vendor, product):
    """Their folders in sysfs."""
    if not USB.exists():
        return []
    return sorted(d for d in USB.iterdir() if text(d / "idVendor") == vendor and text(d / "idProduct") == product)


def spare_cards():
    """Cards of QEMU's that the host does not use, each alone in its IOMMU group."""
    found = []
    for card in sorted(PCI.iterdir()) if PCI.exists() else []:
        imitated = (text(card / "subsystem_vendor"), text(card / "subsystem_device")) == ("0x1af4", "0x1100") \
            and text(card / "vendor") != "0x1af4" and not text(card / "class").startswith("0x06")
        group = card / "iommu_group/devices"
        used = any(text(net / "operstate") == "up" for net in card.glob("net/*")) or list(card.glob("nvme/*/nvme*n*"))
        if imitated and group.exists() and not used and len(list(group.iterdir())) == 1 and target(card / "driver"):
            found.append(card.name)
    return found


def scsi_disks():
    """Disks of QEMU's that nothing of the host is on: (H, B, T, L), and the node."""
    mounts = Path("/proc/mounts").read_text()
    found = []
    for device in sorted(SCSI.glob("*:*:*:*")) if SCSI.exists() else []:
        nodes, disks = list(device.glob("scsi_generic/sg*")), list(device.glob("block/sd*"))
        if text(device / "vendor") != "QEMU" or not nodes or not disks or f"/dev/{disks[0].name}" in mounts:
            continue
        found.append((device.name.split(":"), f"/dev/{nodes[0].name}"))
    return found


def pci_xml(name, managed="yes", more=""):
    domain, bus, rest = name.split(":")
    slot, function = rest.split(".")
    return (f"<hostdev mode='subsystem' type='pci' managed='{managed}'><source><address domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' "
            f"function='0x{function}'/></source><alias name='ua-card'/>{more}</hostdev>")


def usb_xml(what, alias="ua-stick", source=""):
    return f"<hostdev mode='subsystem' type='usb' managed='yes'><source{source}>{what}</source><alias name='{alias}'/></hostdev>"


STICK = "<vendor id='0x46f4'/><product id='0x0001'/>"
NO_USB = "<vendor id='0xfffe'/><product id='0xfffd'/>"


class HostdevCase(PythonCase):
    starts = False

    def prepare(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives devices away")
        self.subject.configure("plugins: {qemu: {user: nobody}}\n")
        self.subject.start()
        self.connection = self.connect()

    def document(self, devices="", name="guest"):
        guest = self.new_guest(name)
        guest.xml = guest.xml.replace("</devices>", XHCI + devices + "</devices>")
        return guest

    def start(self, devices="", name="guest"):
        guest = self.document(devices, name)
        return guest, self.connection.createXML(guest.xml, PAUSED)

    def monitor(self, domain, line):
        return libvirt_qemu.qemuMonitorCommand(domain, line, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)

    def assertOwner(self, node, nobody):
        self.assertEqual(os.stat(node).st_uid, pwd.getpwnam("nobody").pw_uid if nobody else 0, node)


class Refused(HostdevCase):
    """What is not there, of each kind, at the start and later."""

    def absent(self):
        no_usb = libvirt.VIR_ERR_INTERNAL_ERROR if USB.exists() else libvirt.VIR_ERR_SYSTEM_ERROR
        groups = Path("/sys/kernel/iommu_groups")
        iommu = groups.exists() and any(groups.iterdir())
        scsi_host = "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5123456789abcde0'/></hostdev>"
        no_pci = ((libvirt.VIR_ERR_SYSTEM_ERROR, "0000:fe:1f.7") if iommu else
                  (libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "host doesn't support passthrough of host PCI devices"))
        function = ("<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:07'/><source><address type='pci' domain='0' bus='0xfe' "
                    "slot='0x1f' function='7'/></source></interface>")
        rows = [(usb_xml(NO_USB), no_usb, "fffe:fffd" if USB.exists() else "/sys/bus/usb/devices"),
                (usb_xml("<address bus='99' device='99'/>"), no_usb, "bus:99 device:99" if USB.exists() else "/sys/bus/usb/devices"),
                (pci_xml("0000:fe:1f.7"), *no_pci),
                (function, *no_pci),
                ("<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host99'/><address bus='0' target='0' unit='0'/>"
                 "</source></hostdev>", libvirt.VIR_ERR_SYSTEM_ERROR, "/sys/bus/scsi/devices/99:0:0:0/scsi_generic"),
                ("<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/>"
                 "</source></hostdev>", *((libvirt.VIR_ERR_DEVICE_MISSING, "c2177883") if os.path.exists("/dev/vfio/vfio") else
                                          (libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "requires VFIO support")))]
        if not os.path.exists("/dev/vhost-scsi"):
            rows.append((scsi_host, libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "/dev/vhost-scsi"))
        return rows

    def test_what_is_not_there_when_the_guest_starts(self):
        for number, (device, code, words) in enumerate(self.absent()):
            with self.subTest(device):
                guest = self.document(device, f"guest{number}")
                found, _, message = self.refused(lambda: self.connection.createXML(guest.xml, PAUSED))
                self.assertEqual((found, words in message), (code, True), message)
        self.assertEqual(self.connection.listAllDomains(), [])

    def test_what_is_not_there_when_it_is_plugged_in(self):
        _, domain = self.start()
        before = domain.XMLDesc()
        for device, code, words in self.absent():
            with self.subTest(device):
                found, _, message = self.refused(lambda: domain.attachDeviceFlags(device, LIVE))
                self.assertEqual((found, words in message), (code, True), message)
        self.assertEqual(domain.XMLDesc(), before)

    def test_a_guest_may_start_without(self):
        guest = self.document(usb_xml(NO_USB, source=" startupPolicy='optional'"))
        domain = self.connection.defineXML(guest.xml)
        domain.createWithFlags(PAUSED)
        self.assertIn("missing='yes'", domain.XMLDesc())
        self.assertNotIn("missing", domain.XMLDesc(INACTIVE))
        self.assertNotIn("ua-stick", self.monitor(domain, "info usb"))

    def test_other_modes_are_refused(self):
        guest = self.document("<hostdev mode='capabilities' type='misc'><source><char>/dev/null</char></source></hostdev>")
        code, _, message = self.refused(lambda: self.connection.createXML(guest.xml, PAUSED))
        self.assertEqual(code, libvirt.VIR_ERR_CONFIG_UNSUPPORTED, message)


class UsbStick(HostdevCase):
    def prepare(self):
        self.sticks = usb_devices("46f4", "0001")
        if not self.sticks:
            self.skipTest("this host has no USB stick of QEMU's (46f4:0001)")
        super().prepare()
        stick = self.sticks[0]
        self.bus, self.device = int(text(stick / "busnum")), int(text(stick / "devnum"))
        self.node = f"/dev/bus/usb/{self.bus:03}/{self.device:03}"
        self.place = f"<address bus='{self.bus}' device='{self.device}'/>"

    def test_by_its_address(self):
        guest, domain = self.start(usb_xml(self.place))
        self.assertIn("ua-stick", self.monitor(domain, "info usb"))
        self.assertOwner(self.node, nobody=True)
        self.assertTrue(stat.S_ISCHR(os.stat(self.node).st_mode))
        domain.destroy()
        self.assertOwner(self.node, nobody=False)

    def test_by_what_it_is(self):
        guest, domain = self.start(usb_xml(STICK + self.place), name="both")
        self.assertIn("ua-stick", self.monitor(domain, "info usb"))
        domain.destroy()
        self.assertOwner(self.node, nobody=False)
        if len(self.sticks) > 1:
            code, _, message = self.refused(lambda: self.start(usb_xml(STICK)))
            self.assertEqual(code, libvirt.VIR_ERR_OPERATION_FAILED)
            self.assertIn("Multiple USB devices for 46f4:1, use <address> to specify one", message)
        tablets = usb_devices("056a", "0000")
        if len(tablets) != 1:
            self.skipTest("this host has no tablet of QEMU's (056a:0000) that is the only one")
        guest, domain = self.start(usb_xml("<vendor id='0x056a'/><product id='0x0000'/>"), name="alone")
        bus, device = (int(text(tablets[0] / name)) for name in ("busnum", "devnum"))
        self.assertIn(f"<address bus='{bus}' device='{device}'/>", domain.XMLDesc())
        self.assertIn("ua-stick", self.monitor(domain, "info usb"))

    def test_one_guest_at_a_time(self):
        first, _ = self.start(usb_xml(self.place), name="first")
        _, second = self.start(name="second")
        for attempt in (lambda: self.start(usb_xml(self.place), name="third"), lambda: second.attachDeviceFlags(usb_xml(self.place), LIVE)):
            code, _, message = self.refused(attempt)
            self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID)
            self.assertIn(f"USB device {self.bus:03}:{self.device:03} is in use by driver QEMU, domain {first.name}", message)
        self.assertOwner(self.node, nobody=True)
        self.subject.kill()
        self.subject.start()
        self.connection = self.connect()
        second = self.connection.lookupByName(second.name())
        self.assertIn("is in use", self.refused(lambda: second.attachDeviceFlags(usb_xml(self.place), LIVE))[2])
        self.connection.lookupByName(first.name).destroy()
        second.attachDeviceFlags(usb_xml(self.place), LIVE)
        self.assertIn("ua-stick", self.monitor(second, "info usb"))

    def test_comes_and_goes(self):
        guest = self.document()
        domain = self.connection.defineXML(guest.xml)
        domain.createWithFlags(PAUSED)
        told = []
        for event in (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED):
            self.connection.domainEventRegisterAny(None, event, lambda _c, _d, alias, which: told.append((which, alias)), event)
        for round_, gone in enumerate((lambda: domain.detachDeviceFlags(usb_xml(self.place), LIVE | CONFIG),
                                       lambda: domain.detachDeviceAlias("ua-stick", LIVE | CONFIG))):
            domain.attachDeviceFlags(usb_xml(STICK + self.place), LIVE | CONFIG)
            self.assertIn("ua-stick", self.monitor(domain, "info usb"))
            self.assertOwner(self.node, nobody=True)
            for flags in (0, INACTIVE):
                self.assertIn(self.place, domain.XMLDesc(flags))
            gone()
            wait.until(lambda: "ua-stick" not in domain.XMLDesc(), "the stick to leave the document")
            self.assertNotIn("ua-stick", self.monitor(domain, "info usb") + domain.XMLDesc(INACTIVE))
            self.assertOwner(self.node, nobody=False)
            wait.until(lambda: len(told) == 2 * round_ + 2, "both events")
        self.assertEqual([alias for _, alias in told], ["ua-stick"] * 4)

    def test_is_given_back_by_the_next_daemon(self):
        guest, _ = self.start(usb_xml(self.place))
        self.subject.kill()
        processes.end(processes.emulator_of(guest.name))
        self.subject.start()
        wait.until(lambda: os.stat(self.node).st_uid == 0, "the stick to be given back")
        self.connection = self.connect()
        wait.until(lambda: not self.connection.listAllDomains(), "the end of the guest to be found")
        self.start(usb_xml(self.place), name="next")


class PciCard(HostdevCase):
    def prepare(self):
        cards = spare_cards()
        if not cards:
            self.skipTest("this host has no spare PCI card of QEMU's that is alone in an IOMMU group")
        super().prepare()
        self.card = cards[0]
        self.link = PCI / self.card / "driver"
        self.driver = target(self.link)
        self.addCleanup(self.give_back)

    def give_back(self):
        """What a case left, if it failed."""
        with contextlib.suppress(libvirt.libvirtError):  # a card in use is not let go of
            for domain in self.connect().listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
                domain.destroy()
        if target(self.link) == self.driver:
            return
        (PCI / self.card / "driver_override").write_text("\n")
        if self.link.is_symlink():
            (self.link / "unbind").write_text(self.card)
        Path("/sys/bus/pci/drivers_probe").write_text(self.card)

    def node(self):
        return f"/dev/vfio/{target(PCI / self.card / 'iommu_group')}"

    def start_with_card(self, name="guest"):
        try:
            return self.start(pci_xml(self.card), name)
        except libvirt.libvirtError as error:
            if "vfio-pci" in str(error) and not Path("/sys/bus/pci/drivers/vfio-pci").exists():
                self.skipTest("this host's kernel has no vfio-pci")
            raise

    def test_goes_to_the_guest_and_back_to_its_driver(self):
        guest, domain = self.start_with_card()
        self.assertEqual(target(self.link), "vfio-pci")
        self.assertOwner(self.node(), nobody=True)
        self.assertIn("ua-card", self.monitor(domain, "info pci"))
        locked = Path(f"/proc/{processes.emulator_of(guest.name)}/limits").read_text().split("Max locked memory")[1].split()[0]
        self.assertEqual(int(locked), (128 << 20) + (1 << 30))
        code, _, message = self.refused(lambda: self.start(pci_xml(self.card), name="other"))
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID)
        self.assertIn(f"PCI device {self.card} is in use by driver QEMU, domain {guest.name}", message)
        domain.destroy()
        self.assertEqual(target(self.link), self.driver)

    def test_an_unmanaged_one_is_not_taken(self):
        code, _, message = self.refused(lambda: self.start(pci_xml(self.card, managed="no")))
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID, message)
        self.assertIn(f"Unmanaged PCI device {self.card} must be manually detached from the host", message)
        self.assertEqual(target(self.link), self.driver)

    def test_a_failed_start_gives_it_back(self):
        guest = self.document(pci_xml(self.card))
        xml = guest.xml.replace("<kernel>", "<kernel>/nonexistent")
        self.refused(lambda: self.connection.createXML(xml, PAUSED))
        self.assertEqual(target(self.link), self.driver)

    def test_is_given_back_by_the_next_daemon(self):
        guest, _ = self.start_with_card()
        self.subject.kill()
        processes.end(processes.emulator_of(guest.name))
        self.assertEqual(target(self.link), "vfio-pci")
        self.subject.start()
        wait.until(lambda: target(self.link) == self.driver, "the card to be given back")

    def test_comes_and_goes(self):
        guest = self.document()
        domain = self.connection.defineXML(guest.xml)
        domain.create()
        self.console(guest).expect(GREETING)
        domain.attachDeviceFlags(pci_xml(self.card), LIVE | CONFIG)
        self.assertEqual(target(self.link), "vfio-pci")
        self.assertIn("ua-card", self.monitor(domain, "info pci"))
        self.subject.kill()
        self.subject.start()
        self.connection = self.connect()
        domain = self.connection.lookupByName(guest.name)
        self.assertIn("ua-card", domain.XMLDesc())
        domain.detachDeviceFlags(pci_xml(self.card), LIVE | CONFIG)
        wait.until(lambda: "ua-card" not in domain.XMLDesc(), "the card to leave the document")
        self.assertEqual(target(self.link), self.driver)
        self.assertNotIn("ua-card", domain.XMLDesc(INACTIVE))


class ScsiDisk(HostdevCase):
    def prepare(self):
        super().prepare()
        disks = scsi_disks()
        if not disks:
            self.skipTest("this host has no unused SCSI disk of QEMU's with a generic node")
        (host, bus, unit_target, unit), self.node = disks[0]
        self.xml = (f"<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host{host}'/><address bus='{bus}' target='{unit_target}' "
                    f"unit='{unit}'/></source>{{}}<alias name='ua-disk'/></hostdev>")

    def test_is_in_the_guest_and_comes_and_goes(self):
        controller = "<controller type='scsi' index='0' model='virtio-scsi'/>"
        owner = os.stat(self.node).st_uid
        guest, domain = self.start(controller + self.xml.format("<readonly/>"))
        self.assertIn("ua-disk", self.monitor(domain, "info qtree"))
        self.assertOwner(self.node, nobody=True)
        _, other = self.start(controller, name="other")
        code, _, message = self.refused(lambda: other.attachDeviceFlags(self.xml.format(""), LIVE))
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID, message)
        domain.destroy()
        self.assertEqual(os.stat(self.node).st_uid, owner)
        other.attachDeviceFlags(self.xml.format(""), LIVE)
        self.assertIn("ua-disk", self.monitor(other, "info qtree"))
        other.detachDeviceFlags(self.xml.format(""), LIVE)
        wait.until(lambda: "ua-disk" not in other.XMLDesc(), "the disk to leave the document")
        self.assertEqual(os.stat(self.node).st_uid, owner)
        self.assertNotIn("backend", self.monitor(other, "info block -n"))
