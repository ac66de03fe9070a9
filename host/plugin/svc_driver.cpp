// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.driver/1
#include <polyvirt/abi/driver.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <variant>

#include "base/sync.h"
#include "host/plugin/context.h"
#include "host/plugin/driver_call.h"
#include "host/plugin/driver_instance.h"
#include "host/plugin/driver_lists.h"
#include "host/plugin/service.h"
#include "host/plugin/thread_kind.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {
namespace {

// A refusal and the status that tells it apart.
struct Refused {
    pv_status status;
    Error error;
};

template <typename... A> Refused refused(pv_status status, ErrorCode code, fmt::format_string<A...> f, A&&... a) {
    return {status, make_error(code, ErrorDomain::none, f, std::forward<A>(a)...)};
}

std::shared_ptr<DriverInstance> caller_of(pv_host* host) {
    return std::static_pointer_cast<DriverInstance>(host->instance.lock());
}

// The instance that serves `kind` for the caller: along an edge of its manifest, or itself.
std::variant<std::shared_ptr<Instance>, Refused> provider_of(pv_host* host, std::uint32_t kind) {
    const auto caller = caller_of(host);
    if (caller == nullptr) return refused(PV_GONE, ErrorCode::internal_error, "the instance is gone");
    const auto& uses = caller->manifest().uses;
    const bool own = caller->has_kind(kind);
    if (!own && std::find(uses.begin(), uses.end(), kind) == uses.end())
        return refused(PV_ORDER, ErrorCode::internal_error,
                       "driver '{}' calls the driver of kind {} without listing it in its manifest's `uses`",
                       host->plugin_id, kind_name(kind));
    // Its one place inside is taken by the caller itself, which would wait for ever.
    if (own && caller->concurrency() != PV_CONCURRENCY_PARALLEL)
        return refused(PV_ORDER, ErrorCode::internal_error,
                       "driver '{}' has kind {} itself and is serial: it cannot be entered from within", host->plugin_id,
                       kind_name(kind));
    auto found = host->shared.providers.find(caller, kind);
    if (found == nullptr)
        return refused(PV_UNSUPPORTED, ErrorCode::no_support, "no driver serves objects of kind {}", kind_name(kind));
    return found;
}

struct Op {
    const OpInfo* info = nullptr;
    std::uint32_t kind = PV_KIND_NONE;
};
std::optional<Op> find(pv_host* host, std::uint32_t number) {
    const auto caller = caller_of(host);
    if (caller == nullptr) return std::nullopt;
    const OpInfo* info = find_op(caller->catalog(), number);
    if (info == nullptr || info->in_size == 0) return std::nullopt;
    return Op{info, caller->catalog().tables[number >> 8].kind};
}

std::int32_t implements(pv_host* host, std::uint32_t op) noexcept {
    if (host == nullptr) return 0;
    return guarded(std::int32_t{0}, [&]() -> std::int32_t {
        const auto known = find(host, op);
        if (!known) return 0;
        const auto provider = provider_of(host, known->kind);
        const auto* instance = std::get_if<std::shared_ptr<Instance>>(&provider);
        return instance != nullptr && (*instance)->implements(op) ? 1 : 0;
    });
}

pv_status find_object(pv_host* host, pv_call* call, std::uint32_t kind, std::uint64_t parent, const char* name,
                      const std::uint8_t uuid[16], std::uint64_t* handle) noexcept {
    if (host == nullptr || handle == nullptr || (name == nullptr && uuid == nullptr)) return misuse(call, "driver.find");
    *handle = 0;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        auto provider = provider_of(host, kind);
        if (auto* r = std::get_if<Refused>(&provider)) return fail(call, std::move(r->error), r->status);
        Registry& registry = std::get<0>(provider)->registry();
        ObjectPtr object;
        if (name != nullptr) {
            object = registry.find_name(kind, parent, name);
        } else {
            Uuid wanted;
            std::copy(uuid, uuid + 16, wanted.bytes.begin());
            object = registry.find_uuid(kind, wanted);
        }
        if (object == nullptr) return PV_GONE;
        *handle = object->handle;
        return PV_OK;
    });
}

