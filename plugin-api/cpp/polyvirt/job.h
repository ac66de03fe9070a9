// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// submit(): a function onto a worker of the host. JobHold: the job of one object, for a while.

#include <functional>
#include <memory>
#include <utility>

#include <polyvirt/services.h>
#include <polyvirt/slots.h>

#include "base/sync.h"

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

// "Something long is being done to this object", without a lock: what excludes what is in abi/job.h.
// sdk::Operation does the same without holding a thread while it waits.
class JobHold {
  public:
    JobHold() = default;
    // [worker, init] Waits at most `timeout_ns`; the host has recorded why not in `call` (may be null). `what` is
    // static text, told to those who wait for this.
    static JobHold begin(const Services& s, pv_call* call, std::uint64_t object, std::uint32_t job_class,
                         const char* what, std::int64_t timeout_ns) PV_NO_LOCKS_HELD {
        JobHold hold;
        if (s.job->begin(s.host, call, object, job_class, what, timeout_ns) == PV_OK) hold = JobHold(s, object, job_class);
        return hold;
    }
    JobHold(JobHold&& o) noexcept
        : svc_(std::exchange(o.svc_, nullptr)), host_(o.host_), object_(o.object_), class_(o.class_) {}
    JobHold& operator=(JobHold&& o) noexcept {
        if (this != &o) {
            end();
            svc_ = std::exchange(o.svc_, nullptr);
            host_ = o.host_;
            object_ = o.object_;
            class_ = o.class_;
        }
        return *this;
    }
    ~JobHold() { end(); }
    explicit operator bool() const { return svc_ != nullptr; }
    // Any thread may end it.
    void end() {
        if (svc_ != nullptr) std::exchange(svc_, nullptr)->end(host_, object_, class_);
    }

  private:
    JobHold(const Services& s, std::uint64_t object, std::uint32_t job_class)
        : svc_(s.job), host_(s.host), object_(object), class_(job_class) {}
    const pv_svc_job* svc_ = nullptr;
    pv_host* host_ = nullptr;
    std::uint64_t object_ = 0;
    std::uint32_t class_ = 0;
};

} // namespace polyvirt::plugin
