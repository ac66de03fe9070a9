// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Whether this host has what a guest's memory and processors are to be placed on.

#include <algorithm>
#include <unistd.h>

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
namespace xml = sdk::xml;

Status nodes_there(const HostResources& host, const xml::CpuSet& nodes) {
    for (const auto& [from, to] : nodes.ranges) {
        for (std::uint32_t n = from; n <= to; n++) {
            if (std::find(host.nodes.begin(), host.nodes.end(), n) == host.nodes.end())
                return make_error(ErrorCode::config_unsupported, ErrorDomain::none, "NUMA node {} is unavailable", n);
        }
    }
    return {};
}

} // namespace

Status check_placement(const Builder& b) {
    const Domain& d = b.domain;
    const HostResources* host = b.context.host;
    if (host == nullptr) return {};
    const bool memory_auto = d.numatune && d.numatune->memory && d.numatune->memory->placement == "auto";
    if ((d.vcpu.placement == Placement::auto_ || memory_auto) && !host->numad)
        return make_error(ErrorCode::internal_error, ErrorDomain::domain,
                          "Advice from numad is needed in case of automatic numa placement");
    if (!d.numatune) return {};
    if (d.numatune->memory) PV_TRY(nodes_there(*host, d.numatune->memory->nodeset));
    for (const MemNode& node : d.numatune->memnodes) PV_TRY(nodes_there(*host, node.nodeset));
    return {};
}

// The size of the pages behind a part of the guest's memory; 0: ordinary ones. KiB.
Result<std::uint64_t> page_size(const Builder& b, std::optional<std::uint32_t> cell, xml::Size own) {
    const auto& backing = b.domain.memory_backing;
    const HostResources* host = b.context.host;
    std::uint64_t kib = own.value_or(0);
    bool huge = kib != 0;
    if (!huge && backing && backing->hugepages) {
        const auto& pages = backing->hugepages->pages;
        huge = pages.empty();
        for (const HugePage& page : pages) {
            const bool here = cell ? page.nodeset.contains(*cell) : false;
            if (!here && !page.nodeset.empty()) continue;
            huge = true;
            kib = page.size.value_or(0);
            if (here) break;
        }
    }
    if (!huge || host == nullptr) return 0;
    if (kib * 1024 == static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) return 0;
    if (host->huge_pages.empty())
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu,
                          "hugetlbfs filesystem is not mounted or disabled by administrator config");
    return kib != 0 ? kib : host->huge_pages.front().kib;
}

Result<std::string> page_mount(const Builder& b, std::uint64_t kib) {
    for (const auto& pages : b.context.host->huge_pages) {
        if (pages.kib == kib) return pages.mount;
    }
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "Unable to find any usable hugetlbfs mount for {} KiB", kib);
}

} // namespace polyvirt::qemu
