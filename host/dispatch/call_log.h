// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// CallLog: one line per answered call ("remote domain_create ok", or the error's number), appended to
// the file that POLYVIRT_CALL_LOG names. The report of tested procedures is made from it. Off, and free,
// without that variable. Any thread.

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "host/protocol/proc_info.h"

namespace polyvirt::dispatch {

class CallLog {
  public:
    // `path` empty: off. A file that cannot be opened is reported and the log stays off.
    explicit CallLog(const std::string& path);
    void add(const protocol::ProcInfo& proc, const Error* error);

  private:
    UniqueFd fd_;
};

} // namespace polyvirt::dispatch
