// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/error_text.h"
#include "driver.h"
#include "moments/overlay.h"
#include "moments/snapshot_ops.h"
#include "run.h"

namespace polyvirt::qemu {

SnapshotOps::Task SnapshotOps::take_external(GuestPtr guest, RunPtr run, Taking taking) {
    (void)guest;
    (void)run;
    (void)taking;
    co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "external snapshots of running guests are not supported yet");
}

} // namespace polyvirt::qemu
