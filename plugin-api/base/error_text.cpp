// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/error_text.h"

#include <algorithm>
#include <array>
#include <system_error>

namespace polyvirt {
namespace {

struct Pattern {
    ErrorCode code;
    std::string_view text;
};

// The words of the peer, which clients match on. Codes that are not here stand for themselves.
constexpr std::array kPatterns = {
    Pattern{ErrorCode::internal_error, "internal error: %s"},
    Pattern{ErrorCode::no_memory, "out of memory: %s"},
    Pattern{ErrorCode::no_support, "this function is not supported by the connection driver: %s"},
    Pattern{ErrorCode::unknown_host, "unknown host %s"},
    Pattern{ErrorCode::no_connect, "no connection driver available for %s"},
    Pattern{ErrorCode::invalid_conn, "invalid connection pointer in %s"},
    Pattern{ErrorCode::invalid_domain, "invalid domain pointer in %s"},
    Pattern{ErrorCode::invalid_arg, "invalid argument: %s"},
    Pattern{ErrorCode::operation_failed, "operation failed: %s"},
    Pattern{ErrorCode::os_type, "unknown OS type %s"},
    Pattern{ErrorCode::xml_error, "XML error: %s"},
    Pattern{ErrorCode::dom_exist, "domain %s exists already"},
    Pattern{ErrorCode::operation_denied, "operation forbidden: %s"},
    Pattern{ErrorCode::open_failed, "failed to open %s"},
    Pattern{ErrorCode::read_failed, "failed to read %s"},
    Pattern{ErrorCode::write_failed, "failed to write %s"},
    Pattern{ErrorCode::parse_failed, "failed to parse %s"},
    Pattern{ErrorCode::no_domain, "Domain not found: %s"},
    Pattern{ErrorCode::no_network, "Network not found: %s"},
    Pattern{ErrorCode::auth_failed, "authentication failed: %s"},
    Pattern{ErrorCode::no_storage_pool, "Storage pool not found: %s"},
    Pattern{ErrorCode::no_storage_vol, "Storage volume not found: %s"},
    Pattern{ErrorCode::no_node_device, "Node device not found: %s"},
    Pattern{ErrorCode::no_interface, "Interface not found: %s"},
    Pattern{ErrorCode::no_nwfilter, "Network filter not found: %s"},
    Pattern{ErrorCode::no_secret, "Secret not found: %s"},
    Pattern{ErrorCode::invalid_secret, "Invalid secret: %s"},
    Pattern{ErrorCode::operation_invalid, "Requested operation is not valid: %s"},
    Pattern{ErrorCode::config_unsupported, "unsupported configuration: %s"},
    Pattern{ErrorCode::operation_timeout, "Timed out during operation: %s"},
    Pattern{ErrorCode::no_domain_snapshot, "Domain snapshot not found: %s"},
    Pattern{ErrorCode::invalid_stream, "invalid stream pointer: %s"},
    Pattern{ErrorCode::argument_unsupported, "argument unsupported: %s"},
    Pattern{ErrorCode::operation_aborted, "operation aborted: %s"},
    Pattern{ErrorCode::no_domain_metadata, "metadata not found: %s"},
    Pattern{ErrorCode::overflow, "numerical overflow: %s"},
    Pattern{ErrorCode::block_copy_active, "block copy still active: %s"},
    Pattern{ErrorCode::operation_unsupported, "Operation not supported: %s"},
    Pattern{ErrorCode::agent_unresponsive, "Guest agent is not responding: %s"},
    Pattern{ErrorCode::resource_busy, "resource busy: %s"},
    Pattern{ErrorCode::auth_cancelled, "authentication cancelled: %s"},
    Pattern{ErrorCode::access_denied, "access denied: %s"},
    Pattern{ErrorCode::dbus_service, "error from service: %s"},
    Pattern{ErrorCode::storage_vol_exist, "storage volume %s exists already"},
    Pattern{ErrorCode::xml_invalid_schema, "XML document failed to validate against schema: %s"},
    Pattern{ErrorCode::auth_unavailable, "authentication unavailable: %s"},
    Pattern{ErrorCode::no_server, "Server not found: %s"},
    Pattern{ErrorCode::no_client, "Client not found: %s"},
    Pattern{ErrorCode::device_missing, "device not found: %s"},
    Pattern{ErrorCode::no_domain_checkpoint, "Domain checkpoint not found: %s"},
    Pattern{ErrorCode::no_domain_backup, "Domain backup job id not found: %s"},
    Pattern{ErrorCode::no_nwfilter_binding, "Network filter binding not found: %s"},
    Pattern{ErrorCode::no_network_port, "network port not found: %s"},
};

} // namespace

std::string_view error_pattern(ErrorCode code) {
    const auto* const found = std::find_if(kPatterns.begin(), kPatterns.end(),
                                           [code](const Pattern& p) { return p.code == code; });
    return found != kPatterns.end() ? found->text : std::string_view("%s");
}

Error make_error_text(ErrorCode code, ErrorDomain domain, std::string detail) {
    const std::string_view pattern = error_pattern(code);
    const std::size_t at = pattern.find("%s");
    Error error;
    error.code = code;
    error.domain = domain;
    error.message.append(pattern.substr(0, at)).append(detail).append(pattern.substr(at + 2));
    error.str1 = pattern;
    error.str2 = std::move(detail);
    return error;
}

Error make_system_error(int errno_value, ErrorDomain domain, std::string_view what) {
    Error error = make_error(ErrorCode::system_error, domain, "{}: {}", what,
                             std::generic_category().message(errno_value));
    error.int1 = errno_value;
    return error;
}

} // namespace polyvirt
