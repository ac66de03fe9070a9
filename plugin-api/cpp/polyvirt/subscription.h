// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Subscription: what becomes of another driver's objects, told on a loop of ours (host.driver/1). About::uses lists the kind.
//
//     networks_ = plugin::Subscription(s_, PV_KIND_NETWORK, loop_, [this](const plugin::Notice& n) {
//         if (n.lost() || n.event == PV_NETWORK_EVENT_STARTED) look_again(n.name);
//     });
//
// Ends when it is destroyed: no call begins after that (one that is running on another thread may still end). Null with a
// host of before ABI 0.3, and where there is nothing to subscribe to.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include <polyvirt/handle.h>
#include <polyvirt/loop.h>

#include "base/uuid.h"

namespace polyvirt::plugin {

struct Notice {
    std::uint32_t kind = PV_KIND_NONE;
    std::int32_t event = 0, detail = 0; // of its life-cycle
    std::uint64_t object = 0;
    Uuid uuid;
    std::string name;

    // Nothing of an object: some did not fit, so what is to be known is asked for anew.
    [[nodiscard]] bool lost() const { return event == PV_NOTICE_LOST; }
};

namespace detail {
inline void unsubscribe(const pv_svc_driver* svc, pv_subscription* subscription) { svc->unsubscribe(subscription); }
} // namespace detail

class Subscription : public Handle<pv_svc_driver, pv_subscription, &detail::unsubscribe> {
  public:
    using Fn = std::function<void(const Notice&)>;

    Subscription() = default;
    Subscription(const Services& s, std::uint32_t kind, const Loop& loop, Fn fn) {
        if (s.driver == nullptr || s.driver->subscribe == nullptr) return;
        auto ctx = std::make_unique<Fn>(std::move(fn));
        if (s.driver->subscribe(s.host, kind, loop.get(), &told, ctx.get(), &drop, &ptr_) != PV_OK) return;
        (void)ctx.release();
        svc_ = s.driver;
    }

  private:
    static void told(void* ctx, const pv_notice* n) noexcept {
        guarded("notice", [&] {
            Notice notice{n->kind, n->event, n->detail, n->object, {}, n->name != nullptr ? n->name : ""};
            std::copy(n->uuid, n->uuid + sizeof n->uuid, notice.uuid.bytes.begin());
            (*static_cast<Fn*>(ctx))(notice);
        });
    }
    static void drop(void* ctx) noexcept { delete static_cast<Fn*>(ctx); }
};

} // namespace polyvirt::plugin
