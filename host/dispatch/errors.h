// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The errors that the host itself answers. Clients read these texts (host/protocol/tables/framing.md),
// so each stands once.

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::dispatch {

Error unknown_program(std::uint32_t program, std::uint32_t version);
Error unknown_procedure(std::int32_t procedure);
Error bad_status(std::int32_t status);
Error bad_payload();
Error reply_too_large(std::string_view why);
Error authentication_required();
// The exchange failed, or does not fit the connection; why, is for the log alone.
Error authentication_failed();
Error not_open(const protocol::ProcInfo& proc);
// The driver lacks it.
Error no_support(const protocol::ProcInfo& proc);
Error readonly_denied(const protocol::ProcInfo& proc);
// Denied because of what the arguments ask for.
Error readonly_denied_by_flags(const protocol::ProcInfo& proc);
// Error domain of the API that a procedure belongs to.
ErrorDomain api_domain(const protocol::ProcInfo& proc);

} // namespace polyvirt::dispatch
