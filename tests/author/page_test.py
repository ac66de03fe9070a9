# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""docs/test-driver.md, followed word for word: what it says can be typed, can."""

import guide
from author import AuthorCase
from harness import settings

PAGE = settings.TREE / "docs" / "test-driver.md"


class TestDriverPage(AuthorCase):
    def test_every_example_does_what_the_page_says(self):
        text = PAGE.read_text()
        found = guide.blocks(text)
        self.assertGreater(sum(1 for block in found if block.kind == "sh" and block.expected), 5)
        path = f"{settings.BUILD / 'bin'}:{self.environment()['PATH']}"
        self.assertEqual(guide.follow(self.folder, text, {"PATH": path}), "")
