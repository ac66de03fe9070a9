// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/disks.h"

#include <algorithm>
#include <charconv>

#include "base/error_text.h"
#include "sdk/stats_fields.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

std::string source_path(const Disk& disk) {
    if (!disk.source) return {};
    switch (disk.type) {
    case DiskType::file: return disk.source->file;
    case DiskType::block: return disk.source->dev;
    case DiskType::dir: return disk.source->dir;
    default: return {};
    }
}

const Disk* find_disk(const Domain& domain, std::string_view name) {
    const auto& disks = domain.devices.disks;
    auto it = std::find_if(disks.begin(), disks.end(), [name](const Disk& d) { return d.target.dev == name; });
    if (it == disks.end() && name.starts_with('/'))
        it = std::find_if(disks.begin(), disks.end(), [name](const Disk& d) { return source_path(d) == name; });
    return it == disks.end() ? nullptr : &*it;
}
Disk* find_disk(Domain& domain, std::string_view name) { return const_cast<Disk*>(find_disk(std::as_const(domain), name)); }

Result<const Disk*> need_disk(const Domain& domain, std::string_view name) {
    if (const Disk* const disk = find_disk(domain, name)) return disk;
    return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "disk '{}' not found in domain", name);
}

Result<ImageName> parse_image_name(std::string_view text) {
    ImageName name;
    const std::size_t open = text.find('[');
    name.target = text.substr(0, open);
    if (open == std::string_view::npos) return name;
    const std::string_view digits = text.substr(open + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), name.number);
    if (error != std::errc{} || std::string_view(end, static_cast<std::size_t>(digits.data() + digits.size() - end)) != "]")
        return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "failed to parse block device '{}'", text);
    return name;
}

std::string device_path(const Disk& disk) {
    const std::string& alias = disk.info.alias.name;
    if (disk.target.bus == DiskBus::virtio) return fmt::format("/machine/peripheral/{}/virtio-backend", alias);
    if (disk.target.bus == DiskBus::usb) return fmt::format("/machine/peripheral/{0}/{0}.0/legacy[0]", alias);
    return alias;
}

namespace {

void take_device(sdk::BlockFields& f, const DeviceFigures& d) {
    f.rd_reqs = d.rd_reqs;
    f.rd_bytes = d.rd_bytes;
    f.rd_times = d.rd_times;
    f.wr_reqs = d.wr_reqs;
    f.wr_bytes = d.wr_bytes;
    f.wr_times = d.wr_times;
    f.fl_reqs = d.fl_reqs;
    f.fl_times = d.fl_times;
}

void take_image(sdk::BlockFields& f, const ImageFigures& image) {
    f.allocation = image.highest;
    f.capacity = image.capacity;
    f.physical = image.allocated;
    f.threshold = image.threshold;
}

// Of what doesn't run the file knows.
void take_file(sdk::BlockFields& f, const Link& link) {
    if (link.path().empty()) return;
    const auto file = read_image(link.path(), link.format);
    if (!file) return;
    if (file->allocated != 0) f.allocation = file->allocated;
    if (file->header.capacity != 0) f.capacity = file->header.capacity;
    f.physical = file->size;
}

} // namespace

void put_block_stats(const sdk::ParamWriter& to, const Domain& domain, const BlockSample* sample, bool active, bool backing) {
    const auto& disks = domain.devices.disks;
    std::vector<Chain> chains;
    std::size_t count = 0;
    for (const Disk& disk : disks) {
        chains.push_back(chain_of(disk));
        count += active && backing ? std::max<std::size_t>(1, chains.back().links.size()) : 1;
    }
    to.put(PV_DOMAIN_STATS_BLOCK_COUNT, static_cast<std::uint32_t>(count));
    std::size_t n = 0;
    for (std::size_t d = 0; d < disks.size(); ++d) {
        const Chain& chain = chains[d];
        const std::size_t images = active && backing ? std::max<std::size_t>(1, chain.links.size()) : 1;
        for (std::size_t i = 0; i < images; ++i, ++n) {
            const Link* const link = i < chain.links.size() ? &chain.links[i] : nullptr;
            const std::string path = link != nullptr ? link->path() : std::string();
            sdk::BlockFields f{.name = disks[d].target.dev, .path = path};
            if (active && link != nullptr) f.backing_index = link->number();
            if (!active && link != nullptr) take_file(f, *link);
            if (sample != nullptr) {
                const auto device = sample->devices.find(disks[d].info.alias.name);
                if (i == 0 && device != sample->devices.end()) take_device(f, device->second);
                const auto image = link != nullptr ? sample->images.find(link->number()) : sample->images.end();
                if (image != sample->images.end()) take_image(f, image->second);
            }
            sdk::put_block_fields(to, n, f);
        }
    }
}

} // namespace polyvirt::qemu
