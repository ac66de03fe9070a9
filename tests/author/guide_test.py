# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""docs/plugin-guide.md, followed word for word in a clean folder."""

import subprocess

import guide
from author import AuthorCase
from harness import settings

PAGE = settings.TREE / "docs" / "plugin-guide.md"


class Guide(AuthorCase):
    def follow(self, markdown):
        return guide.follow(self.folder, markdown, {"BUILD": str(settings.BUILD)})

    def test_leads_to_a_driver_that_virsh_talks_to(self):
        text = PAGE.read_text()
        last = [block for block in guide.blocks(text) if block.kind == "sh"][-1]
        command = last.text.strip().splitlines()[-1]
        self.assertRegex(command, r'^virsh -c "\$uri" list$')
        self.assertIn('uri="template+unix:///', text)
        self.assertIn("running", last.expected)
        self.assertEqual(self.follow(text), "")

    def test_a_wrong_page_is_noticed(self):
        page = "```sh\necho one\n```\n```text\none\n```\n```c a.c\nint a;\n```\n```sh\ncat a.c\n```\n```text\nint a;\n```\n"
        for wrong, told in ((page.replace("one\n```\n```c", "two\n```\n```c"), "line 1: expected\ntwo"),
                            (page.replace("cat a.c", "cat b.c"), "line 10\nfailed"),
                            (page.replace("int a;\n```\n```sh", "int b;\n```\n```sh"), "line 10: expected\nint a;"),
                            (page, "")):
            with self.subTest(told):
                result = self.follow(wrong)
                self.assertIn(told, result)
                self.assertEqual(bool(told), bool(result))
            for name in ("w", "notes"):
                subprocess.run(["rm", "-r", str(self.folder / name)], check=True)
        for broken in ("```\nwhat\n```\n", "```text\nx\n```\n", "\n```sh\necho\n"):
            with self.assertRaises(guide.GuideError):
                guide.blocks(broken)
