// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/call_handles.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "host/plugin/instance.h"

namespace polyvirt::plugin {
namespace {

// A handle is a generation and the place of a slot. The generation begins at 1, so none is null.
constexpr unsigned kPlaceBits = sizeof(std::uintptr_t) == 8 ? 24 : 16;
constexpr std::uintptr_t kGenerations = (std::uintptr_t{1} << (sizeof(std::uintptr_t) * 8 - kPlaceBits)) - 1;
constexpr std::uint32_t kChunk = 1024, kChunks = (std::uint32_t{1} << kPlaceBits) / kChunk;

// Entering a driver must cost next to nothing, so a slot has no lock. Who looks counts himself in first (pins), and who
// empties it waits until nobody looks any more: a few instructions.
struct alignas(64) Slot {
    std::atomic<Call*> call{nullptr};
    std::atomic<std::uintptr_t> generation{0};
    std::atomic<std::uint32_t> pins{0};
    // Of the call that it was last, for the log.
    std::atomic<std::uint64_t> id{0};
    std::atomic<const Instance*> instance{nullptr};
};

// All slots there ever were; never freed, as drivers that did not let go at the end may still come.
struct Slots {
    std::array<std::atomic<Slot*>, kChunks> chunks{};
    Mutex mu{Rank::leaf};
    std::uint32_t made PV_GUARDED_BY(mu) = 0; // chunks
    std::deque<std::uint32_t> free PV_GUARDED_BY(mu);
    std::unordered_map<const Instance*, std::weak_ptr<Instance>> known PV_GUARDED_BY(mu);

    Slot* at(std::uint32_t place) {
        Slot* const chunk = chunks[place / kChunk].load(std::memory_order_acquire);
        return chunk != nullptr ? &chunk[place % kChunk] : nullptr;
    }
    bool grow() PV_REQUIRES(mu) {
        if (made == kChunks) return false;
        for (std::uint32_t i = 0; i < kChunk; ++i) free.push_back(made * kChunk + i);
        chunks[made].store(new Slot[kChunk], std::memory_order_release);
        ++made;
        return true;
    }
};

Slots& slots() {
    static auto& all = *new Slots;
    return all;
}

// The free slots of a thread, used in turn: so one that has become free rests a while, and the log can name who uses a
// call that ended a moment ago.
class Spare {
  public:
    ~Spare() { give_back(count_); }
    // False: there are no more.
    bool take(std::uint32_t& place) {
        if (count_ <= kResting && !fetch() && count_ == 0) return false;
        place = ring_[first_];
        first_ = (first_ + 1) % kSize;
        --count_;
        return true;
    }
    void put(std::uint32_t place) {
        if (count_ == kSize) give_back(kStep);
        ring_[(first_ + count_++) % kSize] = place;
    }

  private:
    static constexpr std::uint32_t kSize = 128, kStep = 32, kResting = 32;

    bool fetch() {
        Slots& all = slots();
        const LeafLock lock(all.mu);
        if (all.free.size() < kStep && !all.grow() && all.free.empty()) return false;
        for (std::uint32_t i = 0; i < kStep && !all.free.empty(); ++i) {
            ring_[(first_ + count_++) % kSize] = all.free.front();
            all.free.pop_front();
        }
        return true;
    }
    void give_back(std::uint32_t n) {
        if (n == 0) return;
        Slots& all = slots();
        const LeafLock lock(all.mu);
        for (; n != 0; --n, --count_) {
            all.free.push_back(ring_[first_]);
            first_ = (first_ + 1) % kSize;
        }
    }

