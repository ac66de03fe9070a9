// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "faults.h"

#include <utility>

#include <polyvirt/call.h>
#include <polyvirt/job.h>

#include "base/error_text.h"

namespace polyvirt::test {
namespace {

Error declared_error(const FaultRule& rule, std::string_view op) {
    const auto code = static_cast<ErrorCode>(rule.code.value_or(static_cast<std::uint32_t>(ErrorCode::operation_failed)));
    return make_error(code, ErrorDomain::test, "{}", rule.message.empty() ? fmt::format("declared fault in {}", op) : rule.message);
}

} // namespace

// A call that waits. `done` runs when its time is up, by itself or on a worker.
struct Faults::Held {
    pv_call* call;
    std::uint64_t handle, parent;
    std::function<void()> done;
    plugin::Watch timer; // set before anybody else can find this
};

Faults::~Faults() = default;

Status Faults::load(const sdk::xml::Node& element) {
    PV_ASSIGN_OR_RETURN(const FaultSet set, parse_faults(element));
    if (!set.storms.empty() || set.monitor || set.jobs)
        return make_error(ErrorCode::xml_error, ErrorDomain::test,
                          "<fault:storm>, <fault:lost-monitor> and <fault:long-jobs> belong to a domain, found in <node>");
    declare(0, set);
    return {};
}

// The host waits for no call that it has seen the end of; those that hang are told that it is over.
void Faults::stop() {
    release(0, make_error(ErrorCode::operation_aborted, ErrorDomain::test, "the test host is ending"));
}

void Faults::declare(std::uint64_t handle, const FaultSet& set) {
    Rules rules;
    for (const auto* list : {&set.delays, &set.errors, &set.hangs})
        for (const FaultRule& rule : *list) rules.emplace_back(rule, 0);
    const LeafLock lock(mu_);
    Rules& there = handle == 0 ? everywhere_ : by_object_[handle];
    rules_ += rules.size();
    rules_ -= there.size();
    there = std::move(rules);
    if (handle != 0 && there.empty()) by_object_.erase(handle);
}

void Faults::meet(Rules& rules, std::string_view op, Verdict& verdict) {
    for (auto& [rule, met] : rules) {
        if (!op_matches(rule.op, op)) continue;
        const std::uint64_t number = met++;
        const std::uint64_t after = rule.after.value_or(0);
        if (number < after || (rule.times && number >= after + *rule.times)) continue;
        if (rule.kind == FaultKind::delay) verdict.delay_ms += *rule.ms;
        else if (!verdict.end) verdict.end = rule;
    }
}

Faults::Verdict Faults::judge(std::string_view op, const pv_obj* obj) {
    Verdict verdict;
    const LeafLock lock(mu_);
    // Nearest first: a volume's own rules, its pool's, those of the host.
    for (const pv_obj* o = obj; o != nullptr; o = o->parent)
        if (const auto found = by_object_.find(o->handle); found != by_object_.end()) meet(found->second, op, verdict);
    meet(everywhere_, op, verdict);
    // What ends a domain is not held up by a rule that means everything: it is the way out.
    if (op == "domain.destroy" && verdict.end && verdict.end->kind == FaultKind::hang && verdict.end->op != op) verdict.end.reset();
    return verdict;
}

pv_status Faults::pass(std::string_view op, pv_call* call, const pv_obj* obj, std::function<pv_status()> run) {
    if (op == "domain.destroy" && obj != nullptr)
        release(obj->handle, make_error(ErrorCode::operation_aborted, ErrorDomain::test, "domain '{}' was destroyed meanwhile", obj->name));
    const Verdict verdict = judge(op, obj);
    const std::optional<FaultRule>& end = verdict.end;
    if (verdict.delay_ms == 0 && !end) return run();
    const plugin::Services& s = driver_.services();
    const Error late = make_error(ErrorCode::operation_timeout, ErrorDomain::test, "{} was held up beyond its time", op);
    if (end && end->kind == FaultKind::hang) {
        // With a time it goes on afterwards, without one it never does.
        if (!end->ms) return hold(call, obj, -1, nullptr, late);
        const std::int64_t ns = (std::int64_t{verdict.delay_ms} + *end->ms) * kMillisecond;
        return hold(call, obj, ns, [&s, call, late] { s.call->complete(call, plugin::fail(s, call, late)); }, late);
    }
    if (end && verdict.delay_ms == 0) return plugin::fail(s, call, declared_error(*end, op));
    if (end)
        return hold(call, obj, verdict.delay_ms * kMillisecond,
                    [&s, call, error = declared_error(*end, op)] { s.call->complete(call, plugin::fail(s, call, error)); }, late);
    return hold(call, obj, verdict.delay_ms * kMillisecond,
                [&s, call, run = std::move(run)] {
                    // Ops are for workers, this is the loop.
                    const bool taken = plugin::submit(s, 0, [&s, call, run] {
                        if (const pv_status status = run(); status != PV_PENDING) s.call->complete(call, status);
                    });
                    if (!taken)
                        s.call->complete(call, plugin::fail(s, call, make_error(ErrorCode::resource_busy, ErrorDomain::test,
                                                                                "too many jobs are waiting for a worker")));
                },
                late);
}

namespace {
struct Cancel {
    Faults* faults;
    std::uint64_t number;
};
} // namespace

pv_status Faults::hold(pv_call* call, const pv_obj* obj, std::int64_t ns, std::function<void()> done, Error late) {
    const plugin::Services& s = driver_.services();
    const std::int64_t deadline = s.call->deadline_ns(call);
    if (deadline > 0) {
        const std::int64_t left = std::max<std::int64_t>(0, deadline - s.loop->now_ns(s.host));
        if (ns < 0 || left < ns) {
            ns = left;
            done = [&s, call, late] { s.call->complete(call, plugin::fail(s, call, late)); };
        }
    }
    auto held = std::make_shared<Held>();
    held->call = call;
    held->handle = obj != nullptr ? obj->handle : 0;
    held->parent = obj != nullptr && obj->parent != nullptr ? obj->parent->handle : 0;
    held->done = std::move(done);
    std::uint64_t number = 0;
    {
        const LeafLock lock(mu_);
        number = next_++;
        held_.emplace(number, held);
    }
    // Both find the call by its number, and only if nobody has ended it before.
    auto cancel = std::make_unique<Cancel>(Cancel{this, number});
    if (s.call->on_cancel(call, &Faults::cancelled, cancel.get(), [](void* c) noexcept { delete static_cast<Cancel*>(c); }) == PV_OK)
        (void)cancel.release();
    if (ns < 0) return PV_PENDING;
    plugin::Watch timer = driver_.loop().timer(ns, 0, [this, number] {
        if (const auto due = take(number)) due->done();
    });
    const LeafLock lock(mu_);
    if (const auto found = held_.find(number); found != held_.end()) found->second->timer = std::move(timer);
    return PV_PENDING;
}

std::shared_ptr<Faults::Held> Faults::take(std::uint64_t number) {
    const LeafLock lock(mu_);
    const auto found = held_.find(number);
    if (found == held_.end()) return nullptr;
    auto held = std::move(found->second);
    held_.erase(found);
    return held;
}

void Faults::cancelled(void* ctx) noexcept {
    plugin::guarded("faults", [&] {
        const auto& cancel = *static_cast<Cancel*>(ctx);
        const auto held = cancel.faults->take(cancel.number);
        if (!held) return;
        const plugin::Services& s = cancel.faults->driver_.services();
        s.call->complete(held->call, plugin::fail(s, held->call,
                                                  make_error(ErrorCode::operation_aborted, ErrorDomain::test,
                                                             "nobody waits for the call any more")));
    });
}

void Faults::release(std::uint64_t handle, const Error& why) {
    std::vector<std::shared_ptr<Held>> ended;
    {
        const LeafLock lock(mu_);
        for (auto it = held_.begin(); it != held_.end();) {
            const bool meant = handle == 0 || it->second->handle == handle || it->second->parent == handle;
            if (meant) ended.push_back(std::move(it->second));
            it = meant ? held_.erase(it) : std::next(it);
        }
    }
    const plugin::Services& s = driver_.services();
    for (const auto& held : ended) s.call->complete(held->call, plugin::fail(s, held->call, why));
}

} // namespace polyvirt::test
