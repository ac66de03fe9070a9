# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The blocks of a page (docs/plugin-guide.md, docs/test-driver.md) as a shell script, and what each is to print.

A block is `sh` (run), a language and a file's name (written to that file), or `text`: what the `sh` block before it
prints. There is no other kind, so that nothing on the page escapes the test."""

import dataclasses
import re
import shlex
import subprocess

from harness import processes, settings
from harness.case import plain_environment

FENCE = re.compile(r"^```(.*?)\n(.*?)^```[ \t]*$", re.M | re.S)
FILE = re.compile(r"\w+ ([A-Za-z0-9._-]+)")


class GuideError(Exception):
    pass


@dataclasses.dataclass
class Block:
    line: int
    kind: str          # "sh" or "file"
    text: str
    name: str = ""     # of a file
    expected: str | None = None


def blocks(markdown):
    found = []
    for match in FENCE.finditer(markdown):
        info, text = match[1].strip(), match[2]
        line = markdown.count("\n", 0, match.start()) + 1
        file = FILE.fullmatch(info)
        if info == "sh":
            found.append(Block(line, "sh", text))
        elif info == "text":
            if not found or found[-1].kind != "sh" or found[-1].expected is not None:
                raise GuideError(f"line {line}: no command in front of this output")
            found[-1].expected = text
        elif file:
            found.append(Block(line, "file", text, file[1]))
        else:
            raise GuideError(f"line {line}: a block '{info}': neither sh, text nor a language and a file's name")
    if len(re.findall(r"^```", markdown, re.M)) != 2 * len(FENCE.findall(markdown)):
        raise GuideError("a fence is not closed")
    return found


def write(found, folder):
    """The script, in `folder`: one shell for all blocks; what block N prints goes to N.out there."""
    lines = ["set -eu"]
    for number, block in enumerate(found):
        if block.kind == "file":
            (folder / f"{number}.file").write_text(block.text)
            lines.append(f"cp {shlex.quote(str(folder / f'{number}.file'))} {block.name}")
        else:
            lines.append(f"echo 'line {block.line}' >{shlex.quote(str(folder / 'at'))}")
            lines.append(f"{{\n{block.text}}} >{shlex.quote(str(folder / f'{number}.out'))} 2>&1")
    script = folder / "guide.sh"
    script.write_text("\n".join(lines) + "\n")
    return script


def differences(found, folder):
    """What a block printed and should not have, or the reverse; blank lines at the ends do not count."""
    for number, block in enumerate(found):
        if block.kind == "sh" and block.expected is not None:
            told = (folder / f"{number}.out").read_text()
            if trimmed(told) != trimmed(block.expected):
                yield f"line {block.line}: expected\n{block.expected}\nbut it prints\n{told}"


def follow(folder, markdown, environment):
    """Runs a page in `folder`/w; what is wrong with it, as a text."""
    found = blocks(markdown)
    work, notes = folder / "w", folder / "notes"
    work.mkdir()
    notes.mkdir()
    script = write(found, notes)
    with open(notes / "all", "wb") as output:
        done = subprocess.run(["bash", str(script)], cwd=work, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                              env=dict(plain_environment(), **environment), timeout=settings.PATIENCE * 4, check=False)
    processes.end_all_descendants()
    if done.returncode != 0:
        printed = "".join(path.read_text() for path in sorted(notes.glob("*.out"), key=lambda p: int(p.stem)))
        log = (work / "log").read_text() if (work / "log").exists() else ""
        return f"{(notes / 'at').read_text()}failed ({done.returncode}):\n{printed[-2000:]}\n{(notes / 'all').read_text()}\n{log}"
    return "\n".join(differences(found, notes))


def trimmed(text):
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
