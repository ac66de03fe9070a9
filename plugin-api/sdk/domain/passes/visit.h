// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Every device of a domain, in the order in which addresses and aliases are given out.

#include <string_view>

#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {

template <typename F> void for_each_info(Domain& d, F&& f) {
    auto& v = d.devices;
    for (auto& x : v.disks)
        f(x.info, "disk");
    for (auto& x : v.controllers)
        f(x.info, "controller");
    for (auto& x : v.filesystems)
        f(x.info, "filesystem");
    for (auto& x : v.interfaces)
        f(x.info, "interface");
    for (auto& x : v.serials)
        f(x.info, "serial");
    for (auto& x : v.parallels)
        f(x.info, "parallel");
    for (auto& x : v.consoles)
        f(x.info, "console");
    for (auto& x : v.channels)
        f(x.info, "channel");
    for (auto& x : v.inputs)
        f(x.info, "input");
    for (auto& x : v.graphics)
        f(x.info, "graphics");
    for (auto& x : v.sounds)
        f(x.info, "sound");
    for (auto& x : v.videos)
        f(x.info, "video");
    for (auto& x : v.hostdevs)
        f(x.info, "hostdev");
    for (auto& x : v.redirdevs)
        f(x.info, "redirdev");
    for (auto& x : v.hubs)
        f(x.info, "hub");
    for (auto& x : v.watchdogs)
        f(x.info, "watchdog");
    if (v.memballoon)
        f(v.memballoon->info, "memballoon");
    for (auto& x : v.rngs)
        f(x.info, "rng");
    for (auto& x : v.nvrams)
        f(x.info, "nvram");
    for (auto& x : v.panics)
        f(x.info, "panic");
    for (auto& x : v.shmems)
        f(x.info, "shmem");
    for (auto& x : v.memories)
        f(x.info, "memory");
    for (auto& x : v.cryptos)
        f(x.info, "crypto");
    if (v.iommu)
        f(v.iommu->info, "iommu");
    if (v.vsock)
        f(v.vsock->info, "vsock");
    for (auto& x : v.smartcards)
        f(x.info, "smartcard");
    for (auto& x : v.tpms)
        f(x.info, "tpm");
}

} // namespace polyvirt::sdk::domain
