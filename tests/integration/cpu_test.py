# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Processors through virsh: the models that there are, what hosts have in common, what a guest can have.
The answers are the peer's; where they depend on the machine, the case asks for what must hold on each."""

import re
import xml.etree.ElementTree as ElementTree

from harness.case import IntegrationCase

_TCG = ("--virttype", "qemu")
_NEHALEM = """<cpu><arch>x86_64</arch><model>Nehalem</model><vendor>Intel</vendor>
<feature name='vmx'/><feature name='ht'/></cpu>"""
_PENRYN = "<cpu><arch>x86_64</arch><model>Penryn</model><vendor>Intel</vendor><feature name='ht'/></cpu>"


def features(cpu, policy=None):
    return [f.get("name") for f in cpu.findall("feature") if policy in (None, f.get("policy"))]


class Cpu(IntegrationCase):
    def file(self, text, name="cpu.xml"):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def tree(self, *words):
        return ElementTree.fromstring(self.virsh(*words))

    # Models ---------------------------------------------------------------------------------------

    def test_models_are_listed_oldest_first(self):
        models = self.virsh("cpu-models", "x86_64").split()
        self.assertEqual(models[0], "486")
        self.assertLess(models.index("Nehalem"), models.index("EPYC"))
        self.assertEqual(models, self.virsh("cpu-models", "i686").split())

    def test_models_of_other_architectures(self):
        self.assertIn("POWER9", self.virsh("cpu-models", "ppc64").split())
        self.assertIn("cannot find architecture vax", self.virsh_fails("cpu-models", "vax"))

    # The host -------------------------------------------------------------------------------------

    def test_host_is_described_by_a_model_and_what_it_has_beside(self):
        cpu = self.tree("capabilities").find("host/cpu")
        self.assertIn(cpu.findtext("model"), self.virsh("cpu-models", "x86_64").split())
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = re.search(r"^flags\s*: (.*)$", file.read(), re.MULTILINE).group(1).split()
        for name in ("avx2", "aes", "vmx", "svm"):  # which no kernel hides for a fault of the processor
            if name in features(cpu):
                self.assertIn(name, flags)
        self.assertIn("4", [page.get("size") for page in cpu.findall("pages")])
        # The host's own description is contained in it.
        self.assertIn("identical", self.virsh("cpu-compare", self.file(ElementTree.tostring(cpu, "unicode"))))

    def test_compare_with_the_host(self):
        self.assertIn("superset", self.virsh("cpu-compare", self.file("<cpu match='minimum'><model>486</model></cpu>")))
        strict = self.file("<cpu match='strict'><model>486</model></cpu>")
        outcome = self.virsh_try("cpu-compare", strict)
        self.assertIn("incompatible", outcome.stdout)
        self.assertIn("Extra features", self.virsh_fails("cpu-compare", strict, "--error"))
        self.assertIn("Unknown CPU model yesterday", self.virsh_fails("cpu-compare", self.file("<cpu><model>yesterday</model></cpu>")))

    def test_validation_refuses_what_nobody_knows(self):
        path = self.file("<cpu><model>486</model><nonsense/></cpu>")
        self.assertIn("superset", self.virsh("cpu-compare", path))
        self.assertIn("nonsense", self.virsh_fails("cpu-compare", path, "--validate"))

    # What several have in common ------------------------------------------------------------------

    def test_baseline_is_the_newest_model_that_all_contain(self):
        cpu = self.tree("cpu-baseline", self.file(_NEHALEM + _PENRYN))
        self.assertEqual((cpu.get("mode"), cpu.get("match")), ("custom", "exact"))
        self.assertEqual([cpu.findtext("model"), cpu.findtext("vendor")], ["Penryn", "Intel"])
        self.assertEqual(features(cpu, "require"), ["ht"])

    def test_baseline_with_every_feature_by_name(self):
        cpu = self.tree("cpu-baseline", "--features", self.file(_PENRYN))
        names = features(cpu, "require")
        self.assertEqual(names, sorted(names))
        self.assertIn("sse4.1", names)
        self.assertIn("ht", names)
        self.assertNotIn("sse4.2", names)

    def test_baseline_leaves_out_what_binds_to_a_host(self):
        path = self.file("<cpu><arch>x86_64</arch><model>Nehalem</model><feature name='invtsc'/></cpu>")
        self.assertEqual(features(self.tree("cpu-baseline", path)), ["invtsc"])
        self.assertEqual(features(self.tree("cpu-baseline", "--migratable", path)), [])

    def test_baseline_of_two_vendors_is_refused(self):
        amd = "<cpu><arch>x86_64</arch><model>EPYC</model></cpu>"
        self.assertIn("CPU vendors do not match", self.virsh_fails("cpu-baseline", self.file(_PENRYN + amd)))

    def test_baseline_of_power(self):
        one = "<cpu><arch>ppc64</arch><model>POWER8</model></cpu>"
        self.assertEqual(self.tree("cpu-baseline", self.file(one + one)).findtext("model"), "POWER8")
        self.assertIn("CPUs are incompatible",
                      self.virsh_fails("cpu-baseline", self.file(one + one.replace("8", "9"))))

    # What the emulator gives ----------------------------------------------------------------------

    def host_model(self):
        capabilities = self.tree("domcapabilities", *_TCG)
        return capabilities, capabilities.find("cpu/mode[@name='host-model']")

    def test_domain_capabilities_expand_host_model(self):
        capabilities, mode = self.host_model()
        self.assertEqual(mode.get("supported"), "yes")
        custom = {m.text: m for m in capabilities.findall("cpu/mode[@name='custom']/model")}
        self.assertIn(mode.findtext("model"), custom)
        self.assertEqual(custom["qemu64"].get("usable"), "yes")
        self.assertEqual(custom["Icelake-Server"].get("vendor"), "Intel")
        self.assertTrue(features(mode, "require"))

    def test_domain_capabilities_follow_the_machine(self):
        def buses(machine):
            found = self.tree("domcapabilities", *_TCG, "--machine", machine)
            return [v.text for v in found.findall("devices/disk/enum[@name='bus']/value")]
        self.assertIn("ide", buses("pc"))
        self.assertNotIn("ide", buses("q35"))
        self.assertIn("not supported by emulator", self.virsh_fails("domcapabilities", *_TCG, "--machine", "none"))

    def test_domain_capabilities_list_what_the_emulator_has(self):
        found = self.tree("domcapabilities", *_TCG)
        def values(path):
            return [v.text for v in found.findall(f"{path}/value")]
        self.assertIn("vnc", values("devices/graphics/enum[@name='type']"))
        self.assertIn("memfd", values("memoryBacking/enum[@name='sourceType']"))
        self.assertIn("builtin", values("devices/rng/enum[@name='backendModel']"))
        self.assertEqual(found.find("iothreads").get("supported"), "yes")
        self.assertEqual(values("features/hyperv/enum[@name='features']"), ["spinlocks", "vendor_id"])

    def test_compare_with_the_emulator(self):
        _, mode = self.host_model()
        guest = f"<cpu mode='custom' match='exact'><model>{mode.findtext('model')}</model>" + "".join(
            ElementTree.tostring(f, "unicode") for f in mode.findall("feature")) + "</cpu>"
        self.assertRegex(self.virsh("hypervisor-cpu-compare", *_TCG, self.file(guest)), "identical|superset")
        wanting = self.file("<cpu match='exact'><model>Cooperlake</model></cpu>")
        self.assertIn("does not provide required features",
                      self.virsh_fails("hypervisor-cpu-compare", *_TCG, "--error", wanting))

    def test_baseline_with_the_emulator(self):
        path = self.file("<cpu><arch>x86_64</arch><model>Cooperlake</model></cpu>")
        plain = self.tree("cpu-baseline", path)
        emulated = self.tree("hypervisor-cpu-baseline", *_TCG, path)
        self.assertEqual(plain.findtext("model"), "Cooperlake")
        self.assertIn("avx512f", features(emulated, "disable"))
        self.assertEqual(emulated.find("model").get("fallback"), "forbid")