// All that can be refused before anything is taken.
std::variant<DriverCall::Setup, Refused> prepare(pv_host* host, const CallRef& outer, std::uint32_t number,
                                                 std::uint64_t object, const void* in, void* out) {
    const auto known = find(host, number);
    if (!known) return refused(PV_ABI, ErrorCode::internal_error, "there is no operation {:#x}", number);
    for (const void* s : {in, static_cast<const void*>(out)}) {
        std::uint32_t size = 0;
        if (s != nullptr) std::memcpy(&size, s, sizeof size);
        if (size < 8)
            return refused(PV_ABI, ErrorCode::internal_error, "arguments or results of operation {:#x} have {} bytes",
                           number, size);
    }
    if (outer.is_over()) return refused(PV_GONE, ErrorCode::internal_error, "the call is over");
    if (outer && outer->depth >= DriverCall::kMaxDepth)
        return refused(PV_ORDER, ErrorCode::internal_error, "drivers call each other more than {} deep",
                       DriverCall::kMaxDepth);
    auto provider = provider_of(host, known->kind);
    if (auto* r = std::get_if<Refused>(&provider)) return std::move(*r);
    DriverCall::Setup setup;
    setup.driver = std::get<0>(std::move(provider));
    if (object != 0) {
        setup.object = setup.driver->registry().find(object);
        if (setup.object == nullptr)
            return refused(PV_GONE, ErrorCode::operation_failed, "driver '{}' has no such object any more",
                           setup.driver->plugin_id());
    }
    setup.outer = outer.share();
    setup.op = number;
    setup.info = known->info;
    setup.in = in;
    setup.out = out;
    return setup;
}

// What call() waits for.
struct Outcome {
    Mutex mu{Rank::leaf};
    CondVar ended;
    std::optional<pv_status> status PV_GUARDED_BY(mu);

    void set(pv_status s) {
        const LeafLock lock(mu);
        status = s;
        ended.notify_all();
    }
    pv_status wait() {
        const work::WorkerPool::Parked parked;
        LeafLock lock(mu);
        while (!status) ended.wait(lock);
        return *status;
    }
};

pv_status call_and_wait(pv_host* host, pv_call* call, std::uint32_t op, std::uint64_t object, const void* in,
                        void* out) noexcept {
    if (host == nullptr) return misuse(call, "driver.call");
    lock_rank::assert_none_held("a driver calls another");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef outer = CallHandles::find(call, "driver.call");
        if (thread_kind() == PV_THREAD_LOOP)
            return fail(outer,
                        make_error(ErrorCode::internal_error, ErrorDomain::none,
                                   "driver '{}' calls another on a loop's thread; call_async is for that",
                                   host->plugin_id),
                        PV_ORDER);
        auto prepared = prepare(host, outer, op, object, in, out);
        if (auto* r = std::get_if<Refused>(&prepared)) return fail(outer, std::move(r->error), r->status);
        const auto outcome = std::make_shared<Outcome>();
        const auto nested = std::make_shared<DriverCall>(std::get<0>(std::move(prepared)),
                                                         [outcome](pv_status s) { outcome->set(s); });
        nested->enter();
        return outcome->wait();
    });
}

pv_status call_async(pv_host* host, pv_call* call, std::uint32_t op, std::uint64_t object, const void* in, void* out,
                     pv_loop* loop, void (*fn)(void*, pv_status) PV_NOEXCEPT, void* ctx) noexcept {
    if (host == nullptr || loop == nullptr || fn == nullptr) return misuse(call, "driver.call_async");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef outer = CallHandles::find(call, "driver.call_async");
        auto prepared = prepare(host, outer, op, object, in, out);
        if (auto* r = std::get_if<Refused>(&prepared)) return fail(outer, std::move(r->error), r->status);
        // Both keep the caller's loop and instance there until `fn` has run.
        const auto strand = std::make_shared<Strand::User>(loop->strand);
        const auto token = std::make_shared<Census::Token>(host->census.take(Census::callback));
        const auto nested =
            std::make_shared<DriverCall>(std::get<0>(std::move(prepared)), [strand, token, fn, ctx](pv_status s) {
                (*strand)->loop().post([strand, token, fn, ctx, s] {
                    (*strand)->run(reinterpret_cast<const void*>(fn), [&] { fn(ctx, s); });
                });
            });
        // The other driver's code must not run under the caller's locks, nor on its loop.
        if (!host->shared.pool.submit([nested] { nested->enter(); }, false))
            return fail(outer,
                        make_error(ErrorCode::resource_busy, ErrorDomain::none, "too many calls wait for a worker"),
                        PV_BUSY);
        return PV_PENDING;
    });
}

