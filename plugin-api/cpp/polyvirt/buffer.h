// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Buffer: a sink of the driver's own, for what services write (host.state get(), host.proc run()).

#include <string_view>

#include <polyvirt/handle.h>

namespace polyvirt::plugin {

namespace detail {
inline void free_sink(const pv_svc_state* svc, pv_sink* sink) { svc->sink_free(sink); }
} // namespace detail

class Buffer : public Handle<pv_svc_state, pv_sink, &detail::free_sink> {
  public:
    Buffer() = default;
    // Null afterwards if out of memory.
    Buffer(const Services& s, std::size_t max_length) : Handle(s.state, s.state->sink_new(s.host, max_length)) {}
    // Valid until more is written.
    [[nodiscard]] std::string_view text() const {
        std::size_t length = 0;
        const char* data = ptr_ != nullptr ? svc_->sink_data(ptr_, &length) : nullptr;
        return data != nullptr ? std::string_view(data, length) : std::string_view();
    }
};

} // namespace polyvirt::plugin
