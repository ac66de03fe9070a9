// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Handle: a pointer of the host's that is given back once. The glue's RAII types are made of it. Movable; any thread,
// each object by one thread at a time.

#include <utility>

#include <polyvirt/services.h>

namespace polyvirt::plugin {

// `Back`: a function (const Svc*, T*) that gives it back.
template <typename Svc, typename T, auto Back> class Handle {
  public:
    Handle() = default;
    Handle(const Svc* svc, T* ptr) : svc_(svc), ptr_(ptr) {}
    Handle(Handle&& o) noexcept : svc_(o.svc_), ptr_(std::exchange(o.ptr_, nullptr)) {}
    Handle& operator=(Handle&& o) noexcept {
        if (this != &o) {
            reset();
            svc_ = o.svc_;
            ptr_ = std::exchange(o.ptr_, nullptr);
        }
        return *this;
    }
    ~Handle() { reset(); }

    explicit operator bool() const { return ptr_ != nullptr; }
    [[nodiscard]] T* get() const { return ptr_; }
    // The caller's from here on.
    [[nodiscard]] T* release() { return std::exchange(ptr_, nullptr); }
    void reset() {
        if (ptr_ != nullptr) Back(svc_, std::exchange(ptr_, nullptr));
    }

  protected:
    const Svc* svc_ = nullptr;
    T* ptr_ = nullptr;
};

} // namespace polyvirt::plugin
