// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/cgroup/files.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"

namespace polyvirt::sdk {

Result<std::string> read_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return make_system_error(errno, ErrorDomain::none, "cannot open '" + path + "'");
    std::string text;
    char buffer[4096];
    while (text.size() < (std::size_t{1} << 20)) {
        const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return make_system_error(errno, ErrorDomain::none, "cannot read '" + path + "'");
        if (n == 0) break;
        text.append(buffer, static_cast<std::size_t>(n));
    }
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

Status write_file(const std::string& path, std::string_view value) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return make_system_error(errno, ErrorDomain::none, "cannot open '" + path + "'");
    if (::write(fd.get(), value.data(), value.size()) < 0)
        return make_system_error(errno, ErrorDomain::none, fmt::format("Unable to write to '{}'", path));
    return {};
}

} // namespace polyvirt::sdk
