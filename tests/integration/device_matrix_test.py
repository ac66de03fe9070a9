# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Every kind of device in a real guest, from its start and plugged in later: whether it is there says the emulator,
asked through a QMP socket of the test's own."""

import json
import os
import socket
import subprocess

import libvirt

from harness import settings, wait
from harness.guest import GREETING
from harness.python_client import PythonCase

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG

# Label; element with {F}, the folder, and the user's alias in the place of {A}; where the emulator has it, by
# "kind of thing:its name"; whether it can be plugged into a running guest.
DEVICES = [
    ("virtio-disk", "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{F}/a.qcow2'/>"
                    "<target dev='vdb' bus='virtio'/>{A}</disk>", ["device:ua-virtio-disk", "image:a.qcow2"], True),
    ("scsi-disk", "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{F}/b.raw'/>"
                  "<target dev='sdb' bus='scsi'/>{A}</disk>", ["device:ua-scsi-disk", "image:b.raw"], True),
    ("usb-disk", "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{F}/c.raw'/>"
                 "<target dev='sdc' bus='usb'/>{A}</disk>", ["device:ua-usb-disk", "image:c.raw"], True),
    ("cdrom", "<disk type='file' device='cdrom'><source file='{F}/d.iso'/><target dev='hdc' bus='ide'/>{A}</disk>",
     ["device:ua-cdrom", "image:d.iso"], False),
    ("floppy", "<disk type='file' device='floppy'><source file='{F}/e.img'/><target dev='fda' bus='fdc'/>{A}</disk>",
     ["device:ua-floppy", "image:e.img"], False),
    ("qed-disk", "<disk type='file' device='disk'><driver name='qemu' type='qed'/><source file='{F}/f.qed'/>"
                 "<target dev='vdf' bus='virtio'/>{A}</disk>", ["device:ua-qed-disk", "image:f.qed"], True),
    ("ploop-disk", "<disk type='file' device='disk'><driver name='qemu' type='ploop'/><source file='{F}/g.hdd'/>"
                   "<target dev='vdg' bus='virtio'/>{A}</disk>", ["device:ua-ploop-disk", "image:g.hdd"], True),
    ("folder-disk", "<disk type='dir' device='disk'><driver name='qemu' type='fat'/><source dir='{F}/files'/>"
                    "<target dev='vdh' bus='virtio'/><readonly/>{A}</disk>", ["device:ua-folder-disk"], True),
    ("virtio-nic", "<interface type='user'><model type='virtio'/>{A}</interface>",
     ["device:ua-virtio-nic", "netdev:hostua-virtio-nic"], True),
    ("e1000", "<interface type='user'><model type='e1000'/>{A}</interface>", ["device:ua-e1000", "netdev:hostua-e1000"], True),
    ("scsi-controller", "<controller type='scsi' index='1' model='virtio-scsi'>{A}</controller>", ["device:ua-scsi-controller"], True),
    ("rng", "<rng model='virtio'><backend model='random'>/dev/urandom</backend>{A}</rng>",
     ["device:ua-rng", "object:objua-rng"], True),
    ("rng-builtin", "<rng model='virtio'><backend model='builtin'/>{A}</rng>", ["device:ua-rng-builtin", "object:objua-rng-builtin"], True),
    ("rng-egd", "<rng model='virtio'><backend model='egd' type='unix'><source mode='bind' path='{F}/egd.sock'/></backend>{A}</rng>",
     ["device:ua-rng-egd", "object:objua-rng-egd", "chardev:charua-rng-egd"], True),
    ("memory", "<memory model='dimm'><target><size unit='MiB'>64</size><node>0</node></target>{A}</memory>",
     ["device:ua-memory", "object:memua-memory"], True),
    ("virtio-mem", "<memory model='virtio-mem'><target><size unit='MiB'>64</size><node>0</node><block unit='MiB'>4</block>"
                   "<requested unit='MiB'>16</requested></target>{A}</memory>", ["device:ua-virtio-mem", "object:memua-virtio-mem"], True),
    ("virtio-pmem", "<memory model='virtio-pmem' access='shared'><source><path>{F}/pmem.img</path></source><target><size unit='MiB'>2</size></target>"
                    "{A}</memory>", ["device:ua-virtio-pmem", "object:memua-virtio-pmem"], True),
    ("nvdimm", "<memory model='nvdimm' access='shared'><source><path>{F}/nvdimm.img</path></source><target><size unit='MiB'>4</size><node>0</node>"
               "<label><size unit='KiB'>128</size></label></target>{A}</memory>", ["device:ua-nvdimm", "object:memua-nvdimm"], False),
    ("shmem", "<shmem name='{N}'><model type='ivshmem-plain'/><size unit='M'>4</size>{A}</shmem>",
     ["device:ua-shmem", "object:shmmem-ua-shmem"], True),
    ("watchdog", "<watchdog model='i6300esb' action='none'>{A}</watchdog>", ["device:ua-watchdog"], True),
    ("usb-tablet", "<input type='tablet' bus='usb'>{A}</input>", ["device:ua-usb-tablet"], True),
    ("virtio-keyboard", "<input type='keyboard' bus='virtio'>{A}</input>", ["device:ua-virtio-keyboard"], True),
    ("redirdev", "<redirdev bus='usb' type='unix'><source mode='bind' path='{F}/redir.sock'/>{A}</redirdev>",
     ["device:ua-redirdev", "chardev:charua-redirdev"], True),
    ("channel", "<channel type='unix'><source mode='bind' path='{F}/channel.sock'/>"
                "<target type='virtio' name='org.example.0'/>{A}</channel>",
     ["device:ua-channel", "chardev:charua-channel"], True),
    ("vdagent", "<channel type='qemu-vdagent'><source><clipboard copypaste='yes'/><mouse mode='client'/></source>"
                "<target type='virtio' name='com.redhat.spice.0'/>{A}</channel>", ["device:ua-vdagent", "chardev:charua-vdagent"], True),
    ("virtio-console", "<console type='pty'><target type='virtio'/>{A}</console>",
     ["device:ua-virtio-console", "chardev:charua-virtio-console"], True),
    ("pci-serial", "<serial type='pty'><target type='pci-serial' port='1'><model name='pci-serial'/></target>{A}</serial>",
     ["device:ua-pci-serial", "chardev:charua-pci-serial"], True),
    ("debug", "<serial type='null'><target type='isa-debug' port='2'><model name='isa-debugcon'/></target>{A}</serial>",
     ["device:ua-debug", "chardev:charua-debug"], False),
    ("crypto", "<crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/>{A}</crypto>",
     ["device:ua-crypto", "object:objua-crypto"], False),
    ("parallel", "<parallel type='null'><target port='0'/>{A}</parallel>", ["device:ua-parallel", "chardev:charua-parallel"], False),
    ("sound", "<sound model='ac97'>{A}</sound>", ["device:ua-sound"], False),
    ("video", "<video><model type='vga'/>{A}</video>", ["device:ua-video"], False),
    ("balloon", "<memballoon model='virtio'>{A}</memballoon>", ["device:ua-balloon"], False),
    ("9p", "<filesystem type='mount'><source dir='{F}'/><target dir='shared'/>{A}</filesystem>", ["device:ua-9p"], False),
    ("panic", "<panic model='isa'/>", ["type:pvpanic"], False),
    ("hub", "<hub type='usb'>{A}</hub>", ["device:ua-hub"], False),
]
# Its server is root's.
if os.geteuid() == 0 and os.access("/usr/lib/qemu/virtiofsd", os.X_OK):
    DEVICES.append(("virtiofs", "<filesystem type='mount'><driver type='virtiofs'/><source dir='{F}'/><target dir='served'/>{A}</filesystem>",
                    ["device:ua-virtiofs", "chardev:chr-vu-ua-virtiofs"], True))
