# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Cases with the test driver (plugins/test): an imaginary host, no emulator."""

from . import settings
from .polyvirtd import Polyvirtd
from .python_client import PythonCase

DOMAIN = """<domain type='test'{names}>
  <name>{name}</name>
  <memory>{memory}</memory>
  <vcpu>{vcpus}</vcpu>
  <os><type>hvm</type></os>
  <devices>
    <disk type='file'><source file='/disks/{name}'/><target dev='vda'/></disk>
    <disk type='file' device='cdrom'><target dev='hdc'/></disk>
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>
    <console type='pty'/>
    <channel type='unix'><target type='virtio' name='org.example.0'/></channel>
    <memballoon model='virtio'/>
  </devices>
  {more}
</domain>"""
FAULTS = "http://polyvirt.org/schemas/fault/1.0"


def domain_xml(name="a", memory=524288, vcpus=2, faults="", more=""):
    if faults:
        more += f"<fault:faults xmlns:fault='{FAULTS}'>{faults}</fault:faults>"
    return DOMAIN.format(names="", name=name, memory=memory, vcpus=vcpus, more=more)


class Imaginary(Polyvirtd):
    """polyvirtd, spoken to as test:///default or test:///PATH."""

    path = "/default"

    def uri(self, kind="rw"):
        return f"test+unix://{self.path}?socket={self.socket(kind)}"


class ImaginaryCase(PythonCase):
    def setUp(self):
        if settings.SUBJECT != "polyvirtd":
            self.skipTest("the peer has its test driver in the client; imaginary_peer_test compares")
        super().setUp()
        self.connection = self.connect()

    def make_subject(self):
        return Imaginary(self.folder, self.running_log)

    def define(self, name="a", **words):
        return self.connection.defineXML(domain_xml(name, **words))

    def start(self, name="a", **words):
        domain = self.define(name, **words)
        domain.create()
        return domain
