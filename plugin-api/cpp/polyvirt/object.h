// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Published and Pinned: objects of the host's registry. Leaf, any thread; each object by one thread at a time.
// sdk::ObjectTable keeps a whole set of them; these are for single ones.

#include <cstdint>
#include <memory>
#include <utility>

#include <polyvirt/services.h>

namespace polyvirt::plugin {

// An object that is visible as long as this lives; its children go with it.
class Published {
  public:
    Published() = default;
    // `desc` without size, data and release; `data` is what ops find in pv_obj.data, kept until the last call with it
    // is over. Error: what the host recorded in `call`, in short.
    template <typename T>
    static Result<Published> publish(const Services& s, pv_call* call, pv_obj_desc desc, std::shared_ptr<T> data) {
        using Ptr = std::shared_ptr<T>;
        auto box = std::make_unique<Ptr>(std::move(data));
        desc.size = sizeof desc;
        desc.data = box.get();
        desc.release = [](void* d) noexcept { delete static_cast<Ptr*>(d); };
        std::uint64_t handle = 0;
        if (s.registry->publish(s.host, call, &desc, &handle) != PV_OK)
            return Error{.code = ErrorCode::operation_failed,
                         .message = "object '" + std::string(desc.name) + "' cannot be published"};
        (void)box.release();
        return Published(s, handle);
    }
    Published(Published&& o) noexcept : svc_(o.svc_), host_(o.host_), handle_(std::exchange(o.handle_, 0)) {}
    Published& operator=(Published&& o) noexcept {
        if (this != &o) {
            retire();
            svc_ = o.svc_;
            host_ = o.host_;
            handle_ = std::exchange(o.handle_, 0);
        }
        return *this;
    }
    ~Published() { retire(); }

    explicit operator bool() const { return handle_ != 0; }
    [[nodiscard]] std::uint64_t handle() const { return handle_; }
    // `what` of the update says which fields count.
    bool update(pv_obj_update change) const {
        change.size = sizeof change;
        return svc_->update(host_, handle_, &change) == PV_OK;
    }
    void retire() {
        if (handle_ != 0) svc_->retire(host_, std::exchange(handle_, 0));
    }

  private:
    Published(const Services& s, std::uint64_t handle) : svc_(s.registry), host_(s.host), handle_(handle) {}
    const pv_svc_registry* svc_ = nullptr;
    pv_host* host_ = nullptr;
    std::uint64_t handle_ = 0;
};

// What was published with `handle`, kept while this lives; null if it is retired.
template <typename T> class Pinned {
  public:
    Pinned(const Services& s, std::uint64_t handle)
        : svc_(s.registry), host_(s.host), handle_(handle),
          data_(static_cast<std::shared_ptr<T>*>(svc_->pin(host_, handle))) {}
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;
    ~Pinned() {
        if (data_ != nullptr) svc_->unpin(host_, handle_);
    }
    explicit operator bool() const { return data_ != nullptr; }
    [[nodiscard]] const std::shared_ptr<T>& get() const { return *data_; }

  private:
    const pv_svc_registry* const svc_;
    pv_host* const host_;
    const std::uint64_t handle_;
    std::shared_ptr<T>* const data_;
};

// The data of an op's target, as Published and sdk::ObjectTable store it.
template <typename T> const std::shared_ptr<T>& data_of(const pv_obj* obj) {
    return *static_cast<std::shared_ptr<T>*>(obj->data);
}

} // namespace polyvirt::plugin
