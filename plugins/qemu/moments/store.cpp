// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/store.h"

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "moments/unfinished.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

constexpr std::size_t kMaxRecord = std::size_t{16} << 20;
constexpr std::size_t kUuidLength = 36;
constexpr std::string_view kSnapshots = "snapshots", kCheckpoints = "checkpoints", kCurrent = ".current";

std::string_view folder_of(std::uint32_t kind) { return kind == PV_KIND_SNAPSHOT ? kSnapshots : kCheckpoints; }
std::string current_record(std::uint32_t kind, const Uuid& guest) { return fmt::format("{}/{}{}", folder_of(kind), guest.to_string(), kCurrent); }

std::string document_text(const Snapshot& s) { return format_snapshot(s, {.secure = true}); }
std::string document_text(const Checkpoint& c) { return format_checkpoint(c, {.secure = true, .no_domain = false, .size = true}); }

void drop_descriptions(Snapshot& s) {
    s.domain.reset();
    s.inactive_domain.reset();
}
void drop_descriptions(Checkpoint& c) { c.domain.reset(); }

// What one kind of moment is loaded by.
template <typename Document> struct Kind;
template <> struct Kind<Snapshot> {
    static constexpr std::uint32_t number = PV_KIND_SNAPSHOT;
    static Result<Snapshot> parse(std::string_view text) { return parse_snapshot(text); }
    static std::uint64_t attrs(const Snapshot& s) { return snapshot_attrs(s); }
    static auto& of(Guest& guest) PV_REQUIRES(guest.mu) { return guest.snapshots; }
};
template <> struct Kind<Checkpoint> {
    static constexpr std::uint32_t number = PV_KIND_CHECKPOINT;
    static Result<Checkpoint> parse(std::string_view text) { return parse_checkpoint(text); }
    static std::uint64_t attrs(const Checkpoint&) { return 0; }
    static auto& of(Guest& guest) PV_REQUIRES(guest.mu) { return guest.checkpoints; }
};

template <typename Document> void load_one(const sdk::Records& records, Driver& driver, const GuestPtr& guest, const std::string& record, std::string_view text) {
    auto document = Kind<Document>::parse(text);
    if (!document) return records.set_aside(record, document.error().message);
    const std::string name = document->name;
    if (record_name(folder_of(Kind<Document>::number), guest->uuid, name) != record)
        return records.set_aside(record, fmt::format("it describes '{}', which has another record", name));
    Moment<Document> item;
    if (document->parent) item.parent = document->parent->name;
    item.attrs = Kind<Document>::attrs(*document);
    drop_descriptions(*document);
    item.document = *std::move(document);
    const ObjectLock lock(guest->mu);
    auto& moments = Kind<Document>::of(*guest);
    if (const Status put = moments.put(driver.services(), nullptr, guest->handle, guest, name, std::move(item)); !put)
        log::error("startup", "domain '{}': {}", guest->name, put.error().message);
    driver.show(*guest);
}

// A parent whose record is lost is none, or its children would be out of every tree.
template <typename Document> void settle_tree(Driver& driver, Guest& guest, const std::string& current) {
    const ObjectLock lock(guest.mu);
    auto& moments = Kind<Document>::of(guest);
    std::vector<std::string> orphans;
    moments.each([&](const std::string& name, const Moment<Document>& item) {
        if (!check_parent(moments, name, item.parent)) orphans.push_back(name);
    });
    for (const std::string& name : orphans) {
        Moment<Document> item = *moments.find(name);
        log::warning("startup", "domain '{}': the parent '{}' of '{}' is not there", guest.name, item.parent, name);
        item.parent.clear();
        if (const Status put = moments.put(driver.services(), nullptr, guest.handle, guest.shared_from_this(), name, std::move(item)); !put)
            log::error("startup", "domain '{}': {}", guest.name, put.error().message);
    }
    if (current.empty()) return;
    // The one that it names was only being made, or is gone: the newest of a branch is then.
    std::string chosen = current;
    if (moments.find(current) == nullptr) {
        std::set<std::string> parents;
        moments.each([&](const std::string&, const Moment<Document>& item) { parents.insert(item.parent); });
        moments.each([&](const std::string& name, const Moment<Document>&) {
            if (!parents.contains(name)) chosen = name;
        });
    }
    if (moments.find(chosen) != nullptr) moments.set_current(driver.services(), chosen);
}

