// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/error_text.h"
#include "driver.h"
#include "moments/checkpoint_ops.h"

namespace polyvirt::qemu {

pv_status CheckpointOps::backup_begin(pv_call* call, const pv_obj* obj, const pv_checkpoint_backup_begin_in& in, pv_checkpoint_backup_begin_out&) {
    if (const Status flags = check_flags(in.flags, PV_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL, "qemuBackupBegin"); !flags) return answer(call, flags);
    const auto run = run_of(*guest_of(obj));
    if (!run) return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "cannot perform disk backup for inactive domain"));
    return answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "backup"));
}

pv_status CheckpointOps::backup_xml_desc(pv_call* call, const pv_obj*, const pv_checkpoint_backup_xml_desc_in&, pv_checkpoint_backup_xml_desc_out&) {
    return answer(call, make_error(ErrorCode::no_domain_backup, ErrorDomain::qemu, "no domain backup job present"));
}

} // namespace polyvirt::qemu
