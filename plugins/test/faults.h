// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Faults: what is declared to go wrong, by object and for the whole instance, and the calls that are held up by it.
// A held call occupies no thread: it is a record with a timer. It ends once: when its time is up, when its deadline or
// its client ends it, when the object that it waits on is destroyed, or with the instance. Any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <polyvirt/abi/base.h>
#include <polyvirt/loop.h>

#include "driver.h"
#include "fault_document.h"

namespace polyvirt::test {

inline constexpr std::int64_t kMillisecond = 1'000'000; // ns

class Faults final : public Part {
  public:
    explicit Faults(Driver& driver) : driver_(driver) {}
    ~Faults() override;

    // <fault:faults> in <node>: for every object.
    [[nodiscard]] bool knows(std::string_view element) const override { return element == "faults"; }
    Status load(const sdk::xml::Node& element) override;
    void stop() override;

    // Replaces what is declared for an object (its registry handle); an empty set forgets it. Counts begin anew.
    void declare(std::uint64_t handle, const FaultSet& set);
    // Ends the calls that are held up on the object, or on one of its children, with `why`.
    void release(std::uint64_t handle, const Error& why);

    // Whether anything is declared at all: one load.
    [[nodiscard]] bool any() const { return rules_.load(std::memory_order_relaxed) != 0; }
    // Runs the op now, later, or not at all. `run` may be called after this returns, on a worker; its arguments are the
    // host's until the call completes.
    pv_status pass(std::string_view op, pv_call* call, const pv_obj* obj, std::function<pv_status()> run) PV_NO_LOCKS_HELD;

  private:
    struct Held;
    using Counted = std::pair<FaultRule, std::uint64_t>; // how many calls it has met
    using Rules = std::vector<Counted>;
    // What one call meets: the delays add up, then it hangs or fails.
    struct Verdict {
        std::uint32_t delay_ms = 0;
        std::optional<FaultRule> end;
    };

    static void meet(Rules& rules, std::string_view op, Verdict& verdict);
    Verdict judge(std::string_view op, const pv_obj* obj);
    pv_status hold(pv_call* call, const pv_obj* obj, std::int64_t ns, std::function<void()> done, Error late);
    static void cancelled(void* ctx) noexcept;
    // The call if it was still held: whoever gets it completes it.
    std::shared_ptr<Held> take(std::uint64_t number);

    Driver& driver_;
    std::atomic<std::size_t> rules_{0}; // how many
    Mutex mu_{Rank::leaf};
    Rules everywhere_ PV_GUARDED_BY(mu_);
    std::map<std::uint64_t, Rules> by_object_ PV_GUARDED_BY(mu_);
    std::map<std::uint64_t, std::shared_ptr<Held>> held_ PV_GUARDED_BY(mu_);
    std::uint64_t next_ PV_GUARDED_BY(mu_) = 1;
};

} // namespace polyvirt::test
