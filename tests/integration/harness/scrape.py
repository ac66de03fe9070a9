# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A scraper's view of metrics: a strict reader of the text format, which fails where Prometheus would.

    page = scrape.parse(text)
    page.value("polyvirt_workers", state="idle")
"""

import math
import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) (\S.*)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,|$)')
_SUFFIXES = {"counter": [""], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}


class FormatError(Exception):
    """Text that no scraper would take."""


@dataclass
class Family:
    name: str
    type: str
    help: str
    samples: dict = field(default_factory=dict)   # (sample name, labels) -> number


def labels_of(text):
    labels = {}
    at = 0
    while text is not None and at < len(text):
        found = _LABEL.match(text, at)
        if not found or found[1] in labels:
            raise FormatError(f"labels {text!r}")
        labels[found[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], found[2])
        at = found.end()
        if found[3] == "," and at == len(text):
            raise FormatError(f"labels {text!r} end with a comma")
    return labels


class Page:
    def __init__(self):
        self.families = {}

    def value(self, sample, /, **labels):
        """The one sample of that name with those labels."""
        return self.values(sample)[frozenset(labels.items())]

    def values(self, sample):
        return {labels: number for family in self.families.values()
                for (name, labels), number in family.samples.items() if name == sample}

    def sample_names(self):
        return {name for family in self.families.values() for name, _ in family.samples}


def parse(text, openmetrics=False):
    if not text.endswith("\n"):
        raise FormatError("the last line is not ended")
    lines = text[:-1].split("\n")
    if openmetrics and lines.pop() != "# EOF":
        raise FormatError("no # EOF")
    page, at = Page(), None
    while lines:
        line = lines.pop(0)
        if line.startswith("#"):
            at = take_family(page, line, lines.pop(0) if lines else "")
        else:
            take_sample(at, line, openmetrics)
    for family in page.families.values():
        check_histogram(family)
    return page


def take_family(page, line, following):
    told, typed = _HELP.fullmatch(line), _TYPE.fullmatch(following)
    if not told or not typed or told[1] != typed[1]:
        raise FormatError(f"{line!r}, {following!r}: wanted HELP and TYPE of one family")
    if told[1] in page.families:
        raise FormatError(f"{told[1]} comes twice")
    page.families[told[1]] = Family(told[1], typed[2], told[2])
    return page.families[told[1]]


def take_sample(family, line, openmetrics):
    found = _SAMPLE.fullmatch(line)
    if not found or family is None:
        raise FormatError(f"{line!r} is no sample")
    total = "_total" if openmetrics and family.type == "counter" else ""
    names = [family.name + suffix + total for suffix in _SUFFIXES[family.type]]
    if found[1] not in names:
        raise FormatError(f"{line!r} stands under {family.name}")
    key = (found[1], frozenset(labels_of(found[2]).items()))
    if key in family.samples:
        raise FormatError(f"{line!r} comes twice")
    number = float(found[3].replace("Inf", "inf"))
    if family.type == "counter" and (number < 0 or not found[1].endswith("_total")):
        raise FormatError(f"{line!r}: a counter falls not below 0, and its name ends with _total")
    family.samples[key] = number


def check_histogram(family):
    series = {}
    for (name, labels), number in family.samples.items():
        if family.type == "histogram" and name == f"{family.name}_bucket":
            plain = dict(labels)
            bound = float(plain.pop("le").replace("Inf", "inf"))
            series.setdefault(frozenset(plain.items()), []).append((bound, number))
    for labels, buckets in series.items():
        counts = [number for _, number in sorted(buckets)]
        whole = family.samples[f"{family.name}_count", labels]
        if counts != sorted(counts) or not math.isinf(max(buckets)[0]) or counts[-1] != whole:
            raise FormatError(f"{family.name}: buckets {buckets}, count {whole}")
