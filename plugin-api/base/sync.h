// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The only locks of this project, and the ladder on which they stand:
//
//     server -> client -> driver -> object -> leaf
//
// Take downwards only, never two of one rung. Each Mutex is made for a rung; the guard of that rung
// takes it. Clang checks the order at compile time (an empty *level* capability per rung stands for
// "some lock of this rung"), the rank byte of base/lock_rank.h at run time. docs/locking.md has the
// ladder's meaning and what either check cannot see.
//
//     Mutex mu_{Rank::object};
//     int state_ PV_GUARDED_BY(mu_);
//     { ObjectLock lock(mu_); state_ = 1; }

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/lock_rank.h"
#include "base/lock_waits.h"

#if defined(__clang__)
#define PV_TSA(x) __attribute__((x))
#else
#define PV_TSA(x)
#endif
#define PV_CAPABILITY(name) PV_TSA(capability(name))
#define PV_SCOPED_CAPABILITY PV_TSA(scoped_lockable)
#define PV_GUARDED_BY(...) PV_TSA(guarded_by(__VA_ARGS__))
#define PV_PT_GUARDED_BY(...) PV_TSA(pt_guarded_by(__VA_ARGS__))
#define PV_ACQUIRED_AFTER(...) PV_TSA(acquired_after(__VA_ARGS__))
#define PV_ACQUIRE(...) PV_TSA(acquire_capability(__VA_ARGS__))
#define PV_RELEASE(...) PV_TSA(release_capability(__VA_ARGS__))
#define PV_REQUIRES(...) PV_TSA(requires_capability(__VA_ARGS__))
#define PV_EXCLUDES(...) PV_TSA(locks_excluded(__VA_ARGS__))
#define PV_NO_TSA PV_TSA(no_thread_safety_analysis)

namespace polyvirt {

// One per rung; declared only, since nothing ever reads them.
struct PV_CAPABILITY("level") Level {};
extern Level level_server;
extern Level level_client PV_ACQUIRED_AFTER(level_server);
extern Level level_driver PV_ACQUIRED_AFTER(level_client);
extern Level level_object PV_ACQUIRED_AFTER(level_driver);
extern Level level_leaf PV_ACQUIRED_AFTER(level_object);

// Functions that enter a driver, and whatever may call them, carry this.
#define PV_ENTERS_DRIVER PV_EXCLUDES(::polyvirt::level_server, ::polyvirt::level_client)
// Functions that may run a plugin or wait for one: no lock of any rung may be held.
#define PV_NO_LOCKS_HELD                                                                           \
    PV_EXCLUDES(::polyvirt::level_server, ::polyvirt::level_client, ::polyvirt::level_driver,      \
                ::polyvirt::level_object, ::polyvirt::level_leaf)

class CondVar;

// Only the guards below lock it: a lock that is taken is always given back.
class PV_CAPABILITY("mutex") Mutex {
  public:
    explicit Mutex(Rank rank) : rank_(rank) {}
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    [[nodiscard]] Rank rank() const { return rank_; }

  private:
    friend class ServerLock;
    friend class ClientLock;
    friend class DriverLock;
    friend class ObjectLock;
    friend class LeafLock;
    friend class CondVar;

    void lock(Rank guard) PV_ACQUIRE() {
        lock_rank::entering(rank_, guard);
        if (mu_.try_lock()) return;
        const lock_waits::Timer waited(rank_);
        mu_.lock();
    }
    void unlock() PV_RELEASE() {
        // Unlocked, it may be gone: who waited for it may have been about to destroy it.
        const Rank rank = rank_;
        mu_.unlock();
        lock_rank::left(rank);
    }

    std::mutex mu_;
    const Rank rank_;
};

#define PV_DEFINE_GUARD(Name, rung)                                                                \
    class PV_SCOPED_CAPABILITY Name {                                                              \
      public:                                                                                      \
        explicit Name(Mutex& mu) PV_ACQUIRE(mu, level_##rung) : mu_(mu) { mu_.lock(Rank::rung); }  \
        ~Name() PV_RELEASE() { mu_.unlock(); }                                                     \
        Name(const Name&) = delete;                                                                \
        Name& operator=(const Name&) = delete;                                                     \
                                                                                                   \
      private:                                                                                     \
        friend class CondVar;                                                                      \
        Mutex& mu_;                                                                                \
    }
PV_DEFINE_GUARD(ServerLock, server);
PV_DEFINE_GUARD(ClientLock, client);
PV_DEFINE_GUARD(DriverLock, driver);
PV_DEFINE_GUARD(ObjectLock, object);
PV_DEFINE_GUARD(LeafLock, leaf);
#undef PV_DEFINE_GUARD

// Waits are loops around these (a predicate lambda would escape clang's analysis):
//     while (!ready_) cv_.wait(lock);
// The lock of `guard` is the only one that the thread holds: a wait under another would make
// everybody wait who wants that one.
class CondVar {
  public:
    template <typename Guard> void wait(Guard& guard) PV_NO_TSA {
        lock_rank::waiting(guard.mu_.rank_);
        std::unique_lock<std::mutex> l(guard.mu_.mu_, std::adopt_lock);
        cv_.wait(l);
        l.release();
    }
    // False when `until` has passed.
    template <typename Guard>
    bool wait_until(Guard& guard, std::chrono::steady_clock::time_point until) PV_NO_TSA {
        lock_rank::waiting(guard.mu_.rank_);
        std::unique_lock<std::mutex> l(guard.mu_.mu_, std::adopt_lock);
        const auto status = cv_.wait_until(l, until);
        l.release();
        return status == std::cv_status::no_timeout;
    }
    void notify_one() { cv_.notify_one(); }
    void notify_all() { cv_.notify_all(); }

  private:
    std::condition_variable cv_;
};

} // namespace polyvirt
