# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What a document says that nobody knows: accepted, told with its line, refused when the client asks for validation."""

import libvirt

from harness.python_client import PythonCase

# Behind what stands in the guests' document before its devices.
_TYPOS = """<devices>
    <dissk type='file'/>
    <interface type='user'>
      <mtuu size='1400'/>
    </interface>"""


class UnknownParts(PythonCase):
    def misspelt(self):
        guest = self.new_guest()
        return guest, guest.xml.replace("<devices>", _TYPOS)

    def line_of(self, xml, part):
        return 1 + xml[:xml.index(part)].count("\n")

    def expect_messages(self, domain, xml):
        messages = domain.messages()
        self.assertEqual(len(messages), 2, messages)
        self.assertIn(f"line {self.line_of(xml, '<dissk')}: <dissk>", messages[1])
        self.assertIn("did you mean 'disk'?", messages[1])
        self.assertIn(f"line {self.line_of(xml, '<mtuu')}: <mtuu>", messages[0])
        self.assertIn("did you mean 'mtu'?", messages[0])

    def test_are_accepted_and_told_with_line_and_suggestion(self):
        guest, xml = self.misspelt()
        domain = self.connect().defineXML(xml)
        self.expect_messages(domain, xml)
        shown = self.virsh("dominfo", guest.name)
        self.assertIn("Messages:", shown)
        self.assertIn("did you mean 'disk'?", shown)

    def test_are_still_told_by_the_next_daemon(self):
        guest, xml = self.misspelt()
        self.connect().defineXML(xml)
        self.subject.kill()
        self.subject.start()
        self.expect_messages(self.connect().lookupByName(guest.name), xml)

    def test_are_told_of_a_transient_guest(self):
        _, xml = self.misspelt()
        domain = self.connect().createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
        self.expect_messages(domain, xml)
        domain.destroy()

    def test_are_gone_with_a_definition_without_them(self):
        guest, xml = self.misspelt()
        connection = self.connect()
        self.assertTrue(connection.defineXML(xml).messages())
        self.assertEqual(connection.defineXML(guest.xml).messages(), [])

    def test_are_no_messages_of_deprecation(self):
        _, xml = self.misspelt()
        domain = self.connect().defineXML(xml)
        self.assertEqual(domain.messages(libvirt.VIR_DOMAIN_MESSAGE_DEPRECATION), [])

    def test_are_refused_when_validation_is_asked_for(self):
        guest, xml = self.misspelt()
        connection = self.connect()
        for act in (lambda: connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE),
                    lambda: connection.createXML(xml, libvirt.VIR_DOMAIN_START_VALIDATE)):
            with self.assertRaises(libvirt.libvirtError) as caught:
                act()
            self.assertEqual(caught.exception.get_error_code(), libvirt.VIR_ERR_XML_INVALID_SCHEMA)
            self.assertIn("<dissk>", str(caught.exception))
        self.assertEqual(connection.listAllDomains(), [])
        domain = connection.defineXMLFlags(guest.xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        self.assertEqual(domain.messages(), [])

    def test_of_a_dumped_document_there_are_none(self):
        connection = self.connect()
        xml = connection.defineXML(self.new_guest().xml).XMLDesc()
        domain = connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        self.assertEqual(domain.XMLDesc(), xml)
        self.assertEqual(domain.messages(), [])
