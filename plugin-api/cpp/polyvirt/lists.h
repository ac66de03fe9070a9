// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Lists of the driver's own, for what other drivers answer (host.driver/1):
//
//     plugin::RecordList<ops::net_network::dhcp_leases, pv_net_lease> leases(s);
//     pv_net_dhcp_leases_out out{};
//     out.leases = leases.get();
//     PV_TRY(others.call<ops::net_network::dhcp_leases>(network, {}, out));
//     PV_TRY(leases.check());
//     for (std::uint32_t i = 0; i < leases.size(); ++i) use(leases[i].address);
//
// What an entry points to lives as long as its list. Movable; any thread, each object by one thread at a time, and not
// beside the call that fills it. With an older host, which has no such lists, they are null (operator bool).

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <polyvirt/handle.h>

namespace polyvirt::plugin {

namespace detail {

// Null: this host has none of it.
inline const pv_svc_driver* list_service(const Services& s) {
    return PV_HAS(s.driver, pv_svc_driver, describe) ? s.driver : nullptr;
}

// What is the same for all: `Free` and `Count` are members of the service's table.
template <typename Builder, auto Free, auto Count> class List {
  public:
    List() = default;
    List(const pv_svc_driver* svc, Builder* list) : handle_(svc, list), svc_(svc) {}

    explicit operator bool() const { return static_cast<bool>(handle_); }
    [[nodiscard]] Builder* get() const { return handle_.get(); }
    // How many there are; 0 if not all could be taken.
    [[nodiscard]] std::uint32_t size() const {
        const std::int32_t n = handle_ ? (svc_->*Count)(handle_.get()) : 0;
        return n > 0 ? static_cast<std::uint32_t>(n) : 0;
    }
    // After the call: that the other driver could put everything into it.
    [[nodiscard]] Status check() const {
        if (!handle_) return Error{.message = "the host has no lists for the answers of other drivers"};
        if ((svc_->*Count)(handle_.get()) < 0) return Error{.message = "another driver's answer is longer than a list may be"};
        return {};
    }

  protected:
    static void give_back(const pv_svc_driver* svc, Builder* list) { (svc->*Free)(list); }
    Handle<pv_svc_driver, Builder, &give_back> handle_;
    const pv_svc_driver* svc_ = nullptr;
};

} // namespace detail

// Typed parameters; a view of those of one group too.
class ParamsView {
  public:
    ParamsView(const pv_svc_driver* svc, const pv_params* params) : svc_(svc), params_(params) {}
    [[nodiscard]] std::uint32_t size() const {
        const std::int32_t n = params_ != nullptr ? svc_->params_count(params_) : 0;
        return n > 0 ? static_cast<std::uint32_t>(n) : 0;
    }
    [[nodiscard]] const pv_param* at(std::uint32_t index) const {
        return params_ != nullptr ? svc_->params_at(params_, index) : nullptr;
    }
    // The first of that name and type; null: there is none.
    [[nodiscard]] const pv_param* find(std::string_view field, std::int32_t type) const {
        for (std::uint32_t i = 0; i < size(); ++i)
            if (const pv_param* p = at(i); p != nullptr && p->type == type && field == p->field) return p;
        return nullptr;
    }

  private:
    const pv_svc_driver* svc_;
    const pv_params* params_;
};

class ParamList : public detail::List<pv_params, &pv_svc_driver::params_free, &pv_svc_driver::params_count> {
  public:
    explicit ParamList(const Services& s) : ParamList(s, detail::list_service(s)) {}
    [[nodiscard]] ParamsView view() const { return {svc_, handle_.get()}; }

  private:
    ParamList(const Services& s, const pv_svc_driver* svc) : List(svc, svc != nullptr ? svc->params_new(s.host) : nullptr) {}
};

class StringList : public detail::List<pv_strings, &pv_svc_driver::strings_free, &pv_svc_driver::strings_count> {
  public:
    explicit StringList(const Services& s) : StringList(s, detail::list_service(s)) {}
    // "" past the last.
    [[nodiscard]] std::string_view operator[](std::uint32_t index) const {
        const char* text = handle_ ? svc_->strings_at(handle_.get(), index) : nullptr;
        return text != nullptr ? text : "";
    }

  private:
    StringList(const Services& s, const pv_svc_driver* svc) : List(svc, svc != nullptr ? svc->strings_new(s.host) : nullptr) {}
};

// Handles of objects, to be used with host.driver/1 alone.
class ObjectList : public detail::List<pv_objs, &pv_svc_driver::objs_free, &pv_svc_driver::objs_count> {
  public:
    explicit ObjectList(const Services& s) : ObjectList(s, detail::list_service(s)) {}
    // 0 past the last.
    [[nodiscard]] std::uint64_t operator[](std::uint32_t index) const {
        return handle_ ? svc_->objs_at(handle_.get(), index) : 0;
    }

  private:
    ObjectList(const Services& s, const pv_svc_driver* svc) : List(svc, svc != nullptr ? svc->objs_new(s.host) : nullptr) {}
};

// The records that `Op` answers; `Record` is their struct (generated headers).
template <typename Op, typename Record>
class RecordList : public detail::List<pv_records, &pv_svc_driver::records_free, &pv_svc_driver::records_count> {
  public:
    explicit RecordList(const Services& s) : RecordList(s, detail::list_service(s)) {}
    // As long as this side knows it: what an older host's lacks is zero. All zero past the last.
    [[nodiscard]] Record operator[](std::uint32_t index) const {
        Record record{};
        const void* theirs = this->handle_ ? this->svc_->records_at(this->handle_.get(), index) : nullptr;
        if (theirs == nullptr) return record;
        std::uint32_t size = 0;
        std::memcpy(&size, theirs, sizeof size);
        std::memcpy(&record, theirs, size < sizeof record ? size : sizeof record);
        return record;
    }

  private:
    RecordList(const Services& s, const pv_svc_driver* svc)
        : List(svc, svc != nullptr ? svc->records_new(s.host, Op::kNumber) : nullptr) {}
};

// Parameters of several objects.
class GroupList : public detail::List<pv_groups, &pv_svc_driver::groups_free, &pv_svc_driver::groups_count> {
  public:
    explicit GroupList(const Services& s) : GroupList(s, detail::list_service(s)) {}
    struct Group {
        std::uint64_t object; // 0: of nobody
        ParamsView params;
    };
    [[nodiscard]] Group operator[](std::uint32_t index) const {
        std::uint64_t object = 0;
        const pv_params* params = handle_ ? svc_->groups_at(handle_.get(), index, &object) : nullptr;
        return {object, {svc_, params}};
    }

  private:
    GroupList(const Services& s, const pv_svc_driver* svc) : List(svc, svc != nullptr ? svc->groups_new(s.host) : nullptr) {}
};

} // namespace polyvirt::plugin
