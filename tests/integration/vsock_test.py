# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The vsock of a guest: which address it has among the host's, and that it comes and goes. Who has an address is asked of
the host's kernel, which knows no way to one that nobody has."""

import errno
import os
import shutil
import socket
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import libvirt

from harness import settings, wait
from harness.guest import GREETING
from harness.python_client import PythonCase

_DEVICE = "/dev/vhost-vsock"
_SYSTEM, _UNSUPPORTED = 38, 67
_PORT = 1234
_VSOCK = "<vsock model='virtio'>{}</vsock>"
LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
# In the order in which they are loaded.
_MODULES = ["vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport"]
# Listens at the port, and sends back what it hears.
_ECHO = """
#include <sys/socket.h>
#include <linux/vm_sockets.h>
#include <unistd.h>
int main(void) {
    struct sockaddr_vm at = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = %d};
    char text[64];
    int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1)) return 1;
    write(1, "LISTENS-NOW\\n", 12);
    int peer = accept(listener, 0, 0);
    return write(peer, text, read(peer, text, sizeof text)) <= 0;
}
""" % _PORT


def has_way(cid):
    """Whether some guest of the host has the address."""
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as one:
        one.setblocking(False)
        try:
            one.connect((cid, _PORT))
        except OSError as error:
            return error.errno != errno.ENODEV
        return True


class VsockCase(PythonCase):
    def described(self, label, vsock):
        guest = self.new_guest(label)
        guest.xml = guest.xml.replace("<serial", vsock + "<serial", 1)
        return guest

    def started(self, label, vsock):
        domain = self.connect().defineXML(self.described(label, vsock).xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        return domain

    def cid(self, domain, flags=0):
        found = ElementTree.fromstring(domain.XMLDesc(flags)).find("devices/vsock/cid")
        return None if found is None else (found.get("auto"), found.get("address"))


@unittest.skipIf(os.path.exists(_DEVICE), f"there is {_DEVICE}")
class WithoutVsock(VsockCase):
    def test_a_start_is_refused(self):
        domain = self.connect().defineXML(self.described("none", _VSOCK.format("")).xml)
        self.assertEqual(self.cid(domain), ("yes", None))
        code, _, words = self.refused(domain.create)
        self.assertEqual((code, words), (_UNSUPPORTED, "unsupported configuration: unable to open vhost-vsock device: No such file or directory"))
        self.assertFalse(domain.isActive())

    def test_an_attach_is_refused_and_leaves_nothing(self):
        domain = self.started("none", "")
        before = domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        code, _, words = self.refused(lambda: domain.attachDeviceFlags(_VSOCK.format(""), LIVE | CONFIG))
        self.assertEqual((code, words), (_UNSUPPORTED, "unsupported configuration: unable to open vhost-vsock device: No such file or directory"))
        self.assertEqual((domain.XMLDesc(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)), before)


@unittest.skipUnless(os.path.exists(_DEVICE), f"there is no {_DEVICE}: the kernel has no vhost_vsock")
class Vsock(VsockCase):
    def test_guests_get_addresses_of_their_own(self):
        first, second = (self.started(label, _VSOCK.format("<cid auto='yes'/>")) for label in ("one", "two"))
        addresses = [int(self.cid(domain)[1]) for domain in (first, second)]
        self.assertEqual(len(set(addresses)), 2)
        self.assertGreaterEqual(min(addresses), 3)
        self.assertEqual(self.cid(first, libvirt.VIR_DOMAIN_XML_INACTIVE), ("yes", None))
        self.assertEqual([has_way(cid) for cid in addresses], [True, True])
        name = second.name()
        self.subject.kill()
        self.subject.start()
        second = self.connect().lookupByName(name)
        self.assertEqual(self.cid(second), ("yes", str(addresses[1])))
        second.destroy()
        wait.until(lambda: not has_way(addresses[1]), "the address to be free again")
        self.assertTrue(has_way(addresses[0]))

    def test_an_address_that_is_taken(self):
        first = self.started("one", _VSOCK.format("<cid auto='no' address='4711'/>"))
        self.assertEqual(self.cid(first), ("no", "4711"))
        second = self.connect().defineXML(self.described("two", _VSOCK.format("<cid address='4711'/>")).xml)
        code, _, words = self.refused(second.create)
        self.assertEqual((code, words), (_SYSTEM, "failed to set guest cid: Address already in use"))
        first.destroy()
        wait.until(lambda: not has_way(4711), "the address to be free again")
        second.create()

    def test_it_comes_and_goes(self):
        guest = self.described("one", "")
        domain = self.connect().defineXML(guest.xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        terminal = self.console(guest)
        domain.resume()
        terminal.expect(GREETING)  # by then it can let go of a card
        domain.attachDeviceFlags(_VSOCK.format("<cid auto='yes'/>"), LIVE | CONFIG)
        cid = int(self.cid(domain)[1])
        self.assertTrue(has_way(cid))
        self.assertEqual(self.cid(domain, libvirt.VIR_DOMAIN_XML_INACTIVE), ("yes", None))
        self.refused(lambda: domain.attachDeviceFlags(_VSOCK.format("<cid auto='yes'/>"), LIVE))
        domain.detachDeviceFlags(_VSOCK.format("<cid auto='yes'/>"), LIVE | CONFIG)
        wait.until(lambda: self.cid(domain) is None, "the device to leave the document")
        self.assertIsNone(self.cid(domain, libvirt.VIR_DOMAIN_XML_INACTIVE))
        wait.until(lambda: not has_way(cid), "the address to be free again")

    def test_the_host_talks_to_the_guest(self):
        guest = self.described("one", _VSOCK.format("<cid auto='yes'/>"))
        guest.xml = guest.xml.replace(f"{settings.GUEST}/initrd.img", str(self.initrd()))
        domain = self.connect().defineXML(guest.xml)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        terminal = self.console(guest)
        domain.resume()
        terminal.expect(GREETING)
        terminal.type(" && ".join(f"insmod /vsock/{name}.ko" for name in _MODULES) + " && /vsock/echo\n")
        terminal.expect("LISTENS-NOW")
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as one:
            one.settimeout(settings.PATIENCE)
            one.connect((int(self.cid(domain)[1]), _PORT))
            one.sendall(b"to the guest and back")
            self.assertEqual(one.recv(64), b"to the guest and back")

    def initrd(self):
        """That of the tests' guests, and what a vsock needs in it."""
        if shutil.which("gcc") is None or shutil.which("cpio") is None:
            self.skipTest("needs gcc and cpio")
        extra = self.folder / "extra"
        (extra / "vsock").mkdir(parents=True)
        kernel = Path((settings.GUEST / ".made-from").read_text().split()[0])
        modules = kernel.parents[1] / "lib/modules" / kernel.name.partition("-")[2]
        for name in _MODULES:
            found = list(modules.rglob(f"{name}.ko"))
            if not found:
                self.skipTest(f"no {name}.ko in {modules}")
            shutil.copy(found[0], extra / "vsock")
        subprocess.run(["gcc", "-static", "-O1", "-x", "c", "-", "-o", str(extra / "vsock" / "echo")], input=_ECHO, text=True, check=True)
        archive = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=extra, check=True, capture_output=True,
                                 input=b"vsock\n" + b"".join(f"vsock/{path.name}\n".encode() for path in (extra / "vsock").iterdir()))
        whole = self.folder / "initrd.img"
        whole.write_bytes((settings.GUEST / "initrd.img").read_bytes() + archive.stdout)
        return whole