STAY = ("virtio-mem", "virtio-pmem")  # the emulator does not let go of them
NUMA = ("<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><maxMemory slots='4' unit='MiB'>1024</maxMemory>", "<cpu><numa><cell id='0' cpus='0' memory='128' unit='MiB'/></numa></cpu>")


class Emulator:
    """A second monitor of a guest's emulator."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(settings.PATIENCE)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            reply = json.loads(self.file.readline())
            if "event" not in reply:
                return reply.get("return", reply.get("error"))

    def close(self):
        self.file.close()
        self.socket.close()

    def has(self, thing):
        kind, name = thing.split(":", 1)
        if kind == "device":
            return name in [one["name"] for one in self.ask("qom-list", path="/machine/peripheral")]
        if kind == "object":
            return name in [one["name"] for one in self.ask("qom-list", path="/objects")]
        if kind == "chardev":
            return name in [one["label"] for one in self.ask("query-chardev")]
        if kind == "image":
            return any(one["file"].endswith("/" + name) for one in self.ask("query-named-block-nodes"))
        if kind == "netdev":
            return name in self.monitor("info network")
        return name in self.monitor("info qtree") or name in self.monitor("info qom-tree")

    def monitor(self, line):
        return self.ask("human-monitor-command", **{"command-line": line})


class DeviceMatrix(PythonCase):
    def prepare(self):
        # The emulator, which is not root, makes the test's socket itself.
        self.open_folder = self.folder / "open"
        self.open_folder.mkdir()
        self.open_folder.chmod(0o777)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(self.folder / "a.qcow2"), "1M"], check=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qed", str(self.folder / "f.qed"), "1M"], check=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "parallels", str(self.folder / "g.hdd"), "1M"], check=True)
        for name in ("pmem.img", "nvdimm.img"):
            with open(self.folder / name, "wb") as file:
                file.truncate(4 << 20)
        (self.folder / "files").mkdir()
        (self.folder / "files").chmod(0o755)
        (self.folder / "files" / "greeting").write_text("hello")
        for name in ("b.raw", "c.raw", "d.iso", "d2.iso", "e.img"):
            (self.folder / name).write_bytes(bytes(1440 * 1024))

    def element(self, label, text):
        return text.replace("{F}", str(self.folder)).replace("{N}", f"{self.folder.name}-{label}").replace(
            "{A}", f"<alias name='ua-{label}'/>")

    def description(self, devices=""):
        guest = self.new_guest()
        qmp = self.open_folder / "test.qmp"
        extra = (f"<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-qmp'/>"
                 f"<qemu:arg value='unix:{qmp},server=on,wait=off'/></qemu:commandline>")
        guest.xml = (guest.xml.replace("</devices>", devices + "</devices>" + NUMA[1]).replace("<memory ", NUMA[0] + "<memory ", 1)
                     .replace("</domain>", extra + "</domain>"))
        return guest, qmp

    def start(self, devices=""):
        guest, qmp = self.description(devices)
        domain = self.connect().defineXML(guest.xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        emulator = Emulator(qmp)
        self.addCleanup(emulator.close)
        return guest, domain, emulator

    def test_every_kind_is_there_from_the_start(self):
        devices = "".join(self.element(label, text) for label, text, _, _ in DEVICES)
        _, _, emulator = self.start(devices)
        missing = [thing for _, _, things, _ in DEVICES for thing in things if not emulator.has(thing)]
        self.assertEqual(missing, [])

    def test_what_can_be_plugged_in_comes_and_goes(self):
        """In a guest that stands still: what its system would have to let go of stays, and is still in the document."""
        _, domain, emulator = self.start("<controller type='usb' index='0' model='qemu-xhci' ports='8'/>")
        hot = [row for row in DEVICES if row[3]]
        for label, text, things, _ in hot:
            with self.subTest(attach=label):
                domain.attachDeviceFlags(self.element(label, text), LIVE)
                self.assertEqual([thing for thing in things if not emulator.has(thing)], [])
                self.assertIn(f"ua-{label}", domain.XMLDesc())
        for label, text, things, _ in hot:
            if label in STAY:
                continue
            with self.subTest(detach=label):
                domain.detachDeviceAlias(f"ua-{label}", LIVE)
        for label in ("usb-tablet", "usb-disk", "redirdev"):
            things = next(row[2] for row in DEVICES if row[0] == label)
            wait.until(lambda: not any(emulator.has(thing) for thing in things), f"{label} to go")
            wait.until(lambda: f"ua-{label}" not in domain.XMLDesc(), f"{label} to leave the document")

    def test_what_cannot_be_plugged_in_is_refused(self):
        _, domain, emulator = self.start()
        before = domain.XMLDesc()
        for label, text, things, hot in DEVICES:
            if hot:
                continue
            with self.subTest(label):
                with self.assertRaises(libvirt.libvirtError):
                    domain.attachDeviceFlags(self.element(label, text), LIVE)
        self.assertEqual(domain.XMLDesc(), before)

    def test_every_model_of_video(self):
        models = ["vga", "cirrus", "vmvga", "bochs", "ramfb", "virtio", "qxl", "none"]
        for model in models:
            with self.subTest(model):
                second = "" if model in ("ramfb", "none") else "<video><model type='virtio'/><alias name='ua-second'/></video>"
                _, domain, emulator = self.start(f"<video><model type='{model}'/><alias name='ua-first'/></video>" + second)
                self.assertEqual(emulator.has("device:ua-first"), model != "none")
                self.assertEqual(emulator.has("device:ua-second"), bool(second))
                domain.destroy()
                domain.undefine()

    def test_what_no_emulator_has_is_refused_in_the_peers_words(self):
        refusals = [
            ("<video><model type='xen'/></video>", "domain configuration does not support video model 'xen'"),
            ("<video><driver name='vhostuser'/><model type='vga'/></video>", "'vhostuser' driver is only supported with 'virtio' device"),
            ("<video><driver name='vhostuser'/><model type='virtio'/></video>", "Unable to find a satisfying vhost-user-gpu"),
            ("<graphics type='rdp'/>", "rdp graphics are not supported with this QEMU"),
            ("<serial type='pty'><target type='system-serial'/></serial>", "Invalid target model for serial device"),
            ("<serial type='nmdm'><source master='/dev/nmdm0A' slave='/dev/nmdm0B'/></serial>", "unsupported chardev 'nmdm'"),
            ("<disk type='file'><source file='{F}/b.raw'/><target dev='xvda' bus='xen'/></disk>", "unsupported disk bus 'xen' with device setup"),
            ("<disk type='network'><source protocol='vxhs' name='x'><host name='h' port='1'/></source><target dev='vda' bus='virtio'/></disk>",
             "VxHS protocol is not supported with this QEMU binary"),
            ("<disk type='file'><driver type='fat'/><source file='{F}/b.raw'/><target dev='vda' bus='virtio'/></disk>",
             "storage format 'fat' is supported only with 'dir' storage type"),
            ("<disk type='dir'><driver type='fat'/><source dir='{F}/files'/><target dev='vda' bus='virtio'/></disk>",
             "virtual FAT storage can't be accessed in read-write mode"),
            ("<controller type='scsi' model='buslogic'/>", "Unsupported controller model: buslogic"),
            ("<controller type='usb' model='vt82c686b-uhci'/>", "USB controller model 'vt82c686b-uhci' not supported in this QEMU binary"),
            ("<panic model='pseries'/>", "only pSeries guests support panic device of model 'pseries'"),
            ("<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='nosuch'/><vlan><tag id='42'/></vlan></interface>",
             "interface 52:54:00:00:00:01 - vlan tag not supported for this connection type"),
        ]
        connection = self.connect()
        for device, words in refusals:
            with self.subTest(device):
                guest = self.new_guest()
                guest.xml = guest.xml.replace("<serial", device.replace("{F}", str(self.folder)) + "<serial", 1)
                self.assertIn(words, self.refused(lambda: connection.createXML(guest.xml, libvirt.VIR_DOMAIN_START_PAUSED))[2])

    def test_displays_on_a_bus(self):
        bus = self.folder / "bus"
        config = self.folder / "bus.conf"
        config.write_text(f"<busconfig><type>custom</type><listen>unix:path={bus}</listen><auth>EXTERNAL</auth><policy context='default'>"
                          "<allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/><allow user='*'/></policy></busconfig>")
        daemon = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"], stdin=subprocess.DEVNULL)
        self.addCleanup(lambda: [daemon.kill(), daemon.wait()])
        wait.until(bus.exists, "the bus")
        _, domain, _ = self.start(f"<graphics type='dbus' address='unix:path={bus}'/><video><model type='vga'/></video>")
        names = subprocess.run(["dbus-send", f"--bus=unix:path={bus}", "--print-reply", "--dest=org.freedesktop.DBus", "/",
                                "org.freedesktop.DBus.ListNames"], check=True, capture_output=True, text=True).stdout
        self.assertIn("org.qemu", names)
        domain.destroy()
        domain.undefine()
        self.start("<graphics type='dbus' p2p='yes'/><video><model type='vga'/></video>")

    def test_a_disk_of_a_server(self):
        """By NBD, over the network and through a socket, from the start and plugged in."""
        nbd = self.open_folder / "nbd.sock"
        server = subprocess.Popen(["qemu-nbd", "-t", "-e", "4", "-f", "raw", "-x", "images", "-k", str(nbd), str(self.folder / "b.raw")], stdin=subprocess.DEVNULL)
        self.addCleanup(lambda: [server.kill(), server.wait()])
        wait.until(nbd.exists, "the server of images")
        nbd.chmod(0o777)
        disk = ("<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='images'>"
                f"<host transport='unix' socket='{nbd}'/></source><target dev='vda' bus='virtio'/>{{A}}</disk>")
        _, domain, emulator = self.start(self.element("first", disk))
        self.assertTrue(emulator.has("device:ua-first"))
        domain.detachDeviceAlias("ua-first", LIVE)
        other = self.refused(lambda: domain.attachDeviceFlags(self.element("second", disk.replace("images", "nosuch").replace("vda", "vdb")), LIVE))
        self.assertIn("Requested export not available", other[2])
        self.assertNotIn("nosuch", domain.XMLDesc())

    def test_a_running_guest_lets_go(self):
        guest, domain, emulator = self.start()
        terminal = self.console(guest)
        domain.resume()
        terminal.expect(GREETING)
        gone = []
        connection = self.connect()
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                                          lambda _c, _d, alias, _o: gone.append(alias), None)
        labels = ("virtio-disk", "virtio-nic", "rng")
        rows = [row for row in DEVICES if row[0] in labels]
        for label, text, _, _ in rows:
            domain.attachDeviceFlags(self.element(label, text), LIVE | CONFIG)
        for label, text, things, _ in rows:
            domain.detachDeviceFlags(self.element(label, text), LIVE | CONFIG)
            wait.until(lambda: f"ua-{label}" not in domain.XMLDesc(), f"{label} to leave the document")
            self.assertEqual([thing for thing in things if emulator.has(thing)], [])
        wait.until(lambda: set(gone) == {f"ua-{label}" for label in labels}, "events of what has gone")
        self.assertNotIn("ua-", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))

    def test_a_failed_attach_leaves_nothing(self):
        """A device that the emulator refuses, after its image was opened: neither has it nor the documents."""
        _, domain, emulator = self.start()
        live, config = domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        nodes = len(emulator.ask("query-named-block-nodes"))
        xml = ("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{F}/b.raw'/>"
               "<target dev='vdb' bus='virtio'/>{A}</disk>")
        with self.assertRaises(libvirt.libvirtError):
            domain.attachDeviceFlags(self.element("wrong", xml), LIVE | CONFIG)
        self.assertEqual(len(emulator.ask("query-named-block-nodes")), nodes)
        self.assertEqual((domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)), (live, config))

    def test_media_are_exchanged(self):
        label, text, _, _ = next(row for row in DEVICES if row[0] == "cdrom")
        _, domain, emulator = self.start(self.element(label, text))
        other = self.element(label, text).replace("d.iso", "d2.iso")
        domain.updateDeviceFlags(other, LIVE | CONFIG)
        self.assertTrue(emulator.has("image:d2.iso"))
        self.assertFalse(emulator.has("image:d.iso"))
        self.assertIn("d2.iso", domain.XMLDesc())
        self.assertIn("d2.iso", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        with self.assertRaises(libvirt.libvirtError):
            domain.updateDeviceFlags(other.replace("d2.iso", "none.iso"), LIVE)
        self.assertTrue(emulator.has("image:d2.iso"))
        domain.updateDeviceFlags(self.element(label, "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/>{A}</disk>"), LIVE)
        self.assertFalse(emulator.has("image:d2.iso"))
        self.assertNotIn("d2.iso", domain.XMLDesc())

    def test_the_link_of_an_interface_goes_down(self):
        label, text, _, _ = next(row for row in DEVICES if row[0] == "virtio-nic")
        _, domain, emulator = self.start(self.element(label, text))
        mac = domain.XMLDesc().split("mac address='")[1].split("'")[0]
        down = f"<interface type='user'><mac address='{mac}'/><model type='virtio'/><link state='down'/></interface>"
        domain.updateDeviceFlags(down, LIVE)
        self.assertIn("link state='down'", domain.XMLDesc())
        with self.assertRaises(libvirt.libvirtError):
            domain.updateDeviceFlags(down.replace("virtio", "e1000"), LIVE)

    def test_attached_devices_survive_the_daemon(self):
        guest, domain, emulator = self.start()
        label, text, things, _ = DEVICES[0]
        domain.attachDeviceFlags(self.element(label, text), LIVE)
        tablet = next(row for row in DEVICES if row[0] == "usb-tablet")
        domain.attachDeviceFlags(self.element(tablet[0], tablet[1]), LIVE)
        self.subject.kill()
        emulator.ask("device_del", id="ua-usb-tablet")  # goes while nobody looks
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        self.assertIn("ua-virtio-disk", domain.XMLDesc())
        wait.until(lambda: "ua-usb-tablet" not in domain.XMLDesc(), "the tablet to leave the document")
