// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/records.h"

#include <memory>

#include <polyvirt/slots.h>

#include "base/error_text.h"

namespace polyvirt::sdk {

Status Records::failed(const char* verb, const std::string& name) const {
    return make_error(ErrorCode::operation_failed, domain_, "the record '{}' cannot be {}", name, verb);
}

Status Records::put(const std::string& name, std::string_view data, pv_call* call) const {
    if (s_.state->put(s_.host, call, area_, name.c_str(), data.data(), data.size()) != PV_OK)
        return failed("written", name);
    return {};
}

Result<std::optional<std::string>> Records::get(const std::string& name, std::size_t max_length) const {
    const std::unique_ptr<pv_sink, void (*)(pv_sink*)> sink(s_.state->sink_new(s_.host, max_length),
                                                            s_.state->sink_free);
    if (!sink) return make_error(ErrorCode::no_memory, domain_, "no buffer for the record '{}'", name);
    const pv_status status = s_.state->get(s_.host, nullptr, area_, name.c_str(), sink.get());
    if (status == PV_GONE) return std::optional<std::string>{};
    if (status != PV_OK) return failed("read", name).error();
    std::size_t length = 0;
    const char* data = s_.state->sink_data(sink.get(), &length);
    return std::optional<std::string>(std::string(data, length));
}

Status Records::remove(const std::string& name) const {
    if (s_.state->del(s_.host, nullptr, area_, name.c_str()) != PV_OK) return failed("removed", name);
    return {};
}

Status Records::each(const std::string& folder,
                     const std::function<void(const std::string& name, std::string_view data)>& use) const {
    using Use = const std::function<void(const std::string&, std::string_view)>;
    const auto thunk = [](void* ctx, const char* name, const void* data, std::size_t length) noexcept {
        plugin::guarded("records", [&] {
            (*static_cast<Use*>(ctx))(name, std::string_view(static_cast<const char*>(data), length));
        });
    };
    // The ABI's context is not const; the function is only called.
    if (s_.state->each(s_.host, nullptr, area_, folder.c_str(), thunk, const_cast<void*>(static_cast<const void*>(&use))) !=
        PV_OK)
        return failed("listed", folder.empty() ? "*" : folder + "/*");
    return {};
}

void Records::set_aside(const std::string& name, const std::string& why) const {
    s_.state->set_aside(s_.host, area_, name.c_str(), why.c_str());
}

} // namespace polyvirt::sdk