    std::array<std::uint32_t, kSize> ring_{};
    std::uint32_t first_ = 0, count_ = 0;
};
thread_local Spare t_spare;

constinit thread_local CurrentCall::Place t_current;

// A driver that does it once may do it for each of its calls.
bool has_room_in_log() {
    constexpr unsigned kLinesASecond = 20;
    static std::atomic<std::int64_t> second{0};
    static std::atomic<unsigned> lines{0};
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const std::int64_t this_one = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    if (second.exchange(this_one, std::memory_order_relaxed) != this_one) lines = 0;
    return lines.fetch_add(1, std::memory_order_relaxed) < kLinesASecond;
}

void tell(const std::shared_ptr<Instance>& instance, std::uint64_t id, const char* what) {
    if (instance) instance->note_misbehaviour();
    if (!has_room_in_log()) return;
    log::error("plugin", "{}: {} for a call{} that is over does nothing",
               instance ? "driver '" + instance->plugin_id() + "'" : std::string("a driver"), what,
               id != 0 ? " (" + std::to_string(id) + ")" : "");
}

// Null: it has ended, or is not known.
std::shared_ptr<Instance> known(const Instance* instance) {
    if (instance == nullptr) return nullptr;
    Slots& all = slots();
    const LeafLock lock(all.mu);
    const auto found = all.known.find(instance);
    return found != all.known.end() ? found->second.lock() : nullptr;
}

} // namespace

pv_call* CallHandles::issue(Call& call) {
    std::uint32_t place = 0;
    if (!t_spare.take(place)) return nullptr;
    Slot& slot = *slots().at(place);
    const std::uintptr_t generation = slot.generation.load(std::memory_order_relaxed) % kGenerations + 1;
    // In this order: who finds the call finds its generation.
    slot.generation.store(generation, std::memory_order_release);
    slot.call.store(&call, std::memory_order_release);
    return reinterpret_cast<pv_call*>(generation << kPlaceBits | place); // NOLINT(performance-no-int-to-ptr)
}

void CallHandles::revoke(pv_call* handle, const Call& call) {
    const auto place = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle) & ((std::uintptr_t{1} << kPlaceBits) - 1));
    Slot& slot = *slots().at(place);
    slot.id.store(call.id(), std::memory_order_relaxed);
    slot.instance.store(call.instance.get(), std::memory_order_relaxed);
    slot.call.store(nullptr); // before it looks who is there: sequentially consistent, as in find()
    while (slot.pins.load() != 0) std::this_thread::yield();
    t_spare.put(place);
}

CallRef CallHandles::find(pv_call* handle, const char* what) {
    if (handle == nullptr) return {};
    if (handle == t_current.handle) return CallRef(*t_current.call);
    const auto bits = reinterpret_cast<std::uintptr_t>(handle);
    Slot* const slot = slots().at(static_cast<std::uint32_t>(bits & ((std::uintptr_t{1} << kPlaceBits) - 1)));
    std::shared_ptr<Call> found;
    std::uint64_t id = 0;
    const Instance* last = nullptr;
    if (slot != nullptr) {
        slot->pins.fetch_add(1);
        Call* const call = slot->call.load();
        if (slot->generation.load() == bits >> kPlaceBits) { // looked at second, as it is written first
            if (call != nullptr) found = call->weak_from_this().lock();
            id = slot->id.load(std::memory_order_relaxed);
            last = slot->instance.load(std::memory_order_relaxed);
        }
        slot->pins.fetch_sub(1);
    }
    if (found != nullptr) return CallRef(std::move(found));
    tell(known(last), id, what);
    return CallRef::over();
}

void CallHandles::know(const std::shared_ptr<Instance>& instance) {
    Slots& all = slots();
    const LeafLock lock(all.mu);
    std::erase_if(all.known, [](const auto& item) { return item.second.expired(); });
    all.known[instance.get()] = instance;
}

void CallHandles::report(const Call& call, const char* what) { tell(call.instance, call.id(), what); }

CurrentCall::CurrentCall(Call& call) : before_(std::exchange(t_current, {call.handle(), &call})) {}
CurrentCall::~CurrentCall() { t_current = before_; }
pv_call* CurrentCall::handle() const { return t_current.handle; }

Call* CurrentCall::of(const pv_host* host) {
    Call* const call = t_current.call;
    return call != nullptr && call->instance != nullptr && call->instance->host() == host ? call : nullptr;
}

} // namespace polyvirt::plugin
