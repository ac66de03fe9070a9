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

std::string text(const Json& j, const char* key) { return j.value(key, std::string()); }

std::optional<doc::Permissions> permissions_of(const Json& j) {
    const auto it = j.find("permissions");
    if (it == j.end()) return std::nullopt;
    doc::Permissions p;
    p.mode.bits = it->value("mode", 0U);
    p.owner = it->value("owner", std::int64_t{0});
    p.group = it->value("group", std::int64_t{0});
    p.label = text(*it, "label");
    return p;
}

doc::Timestamps times_of(const Json& j) {
    const auto it = j.find("times");
    if (it == j.end()) return {};
    return {text(*it, "atime"), text(*it, "mtime"), text(*it, "ctime"), text(*it, "btime")};
}

void take_header(const Json& facts, doc::Volume& v) {
    v.target.format = text(facts, "format");
    v.target.compat = text(facts, "compat");
    if (const auto size = facts.find("cluster"); size != facts.end()) v.target.cluster_size = size->get<std::uint64_t>();
    doc::VolumeFeatures features;
    features.lazy_refcounts = facts.value("lazy_refcounts", false);
    features.extended_l2 = facts.value("extended_l2", false);
    if (features.lazy_refcounts || features.extended_l2) v.target.features = features;
    const std::string encryption = text(facts, "encryption");
    if (encryption.empty()) return;
    doc::Encryption e;
    e.format = encryption == "luks" ? doc::EncryptionFormat::luks : doc::EncryptionFormat::default_;
    v.target.encryption = std::move(e);
}

void take_backing(const Json& facts, doc::Volume& v) {
    const auto it = facts.find("backing");
    if (it == facts.end()) return;
    if (!v.backing_store) {
        v.backing_store.emplace();
        v.backing_store->path = text(*it, "path");
        v.backing_store->format = text(*it, "format");
    }
    if (!it->contains("permissions")) return;
    v.backing_store->permissions = permissions_of(*it);
    v.backing_store->timestamps = times_of(*it);
}

doc::VolumeType type_of(const std::string& name) {
    for (std::size_t i = 1; i < std::size(doc::kVolumeTypes); ++i)
        if (doc::kVolumeTypes[i] == name) return static_cast<doc::VolumeType>(i);
    return doc::VolumeType::file;
}

} // namespace

doc::Volume volume_of(const Json& facts, const doc::Volume* base) {
    doc::Volume v;
    if (base != nullptr) {
        v = *base;
    } else {
        v.name = text(facts, "name");
        v.target.path = text(facts, "path");
        v.key = v.target.path;
        v.type = type_of(text(facts, "type"));
        take_header(facts, v);
    }
    take_backing(facts, v);
    v.capacity = facts.value("capacity", std::uint64_t{0});
    v.allocation = facts.value("allocation", std::uint64_t{0});
    if (const auto physical = facts.value("physical", std::uint64_t{0}); physical != 0) v.physical = physical;
    v.target.permissions = permissions_of(facts);
    v.target.timestamps = times_of(facts);
    return v;
}

Result<Found> found_of(const Json& answer) {
    Found found;
    found.has_sizes = answer.contains("capacity");
    found.capacity = answer.value("capacity", std::uint64_t{0});
    found.allocation = answer.value("allocation", std::uint64_t{0});
    found.available = answer.value("available", std::uint64_t{0});
    found.permissions = permissions_of(answer);
    found.skipped = answer.value("skipped", std::uint64_t{0});
    for (const Json& facts : answer.at("volumes")) found.volumes.push_back(std::make_shared<const doc::Volume>(volume_of(facts, nullptr)));
    return found;
}

Json permissions_json(const std::optional<doc::Permissions>& p) {
    Json j = Json::object();
    if (!p) return j;
    if (p->mode.bits) j["mode"] = *p->mode.bits;
    if (p->owner && *p->owner >= 0) j["owner"] = *p->owner;
    if (p->group && *p->group >= 0) j["group"] = *p->group;
    return j;
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
