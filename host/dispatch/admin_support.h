// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the answers of the admin program share: flags, finding servers and clients, and typed
// parameters for reading settings and for changing them. Errors are in the peer's words.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "host/dispatch/wire_call.h"

namespace polyvirt::rpc {
class Server;
}

namespace polyvirt::dispatch::admin_support {

// No call of this program has a flag so far.
Status no_flags(WireCall& call, std::uint32_t flags);
Result<rpc::Server*> find_server(WireCall& call, const protocol::Str& name);
Result<std::shared_ptr<rpc::Client>> find_client(const rpc::Server& server, std::uint64_t id);

// Builds a list of parameters in the call's arena. `field` is static text.
class AdminParams {
  public:
    AdminParams(WireCall& call, std::size_t most)
        : call_(call), list_(call.arena().make_array<protocol::typed_param>(most)) {}
    void number(const char* field, std::uint64_t value); // uint; what is larger shows as the largest
    void integer(const char* field, std::int64_t value); // int
    void boolean(const char* field, bool value);
    void text(const char* field, std::string_view value);
    [[nodiscard]] std::span<const protocol::typed_param> list() const { return list_.first(used_); }

  private:
    protocol::typed_param& next(const char* field, std::int32_t type);
    WireCall& call_;
    std::span<protocol::typed_param> list_;
    std::size_t used_ = 0;
};

// A setting that a client may change: a uint, stored to `value` when it is among the parameters.
struct AdminSetting {
    std::string_view field;
    unsigned* value;
};
// All or nothing: an unknown field, a wrong type and a field that comes twice are errors in the peer's
// words, and nothing has been stored then.
Status take_settings(std::span<const protocol::typed_param> params, std::span<const AdminSetting> settings);

} // namespace polyvirt::dispatch::admin_support
