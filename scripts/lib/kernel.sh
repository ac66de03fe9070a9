# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# Sourced after common.sh: finds the kernel of which the guests of demo and tests are made, and copies its modules.
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

# kernel_modules ROOT NAME...: copies these modules of the found kernel and what they need into ROOT/lib, and prints what loads them
# there.
kernel_modules() {
    local root=$1 name file
    shift
    # In the order in which they are to be loaded, dependencies first.
    for name in "$@"; do
        modprobe -d "$kernel_base" -S "$kernel_version" --show-depends "$name" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++' | while read -r file; do
        case $file in
        *.ko) cp "$file" "$root/lib/" ;;
        *.ko.xz) xz -dc "$file" >"$root/lib/$(basename "$file" .xz)" ;;
        *.ko.zst) zstd -qdc "$file" >"$root/lib/$(basename "$file" .zst)" ;;
        *) die "$file: a kind of module this script doesn't know" ;;
        esac
        name=$(basename "$file")
        printf '/bin/busybox insmod /lib/%s\n' "${name%%.ko*}.ko"
    done
}
