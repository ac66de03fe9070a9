# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The template that asks another driver, with a driver of networks that is built beside it (networks/)."""

import shutil
from pathlib import Path

from author import DEVEL
from sessions import TemplateCase


class CppNetworkClient(TemplateCase):
    def interface(self, name):
        return f"<devices><interface type='network'><source network='{name}'/></interface></devices>"

    def test_asks_the_driver_of_networks(self):
        if not next(DEVEL.glob("include/polyvirt-plugin/polyvirt/driver.h"), None):
            self.skipTest("this tree's glue has no host.driver/1 yet")
        networks = Path(shutil.copytree(Path(__file__).parent / "networks", self.folder / "networks"))
        built = [self.cmake(folder) / "plugins" / f"{name}.so"
                 for folder, name in ((networks, "networks"), (self.copy_template("cpp-network-client"), "template"))]
        self.serve(*map(self.audit, built))
        self.virsh("create", self.document("one", self.interface("lan")))
        self.assertEqual(self.domains(), {"one": "running"})
        self.assertIn("<source network='lan' bridge='pvbr7'/>", self.virsh("dumpxml", "one"))
        self.assertIn("there is no network 'wan'", self.virsh_fails("create", self.document("two", self.interface("wan"))))
        self.assertIn("network 'broken' has no bridge",
                      self.virsh_fails("create", self.document("three", self.interface("broken"))))
        self.virsh("destroy", "one")
        self.assertEqual(self.domains(), {})

        # Without one: refused by that name, and the driver lives.
        self.leave()
        self.serve(built[1])
        self.assertIn("no driver serves", self.virsh_fails("create", self.document("four", self.interface("lan"))))
        self.virsh("create", self.document("five"))
        self.assertEqual(self.domains(), {"five": "running"})
