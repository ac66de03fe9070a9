# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Channels and displays of a guest: streams to them, connections handed over, pictures, passwords, who comes and goes."""

import socket
import struct
import xml.etree.ElementTree as ElementTree

import libvirt

from harness import settings, wait
from harness.python_client import PythonCase

_AGENT = "org.qemu.guest_agent.0"
_CHANNEL = f"<channel type='unix'><target type='virtio' name='{_AGENT}'/></channel>"
_VNC = "<graphics type='vnc' autoport='yes' listen='127.0.0.1'{}/><video><model type='vga'/></video>"
_INTERNAL, _FAILED, _INVALID_ARG, _NOT_VALID = 1, 9, 8, 55
_CONNECT, _INITIALIZE, _DISCONNECT = 0, 1, 2


def greet(connection):
    """The RFB handshake up to the list of security types."""
    version = connection.recv(12)
    connection.sendall(version)
    count = connection.recv(1)[0]
    return version, list(connection.recv(count))


class DeviceCase(PythonCase):
    def started(self, devices, flags=libvirt.VIR_DOMAIN_START_PAUSED):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<serial", devices + "<serial", 1)
        self.guest = guest
        self.connection = self.connect()
        domain = self.connection.defineXML(guest.xml)
        domain.createWithFlags(flags)
        return domain


class Channels(DeviceCase):
    def test_a_channel_is_one_clients(self):
        domain = self.started(_CHANNEL)
        first, second = self.connection.newStream(0), self.connection.newStream(0)
        domain.openChannel(_AGENT, first, 0)
        self.assertEqual(self.refused(lambda: domain.openChannel(_AGENT, second, 0))[0], _FAILED)
        third = self.connection.newStream(0)
        domain.openChannel("channel0", third, libvirt.VIR_DOMAIN_CHANNEL_FORCE)
        with self.assertRaises(libvirt.libvirtError):
            while first.recv(100) not in (b"", None):
                pass
        third.abort()

    def test_what_is_no_channel(self):
        domain = self.started("<channel type='pty'><target type='virtio' name='x'/></channel>")
        for name in ("nosuch", "x"):
            stream = self.connection.newStream(0)
            self.assertEqual(self.refused(lambda name=name, stream=stream: domain.openChannel(name, stream, 0))[0], _INTERNAL)


class Displays(DeviceCase):
    def test_a_viewer_through_the_daemon(self):
        domain = self.started(_VNC.format(""))
        seen = []
        self.connection.domainEventRegisterAny(
            domain, libvirt.VIR_DOMAIN_EVENT_ID_GRAPHICS,
            lambda _c, _d, phase, _l, _r, auth, _s, _o: seen.append((phase, auth)), None)
        with socket.socket(fileno=domain.openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH)) as viewer:
            viewer.settimeout(settings.PATIENCE)
            version, security = greet(viewer)
            self.assertTrue(version.startswith(b"RFB 003."))
            self.assertEqual(security, [1])
        wait.until(lambda: [phase for phase, _ in seen] == [_CONNECT, _DISCONNECT], "news of the viewer")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            domain.openGraphics(0, theirs.fileno(), 0)
            ours.settimeout(settings.PATIENCE)
            self.assertTrue(ours.recv(12).startswith(b"RFB 003."))
        self.assertEqual(self.refused(lambda: domain.openGraphicsFD(1, 0))[0], _INTERNAL)

    def test_a_viewer_over_the_network_needs_the_password(self):
        domain = self.started(_VNC.format(" passwd='secret'"))
        seen = []
        self.connection.domainEventRegisterAny(
            domain, libvirt.VIR_DOMAIN_EVENT_ID_GRAPHICS,
            lambda _c, _d, phase, local, remote, auth, _s, _o: seen.append((phase, local["node"], remote["node"])), None)
        self.assertNotIn("secret", domain.XMLDesc())
        port = int(ElementTree.fromstring(domain.XMLDesc()).find("devices/graphics").get("port"))
        self.assertGreaterEqual(port, 5900)
        with socket.create_connection(("127.0.0.1", port), settings.PATIENCE) as viewer:
            self.assertEqual(greet(viewer)[1], [2])
        wait.until(lambda: seen[:1] == [(_CONNECT, "127.0.0.1", "127.0.0.1")], "news of the viewer")

    def test_a_picture(self):
        domain = self.started(_VNC.format(""))
        stream = self.connection.newStream(0)
        self.assertEqual(domain.screenshot(stream, 0, 0), "image/png")
        picture = b""
        while data := stream.recv(1 << 16):
            picture += data
        stream.finish()
        self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", picture[16:24])
        self.assertGreaterEqual(width * height, 640 * 400)
        self.assertEqual(picture[-8:-4], b"IEND")
        self.assertEqual(self.refused(lambda: domain.screenshot(self.connection.newStream(0), 3, 0))[0], _INVALID_ARG)

    def test_a_guest_without_a_screen(self):
        domain = self.started("")
        self.refused(lambda: domain.screenshot(self.connection.newStream(0), 0, 0))
