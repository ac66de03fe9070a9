// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/pipeline.h"

#include <cerrno>
#include <functional>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kCopier = "/usr/bin/dd"; // at the end of what it writes it leaves the rest of a block to the cache

Result<Programs> programs_of(int file, const char* packer, const char* way, const char* direct) {
    Programs programs;
    if (packer != nullptr) programs.push_back({packer, way});
    if (direct == nullptr) return programs;
    // Tried here, for the words: the program's own would be lost.
    const int flags = ::fcntl(file, F_GETFL);
    if (flags < 0 || ::fcntl(file, F_SETFL, flags | O_DIRECT) != 0 || ::fcntl(file, F_SETFL, flags) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "the file's system cannot do without the host's cache");
    programs.push_back({kCopier, "bs=1M", "iflag=fullblock", direct, "status=none"});
    return programs;
}

struct Pipe {
    UniqueFd read, write;
};
Result<Pipe> make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return make_system_error(errno, ErrorDomain::qemu, "cannot make a pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The first reads from `in`, the last writes to `out`.
Result<std::vector<plugin::ChildProcess>> run_in_a_row(const plugin::Services& s, const plugin::Loop& loop, const Programs& programs, int in, int out,
                                                       const std::function<void(const std::string& program, std::int32_t status)>& ended) {
    std::vector<plugin::ChildProcess> children;
    UniqueFd previous;
    for (std::size_t i = 0; i < programs.size(); ++i) {
        const bool last = i + 1 == programs.size();
        Pipe next;
        if (!last) {
            PV_ASSIGN_OR_RETURN(next, make_pipe());
        }
        plugin::Command command(programs[i]);
        command.input(i == 0 ? in : previous.get()).output(last ? out : next.write.get(), -1);
        const std::string& program = programs[i].front();
        children.push_back(plugin::ChildProcess::spawn(s, nullptr, command, loop, [ended, program](std::int32_t status) { ended(program, status); }));
        if (!children.back())
            return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "'{}' cannot be run", program);
        previous = std::move(next.read);
    }
    return children;
}

} // namespace

Result<Programs> programs_into(int file, Compression compression, bool direct) {
    return programs_of(file, program_of(compression), "-c", direct ? "oflag=direct" : nullptr);
}

Result<Programs> programs_from(int file, Compression compression, bool direct) {
    PV_ASSIGN_OR_RETURN(Programs programs, programs_of(file, program_of(compression), "-dc", direct ? "iflag=direct" : nullptr));
    return Programs(programs.rbegin(), programs.rend());
}

Result<std::shared_ptr<Pipeline>> Pipeline::into(const plugin::Services& s, const plugin::Loop& loop, const Programs& programs, int file) {
    PV_ASSIGN_OR_RETURN(Pipe first, make_pipe());
    auto line = std::make_shared<Pipeline>();
    line->entrance_ = std::make_shared<UniqueFd>(std::move(first.write));
    line->running_ = programs.size();
    // Not kept by what it keeps.
    const auto ended = [weak = std::weak_ptr(line)](const std::string& program, std::int32_t status) {
        if (const auto self = weak.lock()) self->ended(program, status);
    };
    PV_ASSIGN_OR_RETURN(line->children_, run_in_a_row(s, loop, programs, first.read.get(), file, ended));
    return line;
}

void Pipeline::ended(const std::string& program, std::int32_t status) {
    if (outcome_ && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        outcome_ = make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "'{}', which writes the image, failed (status {})", program, status);
    if (--running_ != 0) return;
    for (const auto& waiter : std::exchange(waiters_, {})) waiter(outcome_);
}

sdk::Async<Status> Pipeline::over(std::shared_ptr<Pipeline> self) {
    return sdk::Async<Status>([self = std::move(self)](const sdk::Answer<Status>& answer) {
        if (self->running_ == 0) return answer(self->outcome_);
        self->waiters_.push_back(answer);
    });
}

Result<UniqueFd> read_through(const plugin::Services& s, const plugin::Loop& loop, const Programs& programs, int file) {
    PV_ASSIGN_OR_RETURN(Pipe last, make_pipe());
    PV_TRY(run_in_a_row(s, loop, programs, file, last.write.get(), [](const std::string&, std::int32_t) {}));
    return std::move(last.read);
}

} // namespace polyvirt::qemu
