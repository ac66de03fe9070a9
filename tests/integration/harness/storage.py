# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""For cases about pools: documents of volumes, files and their holes, an image that boots."""

import json
import os
import subprocess

MIB = 1 << 20


def volume(name="vol", capacity=MIB, form="raw", allocation=0, backing=None, target=""):
    """`backing`: (path, format); `target`: further elements of the target."""
    below = f"<backingStore><path>{backing[0]}</path><format type='{backing[1]}'/></backingStore>" if backing else ""
    return (f"<volume><name>{name}</name><capacity>{capacity}</capacity><allocation>{allocation}</allocation>"
            f"<target><format type='{form}'/>{target}</target>{below}</volume>")


def image_info(path):
    told = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], capture_output=True, text=True, check=True)
    return json.loads(told.stdout)


def boot_image(greeting):
    """A disk whose boot sector says `greeting` on the first serial port, again and again."""
    code = bytes.fromhex(
        "31c0 8ed8"      # ds = 0
        "ba f803"        # dx = the port
        "be 197c"        # si = the text, behind the code
        "ac 84c0 7403"   # until its end
        "ee ebf8"        # out
        "b9 ffff e2fe"   # a pause
        "ebee")          # from the text's beginning
    sector = (code + greeting.encode() + b"\r\n\0").ljust(510, b"\0") + b"\x55\xaa"
    return sector.ljust(MIB, b"\0")


class Places:
    """Where a file has data and where holes, for a sparse upload."""

    def __init__(self, fd):
        self.fd, self.size = fd, os.fstat(fd).st_size

    def at(self):
        return os.lseek(self.fd, 0, os.SEEK_CUR)

    def run(self, place):
        """(is data, its length)"""
        if place >= self.size:
            return False, 0
        try:
            data = os.lseek(self.fd, place, os.SEEK_DATA)
        except OSError:
            data = self.size
        if data > place:
            return False, data - place
        return True, os.lseek(self.fd, place, os.SEEK_HOLE) - place

    def where(self):
        place = self.at()
        found = self.run(place)
        os.lseek(self.fd, place, os.SEEK_SET)
        return [found[0], found[1]]

    def left(self):
        return self.where()[1]

    def skip(self, length):
        os.lseek(self.fd, length, os.SEEK_CUR)
        return 0


class Files:
    def __init__(self, folder):
        self.folder = folder

    def make(self, name, data):
        (self.folder / name).write_bytes(data)

    @staticmethod
    def holes(fd):
        return Places(fd)
