// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A guest's memory into a file: header, description, stream.

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "save/migrate.h"
#include "save/save_ops.h"

namespace polyvirt::qemu {
namespace {

// Another descriptor of the same open file.
std::shared_ptr<UniqueFd> twin(int fd) { return std::make_shared<UniqueFd>(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

Result<std::shared_ptr<UniqueFd>> create_file(const std::string& path, const ImageFacts& facts) {
    auto file = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600));
    if (!*file && errno == EACCES) return make_system_error(errno, ErrorDomain::qemu, "Failed to create file '" + path + "'");
    if (!*file) return make_system_error(errno, ErrorDomain::qemu, "Failed to create file '" + path + "'");
    PV_TRY(write_all(file->get(), format_image_head(facts, false), path));
    return file;
}

} // namespace

SaveOps::Task SaveOps::write_image(RunPtr run, std::string path, ImageFacts facts, JobTicketPtr ticket, const char* what, bool direct) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    PV_CO_ASSIGN_OR_RETURN(const std::shared_ptr<UniqueFd> file, create_file(path, facts));
    PV_CO_ASSIGN_OR_RETURN(Programs programs, programs_into(file->get(), facts.compression, direct));
    Write write = [run, ticket, what](std::shared_ptr<UniqueFd> fd) { return migrate_to(run, std::move(fd), ticket, what); };
    PV_CO_TRY(co_await write_through(run, file, std::move(programs), std::move(write)));
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    co_return complete_image(file->get(), path);
}

SaveOps::Task SaveOps::write_through(RunPtr run, std::shared_ptr<UniqueFd> file, Programs programs, Write write) {
    if (programs.empty()) co_return co_await write(twin(file->get()));
    PV_CO_ASSIGN_OR_RETURN(const auto line, Pipeline::into(s_, run->loop(), programs, file->get()));
    const Status moved = co_await write(line->entrance());
    line->entrance()->reset(); // where it was not handed over, the programs would wait for ever
    PV_CO_TRY(co_await run->on_loop());
    const Status written = co_await line->over(line);
    // The programs have the file's own description, and what follows is no whole block.
    (void)::fcntl(file->get(), F_SETFL, ::fcntl(file->get(), F_GETFL) & ~O_DIRECT);
    co_return moved ? written : moved;
}

} // namespace polyvirt::qemu
