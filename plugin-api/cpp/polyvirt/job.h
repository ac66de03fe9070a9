// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// submit(): a function onto a worker of the host.

#include <functional>
#include <memory>

#include <polyvirt/services.h>
#include <polyvirt/slots.h>

namespace polyvirt::plugin {

// Functions with the same non-zero strand run one after another, in order. False: the host's queue is
// full; `fn` is destroyed unrun. Any thread; leaf.
inline bool submit(const Services& s, std::uint64_t strand, std::function<void()> fn) {
    using Fn = std::function<void()>;
    struct C {
        static void run(void* ctx) noexcept {
            guarded("job", [&] { (*static_cast<Fn*>(ctx))(); });
        }
        static void drop(void* ctx) noexcept { delete static_cast<Fn*>(ctx); }
    };
    auto ctx = std::make_unique<Fn>(std::move(fn));
    if (s.job->submit(s.host, strand, &C::run, ctx.get(), &C::drop) != PV_OK) return false;
    (void)ctx.release();
    return true;
}

} // namespace polyvirt::plugin
