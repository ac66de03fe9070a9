# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Where things are. All that can be changed is an environment variable, see docs/testing.md."""

import os
import re
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("POLYVIRT_BUILD") or TREE / "build" / "release").resolve()
SUBJECT = os.environ.get("POLYVIRT_TEST_SUBJECT", "polyvirtd")
TABLES = Path(os.environ.get("POLYVIRT_TABLES") or TREE / "host" / "protocol" / "tables")
GUEST = TREE / "build" / "guest"
CALL_LOGS = BUILD / "call-logs"

# A sanitizer has threads, system calls and memory of its own; figures of these say nothing then.
_CACHE = BUILD / "CMakeCache.txt"
SANITIZED = _CACHE.exists() and bool(re.search(r"^POLYVIRT_SANITIZE:\w+=.", _CACHE.read_text(), re.M))

# Every wait of these tests ends after this many seconds. It is long on purpose: a wait that
# succeeds ends at once, and an emulated guest beside a build of the tree takes its time to boot.
PATIENCE = 90.0 * float(os.environ.get("POLYVIRT_TEST_PATIENCE", "1"))
