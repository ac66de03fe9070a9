// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// expect: invalid .*conversion|no viable conversion|cannot convert|no matching
void wake(const pv_svc_loop& svc, pv_loop* loop) {
#ifdef TWIN
    svc.post(loop, [](void*) noexcept {}, nullptr, nullptr);
#else
    svc.post(loop, [](void*) {}, nullptr, nullptr);
#endif
}
