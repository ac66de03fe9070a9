// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/chain.h"

#include <algorithm>
#include <charconv>

#include "command/blockdev.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

const std::string& Link::path() const {
    static const std::string kNone;
    if (type == DiskType::file) return source.file;
    return type == DiskType::block ? source.dev : kNone;
}

const Link* Chain::by_number(std::uint32_t number) const {
    const auto it = std::find_if(links.begin(), links.end(), [number](const Link& l) { return l.number() == number; });
    return it == links.end() ? nullptr : &*it;
}

namespace {

void add_backing(Chain& chain, const std::vector<BackingStore>& below) {
    for (const auto* next = &below; !next->empty(); next = &next->front().next) {
        const BackingStore& store = next->front();
        if (store.type == DiskType::unset || !store.source) {
            chain.ended = true;
            return;
        }
        Link link{store.type, *store.source, store.format.empty() ? "raw" : store.format, store.metadata_cache};
        link.source.index = store.index;
        chain.links.push_back(std::move(link));
    }
}

} // namespace

Chain chain_of(const Disk& disk) {
    Chain chain;
    if (!has_source(disk.type, disk.source ? &*disk.source : nullptr)) return chain;
    Link top{disk.type, *disk.source, disk.driver.type.empty() ? "raw" : disk.driver.type, disk.driver.metadata_cache};
    if (disk.auth) top.source.auth = disk.auth;
    if (disk.encryption) top.source.encryption = disk.encryption;
    chain.links.push_back(std::move(top));
    add_backing(chain, disk.backing);
    return chain;
}

std::vector<BackingStore> backing_of(const Chain& chain, std::size_t from) {
    std::vector<BackingStore> below;
    if (chain.ended) below.emplace_back();
    for (std::size_t i = chain.links.size(); i-- > from;) {
        const Link& link = chain.links[i];
        BackingStore store;
        store.type = link.type;
        store.format = link.format;
        store.metadata_cache = link.metadata_cache;
        store.source = link.source;
        store.index = link.source.index;
        store.source->index.reset();
        store.source->pool.clear(); // what was a disk by pool and volume is a file below it
        store.source->volume.clear();
        store.next = std::move(below);
        below.clear();
        below.push_back(std::move(store));
    }
    return below;
}

void set_chain(Disk& disk, const Chain& chain) {
    if (chain.links.empty()) {
        disk.source.reset();
        disk.backing.clear();
        return;
    }
    const Link& top = chain.links.front();
    disk.type = top.type;
    disk.driver.type = top.format;
    disk.driver.metadata_cache = top.metadata_cache;
    disk.source = top.source;
    // Where it stood: outside of the source in older documents.
    if (disk.auth) disk.auth = std::exchange(disk.source->auth, std::nullopt);
    if (disk.encryption) disk.encryption = std::exchange(disk.source->encryption, std::nullopt);
    disk.backing = backing_of(chain);
}

Chain mirror_chain(const Mirror& mirror) {
    Chain chain;
    if (!mirror.source) return chain;
    chain.links.push_back({mirror.type, *mirror.source, mirror.format.empty() ? "raw" : mirror.format, mirror.metadata_cache});
    add_backing(chain, mirror.backing);
    return chain;
}

Mirror mirror_of(const Chain& chain, std::string job) {
    const Link& top = chain.links.front();
    Mirror mirror;
    mirror.type = top.type;
    mirror.format = top.format;
    mirror.metadata_cache = top.metadata_cache;
    mirror.source = top.source;
    // Older clients look for a copied file here.
    if (job == "copy" && top.type == DiskType::file) {
        mirror.file = top.source.file;
        mirror.file_format = top.format;
    }
    mirror.job = std::move(job);
    mirror.backing = backing_of(chain);
    return mirror;
}

std::uint32_t number_of_node(std::string_view name) {
    constexpr std::string_view kPrefix = "libvirt-";
    if (!name.starts_with(kPrefix)) return 0;
    name.remove_prefix(kPrefix.size());
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const std::string_view rest = name.substr(static_cast<std::size_t>(end - name.data()));
    return error == std::errc{} && (rest == "-format" || rest == "-storage") ? number : 0;
}

const Disk* disk_of_number(const Domain& domain, std::uint32_t number) {
    const auto has = [number](const Disk& disk) {
        return chain_of(disk).by_number(number) != nullptr || (disk.mirror && mirror_chain(*disk.mirror).by_number(number) != nullptr);
    };
    const auto& disks = domain.devices.disks;
    const auto it = number == 0 ? disks.end() : std::find_if(disks.begin(), disks.end(), has);
    return it == disks.end() ? nullptr : &*it;
}

std::uint32_t number_images(std::vector<Disk>& disks, std::uint32_t first) {
    std::uint32_t next = first;
    const auto number = [&next](Number& index) {
        if (!index) index = next++;
    };
    for (std::size_t i = disks.size(); i-- > 0;) {
        Disk& disk = disks[i];
        if (disk.type == DiskType::vhostuser) continue; // another process's
        if (!has_source(disk.type, disk.source ? &*disk.source : nullptr)) {
            next++; // that of what will be put in
            continue;
        }
        number(disk.source->index);
        for (auto* below = &disk.backing; !below->empty() && below->front().source; below = &below->front().next)
            number(below->front().index);
    }
    return next;
}

} // namespace polyvirt::qemu
