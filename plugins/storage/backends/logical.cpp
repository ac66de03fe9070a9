// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "backends/logical.h"

#include <polyvirt/abi/gen/constants.h>

#include "base/error_text.h"
#include "images.h"

namespace polyvirt::storage {
namespace {

// A volume that is being made has a tag of its own, by which it is found again if the daemon does not live to see the end.
std::string tag_of(const std::string& id) { return "@polyvirt_" + id; }

std::vector<std::string> report(const char* program, const char* columns, const std::string& group) {
    std::vector<std::string> argv = {program, "--noheadings", "--separator", "\t", "--units", "b", "--nosuffix", "-o", columns};
    if (!group.empty()) argv.insert(argv.end(), {"--", group}); // a name is never an option
    return argv;
}

} // namespace

Task<Status> LogicalBackend::run(std::vector<std::string> argv, Patience patience) {
    auto done = co_await agent_.run(std::move(argv), patience);
    PV_CO_TRY(done);
    co_return Status{};
}

Task<Status> LogicalBackend::start(Place place) {
    std::vector<std::string> argv = {"vgchange", "-aly", "--", place.pool->source->name};
    co_return co_await run(std::move(argv), place.patience);
}
Task<Status> LogicalBackend::stop(Place place) {
    std::vector<std::string> argv = {"vgchange", "-aln", "--", place.pool->source->name};
    co_return co_await run(std::move(argv), place.patience);
}

Task<Status> LogicalBackend::build(Place place, std::uint32_t flags) {
    std::vector<std::string> group = {"vgcreate", "--", place.pool->source->name};
    for (const doc::SourceDevice& device : place.pool->source->devices) {
        std::vector<std::string> argv = {"pvcreate"};
        // Without leave to overwrite LVM itself refuses devices on which there is something: it would ask.
        if ((flags & PV_STORAGE_POOL_BUILD_OVERWRITE) != 0) argv.insert(argv.end(), {"-y", "-ff"});
        argv.insert(argv.end(), {"--", device.path});
        PV_CO_TRY(co_await run(std::move(argv), place.patience));
        group.push_back(device.path);
    }
    co_return co_await run(std::move(group), place.patience);
}

Task<Status> LogicalBackend::remove(Place place) {
    std::vector<std::string> argv = {"vgremove", "-f", "--", place.pool->source->name};
    PV_CO_TRY(co_await run(std::move(argv), place.patience));
    for (const doc::SourceDevice& device : place.pool->source->devices) {
        std::vector<std::string> gone = {"pvremove", "--", device.path};
        PV_CO_TRY(co_await run(std::move(gone), place.patience));
    }
    co_return Status{};
}

Task<Result<bool>> LogicalBackend::is_started(Place place) {
    std::vector<std::string> argv = report("vgs", kGroupColumns, place.pool->source->name);
    auto there = co_await agent_.run(std::move(argv), place.patience);
    co_return there.has_value();
}

Task<Result<Found>> LogicalBackend::refresh(Place place) {
    const std::string group = place.pool->source->name;
    std::vector<std::string> argv = report("lvs", kVolumeColumns, group);
    auto volumes = co_await agent_.run(std::move(argv), place.patience);
    PV_CO_TRY(volumes);
    std::vector<std::string> sizes = report("vgs", kGroupColumns, group);
    auto whole = co_await agent_.run(std::move(sizes), place.patience);
    PV_CO_TRY(whole);
    Found found;
    auto list = logical_volumes(*volumes, place.path());
    PV_CO_TRY(list);
    found.volumes = *std::move(list);
    PV_CO_TRY(take_group_sizes(*whole, found));
    co_return found;
}

Status LogicalBackend::settle(const Place& place, doc::Volume& v) const {
    v.type = doc::VolumeType::block;
    v.target.path = place.path() + "/" + v.name;
    v.key = v.target.path; // until LVM has given it a uuid
    return {};
}

std::string LogicalBackend::part_of(const Place&, const Wish& wish) const { return tag_of(wish.id); }

Task<Status> LogicalBackend::create(Place place, Wish wish) {
    if (wish.volume.target.encryption)
        co_return make_error(ErrorCode::config_unsupported, ErrorDomain::storage, "storage pool does not support encrypted volumes");
    const std::string group = place.pool->source->name, tag = tag_of(wish.id), path = wish.volume.target.path;
    std::vector<std::string> argv = create_logical(wish, group, tag);
    PV_CO_TRY(co_await run(std::move(argv), place.patience));
    Status made;
    if (wish.from) made = co_await fill(place, wish);
    if (made) {
        std::vector<std::string> done = {"lvchange", "--deltag", tag, path};
        made = co_await run(std::move(done), place.patience);
    }
    if (!made) (void)co_await discard(place, tag);
    co_return made;
}

// A new volume with the contents of another one.
Task<Status> LogicalBackend::fill(Place place, Wish wish) {
    const Patience patience = place.patience.for_bytes(*wish.volume.capacity);
    if (tool_format(wish.from->target.format) != "raw") {
        std::vector<std::string> argv = {"qemu-img", "convert", "-n", "-f", tool_format(wish.from->target.format), "-O", "raw", "--",
                                         wish.from->target.path, wish.volume.target.path};
        co_return co_await run(std::move(argv), patience);
    }
    Facts request = {{"device", true}, {"from", wish.from->target.path}, {"path", wish.volume.target.path}};
    auto copied = co_await agent_.ask("copy", std::move(request), patience);
    PV_CO_TRY(copied);
    co_return Status{};
}

Task<Status> LogicalBackend::remove_volume(Place place, VolumeDocument volume, std::uint32_t flags) {
    if (flags != 0)
        co_return Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::storage,
                        .message = fmt::format("unsupported flags (0x{:x}) in function virStorageBackendLogicalDeleteVol", flags)};
    std::vector<std::string> off = {"lvchange", "-aln", volume->target.path};
    (void)co_await run(std::move(off), place.patience); // one that is not active goes all the same
    std::vector<std::string> argv = {"lvremove", "-f", volume->target.path};
    co_return co_await run(std::move(argv), place.patience);
}

Task<Result<Found>> LogicalBackend::look(Place place, VolumeDocument volume) {
    auto all = co_await refresh(place);
    PV_CO_TRY(all);
    std::vector<VolumeDocument> one;
    for (const VolumeDocument& v : all->volumes)
        if (v->name == volume->name) one.push_back(v);
    all->volumes = std::move(one);
    co_return all;
}

Task<Status> LogicalBackend::discard(Place place, std::string path) {
    std::vector<std::string> argv = {"lvremove", "-f", path};
    co_return co_await run(std::move(argv), place.patience);
}

Task<Result<std::vector<doc::PoolSource>>> LogicalBackend::find_sources(std::optional<doc::PoolSource>, Patience patience) {
    std::vector<std::string> argv = report("pvs", kDeviceColumns, "");
    auto said = co_await agent_.run(std::move(argv), patience);
    PV_CO_TRY(said);
    co_return volume_groups(*said);
}

} // namespace polyvirt::storage
