// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.check/1
#include <polyvirt/abi/check.h>

#include "base/lock_rank.h"
#include "host/plugin/service.h"
#include "host/plugin/thread_kind.h"

namespace polyvirt::plugin {
namespace {

std::uint8_t* lock_rank_byte() noexcept { return lock_rank::slot(); }
std::uint32_t kind_of_thread() noexcept { return thread_kind(); }

constexpr pv_svc_check kCheckTable = {sizeof(pv_svc_check), 0, lock_rank_byte, kind_of_thread};

} // namespace

const Service kCheckService{PV_SVC_CHECK, &kCheckTable};

} // namespace polyvirt::plugin
