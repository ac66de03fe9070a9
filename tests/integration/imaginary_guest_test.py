# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What the test driver's guests have besides: displays that speak VNC, virtual processors that they do not use."""

import socket
import struct

import libvirt

from harness import settings
from harness.imaginary import ImaginaryCase, domain_xml

INVALID_ARG, INVALID = 8, 55


class Processors(ImaginaryCase):
    def test_virtual_processors_that_the_guest_does_not_use(self):
        domain = self.start(vcpus=4)
        domain.setGuestVcpus("1,3", 0)
        self.assertEqual(domain.guestVcpus()["online"], "0,2")
        domain.setGuestVcpus("1", 1)
        self.assertEqual(domain.guestVcpus()["online"], "0-2")
        for wrong, code in (("0", INVALID), ("4", INVALID_ARG), ("x", INVALID_ARG), ("", INVALID_ARG)):
            self.assertEqual(self.refused(lambda wrong=wrong: domain.setGuestVcpus(wrong, 0))[0], code, wrong)
        domain.destroy()
        self.assertEqual(self.refused(lambda: domain.setGuestVcpus("1", 0))[0], INVALID)
        domain.create()
        self.assertEqual(domain.guestVcpus()["online"], "0-3")


class Displays(ImaginaryCase):
    def shake_hands(self, end, version):
        """What a VNC client says until it shows a picture; its title."""
        def take(count):
            got = b""
            while len(got) < count:
                part = end.recv(count - len(got))
                self.assertTrue(part, "the display hung up")
                got += part
            return got
        end.settimeout(settings.PATIENCE)
        self.assertEqual(take(12), b"RFB 003.008\n")
        end.sendall(b"RFB 003.%s\n" % version)
        if version == b"003":
            self.assertEqual(take(4), bytes([0, 0, 0, 1]))
        else:
            self.assertEqual(take(2), bytes([1, 1]))
            end.sendall(b"\x01")
        if version == b"008":
            self.assertEqual(take(4), bytes(4))
        end.sendall(b"\x01")
        head = take(24)
        self.assertEqual(struct.unpack(">HHBBBB", head[:8]), (640, 480, 32, 24, 0, 1))
        title = take(struct.unpack(">I", head[20:])[0]).decode()
        end.sendall(b"\x03" + bytes(9))  # an update, please: there is none, and nobody hangs up
        return title

    def test_a_display_speaks_vnc(self):
        domain = self.connection.createXML(domain_xml("seen").replace("<console", "<graphics type='vnc'/><graphics type='spice'/><console"), 0)
        for version in (b"003", b"007", b"008"):
            with socket.socket(fileno=domain.openGraphicsFD(0, 0)) as end:
                self.assertEqual(self.shake_hands(end, version), "seen")
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                domain.openGraphics(0, theirs.fileno(), libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH)
            self.assertEqual(self.shake_hands(ours, b"008"), "seen")
            domain.destroy()
            try:
                self.assertEqual(ours.recv(1), b"", "it ends with the guest")
            except ConnectionResetError:
                pass  # it had not read the last of what we said

    def test_a_display_that_is_not_there_or_hears_nonsense(self):
        domain = self.connection.createXML(domain_xml("seen").replace("<console", "<graphics type='vnc'/><graphics type='spice'/><console"), 0)
        self.assertEqual(self.refused(lambda: domain.openGraphicsFD(2, 0))[0], 1)
        self.assertEqual(self.refused(lambda: domain.openGraphicsFD(1, 0))[0], 84)
        self.assertEqual(self.refused(lambda: domain.openGraphicsFD(0, 64))[0], INVALID_ARG)
        with socket.socket(fileno=domain.openGraphicsFD(0, 0)) as end:
            end.settimeout(settings.PATIENCE)
            end.sendall(b"GET / HTTP/1.1\r\n\r\n")
            heard = b""
            while part := end.recv(64):
                heard += part
            self.assertEqual(heard, b"RFB 003.008\n")
        ends = [socket.socket(fileno=domain.openGraphicsFD(0, 0)) for _ in range(64)]
        self.assertEqual(self.refused(lambda: domain.openGraphicsFD(0, 0))[0], 87)
        for end in ends:
            end.close()
