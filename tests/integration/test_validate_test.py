# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The VALIDATE flags of every kind of object in the test driver: a document with a part that nobody knows is accepted without,
and refused, with the part's line and what was probably meant, with the flag."""

import libvirt

from harness.imaginary import domain_xml
from harness.objects import ObjectCase

_POOL = "<pool type='dir'><name>p{1}</name>{0}<target><path>/p</path></target></pool>"
# What is misspelt, the document, and how it is made: (connection, document, flags).
_KINDS = {
    "network": ("<portgroupp name='x'/>", "<network><name>n{1}</name>{0}<bridge name='br7{1}'/></network>",
                lambda c, xml, on: c.networkDefineXMLFlags(xml, libvirt.VIR_NETWORK_DEFINE_VALIDATE if on else 0)),
    "network, started": ("<portgroupp name='x'/>", "<network><name>m{1}</name>{0}<bridge name='br8{1}'/></network>",
                         lambda c, xml, on: c.networkCreateXMLFlags(xml, libvirt.VIR_NETWORK_CREATE_VALIDATE if on else 0)),
    "pool": ("<sourcee/>", _POOL, lambda c, xml, on: c.storagePoolDefineXML(xml, libvirt.VIR_STORAGE_POOL_DEFINE_VALIDATE if on else 0)),
    "volume": ("<targett/>", "<volume><name>v{1}</name><capacity>1</capacity>{0}</volume>",
               lambda c, xml, on: c.storagePoolLookupByName("default-pool").createXML(
                   xml, libvirt.VIR_STORAGE_VOL_CREATE_VALIDATE if on else 0)),
    "interface": ("<mtuu size='9'/>", "<interface type='ethernet' name='eth7{1}'>{0}</interface>",
                  lambda c, xml, on: c.interfaceDefineXML(xml, libvirt.VIR_INTERFACE_DEFINE_VALIDATE if on else 0)),
    "secret": ("<usagee/>", "<secret ephemeral='no' private='no'>{0}<usage type='ceph'><name>s{1}</name></usage></secret>",
               lambda c, xml, on: c.secretDefineXML(xml, libvirt.VIR_SECRET_DEFINE_VALIDATE if on else 0)),
    "filter": ("<rulee/>", "<filter name='f{1}'>{0}</filter>",
               lambda c, xml, on: c.nwfilterDefineXMLFlags(xml, libvirt.VIR_NWFILTER_DEFINE_VALIDATE if on else 0)),
    "snapshot": ("<disksss/>", "<domainsnapshot><name>s{1}</name>{0}</domainsnapshot>",
                 lambda c, xml, on: c.lookupByName("a").snapshotCreateXML(
                     xml, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE if on else 0)),
}


class Validate(ObjectCase):
    def test_refuses_what_is_otherwise_accepted(self):
        connection = self.connect()
        connection.defineXML(domain_xml("a"))
        for kind, (odd, document, make) in _KINDS.items():
            with self.subTest(kind):
                with self.assertRaises(libvirt.libvirtError) as caught:
                    make(connection, document.format(odd, 1), True)
                self.assertEqual(caught.exception.get_error_code(), libvirt.VIR_ERR_XML_INVALID_SCHEMA)
                self.assertIn("line 1: ", str(caught.exception))
                self.assertIn("did you mean", str(caught.exception))
                make(connection, document.format("", 2), True)
                make(connection, document.format(odd, 3), False)