pv_status list_objects(pv_host* host, pv_call* call, std::uint32_t kind, std::uint64_t parent, pv_objs* list) noexcept {
    if (host == nullptr || list == nullptr) return misuse(call, "driver.list");
    lock_rank::assert_none_held("a driver lists another's objects");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef by = CallHandles::find(call, "driver.list");
        if (by.is_over()) return PV_GONE;
        if (thread_kind() == PV_THREAD_LOOP)
            return fail(by,
                        make_error(ErrorCode::internal_error, ErrorDomain::none,
                                   "driver '{}' lists another's objects on a loop's thread", host->plugin_id),
                        PV_ORDER);
        auto provider = provider_of(host, kind);
        if (auto* r = std::get_if<Refused>(&provider)) return fail(by, std::move(r->error), r->status);
        Instance& driver = *std::get<0>(provider);
        if (parent != 0 && driver.registry().find(parent) == nullptr)
            return fail(by,
                        make_error(ErrorCode::operation_failed, ErrorDomain::none, "driver '{}' has no such object any more",
                                   driver.plugin_id()),
                        PV_GONE);
        ListFilter filter;
        filter.kind = kind;
        filter.parent = parent;
        std::vector<ObjectPtr> objects = driver.registry().list(filter);
        if (by) by->leave_visible(objects, driver);
        for (const ObjectPtr& object : objects) list->list.push_back(object->handle);
        return PV_OK;
    });
}

// False: the sink takes no more.
bool put(pv_sink* sink, const std::string& text) {
    if (sink == nullptr) return true;
    if (text.size() > sink->max || sink->data.size() > sink->max - text.size()) return !(sink->failed = true);
    sink->data += text;
    sink->written = true;
    return true;
}

pv_status describe(pv_host* host, pv_call* call, std::uint32_t kind, std::uint64_t handle, pv_obj* seen, pv_sink* name,
                   const char* key, pv_sink* value) noexcept {
    if (host == nullptr || handle == 0 || (seen != nullptr && seen->size < offsetof(pv_obj, attrs) + sizeof(seen->attrs)))
        return misuse(call, "driver.describe");
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        auto provider = provider_of(host, kind);
        if (auto* r = std::get_if<Refused>(&provider)) return fail(call, std::move(r->error), r->status);
        const ObjectPtr object = std::get<0>(provider)->registry().find(handle);
        if (object == nullptr || object->kind != kind) return PV_GONE;
        const auto found = std::find_if(object->keys.begin(), object->keys.end(),
                                        [&](const auto& k) { return key != nullptr && k.first == key; });
        if (key != nullptr && found == object->keys.end()) return PV_GONE;
        if (!put(name, object->name) || (key != nullptr && !put(value, found->second)))
            return fail(call, make_error(ErrorCode::internal_error, ErrorDomain::none,
                                         "a text of {} '{}' is longer than the caller's sink", kind_name(kind), object->name));
        if (seen == nullptr) return PV_OK;
        seen->kind = object->kind;
        seen->handle = object->handle;
        std::copy(object->uuid.bytes.begin(), object->uuid.bytes.end(), seen->uuid);
        seen->dom_id = object->dom_id;
        seen->state = object->state;
        seen->attrs = object->attrs;
        return PV_OK;
    });
}

pv_status subscribe(pv_host* host, std::uint32_t kind, pv_loop* loop, pv_notice_fn fn, void* ctx, pv_release_fn release,
                    pv_subscription** subscription) noexcept {
    if (host == nullptr || loop == nullptr || fn == nullptr || subscription == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const auto caller = caller_of(host);
        if (caller == nullptr || loop->strand->closed()) return PV_GONE;
        if (caller->has_kind(kind) || !Subscriptions::has_notices(kind)) return PV_UNSUPPORTED;
        const auto& uses = caller->manifest().uses;
        if (std::find(uses.begin(), uses.end(), kind) == uses.end()) return PV_ORDER;
        const auto context = std::make_shared<PluginContext>(ctx, release, host->census.take(Census::callback));
        std::shared_ptr<Subscription> made;
        try {
            made = std::make_shared<Subscription>(*host, kind, loop->strand, fn, context);
            host->shared.subscriptions.add(made);
            *subscription = host->subscriptions.add(std::make_unique<pv_subscription>(pv_subscription{made, host}));
            return PV_OK;
        } catch (...) {
            context->disown();
            if (made != nullptr) made->end();
            throw;
        }
    });
}

void unsubscribe(pv_subscription* subscription) noexcept {
    if (subscription == nullptr) return;
    guarded(0, [&] {
        const std::unique_ptr<pv_subscription> owned = subscription->host->subscriptions.take(subscription);
        if (!PV_BUG(!owned)) owned->subscription->end();
        return 0;
    });
}

pv_svc_driver make_table() {
    pv_svc_driver table{};
    table.size = sizeof table;
    table.implements = implements;
    table.find = find_object;
    table.call = call_and_wait;
    table.call_async = call_async;
    fill_list_functions(table);
    table.list = list_objects;
    table.describe = describe;
    table.subscribe = subscribe;
    table.unsubscribe = unsubscribe;
    return table;
}

const pv_svc_driver kDriverTable = make_table();

} // namespace

const Service kDriverService{PV_SVC_DRIVER, &kDriverTable};

} // namespace polyvirt::plugin
