# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# Sourced after common.sh: finds the kernel of which the demo's guest is made.
# shellcheck shell=bash

kernel_cache=$tree/build/kernel

# Sets kernel_image, kernel_version and kernel_base (the folder in which lib/modules is): the newest
# installed kernel that this user may read and whose modules are there, else the one that
# install-deps unpacked below build/. False when there is neither. A kernel for the cloud is as good.
kernel_find() {
    local base version
    for base in '' "$kernel_cache"; do
        while read -r version; do
            kernel_image=$base/boot/vmlinuz-$version kernel_version=$version kernel_base=${base:-/}
            [ -r "$kernel_image" ] && [ -r "$base/lib/modules/$version/modules.dep" ] && return 0
        done < <(find "$base/boot" -maxdepth 1 -name 'vmlinuz-*' -printf '%f\n' 2>/dev/null |
            sed 's/^vmlinuz-//' | sort -rV)
    done
    return 1
}
