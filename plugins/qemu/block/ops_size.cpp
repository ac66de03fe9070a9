// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Sizes of disks: changed, and watched.

#include "base/error_text.h"
#include "block/block_ops.h"
#include "block/disks.h"
#include "block/events.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

std::shared_ptr<const Domain> live_of(Guest& guest) {
    const ObjectLock lock(guest.mu);
    return guest.live;
}

} // namespace

BlockOps::Task BlockOps::resize(GuestPtr guest, std::string name, std::uint64_t bytes) {
    const auto run = run_of(*guest);
    PV_CO_TRY(run);
    const auto live = live_of(*guest);
    const Disk* const disk = live ? find_disk(*live, name) : nullptr;
    if (disk == nullptr)
        co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "disk '{}' was not found in the domain config", name);
    const Chain chain = chain_of(*disk);
    if (chain.links.empty() || disk->readonly)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "can't resize empty or readonly disk '{}'", disk->target.dev);
    const Link& top = chain.links.front();
    // Images of these formats have whole sectors.
    constexpr std::uint64_t kSector = 512;
    if ((top.format == "qcow2" || top.format == "qed") && bytes % kSector != 0) bytes += kSector - bytes % kSector;
    if (bytes > std::uint64_t{INT64_MAX}) co_return make_error(ErrorCode::overflow, ErrorDomain::qemu, "size must be less than {}", INT64_MAX);
    Json arguments = {{"node-name", format_node(top.number())}, {"size", bytes}};
    PV_CO_TRY(co_await (*run)->qmp("block_resize", std::move(arguments)));
    co_return Status{};
}

pv_status BlockOps::block_resize(pv_call* call, const pv_obj* obj, const pv_dom_block_resize_in& in, pv_dom_block_resize_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_BLOCK_RESIZE_BYTES, "qemuDomainBlockResize"); !flags) return answer(call, flags);
    const bool kib = (in.flags & PV_DOMAIN_BLOCK_RESIZE_BYTES) == 0;
    if (kib && in.capacity > UINT64_MAX / 1024)
        return answer(call, make_error(ErrorCode::overflow, ErrorDomain::qemu, "size must be less than {}", UINT64_MAX / 1024));
    return change(call, obj, "block resize", [this, in, kib](const sdk::OperationPtr&, const GuestPtr& guest) {
        return resize(guest, in.disk, kib ? in.capacity * 1024 : in.capacity);
    });
}

BlockOps::Task BlockOps::set_threshold(GuestPtr guest, std::string text, std::uint64_t bytes) {
    const auto run = run_of(*guest);
    PV_CO_TRY(run);
    const auto name = parse_image_name(text);
    PV_CO_TRY(name);
    const auto live = live_of(*guest);
    const Disk* const disk = live ? find_disk(*live, name->target) : nullptr;
    const Chain chain = disk != nullptr ? chain_of(*disk) : Chain();
    const Link* link = name->number != 0 ? chain.by_number(name->number) : chain.links.empty() ? nullptr : &chain.links.front();
    if (link == nullptr) co_return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "failed to find disk '{}'", text);
    if (bytes > std::uint64_t{INT64_MAX}) co_return make_error(ErrorCode::overflow, ErrorDomain::qemu, "threshold must be less than {}", INT64_MAX);
    Json arguments = {{"node-name", storage_node(link->number())}, {"write-threshold", bytes}};
    PV_CO_TRY(co_await (*run)->qmp("block-set-write-threshold", std::move(arguments)));
    co_return Status{};
}

pv_status BlockOps::set_block_threshold(pv_call* call, const pv_obj* obj, const pv_dom_set_block_threshold_in& in,
                                        pv_dom_set_block_threshold_out&) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainSetBlockThreshold"); !flags) return answer(call, flags);
    return change(call, obj, "block threshold", [this, in](const sdk::OperationPtr&, const GuestPtr& guest) {
        return set_threshold(guest, in.dev, in.threshold);
    });
}

void on_write_threshold(Run& run, const QmpEvent& event) {
    const std::uint32_t image = number_of_node(text_of(event.data, "node-name"));
    Guest& guest = *run.guest();
    const ObjectLock lock(guest.mu);
    if (!guest.live || image == 0) return;
    const Disk* const disk = disk_of_number(*guest.live, image);
    if (disk == nullptr) return;
    const Chain chain = chain_of(*disk);
    const Link* const link = chain.by_number(image);
    pv_event_domain_block_threshold payload{};
    payload.size = sizeof payload;
    payload.path = link != nullptr && !link->path().empty() ? link->path().c_str() : nullptr;
    payload.threshold = number_at(event.data, "write-threshold");
    payload.excess = number_at(event.data, "amount-exceeded");
    // By its number always, and by the disk's own name for who never heard of numbers.
    const std::string indexed = fmt::format("{}[{}]", disk->target.dev, image);
    if (link == &chain.links.front()) {
        payload.dev = disk->target.dev.c_str();
        run.driver().post_event(guest, PV_EVENT_DOMAIN_BLOCK_THRESHOLD, &payload);
    }
    payload.dev = indexed.c_str();
    run.driver().post_event(guest, PV_EVENT_DOMAIN_BLOCK_THRESHOLD, &payload);
}

} // namespace polyvirt::qemu