template <typename Document> void load_kind(const sdk::Records& records, Driver& driver) {
    constexpr std::uint32_t kind = Kind<Document>::number;
    const std::string folder(folder_of(kind));
    std::map<Uuid, std::pair<GuestPtr, std::string>> touched; // and which is current
    const Status read = records.each(folder, [&](const std::string& listed, std::string_view text) {
        // Listed with or without the folder's name, by the host's choice.
        const std::string name = listed.substr(listed.rfind('/') + 1);
        if (name.ends_with(kUnfinished)) return;
        const std::string record = folder + "/" + name;
        const auto uuid = Uuid::parse(std::string_view(name).substr(0, kUuidLength));
        const GuestPtr guest = uuid ? driver.guests().find(*uuid) : nullptr;
        if (!guest) return records.set_aside(record, "it belongs to no domain");
        auto& entry = touched[*uuid];
        entry.first = guest;
        if (name.ends_with(kCurrent)) entry.second = std::string(text);
        else load_one<Document>(records, driver, guest, record, text);
    });
    if (!read) log::error("startup", "{}", read.error().message);
    for (auto& [uuid, entry] : touched) settle_tree<Document>(driver, *entry.first, entry.second);
}

template <typename Document>
Result<Document> read_record(const sdk::Records& records, const Uuid& guest, const std::string& name, const Error& none) {
    PV_ASSIGN_OR_RETURN(const auto text, records.get(record_name(folder_of(Kind<Document>::number), guest, name), kMaxRecord));
    if (!text) return none;
    return Kind<Document>::parse(*text);
}

} // namespace

std::string record_name(std::string_view folder, const Uuid& guest, const std::string& name) {
    constexpr std::size_t kMax = 96;
    std::string safe;
    bool changed = name.size() > kMax;
    for (const char c : name.substr(0, kMax)) {
        const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        safe += good ? c : '_';
        changed = changed || !good;
    }
    // Two names must not meet in one file.
    if (changed) {
        std::uint64_t hash = 1469598103934665603U; // FNV-1a: the same in every build, unlike std::hash
        for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
        safe += fmt::format("~{:016x}", hash);
    }
    return fmt::format("{}/{}.{}.xml", folder, guest.to_string(), safe);
}

Error no_snapshot(std::string_view name) {
    return make_error(ErrorCode::no_domain_snapshot, ErrorDomain::qemu, "no domain snapshot with matching name '{}'", name);
}
Error no_checkpoint(std::string_view name) {
    return make_error(ErrorCode::no_domain_checkpoint, ErrorDomain::qemu, "no domain checkpoint with matching name '{}'", name);
}

MomentStore::MomentStore(const plugin::Services& s) : s_(s), records_(s, PV_STATE_DATA, ErrorDomain::qemu) {}

Status MomentStore::put(const Uuid& guest, const Snapshot& snapshot, pv_call* call) const {
    return records_.put(record_name(kSnapshots, guest, snapshot.name), document_text(snapshot), call);
}
Status MomentStore::put(const Uuid& guest, const Checkpoint& checkpoint, pv_call* call) const {
    return records_.put(record_name(kCheckpoints, guest, checkpoint.name), document_text(checkpoint), call);
}
Result<Snapshot> MomentStore::snapshot(const Uuid& guest, const std::string& name) const {
    return read_record<Snapshot>(records_, guest, name, no_snapshot(name));
}
Result<Checkpoint> MomentStore::checkpoint(const Uuid& guest, const std::string& name) const {
    return read_record<Checkpoint>(records_, guest, name, no_checkpoint(name));
}
Status MomentStore::remove_snapshot(const Uuid& guest, const std::string& name) const {
    return records_.remove(record_name(kSnapshots, guest, name));
}
Status MomentStore::remove_checkpoint(const Uuid& guest, const std::string& name) const {
    return records_.remove(record_name(kCheckpoints, guest, name));
}

