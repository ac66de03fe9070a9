// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/errors.h"

#include "base/error_text.h"

namespace polyvirt::dispatch {
namespace {

// Code 39 carries its text bare, whatever the pattern of other codes.
template <typename... A> Error rpc_error(fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::rpc, ErrorDomain::rpc, f, std::forward<A>(a)...);
}

} // namespace

Error unknown_program(std::uint32_t program, std::uint32_t version) {
    return rpc_error("Cannot find program {} version {}", program, version);
}

Error unknown_procedure(std::int32_t procedure) { return rpc_error("unknown procedure: {}", procedure); }

Error bad_status(std::int32_t status) { return rpc_error("Unexpected message status {}", status); }

Error bad_payload() { return rpc_error("Unable to decode message payload"); }

Error reply_too_large(std::string_view why) {
    return rpc_error("Unable to encode message payload: {}", why);
}

Error authentication_required() { return rpc_error("authentication required"); }

Error authentication_failed() {
    return make_error(ErrorCode::auth_failed, ErrorDomain::rpc, "authentication failed");
}

ErrorDomain api_domain(const protocol::ProcInfo& proc) {
    const std::string_view api = proc.api;
    if (api.starts_with("virDomainSnapshot")) return ErrorDomain::domain_snapshot;
    if (api.starts_with("virDomainCheckpoint")) return ErrorDomain::domain_checkpoint;
    if (api.starts_with("virNetwork")) return ErrorDomain::network;
    if (api.starts_with("virStorage")) return ErrorDomain::storage;
    if (api.starts_with("virNodeDevice")) return ErrorDomain::nodedev;
    if (api.starts_with("virNWFilter")) return ErrorDomain::nwfilter;
    if (api.starts_with("virInterface")) return ErrorDomain::interface;
    if (api.starts_with("virSecret")) return ErrorDomain::secret;
    if (api.starts_with("virStream")) return ErrorDomain::streams;
    if (api.starts_with("virDomain")) return ErrorDomain::dom;
    return ErrorDomain::none;
}

Error not_open(const protocol::ProcInfo& proc) {
    const bool hypervisor = api_domain(proc) == ErrorDomain::dom || api_domain(proc) == ErrorDomain::none ||
                            api_domain(proc) == ErrorDomain::domain_snapshot ||
                            api_domain(proc) == ErrorDomain::domain_checkpoint;
    return make_error(ErrorCode::internal_error, ErrorDomain::rpc, "{}",
                      hypervisor ? "hypervisor connection not open" : "connection not open");
}

Error no_support(const protocol::ProcInfo& proc) {
    return make_error(ErrorCode::no_support, api_domain(proc), "{}", proc.api);
}

Error readonly_denied(const protocol::ProcInfo& proc) {
    return make_error(ErrorCode::operation_denied, api_domain(proc), "read only access prevents {}",
                      proc.api);
}

Error readonly_denied_by_flags(const protocol::ProcInfo& proc) {
    // The flags of documents that matter here all ask for secrets, and the peer words them its own way.
    if (!std::string_view(proc.name).ends_with("_xml_desc")) return readonly_denied(proc);
    return make_error(ErrorCode::operation_denied, api_domain(proc), "{} with secure flag", proc.api);
}

} // namespace polyvirt::dispatch
