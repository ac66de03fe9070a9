// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/quick.h"

#include <vector>

#include "host/dispatch/host_table.h"
#include "host/protocol/gen/remote.h"

namespace polyvirt::dispatch {
namespace {

using protocol::remote::kProgram;
using protocol::remote::Proc;

// Not here: what grows with the number of objects (lists, counts), what has to ask another thread (event registration).
constexpr Proc kQuick[] = {
    Proc::auth_list,
    Proc::connect_close,
    Proc::connect_get_lib_version,
    Proc::connect_get_type,
    Proc::connect_get_uri,
    Proc::connect_is_secure,
    Proc::connect_open, // of a URI whose instance runs: see Dispatcher::open_known()
    Proc::connect_register_close_callback,
    Proc::connect_supports_feature,
    Proc::connect_unregister_close_callback,
    Proc::domain_get_autostart,
    Proc::domain_get_state,
    Proc::domain_has_managed_save_image,
    Proc::domain_is_active,
    Proc::domain_is_persistent,
    Proc::domain_is_updated,
    Proc::domain_lookup_by_id,
    Proc::domain_lookup_by_name,
    Proc::domain_lookup_by_uuid,
};

std::vector<Quick> make_table() {
    std::vector<Quick> table(protocol::procs(kProgram).size() + 1);
    for (const Proc which : kQuick) {
        const auto proc = static_cast<std::int32_t>(which);
        table[static_cast<std::size_t>(proc)] = {protocol::find_proc(kProgram, proc), find_answer(kProgram, proc),
                                                 find_glue(kProgram, proc)};
    }
    return table;
}

} // namespace

const Quick* find_quick(std::uint32_t program, std::int32_t proc) {
    static const std::vector<Quick> kTable = make_table();
    if (program != kProgram || proc < 0 || static_cast<std::size_t>(proc) >= kTable.size()) return nullptr;
    const Quick& found = kTable[static_cast<std::size_t>(proc)];
    return found.function != nullptr ? &found : nullptr;
}

} // namespace polyvirt::dispatch
