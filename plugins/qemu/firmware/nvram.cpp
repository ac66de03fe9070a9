// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "firmware/choose.h"

namespace polyvirt::qemu {
namespace {

Error failed(std::string_view what, const std::string& path) {
    return make_error(ErrorCode::system_error, ErrorDomain::qemu, "{} '{}': {}", what, path, std::strerror(errno));
}

Status copy(int from, int to, const std::string& source, const std::string& target) {
    std::array<char, 65536> buffer{};
    while (true) {
        const ssize_t n = ::read(from, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed("cannot read the template of firmware variables", source);
        if (n == 0) return {};
        for (ssize_t done = 0; done < n;) {
            const ssize_t w = ::write(to, buffer.data() + done, static_cast<std::size_t>(n - done));
            if (w < 0 && errno == EINTR) continue;
            if (w < 0) return failed("cannot write firmware variables to", target);
            done += w;
        }
    }
}

// What is half written is never taken for a guest's variables.
Status copy_file(const std::string& source, const std::string& target) {
    const UniqueFd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
    if (!from) return failed("cannot open the template of firmware variables", source);
    const std::string half = target + ".new";
    const UniqueFd to(::open(half.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to) return failed("cannot make the file of firmware variables", half);
    Status done = copy(from.get(), to.get(), source, half);
    if (done && ::fsync(to.get()) != 0) done = failed("cannot write firmware variables to", half);
    if (done && ::rename(half.c_str(), target.c_str()) != 0) done = failed("cannot rename firmware variables to", target);
    if (!done) ::unlink(half.c_str());
    return done;
}

} // namespace

Status prepare_nvram(const sdk::domain::Domain& d, bool fresh) {
    const std::string file = nvram_file(d);
    if (file.empty()) return {};
    struct stat st {};
    if (!fresh && ::stat(file.c_str(), &st) == 0) return {};
    const std::string& source = d.os.nvram->template_;
    if (source.empty())
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu,
                          "unable to find any master var store for loader: {} (give <nvram template=''> in <os>)", d.os.loader.path);
    // The folder for guests without a place of their own; one that the document names is its author's.
    const std::string folder = file.substr(0, file.rfind('/'));
    if (!folder.empty() && ::mkdir(folder.c_str(), 0711) != 0 && errno != EEXIST)
        return failed("cannot make the folder of firmware variables", folder);
    return copy_file(source, file);
}

} // namespace polyvirt::qemu
