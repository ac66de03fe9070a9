# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""domxml-to-native: the emulator itself is the judge of the command lines that are shown. And guests
with UEFI, from the choice of their firmware to the end of their variables."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest

import libvirt

from harness import wait
from harness.python_client import PythonCase
from harness.qmp import Monitor

FIRMWARE = pathlib.Path("/usr/share/qemu/firmware")

_XML = """<domain type='qemu'>
  <name>{name}</name><uuid>5d1a6b0e-0000-4000-8000-00000000{number:04d}</uuid>
  <memory unit='MiB'>{memory}</memory><vcpu>2</vcpu>{more}
  <os{attributes}><type arch='x86_64' machine='{machine}'>hvm</type>{os}</os>
  <features><acpi/><apic/></features>
  <devices>{devices}</devices>
</domain>"""

# What each document is about: keyword arguments of document().
DOCUMENTS = {
    "bare": {},
    "pc": {"devices": """
        <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='{image}'/>
          <target dev='vda' bus='virtio'/></disk>
        <disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>
        <serial type='pty'/><channel type='unix'><target type='virtio' name='org.example.agent'/></channel>
        <input type='tablet' bus='usb'/><input type='mouse' bus='usb'/><input type='keyboard' bus='usb'/>
        <graphics type='vnc'><listen type='socket'/></graphics><video><model type='vga'/></video>
        <sound model='ich6'/><watchdog model='i6300esb'/><panic model='isa'/>
        <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"""},
    "q35": {"machine": "q35", "devices": """
        <controller type='pci' index='1' model='dmi-to-pci-bridge'/>
        <controller type='pci' index='3' model='pcie-root-port'/>
        <controller type='scsi' index='0' model='virtio-scsi'/>
        <controller type='usb' index='0' model='ich9-ehci1'/><controller type='usb' index='0' model='ich9-uhci1'/>
        <controller type='usb' index='0' model='ich9-uhci2'/><controller type='usb' index='0' model='ich9-uhci3'/>
        <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image}'/>
          <target dev='sda' bus='scsi'/></disk>
        <sound model='ac97'/><input type='tablet' bus='virtio'/><shmem name='polyvirt-{pid}'>
          <model type='ivshmem-plain'/><size unit='M'>1</size></shmem>"""},
    "numa": {"memory": 64, "more": """
        <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
        <iothreads>2</iothreads><genid/>
        <cpu mode='maximum'><numa><cell id='0' cpus='0' memory='32' unit='MiB'/>
          <cell id='1' cpus='1' memory='32' unit='MiB'/></numa></cpu>"""},
    "expander": {"devices": """
        <controller type='pci' index='1' model='pci-expander-bus'/>
        <controller type='pci' index='2' model='pci-bridge'><address type='pci' bus='1' slot='0'/></controller>
        <rng model='virtio'><backend model='random'>/dev/urandom</backend>
          <address type='pci' bus='2' slot='3'/></rng>"""},
    "switch": {"machine": "q35", "devices": """
        <controller type='pci' index='1' model='pcie-root-port'/>
        <controller type='pci' index='2' model='pcie-switch-upstream-port'/>
        <controller type='pci' index='3' model='pcie-switch-downstream-port'/>
        <rng model='virtio'><backend model='random'>/dev/urandom</backend>
          <address type='pci' bus='3' slot='0'/></rng>"""},
}


def document(name, number=0, attributes="", boot="", machine="pc", devices="", more="", memory=64, **fill):
    devices = devices.format(name=name, pid=os.getpid(), **fill) + "<memballoon model='virtio'/>"
    return _XML.format(name=name, number=number, attributes=attributes, os=boot, machine=machine,
                       devices=devices, more=more, memory=memory)


