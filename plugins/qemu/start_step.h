// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What begins a guest on a worker: once others see the guest as starting, whatever is thrown there has to end it like
// any other failure, or it would seem to start for ever.

#include <functional>
#include <string>
#include <utility>

#include <polyvirt/barrier.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/result.h"

namespace polyvirt::qemu {

// `step`, and `failed` with its error or with what it threw. An exception is logged with the guest's name: it is a bug,
// or a machine without memory.
template <typename Step, typename Failed> void start_step(const std::string& who, Step&& step, Failed&& failed) {
    Status done;
    try {
        done = std::forward<Step>(step)();
    } catch (...) {
        done = plugin::detail::caught();
        log::error("run", "{}: its start ends with an exception: {}", who, done.error().message);
    }
    if (!done) std::forward<Failed>(failed)(done.error());
}

} // namespace polyvirt::qemu
