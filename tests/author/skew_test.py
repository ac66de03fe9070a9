# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Plugins of one release with a daemon of another. The other release is made here: headers that lack what today's
have last, and headers that have more."""

import sys
from pathlib import Path

from author import DEVEL, AuthorCase
from harness import settings, wait
from sessions import TemplateCase

sys.path.insert(0, str(settings.TREE / "tests" / "abi"))
import skew  # noqa: E402
from skew import abi_table, c_headers  # noqa: E402

INCLUDE = next(DEVEL.glob("include/polyvirt-plugin"), DEVEL)


class SkewCase(TemplateCase):
    def source(self):
        return (Path(__file__).parent / "plain" / "template.c").read_text()

    def compile(self, text, include, name="template"):
        source = self.folder / f"{name}.c"
        source.write_text(text)
        plugin = self.folder / f"{name}.so"
        libs = self.run_tool("pkg-config", "--libs", "polyvirt-plugin").split()
        self.run_tool("gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden",
                      f"-I{include}", "-o", plugin, source, *libs)
        return plugin

    def replaced(self, text, *pairs):
        for old, new in pairs:
            self.assertIn(old, text, "the template has changed: change this test with it")
            text = text.replace(old, new)
        return text

    def session(self):
        """All that the template can do."""
        self.assertEqual(self.domains(), {"demo": "shut off"})
        self.virsh("start", "demo")
        self.assertEqual(self.domains(), {"demo": "running"})
        self.assertIn("<name>demo</name>", self.virsh("dumpxml", "demo"))
        self.virsh("destroy", "demo")
        self.assertEqual(self.virsh("domstate", "--reason", "demo"), "shut off (destroyed)")
        self.assertIn("unsupported flags", self.virsh_fails("start", "demo", "--paused"))
        self.assertIn("not supported", self.virsh_fails("reset", "demo"))


class OldPlugin(SkewCase):
    def test_with_shorter_tables_works_on_todays_host(self):
        source = self.source()
        include, cut = skew.older(INCLUDE, self.folder / "older", source)
        # The cut is a real one: tables that this plugin has or asks for, and what its ops are given.
        for struct in ("pv_dom_lifecycle", "pv_dom_config", "pv_svc_registry", "pv_svc_build", "pv_dom_create_out"):
            self.assertIn(struct, cut.keys())
        self.assertGreater(len(cut), 100)
        self.serve(self.compile(self.replaced(source, ("abi: [0, 1]", "abi: [0, 0]")), include))
        self.session()


class NewPlugin(SkewCase):
    """Built against headers in which every table has two slots more and every struct a field more."""

    def newer(self):
        return skew.newer(INCLUDE, self.folder / "newer")

    def novel_source(self):
        """The template, using all that is new, and telling when the host claims to know it."""
        return self.replaced(
            self.source(),
            ("static pv_status fail(pv_inst", "static void novel(void) {}\nstatic pv_status fail(pv_inst"),
            (".create = dom_create, .destroy", ".novel = novel, .novel2 = novel, .create = dom_create, .destroy"),
            (".xml_desc = dom_xml_desc}", ".novel = novel, .xml_desc = dom_xml_desc}"),
            (".level = PV_ERR_ERROR,", ".novel = 7, .level = PV_ERR_ERROR,"),
            ("{.size = sizeof update,", "{.novel = 7, .size = sizeof update,"),
            ("event = {.size = sizeof event,", "event = {.novel = 7, .size = sizeof event,"),
            ("demo = {.size = sizeof demo,", "demo = {.novel = 7, .size = sizeof demo,"),
            ("    return switch_domain(inst, call, obj, 1);",
             "    if (PV_COVERS(in, pv_dom_create_in, novel) || PV_HAS(inst->registry, pv_svc_registry, novel))\n"
             "        return fail(inst, call, PV_ERR_INTERNAL_ERROR, \"this host knows too much\");\n"
             "    return switch_domain(inst, call, obj, 1);"))

    def test_works_without_what_the_host_does_not_know(self):
        self.serve(self.compile(self.novel_source(), self.newer()))
        self.session()

    def refused(self, *pairs):
        """What the log says of a plugin whose manifest is changed so; another plugin serves all the same."""
        good = self.compile(self.replaced(self.source(), ("id: template", "id: other"), ('.id = "template"', '.id = "other"'),
                                          ("template:///default", "other:///default"), ("uri: [template]", "uri: [other]")),
                            INCLUDE, "other")
        wrong = self.compile(self.replaced(self.novel_source(), *pairs), self.newer())
        self.serve(good, wrong)
        self.assertIn("demo", self.virsh("list", "--all", uri="other+unix:///default"))
        self.virsh_fails("list", "--all")
        return wait.until(lambda: [line for line in self.subject.log_text().splitlines() if "template.so" in line],
                          "a line of the log about template.so")[0]

    def test_that_needs_a_newer_abi_is_told_both_versions(self):
        minor = c_headers.read(INCLUDE).constants["PV_ABI_MINOR"]
        said = self.refused(("abi: [0, 1]", f"abi: [0, {minor + 1}]"))
        self.assertIn(f"it needs plugin ABI 0.{minor + 1}, this daemon offers 0.{minor}", said)

    def test_that_needs_a_longer_service_is_told_both_sizes(self):
        size = c_headers.read(INCLUDE).structs["pv_svc_registry"].size
        said = self.refused(("host.registry/1]", f"host.registry/1>={size + 16}]"))
        self.assertIn(f"it needs the service 'host.registry/1' of size {size + 16} at least, this daemon offers size {size}",
                      said)

    def test_that_needs_an_unknown_service_is_told_which(self):
        said = self.refused(("host.registry/1]", "host.registry/1, host.novel/1>=24]"))
        self.assertIn("it needs the service 'host.novel/1' (size 24), which this daemon (plugin ABI 0.", said)


class Table(AuthorCase):
    """The copies of the headers are what they are meant to be."""

    def facts(self, include):
        return abi_table.parse(abi_table.lines_of(c_headers.read(include)), include)

    def test_newer_headers_contain_todays_and_todays_contain_older(self):
        today = self.facts(INCLUDE)
        newer = self.facts(skew.newer(INCLUDE, self.folder / "newer"))
        older = self.facts(skew.older(INCLUDE, self.folder / "older", "")[0])
        self.assertEqual(list(abi_table.faults(today, newer)), [])
        self.assertEqual(list(abi_table.faults(older, today)), [])
        self.assertNotEqual(list(abi_table.faults(newer, today)), [])
        self.assertNotEqual(list(abi_table.faults(today, older)), [])

    def test_todays_headers_cut_back_are_those_of_the_release(self):
        for table in sorted((settings.TREE / "plugin-api" / "abi").glob("*.txt")):
            grown = skew.newer(INCLUDE, self.folder / f"newer-{table.stem}")
            back = self.facts(skew.as_released(grown, self.folder / f"back-{table.stem}", table))
            released = abi_table.parse(table.read_text().splitlines(), table)
            self.assertEqual([key for key, value in released.items() if back.get(key) != value], [])


