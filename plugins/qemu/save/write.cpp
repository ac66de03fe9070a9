// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A guest's memory into a file: header, description, stream.

#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <polyvirt/process.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.h"
#include "driver.h"
#include "run.h"
#include "save/migrate.h"
#include "save/save_ops.h"

namespace polyvirt::qemu {
namespace {

// The end of a program, on the loop that watches it.
class ProgramEnd {
  public:
    void ended(std::int32_t status) {
        status_ = status;
        if (waiter_) std::exchange(waiter_, std::nullopt)->operator()(outcome());
    }
    void wait(const sdk::Answer<Status>& answer) {
        if (status_) return answer(outcome());
        waiter_ = answer;
    }

  private:
    [[nodiscard]] Status outcome() const {
        if (WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0) return {};
        return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "the program that packs the image failed (status {})", *status_);
    }
    std::optional<std::int32_t> status_;
    std::optional<sdk::Answer<Status>> waiter_;
};

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

SaveOps::Task SaveOps::write_image(RunPtr run, std::string path, ImageFacts facts, JobTicketPtr ticket, const char* what) {
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    PV_CO_ASSIGN_OR_RETURN(const std::shared_ptr<UniqueFd> file, create_file(path, facts));
    PV_CO_TRY(co_await write_stream(run, file, facts.compression, ticket, what));
    PV_CO_TRY(co_await sdk::on_worker(s_, run->guest()->strand));
    co_return complete_image(file->get(), path);
}

SaveOps::Task SaveOps::write_stream(RunPtr run, std::shared_ptr<UniqueFd> file, Compression compression, JobTicketPtr ticket, const char* what) {
    const char* const program = program_of(compression);
    if (program == nullptr) co_return co_await migrate_to(run, twin(file->get()), ticket, what);
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) co_return make_system_error(errno, ErrorDomain::qemu, "cannot make a pipe");
    UniqueFd out(ends[0]);
    const auto in = std::make_shared<UniqueFd>(ends[1]);
    plugin::Command command({program, "-c"});
    command.input(out.get()).output(file->get(), -1);
    const auto end = std::make_shared<ProgramEnd>();
    const auto child = plugin::ChildProcess::spawn(s_, nullptr, command, run->loop(), [end](std::int32_t status) { end->ended(status); });
    if (!child) co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "'{}' cannot be run", program);
    out.reset();
    Status moved = co_await migrate_to(run, in, ticket, what);
    in->reset(); // where it was not handed over, the program would wait for ever
    PV_CO_TRY(co_await run->on_loop());
    sdk::Async<Status> over([end](const sdk::Answer<Status>& answer) { end->wait(answer); });
    const Status packed = co_await over;
    co_return moved ? packed : moved;
}

} // namespace polyvirt::qemu
