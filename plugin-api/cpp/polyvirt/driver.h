// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Neighbours: ops of other drivers, through the host (host.driver/1). About::uses lists their kinds.
//
//     const plugin::Neighbours others(s, call);
//     PV_ASSIGN_OR_RETURN(const std::uint64_t network, others.find(PV_KIND_NETWORK, "default"));
//     plugin::Buffer text(s, 65'536);
//     pv_net_bridge_name_out out{};
//     out.name = text.get();
//     PV_TRY(others.call<ops::net_network::bridge_name>(network, {}, out));
//
// A view of services and call: any thread, as long as these live. An error stands in the call already; it is returned
// again so that PV_TRY works.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <polyvirt/buffer.h>
#include <polyvirt/lists.h>
#include <polyvirt/loop.h>
#include <polyvirt/op_tag.h>

#include "base/sync.h"

namespace polyvirt::plugin {

class Neighbours {
  public:
    using DoneFn = std::function<void(pv_status)>;

    // `call`: for whom; null: for the host itself.
    Neighbours(const Services& s, pv_call* call) : s_(s), call_(call) {}

    // Leaf. Whether there is a driver that has this op.
    template <typename Op> [[nodiscard]] bool implements() const {
        return s_.driver != nullptr && s_.driver->implements(s_.host, Op::kNumber) != 0;
    }
    // Leaf. 0: there is none of that name.
    [[nodiscard]] Result<std::uint64_t> find(std::uint32_t kind, const std::string& name,
                                             std::uint64_t parent = 0) const {
        std::uint64_t handle = 0;
        const pv_status status =
            s_.driver != nullptr ? s_.driver->find(s_.host, call_, kind, parent, name.c_str(), nullptr, &handle)
                                 : PV_UNSUPPORTED;
        if (status == PV_OK || status == PV_GONE) return handle;
        return failed("find", status);
    }
    // [worker, init] Waits for the end. `object` 0: the op has no target. Sizes are filled in.
    template <typename Op>
    [[nodiscard]] Status call(std::uint64_t object, typename Op::In in, typename Op::Out& out) const PV_NO_LOCKS_HELD {
        in.size = sizeof in;
        out.size = sizeof out;
        const pv_status status = s_.driver != nullptr
                                     ? s_.driver->call(s_.host, call_, Op::kNumber, object, &in, &out)
                                     : PV_UNSUPPORTED;
        if (status >= 0) return {};
        return failed(Op::kName, status);
    }
    // Leaf. `done` runs once on `loop` with the result, unless this is not PV_PENDING. What `in` points to, `out` and the
    // call stay valid until then.
    template <typename Op>
    [[nodiscard]] pv_status call_async(std::uint64_t object, typename Op::In in, typename Op::Out& out,
                                       const Loop& loop, DoneFn done) const {
        in.size = sizeof in;
        out.size = sizeof out;
        if (s_.driver == nullptr) return PV_UNSUPPORTED;
        auto ctx = std::make_unique<DoneFn>(std::move(done));
        const pv_status status =
            s_.driver->call_async(s_.host, call_, Op::kNumber, object, &in, &out, loop.get(), &finished, ctx.get());
        if (status == PV_PENDING) (void)ctx.release();
        return status;
    }

    // [worker, init] The objects of a kind, or those of one parent, that whoever is behind the call may see.
    [[nodiscard]] Result<std::vector<std::uint64_t>> list(std::uint32_t kind, std::uint64_t parent = 0) const
        PV_NO_LOCKS_HELD {
        const ObjectList found(s_);
        PV_TRY(found.check());
        const pv_status status = s_.driver->list(s_.host, call_, kind, parent, found.get());
        if (status != PV_OK) return failed("list", status);
        std::vector<std::uint64_t> handles;
        for (std::uint32_t i = 0; i < found.size(); ++i) handles.push_back(found[i]);
        return handles;
    }
    // What the registry knows of an object that find() or list() gave.
    struct Seen {
        pv_obj object{}; // its name is below; no data, no parent
        std::string name, value;
    };
    // Leaf. `key`: of which the value is wanted ("path"). Null: the object is gone, or has no such key.
    [[nodiscard]] Result<std::optional<Seen>> describe(std::uint32_t kind, std::uint64_t object,
                                                       const char* key = nullptr) const {
        if (detail::list_service(s_) == nullptr) return failed("describe", PV_UNSUPPORTED);
        constexpr std::size_t kLongest = 65'536;
        const Buffer name(s_, kLongest), value(s_, kLongest);
        Seen seen;
        seen.object.size = sizeof seen.object;
        const pv_status status =
            s_.driver->describe(s_.host, call_, kind, object, &seen.object, name.get(), key, value.get());
        if (status == PV_GONE) return std::optional<Seen>();
        if (status != PV_OK) return failed("describe", status);
        seen.name = name.text();
        seen.value = value.text();
        return std::optional<Seen>(std::move(seen));
    }

  private:
    static void finished(void* ctx, pv_status status) noexcept {
        guarded("driver", [&] {
            const std::unique_ptr<DoneFn> done(static_cast<DoneFn*>(ctx));
            (*done)(status);
        });
    }
    static Error failed(const char* what, pv_status status) {
        return Error{.message = std::string(what) + " of another driver failed with status " + std::to_string(status)};
    }

    const Services& s_;
    pv_call* const call_;
};

} // namespace polyvirt::plugin
