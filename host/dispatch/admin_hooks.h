// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// AdminHooks: what administrators ask of the daemon and dispatch cannot do itself, as it belongs to
// layers above it (log, settings) or to whoever holds the certificates. The daemon implements it.
//
// Thread: any worker, several at a time; may take file I/O's time, but must not wait for calls.

#include <functional>
#include <string>

#include "base/result.h"

namespace polyvirt::dispatch {

class AdminHooks {
  public:
    // A setting as virt-admin writes it ("1:qemu 3:rpc"), and how many entries it has.
    struct LogSetting {
        std::string text;
        unsigned count = 0;
    };

    virtual ~AdminHooks() = default;

    // What a daemon does not have answers "not supported".
    virtual Result<LogSetting> log_filters() { return unsupported("log filters"); }
    virtual Result<LogSetting> log_outputs() { return unsupported("log outputs"); }
    // Empty: back to the default. Nothing has changed when this fails.
    virtual Status set_log_filters(const std::string& /*filters*/) { return unsupported("log filters"); }
    virtual Status set_log_outputs(const std::string& /*outputs*/) { return unsupported("log outputs"); }
    // The daemon ends once it had neither clients nor running guests for so long; 0: never.
    virtual Status set_idle_timeout(unsigned /*seconds*/) { return unsupported("ending when idle"); }

    // Runs `work` on a thread that may take long, one after another. False: there is none (any more), `work` will
    // not run.
    virtual bool run_slowly(std::function<void()> /*work*/) { return false; }

  protected:
    static Error unsupported(const char* what);
};

} // namespace polyvirt::dispatch
