// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The one way into a driver.
#include "host/plugin/driver_instance.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/call_handles.h"
#include "host/plugin/thread_kind.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {
namespace {

const OpInfo kUnknownOp{"unknown", true, false};

// Drivers that lock for themselves: of the workers, one object's calls hold no more than so many at a time, nor do
// those that have no object.
constexpr unsigned kObjectShare = 4, kOthersShare = 16;

// Bits that no flag of the op has: a newer client, or nonsense. In the words that clients know.
Status check_flags(const OpInfo& info, const void* in, const Instance& driver) {
    if (info.flags_offset == 0 || in == nullptr) return {};
    std::uint32_t size = 0, flags = 0;
    std::memcpy(&size, in, sizeof size);
    if (size < info.flags_offset + sizeof flags) return {};
    std::memcpy(&flags, static_cast<const char*>(in) + info.flags_offset, sizeof flags);
    const std::uint32_t unknown = flags & ~info.flags_known;
    if (unknown == 0) return {};
    std::string_view api = info.api;
    if (api.starts_with("vir")) api.remove_prefix(3);
    Error error;
    error.code = ErrorCode::invalid_arg;
    error.domain = driver.error_domain();
    error.str1 = driver.plugin_id() + std::string(api);
    error.message = fmt::format("unsupported flags ({:#x}) in function {}", unknown, error.str1);
    error.str2 = "flags";
    error.int1 = 0;
    return error;
}

} // namespace

OpFn DriverInstance::find(std::uint32_t op) const noexcept {
    const std::uint32_t table = op >> 8;
    const std::uint32_t slot = op & 0xff;
    if (table >= tables_.size() || slot >= tables_[table].fns.size()) return nullptr;
    return tables_[table].fns[slot];
}

// Children are under their parent's lock, so they share its strand; calls without a target share one.
std::uint64_t DriverInstance::strand_key(const pv_obj* obj) const noexcept {
    if (concurrency() == PV_CONCURRENCY_SERIAL_ALL || obj == nullptr) return 0;
    while (obj->parent != nullptr) obj = obj->parent;
    return obj->handle;
}

unsigned DriverInstance::share_of(std::uint64_t key) const noexcept {
    if (concurrency() != PV_CONCURRENCY_PARALLEL) return 1;
    return key != 0 ? kObjectShare : kOthersShare;
}

void DriverInstance::refuse(const std::shared_ptr<Call>& call, Error error, pv_status status) {
    call->set_error(std::move(error));
    call->returned(status);
}

void DriverInstance::enter(std::shared_ptr<Call> call, std::uint32_t op, const pv_obj* obj, const void* in,
                           void* out) {
    lock_rank::assert_host_none_held("entering a driver");
    call->op = op;
    if (!in_flight_.enter()) {
        call->instance = shared_from_this();
        in_flight_.enter_refused(); // its end is counted out
        return refuse(call,
                      make_error(ErrorCode::operation_invalid, ErrorDomain::none, "driver '{}' {}", plugin_id(),
                                 why_refused_.load()),
                      PV_BUSY);
    }
    call->instance = shared_from_this(); // from here on its end counts
    const OpFn fn = find(op);
    const OpInfo& info = fn != nullptr ? tables_[op >> 8].spec->ops[op & 0xff] : kUnknownOp;
    if (fn == nullptr)
        return refuse(call,
                      make_error(ErrorCode::no_support, ErrorDomain::none, "operation {:#x} of driver '{}'", op,
                                 plugin_id()),
                      PV_UNSUPPORTED);
    if (Status known = check_flags(info, in, *this); !known) return refuse(call, std::move(known).error(), PV_FAIL);
    Entry entry{std::move(call), fn, obj, in, out, !info.may_block, PV_THREAD_WORKER};
    if (info.always || (concurrency() == PV_CONCURRENCY_PARALLEL && !info.may_block)) {
        const pv_status status = call_driver(entry);
        return std::exchange(entry.call, nullptr)->returned(status);
    }
    enter_in_turn(strand_key(obj), std::move(entry));
}

void DriverInstance::enter_in_turn(std::uint64_t key, Entry entry) {
    entry.call->set_stage(Call::Stage::turn);
    switch (strands_.take(key, share_of(key), entry)) {
    case Strands::Taken::entered: return run_strand(key, std::move(entry));
    case Strands::Taken::queued: return;
    case Strands::Taken::full:
        return refuse(entry.call,
                      make_error(ErrorCode::resource_busy, ErrorDomain::none,
                                 "too many calls wait for '{}' of driver '{}' already",
                                 entry.obj != nullptr ? entry.obj->name : "the driver", plugin_id()),
                      PV_BUSY);
    }
}

pv_status DriverInstance::call_driver(Entry& entry) const {
    const ThreadKind kind(entry.thread);
    const CurrentCall current(*entry.call);
    if (current.handle() == nullptr) {
        entry.call->set_error(make_error(ErrorCode::resource_busy, ErrorDomain::none, "too many calls are in drivers"));
        return PV_BUSY;
    }
    entry.call->set_stage(Call::Stage::driver);
    const pv_status status = entry.fn(host_.inst, current.handle(), entry.obj, entry.in, entry.out);
    lock_rank::assert_none_held("a driver has returned");
    return status;
}

// Runs the call whose turn it is. Who comes next on this strand gets a worker of its own: this one has its
// own caller to answer. Only when the pool takes no more does it go on with the next itself.
void DriverInstance::run_strand(std::uint64_t key, Entry entry) {
    while (true) {
        // Nobody waits any more for a read whose client has left, or whose time is over.
        const bool late = entry.call->cancelled();
        if (late) entry.call->set_error(make_error(ErrorCode::operation_aborted, ErrorDomain::none, "cancelled"));
        const pv_status status = late ? PV_CANCELLED : call_driver(entry);
        // A call that goes on (PV_PENDING) gives up the strand too, so that it can be watched and aborted.
        std::optional<Entry> next = strands_.next(key);
        if (!next) return std::exchange(entry.call, nullptr)->returned(status);
        const bool priority = next->priority;
        const auto shared = std::make_shared<Entry>(*std::move(next));
        // Its call counts as in flight, so this outlives it.
        const bool handed_over =
            host_.shared.pool.submit([this, key, shared] { run_strand(key, std::move(*shared)); }, priority);
        std::exchange(entry.call, nullptr)->returned(status);
        if (handed_over) return;
        entry = std::move(*shared);
    }
}

} // namespace polyvirt::plugin
