// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/disks.h"

#include <algorithm>
#include <charconv>

#include "base/error_text.h"

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

struct Writer {
    const sdk::ParamWriter& to;
    std::size_t n;
    template <typename V> void put(const char* field, const V& value) const { to.put(fmt::format("block.{}.{}", n, field), value); }
};

void put_device(const Writer& w, const DeviceFigures& d) {
    constexpr std::pair<const char*, std::uint64_t DeviceFigures::*> kRows[] = {
        {"rd.reqs", &DeviceFigures::rd_reqs},   {"rd.bytes", &DeviceFigures::rd_bytes}, {"rd.times", &DeviceFigures::rd_times},
        {"wr.reqs", &DeviceFigures::wr_reqs},   {"wr.bytes", &DeviceFigures::wr_bytes}, {"wr.times", &DeviceFigures::wr_times},
        {"fl.reqs", &DeviceFigures::fl_reqs},   {"fl.times", &DeviceFigures::fl_times}};
    for (const auto& [field, from] : kRows) w.put(field, d.*from);
}

void put_image(const Writer& w, const ImageFigures& image) {
    if (image.highest) w.put("allocation", *image.highest);
    if (image.capacity) w.put("capacity", *image.capacity);
    if (image.allocated) w.put("physical", *image.allocated);
    if (image.threshold) w.put("threshold", *image.threshold);
}

// Of what doesn't run the file knows.
void put_file(const Writer& w, const Link& link) {
    if (link.path().empty()) return;
    const auto file = read_image(link.path(), link.format);
    if (!file) return;
    if (file->allocated != 0) w.put("allocation", file->allocated);
    if (file->header.capacity != 0) w.put("capacity", file->header.capacity);
    w.put("physical", file->size);
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
    to.put("block.count", static_cast<std::uint32_t>(count));
    std::size_t n = 0;
    for (std::size_t d = 0; d < disks.size(); ++d) {
        const Chain& chain = chains[d];
        const std::size_t images = active && backing ? std::max<std::size_t>(1, chain.links.size()) : 1;
        for (std::size_t i = 0; i < images; ++i, ++n) {
            const Writer w{to, n};
            const Link* const link = i < chain.links.size() ? &chain.links[i] : nullptr;
            w.put("name", std::string_view(disks[d].target.dev));
            if (link != nullptr && !link->path().empty()) w.put("path", std::string_view(link->path()));
            if (active && link != nullptr && link->number() != 0) w.put("backingIndex", link->number());
            if (!active && link != nullptr) put_file(w, *link);
            if (sample == nullptr) continue;
            const auto device = sample->devices.find(disks[d].info.alias.name);
            if (i == 0 && device != sample->devices.end()) put_device(w, device->second);
            const auto image = link != nullptr ? sample->images.find(link->number()) : sample->images.end();
            if (image != sample->images.end()) put_image(w, image->second);
        }
    }
}

} // namespace polyvirt::qemu
