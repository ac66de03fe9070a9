// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.driver/1: an imaginary driver beside the plugin. It has one object of each kind that the manifest `uses`, named
// "conform", and can everything: each op succeeds, and where it answers a text, that is "conform" too.

#include <cstring>

#include <polyvirt/abi/driver.h>

#include "tools/conform/catalog.h"
#include "tools/conform/host/driver_lists.h"
#include "tools/conform/host/services.h"

namespace polyvirt::conform {
namespace {

constexpr const char* kName = "conform";
constexpr std::uint64_t kFirstHandle = std::uint64_t{1} << 48; // the registry's own stay far below

const OpSpec* op_of(std::uint32_t id) {
    for (const OpSpec& op : all_ops())
        if (op.id == id) return &op;
    return nullptr;
}

// What an op is about: its target, or what it makes.
std::uint32_t kind_of(const OpSpec& op) {
    if (op.target != PV_KIND_NONE) return op.target;
    for (const FieldSpec& f : op.out)
        if (f.type == FieldType::handle && f.kind != 0) return f.kind;
    return PV_KIND_NONE;
}

bool used(std::uint32_t kind) { return world().subject->manifest.uses_kind(kind_name(kind)); }

pv_status refused(pv_call* call, pv_status status, std::string why) PV_REQUIRES(g_mu) {
    host_error(call, 1, std::move(why));
    return status;
}

std::int32_t implements(pv_host* host, std::uint32_t op) noexcept {
    const Service service("driver.implements");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return 0;
    const OpSpec* spec = op_of(op);
    if (spec == nullptr) complain("services.arguments", "driver.implements: there is no op {:#x}", op);
    return spec != nullptr && used(kind_of(*spec)) ? 1 : 0;
}

pv_status find(pv_host* host, pv_call* call, std::uint32_t kind, std::uint64_t, const char* name, const std::uint8_t uuid[16],
               std::uint64_t* handle) noexcept {
    const Service service("driver.find");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    if (call != nullptr && world().handles.valid(call, service) == nullptr) return PV_ABI;
    if (handle == nullptr || (name == nullptr && uuid == nullptr) || kind == PV_KIND_NONE || kind > PV_KIND_CHECKPOINT) {
        complain("services.arguments", "driver.find: kind {}, without name or uuid, or nowhere to put the handle", kind);
        return refused(call, PV_ABI, "driver.find: wrong arguments");
    }
    if (!used(kind)) {
        complain("services.arguments", "driver.find: the manifest does not say that it uses objects of kind {}", kind_name(kind));
        return refused(call, PV_ORDER, "driver.find: the manifest does not list that kind");
    }
    if (service.fails()) return refused(call, PV_UNSUPPORTED, "the kit made driver.find fail");
    if (name != nullptr && std::strcmp(name, kName) != 0) return PV_GONE;
    *handle = kFirstHandle + kind;
    return PV_OK;
}

// Whether the call may be made at all; PV_OK.
pv_status check(pv_host* host, pv_call* call, std::uint32_t op, std::uint64_t object, const void* in, const void* out,
                const Service& service) PV_REQUIRES(g_mu) {
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    if (call != nullptr && world().handles.valid(call, service) == nullptr) return PV_ABI;
    const OpSpec* spec = op_of(op);
    std::uint32_t in_size = 0, out_size = 0;
    if (in != nullptr) std::memcpy(&in_size, in, sizeof in_size);
    if (out != nullptr) std::memcpy(&out_size, out, sizeof out_size);
    if (spec == nullptr || in_size < 8 || out_size < 8) {
        complain("services.arguments", "{}: op {:#x}, `in` of {} and `out` of {} bytes", service.name(), op, in_size, out_size);
        return refused(call, PV_ABI, "wrong arguments");
    }
    if (!used(kind_of(*spec))) {
        complain("services.arguments", "{}: {}: the manifest does not say that it uses that kind", service.name(), spec->name);
        return refused(call, PV_ORDER, "the manifest does not list that kind");
    }
    if (spec->target != PV_KIND_NONE && object != kFirstHandle + spec->target) {
        complain("handles.valid", "{}: {}: {} is no object of another driver", service.name(), spec->name, object);
        return refused(call, PV_GONE, "no such object");
    }
    if (service.fails()) return refused(call, PV_FAIL, "the kit made the call to another driver fail");
    return PV_OK;
}

// What the other driver answers.
void answer(std::uint32_t op, void* out, const Service& service) PV_REQUIRES(g_mu) {
    std::uint32_t size = 0;
    std::memcpy(&size, out, sizeof size);
    for (const FieldSpec& f : op_of(op)->out) {
        const bool text = f.type == FieldType::text || f.type == FieldType::opt_text || f.type == FieldType::bytes;
        if (!text || f.offset + sizeof(void*) > size) continue;
        pv_sink* sink = nullptr;
        std::memcpy(&sink, static_cast<const char*>(out) + f.offset, sizeof sink);
        if (sink != nullptr && world().handles.valid(sink, service) != nullptr) append(sink, kName, std::strlen(kName));
    }
}

pv_status call(pv_host* host, pv_call* call, std::uint32_t op, std::uint64_t object, const void* in, void* out) noexcept {
    const Service service("driver.call", Mark::reentrant);
    while_waiting(call != nullptr && call->target ? call->target->handle : 0);
    const LeafLock lock(g_mu);
    if (const pv_status status = check(host, call, op, object, in, out, service); status != PV_OK) return status;
    answer(op, out, service);
    return PV_OK;
}

pv_status call_async(pv_host* host, pv_call* call, std::uint32_t op, std::uint64_t object, const void* in, void* out, pv_loop* loop,
                     void (*fn)(void*, pv_status) PV_NOEXCEPT, void* ctx) noexcept {
    const Service service("driver.call_async");
    const LeafLock lock(g_mu);
    if (const pv_status status = check(host, call, op, object, in, out, service); status != PV_OK) return status;
    if (fn == nullptr || world().handles.valid(loop, service) == nullptr || loop->closed)
        return refused(call, PV_ABI, "driver.call_async: no function or no loop");
    give_task(loop, {.run =
                         [loop, op, out, fn, ctx] {
                             {
                                 const Service late("driver.call_async");
                                 const LeafLock held(g_mu);
                                 answer(op, out, late);
                             }
                             run_callback(loop, "the function of driver.call_async", [&] { fn(ctx, PV_OK); });
                         },
                     .what = "call of another driver"});
    return PV_PENDING;
}

pv_status list(pv_host* host, pv_call* call, std::uint32_t kind, std::uint64_t, pv_objs* objects) noexcept {
    const Service service("driver.list", Mark::reentrant);
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    if (call != nullptr && world().handles.valid(call, service) == nullptr) return PV_ABI;
    if (world().handles.valid(objects, service) == nullptr) return PV_ABI;
    if (!used(kind)) {
        complain("services.arguments", "driver.list: the manifest does not say that it uses objects of kind {}", kind_name(kind));
        return refused(call, PV_ORDER, "driver.list: the manifest does not list that kind");
    }
    if (service.fails()) return refused(call, PV_FAIL, "the kit made driver.list fail");
    objects->list = {kFirstHandle + kind};
    return PV_OK;
}

pv_status describe(pv_host* host, pv_call* call, std::uint32_t kind, std::uint64_t object, pv_obj* seen, pv_sink* name, const char* key,
                   pv_sink* value) noexcept {
    const Service service("driver.describe");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr) return PV_ABI;
    if (call != nullptr && world().handles.valid(call, service) == nullptr) return PV_ABI;
    for (pv_sink* sink : {name, value})
        if (sink != nullptr && world().handles.valid(sink, service) == nullptr) return PV_ABI;
    if (seen == nullptr || seen->size < sizeof(pv_obj) || (key == nullptr) != (value == nullptr)) {
        complain("services.arguments", "driver.describe: no room for what is seen, or a key without a place for its value");
        return refused(call, PV_ABI, "driver.describe: wrong arguments");
    }
    if (object != kFirstHandle + kind || key != nullptr) return PV_GONE;
    if (service.fails()) return refused(call, PV_FAIL, "the kit made driver.describe fail");
    const std::uint32_t size = seen->size;
    *seen = {};
    seen->size = size;
    seen->kind = kind;
    seen->handle = object;
    seen->dom_id = -1;
    return name == nullptr || append(name, kName, std::strlen(kName)) ? PV_OK : PV_FAIL;
}

// What the imaginary driver tells right away: that its object has started, and that something is lost.
void tell(pv_subscription* s, std::uint32_t kind, std::int32_t event) PV_REQUIRES(g_mu) {
    give_task(s->loop, {.run =
                            [s, kind, event] {
                                pv_notice notice{};
                                notice.size = sizeof notice;
                                notice.kind = kind;
                                notice.event = event;
                                notice.name = event == PV_NOTICE_LOST ? "" : kName;
                                if (event == PV_NOTICE_LOST) notice.detail = 1;
                                else notice.object = kFirstHandle + kind;
                                pv_notice_fn fn = nullptr;
                                {
                                    const LeafLock lock(g_mu);
                                    fn = s->fn;
                                }
                                if (fn != nullptr) run_callback(s->loop, "the function of driver.subscribe", [&] { fn(s->ctx, &notice); });
                            },
                        .what = "notice"});
}

void end_subscription(pv_subscription* s) PV_REQUIRES(g_mu) {
    s->fn = nullptr;
    s->host->subscriptions.erase(s);
    if (s->release != nullptr)
        give_task(s->loop, {.release = std::exchange(s->release, nullptr), .ctx = s->ctx, .what = "release of a subscription"});
}

pv_status subscribe(pv_host* host, std::uint32_t kind, pv_loop* loop, pv_notice_fn fn, void* ctx, pv_release_fn release,
                    pv_subscription** subscription) noexcept {
    const Service service("driver.subscribe");
    const LeafLock lock(g_mu);
    if (world().handles.valid(host, service) == nullptr || world().handles.valid(loop, service) == nullptr || loop->closed) return PV_ABI;
    if (fn == nullptr || subscription == nullptr) {
        complain("services.arguments", "driver.subscribe: no function, or nowhere to put the subscription");
        return PV_ABI;
    }
    if (find_event(kind, 0) == nullptr) return PV_UNSUPPORTED;
    if (!used(kind)) {
        complain("services.arguments", "driver.subscribe: the manifest does not say that it uses objects of kind {}", kind_name(kind));
        return PV_ORDER;
    }
    if (service.fails()) return PV_FAIL;
    pv_subscription* s = world().handles.add(std::make_unique<pv_subscription>(), "subscription");
    s->host = host;
    s->loop = loop;
    s->fn = fn;
    s->ctx = ctx;
    s->release = release;
    host->subscriptions.insert(s);
    *subscription = s;
    constexpr std::int32_t kStarted = 2;
    tell(s, kind, kStarted);
    tell(s, kind, PV_NOTICE_LOST);
    return PV_OK;
}

void unsubscribe(pv_subscription* subscription) noexcept {
    const Service service("driver.unsubscribe");
    const LeafLock lock(g_mu);
    if (world().handles.valid(subscription, service) == nullptr) return;
    subscription->gone = true;
    end_subscription(subscription);
}

} // namespace

void end_subscriptions(pv_host* host) {
    for (pv_subscription* s : std::set<pv_subscription*>(host->subscriptions)) end_subscription(s);
}

const pv_svc_driver kDriver = {sizeof(pv_svc_driver), 0,
                               implements, find, call, call_async,
                               new_params, new_strings, new_objs, new_records, new_groups,
                               free_params, free_strings, free_objs, free_records, free_groups,
                               count_params, count_strings, count_objs, count_records, count_groups,
                               param_at, string_at, obj_at, record_at, group_at,
                               list, describe, subscribe, unsubscribe};

} // namespace polyvirt::conform
