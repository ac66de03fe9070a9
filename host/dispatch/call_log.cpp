// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/call_log.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"

namespace polyvirt::dispatch {

CallLog::CallLog(const std::string& path) {
    if (path.empty()) return;
    fd_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!fd_)
        log::warning("dispatch", "call log {}: {}", path, std::generic_category().message(errno));
}

void CallLog::add(const protocol::ProcInfo& proc, const Error* error) {
    if (!fd_) return;
    const std::string line =
        fmt::format("{} {} {}\n", protocol::program_name(proc.program), proc.name,
                    error == nullptr ? "ok" : fmt::format("{}", static_cast<int>(error->code)));
    // One write per line: O_APPEND keeps lines of several daemons apart. A full disk loses the line.
    [[maybe_unused]] const auto written = ::write(fd_.get(), line.data(), line.size());
}

} // namespace polyvirt::dispatch
