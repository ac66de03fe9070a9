# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A file system that never answers: mounts itself at FOLDER, says so on its output, takes every request and answers none
but the kernel's greeting. Who asks it for anything waits until this process ends, and cannot be killed meanwhile.

    stuck_files.py FOLDER
"""

import ctypes
import os
import struct
import sys

INIT = 26
HEADER = struct.Struct("<IIQQIIII")


def greet(device, request):
    """Accepts the protocol as it is asked for, with no feature."""
    unique = HEADER.unpack_from(request)[2]
    body = struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 0, 8, 6, 65536, 1, 32, 0, 0)
    os.write(device, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)


def main():
    folder = sys.argv[1]
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"stuck", folder.encode(), b"fuse", 6, options.encode()) != 0:  # without set-uid and devices
        sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")
    print("mounted", flush=True)
    while True:
        request = os.read(device, 1 << 20)
        if HEADER.unpack_from(request)[1] == INIT:
            greet(device, request)
            print("greeted", flush=True)


if __name__ == "__main__":
    main()