Status MomentStore::put_current(std::uint32_t kind, const Uuid& guest, const std::string& name, pv_call* call) const {
    if (name.empty()) return records_.remove(current_record(kind, guest));
    return records_.put(current_record(kind, guest), name, call);
}

Status MomentStore::put_parents(const GuestPtr& guest, std::uint32_t kind, const std::vector<std::string>& names, pv_call* call) const {
    for (const std::string& name : names) {
        std::string parent;
        {
            const ObjectLock lock(guest->mu);
            if (kind == PV_KIND_SNAPSHOT) {
                if (const auto* item = guest->snapshots.find(name)) parent = item->parent;
            } else if (const auto* item = guest->checkpoints.find(name)) {
                parent = item->parent;
            }
        }
        const auto update = [&](auto document) -> Status {
            if (parent.empty()) document.parent.reset();
            else document.parent = SnapshotParent{parent};
            return put(guest->uuid, document, call);
        };
        if (kind == PV_KIND_SNAPSHOT) {
            PV_ASSIGN_OR_RETURN(Snapshot document, snapshot(guest->uuid, name));
            PV_TRY(update(std::move(document)));
        } else {
            PV_ASSIGN_OR_RETURN(Checkpoint document, checkpoint(guest->uuid, name));
            PV_TRY(update(std::move(document)));
        }
    }
    return {};
}

void MomentStore::load(Driver& driver) const {
    load_kind<Snapshot>(records_, driver);
    load_kind<Checkpoint>(records_, driver);
}

Status MomentStore::forget(const Uuid& guest, const std::vector<std::string>& snapshots, const std::vector<std::string>& checkpoints) const {
    for (const std::string& name : snapshots) PV_TRY(remove_snapshot(guest, name));
    for (const std::string& name : checkpoints) PV_TRY(remove_checkpoint(guest, name));
    if (!snapshots.empty()) PV_TRY(put_current(PV_KIND_SNAPSHOT, guest, {}, nullptr));
    if (!checkpoints.empty()) PV_TRY(put_current(PV_KIND_CHECKPOINT, guest, {}, nullptr));
    return {};
}

// What goes with a guest that is off goes only if it is said so.
Status MomentStore::may_undefine(Guest& guest, std::uint32_t flags) {
    const auto count = [](const auto& moments) {
        std::size_t n = 0;
        moments.each([&](const auto&, const auto&) { ++n; });
        return n;
    };
    const ObjectLock lock(guest.mu);
    if (guest.active()) return {};
    const auto refuse = [](std::string text) { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "{}", text); };
    if (!guest.snapshots.empty() && (flags & PV_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) == 0)
        return refuse(fmt::format("cannot delete inactive domain with {} snapshots", count(guest.snapshots)));
    if (!guest.checkpoints.empty() && (flags & PV_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA) == 0)
        return refuse(fmt::format("cannot delete inactive domain with {} checkpoints", count(guest.checkpoints)));
    if (guest.managed_save && (flags & PV_DOMAIN_UNDEFINE_MANAGED_SAVE) == 0)
        return refuse("Refusing to undefine while domain managed save image exists");
    return {};
}

Status MomentStore::forget_all(const GuestPtr& guest) const {
    std::vector<std::string> snapshots, checkpoints;
    {
        const ObjectLock lock(guest->mu);
        if (guest->active()) return {}; // it goes on, and they with it
        guest->snapshots.each([&](const std::string& name, const auto&) { snapshots.push_back(name); });
        guest->checkpoints.each([&](const std::string& name, const auto&) { checkpoints.push_back(name); });
    }
    PV_TRY(forget(guest->uuid, snapshots, checkpoints));
    const ObjectLock lock(guest->mu);
    for (const std::string& name : snapshots) guest->snapshots.remove(s_, name);
    for (const std::string& name : checkpoints) guest->checkpoints.remove(s_, name);
    return {};
}

} // namespace polyvirt::qemu
