// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "backend.h"

#include "backends/folder.h"
#include "backends/devices.h"
#include "backends/logical.h"
#include "base/error_text.h"
#include "part_name.h"

namespace polyvirt::storage {
namespace {

Error no_support(const char* text) { return make_error(ErrorCode::no_support, ErrorDomain::storage, "{}", text); }

std::optional<doc::Permissions> permissions_of(const Facts& facts) {
    if (!facts.has("mode")) return std::nullopt;
    doc::Permissions p;
    p.mode.bits = facts.number("mode", 0U);
    p.owner = facts.number("owner", std::int64_t{0});
    p.group = facts.number("group", std::int64_t{0});
    p.label = facts.text("label");
    return p;
}

doc::Timestamps times_of(const Facts& facts) {
    if (!facts.has("atime")) return {};
    return {facts.text("atime"), facts.text("mtime"), facts.text("ctime"), "0"};
}

void take_header(const Facts& facts, doc::Volume& v) {
    v.target.format = facts.text("format");
    v.target.compat = facts.text("compat");
    if (facts.has("cluster")) v.target.cluster_size = facts.number("cluster");
    doc::VolumeFeatures features;
    features.lazy_refcounts = facts.flag("lazy_refcounts");
    features.extended_l2 = facts.flag("extended_l2");
    if (features.lazy_refcounts || features.extended_l2) v.target.features = features;
    const std::string encryption = facts.text("encryption");
    if (encryption.empty()) return;
    doc::Encryption e;
    e.format = encryption == "luks" ? doc::EncryptionFormat::luks : doc::EncryptionFormat::default_;
    v.target.encryption = std::move(e);
}

void take_backing(const Facts& facts, doc::Volume& v) {
    if (!facts.has("backing.path")) return;
    const Facts backing = facts.part("backing");
    if (!v.backing_store) {
        v.backing_store.emplace();
        v.backing_store->path = backing.text("path");
        v.backing_store->format = backing.text("format");
    }
    if (!backing.has("mode")) return;
    v.backing_store->permissions = permissions_of(backing);
    v.backing_store->timestamps = times_of(backing);
}

doc::VolumeType type_of(const std::string& name) {
    for (std::size_t i = 1; i < std::size(doc::kVolumeTypes); ++i)
        if (doc::kVolumeTypes[i] == name) return static_cast<doc::VolumeType>(i);
    return doc::VolumeType::file;
}

} // namespace

doc::Volume volume_of(const Facts& facts, const doc::Volume* base) {
    doc::Volume v;
    if (base != nullptr) {
        v = *base;
    } else {
        v.name = facts.text("name");
        v.target.path = facts.text("path");
        v.key = v.target.path;
        v.type = type_of(facts.text("type"));
        take_header(facts, v);
    }
    take_backing(facts, v);
    v.capacity = facts.number("capacity");
    v.allocation = facts.number("allocation");
    if (const auto physical = facts.number("physical"); physical != 0) v.physical = physical;
    v.target.permissions = permissions_of(facts);
    v.target.timestamps = times_of(facts);
    return v;
}

Found found_of(const Answer& answer, const doc::Volume* base) {
    Found found;
    found.has_sizes = answer.facts.has("capacity");
    found.capacity = answer.facts.number("capacity");
    found.allocation = answer.facts.number("allocation");
    found.available = answer.facts.number("available");
    found.permissions = permissions_of(answer.facts);
    found.skipped = answer.facts.number("skipped");
    for (const Facts& facts : answer.volumes) found.volumes.push_back(std::make_shared<const doc::Volume>(volume_of(facts, base)));
    return found;
}

Facts permission_facts(const std::optional<doc::Permissions>& p) {
    Facts facts;
    if (!p) return facts;
    if (p->mode.bits) facts.set("mode", *p->mode.bits);
    if (p->owner && *p->owner >= 0) facts.set("owner", *p->owner);
    if (p->group && *p->group >= 0) facts.set("group", *p->group);
    return facts;
}

Task<Status> Backend::start(Place) { co_return Status{}; }
Task<Status> Backend::stop(Place) { co_return Status{}; }
Task<Status> Backend::build(Place, std::uint32_t) { co_return Status{}; }
Task<Status> Backend::remove(Place) { co_return no_support("pool does not support pool deletion"); }
Status Backend::settle(const Place&, doc::Volume&) const { return no_support("storage pool does not support volume creation"); }
Task<Status> Backend::create(Place, Wish) { co_return no_support("storage pool does not support volume creation"); }
Task<Status> Backend::remove_volume(Place, VolumeDocument, std::uint32_t) {
    co_return no_support("storage pool does not support volume deletion");
}
Task<Status> Backend::resize(Place, VolumeDocument, std::uint64_t, std::uint32_t) {
    co_return no_support("storage pool does not support changing of volume capacity");
}
Task<Status> Backend::discard(Place, std::string) { co_return Status{}; }
std::string Backend::part_of(const Place& place, const Wish& wish) const { return part_path(place.path(), wish.id); }

Task<Result<Found>> Backend::look(Place, VolumeDocument volume) {
    Found found;
    found.volumes.push_back(std::move(volume));
    co_return found;
}

Task<Result<std::vector<doc::PoolSource>>> Backend::find_sources(std::optional<doc::PoolSource>, Patience patience) {
    co_return make_error(ErrorCode::no_support, ErrorDomain::storage, "pool type '{}' does not support source discovery", patience.pool);
}

bool has_backend(doc::PoolType type) {
    using enum doc::PoolType;
    return type == dir || type == fs || type == netfs || type == logical || type == scsi || type == mpath;
}

BackendPtr make_backend(doc::PoolType type, Agent& agent) {
    switch (type) {
    case doc::PoolType::dir: return std::make_unique<FolderBackend>(agent);
    case doc::PoolType::fs:
    case doc::PoolType::netfs: return std::make_unique<MountBackend>(agent);
    case doc::PoolType::logical: return std::make_unique<LogicalBackend>(agent);
    case doc::PoolType::mpath:
    case doc::PoolType::scsi: return std::make_unique<DevicesBackend>(agent);
    default: return nullptr;
    }
}

} // namespace polyvirt::storage
