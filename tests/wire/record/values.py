# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Decoded values as lines of text, one for each leaf. golden_test.cpp writes the same lines from our
own decoder."""
from fake_server import wire


def quoted(text):
    out = ""
    for byte in text.encode():
        plain = 0x20 <= byte < 0x7f and byte not in b'"\\'
        out += chr(byte) if plain else f"\\x{byte:02x}"
    return f'"{out}"'


def lines(codec, value, path=""):
    if isinstance(codec, wire.Number):
        return [f"{path} = {value:.17g}" if codec.form == ">d" else f"{path} = {value}"]
    if isinstance(codec, wire.Bytes):
        return [f"{path} = {quoted(value) if codec.text else 'hex ' + value.hex()}"]
    if isinstance(codec, wire.Items):
        out = [f"{path} = {len(value)} items"]
        for place, item in enumerate(value):
            out += lines(codec.item, item, f"{path}[{place}]")
        return out
    if isinstance(codec, wire.Optional):
        return [f"{path} = absent"] if value is None else lines(codec.item, value, path)
    if isinstance(codec, wire.Union):
        return [f"{path}.tag = {value[0]}"] + lines(codec.arms[value[0]], value[1], f"{path}.value")
    out = []
    for name, inner in codec.fields:
        out += lines(inner, value[name], f"{path}.{name}" if path else name)
    return out