class Native(PythonCase):
    def words_of(self, xml):
        """Environment and arguments of the command line that is shown."""
        words = shlex.split(self.connect().domainXMLToNative("qemu-argv", xml))
        first = next(i for i, word in enumerate(words) if word.startswith("/"))
        return dict(word.split("=", 1) for word in words[:first]), words[first:]

    def accepted(self, xml):
        """Runs the emulator with it, which stops before the guest's first instruction, and ends it."""
        environment, words = self.words_of(xml)
        monitor = next(re.search(r"path=([^,]+/monitor\.sock)", word).group(1)
                       for word in words if "id=charmonitor" in word)
        folder = pathlib.Path(monitor).parent
        folder.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / "master-key.aes").write_bytes(bytes(32))
        with subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as emulator:
            try:
                wait.until(lambda: pathlib.Path(monitor).exists() or emulator.poll() is not None, "its monitor")
                if emulator.poll() is not None:
                    self.fail(f"the emulator says: {emulator.stdout.read()}\n{shlex.join(words)}")
                client = Monitor(monitor)
                status = client.ask("query-status")["status"]
                client.ask("quit")
                client.close()
                said = emulator.communicate(timeout=60)[0]
            finally:
                if emulator.poll() is None:
                    emulator.kill()
        self.assertEqual((status, emulator.returncode), ("prelaunch", 0), said)
        return words

    def test_the_emulator_takes_what_is_shown(self):
        image = self.folder / "disk.img"
        image.write_bytes(bytes(1 << 20))
        image.chmod(0o666)
        for number, (name, parts) in enumerate(DOCUMENTS.items()):
            with self.subTest(name):
                self.accepted(document(name, number, image=image, **parts))
        pathlib.Path(f"/dev/shm/polyvirt-{os.getpid()}").unlink(missing_ok=True)

    def test_places_are_those_of_the_definition(self):
        xml = document("same", **{"machine": "q35", "devices": "<rng model='virtio'><backend model='random'>"
                                  "/dev/urandom</backend></rng><sound model='ac97'/>"})
        domain = self.connect().defineXML(xml)
        again = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        first, second = self.words_of(xml)[1], self.words_of(again)[1]
        domain.undefine()
        self.assertEqual(first, second)

    def test_what_is_no_document_or_format_is_refused(self):
        connection = self.connect()
        code, _, _ = self.refused(lambda: connection.domainXMLToNative("qemu-argv", "<domain type='qemu'/>"))
        self.assertEqual(code, libvirt.VIR_ERR_NO_NAME)
        code, _, _ = self.refused(lambda: connection.domainXMLToNative("other", document("x")))
        self.assertEqual(code, libvirt.VIR_ERR_INVALID_ARG)


@unittest.skipUnless(FIRMWARE.is_dir(), "no firmware with descriptors on this host")
class Uefi(PythonCase):
    def define(self, **parts):
        return self.connect().defineXML(document("uefi", attributes=" firmware='efi'", machine="q35", **parts))

    def variables(self, domain):
        return pathlib.Path(re.search(r"<nvram[^>]*>([^<]+)</nvram>", domain.XMLDesc()).group(1))

    def test_firmware_is_chosen_and_its_variables_are_kept(self):
        domain = self.define()
        self.assertNotIn("<loader", domain.XMLDesc())
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        live = domain.XMLDesc()
        self.assertRegex(live, r"<loader [^>]*type='pflash'[^>]*>/[^<]+</loader>")
        variables = self.variables(domain)
        template = pathlib.Path(re.search(r"template='([^']+)'", live).group(1))
        self.assertEqual(variables.read_bytes(), template.read_bytes())
        self.assertEqual(variables.stat().st_mode & 0o777, 0o600)
        domain.destroy()
        self.assertTrue(variables.exists())
        with variables.open("r+b") as file:
            file.write(b"mine")
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        domain.destroy()
        self.assertEqual(variables.read_bytes()[:4], b"mine")
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_RESET_NVRAM)
        domain.destroy()
        self.assertEqual(variables.read_bytes(), template.read_bytes())
        self.assertEqual(self.refused(domain.undefine)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
        self.assertFalse(variables.exists())

    def test_variables_outlive_a_guest_if_wanted(self):
        domain = self.define()
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        variables = self.variables(domain)
        domain.destroy()
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)
        self.assertTrue(variables.exists())
        variables.unlink()

    def test_firmware_that_no_host_has_is_told(self):
        domain = self.define(boot="<loader stateless='yes'/>")
        self.assertEqual(self.refused(domain.create)[0], libvirt.VIR_ERR_OPERATION_FAILED)
        domain.undefine()


if __name__ == "__main__":
    unittest.main()
