#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Error replies made by our encoder, as the real client library shows them: all nine fields."""
import unittest

from client import Served, encoded, libvirt
from fake_server import ERROR, Raw

VIR_FROM_NWFILTER = 33


def shown(*fields):
    """The nine fields that python-libvirt sees: code, domain, message, level, str1..3, int1, int2."""
    words = ["-" if field is None else field for field in fields]
    with Served({"remote.connect_get_capabilities": Raw(encoded("error", *words), ERROR)}) as connection:
        try:
            connection.getCapabilities()
        except libvirt.libvirtError as error:
            return error.err
    raise AssertionError("the client saw no error")


class ErrorFields(unittest.TestCase):
    def test_all_nine_arrive(self):
        fields = (55, 10, "domain 'x' is not running", 2, "%s is not %s", "x", "running", 3, -4)
        self.assertEqual(shown(*fields), fields)

    def test_what_is_absent_stays_absent(self):
        fields = (42, 6, "no domain with that name", 2, "no domain: %s", None, None, -1, -1)
        self.assertEqual(shown(*fields), fields)

    def test_an_empty_text_is_not_an_absent_one(self):
        fields = (1, 0, "m", 2, "", "", "", 0, 0)
        self.assertEqual(shown(*fields), fields)

    def test_texts_of_every_padding_and_script(self):
        for text in ("a", "ab", "abc", "abcd", "\u00e9\u6f22\U0001f600", "line\nbreak %s %n"):
            with self.subTest(text):
                fields = (1, 12, text, 2, text, text, text, 2 ** 31 - 1, -2 ** 31)
                self.assertEqual(shown(*fields), fields)

    def test_a_warning_keeps_its_level(self):
        fields = (1, 10, "only a warning", 1, None, None, None, -1, -1)
        self.assertEqual(shown(*fields)[:4], fields[:4])

    def test_an_unknown_procedure_becomes_no_support(self):
        for domain in (7, 13):
            code = shown(39, domain, "unknown procedure: 4711", 2, None, None, None, -1, -1)[0]
            self.assertEqual(code, libvirt.VIR_ERR_NO_SUPPORT)

    def test_other_rpc_errors_stay_what_they_are(self):
        code = shown(39, 7, "authentication required", 2, None, None, None, -1, -1)[0]
        self.assertEqual(code, libvirt.VIR_ERR_RPC)

    def test_a_network_filter_error_must_carry_its_domain(self):
        for sent, domain, seen in ((62, VIR_FROM_NWFILTER, 62), (62, 10, 66)):
            code = shown(sent, domain, "no such filter", 2, None, None, None, -1, -1)[0]
            self.assertEqual(code, seen)


if __name__ == "__main__":
    unittest.main(argv=[__file__], verbosity=2)
