// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The call as the glue sees it, and nothing else: stands in for host/dispatch/wire_call.h in the tests of the
// glue.

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "host/dispatch/glue.h"
#include "host/plugin/builders.h"
#include "host/plugin/registry.h"
#include "host/protocol/arena.h"
#include "host/protocol/gen/types.h"
#include "host/protocol/proc_info.h"
#include "host/protocol/xdr.h"

namespace polyvirt::dispatch {

class FakeDriver {
  public:
    plugin::Registry& registry() { return registry_; }
    [[nodiscard]] ErrorDomain error_domain() const { return ErrorDomain::qemu; }

  private:
    plugin::Registry registry_;
};

// Allows everything, and keeps what the glue told it of the arguments.
struct FakeAccess {
    Status check(const plugin::ObjectPtr&) { return {}; }
    Status take_arguments(const void*) { return {}; }
    void take_document(const protocol::Str& xml) { document = xml.view(); }
    void take_name(const protocol::Str& text) { name = text.view(); }
    void filtering() { filtered = true; }
    bool visible(const plugin::ObjectRef&) { return true; }

    std::string document, name;
    bool filtered = false;
};

class WireCall {
  public:
    WireCall(FakeDriver& driver, const protocol::ProcInfo& proc) : driver_(driver), proc_(proc) {}

    const protocol::ProcInfo& proc() { return proc_; }
    FakeDriver& driver() { return driver_; }
    protocol::Arena& arena() { return arena_; }
    void set_error(Error e) {
        if (!error) error = std::move(e);
    }
    FakeAccess& access() { return access_; }
    [[nodiscard]] bool has_error() const { return error.has_value(); }
    void set_flags(std::uint32_t f) { flags = f; }
    bool check_readonly(bool denied) {
        if (!denied || !readonly) return true;
        set_error(make_error(ErrorCode::operation_denied, ErrorDomain::none, "read only"));
        return false;
    }
    plugin::ObjectPtr object(std::uint64_t handle) { return driver_.registry().find(handle); }
    const pv_obj* pin(const plugin::ObjectPtr& object) {
        args_.push_back(std::make_unique<plugin::ObjArg>(object));
        return args_.back()->get();
    }
    protocol::Str keep(std::string_view text) {
        const std::span<char> copy = arena_.make_array<char>(text.size() + 1);
        std::memcpy(copy.data(), text.data(), text.size());
        return {copy.data(), static_cast<std::uint32_t>(text.size())};
    }
    void set_target(const pv_obj* t) { target_ = t; }
    const pv_obj* target() { return target_; }
    void set_in(const void* in) { in_ = in; }
    void set_out(void* out) { out_ = out; }
    const void* in() { return in_; }
    void* out() { return out_; }
    template <typename In> const In& in_as() { return *static_cast<const In*>(in_); }
    template <typename Out> Out& out_as() { return *static_cast<Out*>(out_); }

    pv_sink* new_sink(std::size_t max) { return build<pv_sink>(max); }
    pv_params* new_params() { return build<pv_params>(); }
    pv_strings* new_strings() { return build<pv_strings>(); }
    pv_objs* new_objs() { return build<pv_objs>(); }
    pv_records* new_records(const pv_record_type& type) { return build<pv_records>(type); }
    pv_groups* new_groups() { return build<pv_groups>(); }

    std::optional<Error> error;
    std::uint32_t flags = 0;
    bool readonly = false;
    std::vector<UniqueFd> fds_in;

  private:
    template <typename T, typename... A> T* build(A&&... a) {
        auto made = std::make_shared<T>(std::forward<A>(a)...);
        builders_.push_back(made);
        return made.get();
    }

    FakeDriver& driver_;
    const protocol::ProcInfo& proc_;
    protocol::Arena arena_;
    FakeAccess access_;
    const pv_obj* target_ = nullptr;
    const void* in_ = nullptr;
    void* out_ = nullptr;
    std::vector<std::unique_ptr<plugin::ObjArg>> args_;
    std::vector<std::shared_ptr<void>> builders_;
};

} // namespace polyvirt::dispatch
