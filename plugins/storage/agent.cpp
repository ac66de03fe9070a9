// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "agent.h"

#include <cerrno>

#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.h"

namespace polyvirt::storage {
namespace {

constexpr int kMaxLingering = 2;
constexpr std::size_t kMaxAnswer = std::size_t{512} << 20; // room, not memory: a million volumes
constexpr std::size_t kMaxOutput = std::size_t{64} << 20;  // of lvs
constexpr std::int64_t kNoDeadline = std::int64_t{365} * 86'400 * 1'000'000'000;

Error not_answering(const Patience& patience) {
    return make_error(ErrorCode::operation_timeout, ErrorDomain::storage,
                      "storage pool '{}' does not answer: {} processes that were asked before are still waiting for it", patience.pool,
                      patience.lingering ? patience.lingering->load() : 0);
}
bool is_stuck(const Patience& patience) { return patience.lingering && *patience.lingering >= kMaxLingering; }

Error worded(Error error, const Patience& patience) {
    if (error.code != ErrorCode::operation_timeout) return error;
    return make_error(ErrorCode::operation_timeout, ErrorDomain::storage, "storage pool '{}' did not answer within {} s", patience.pool,
                      patience.deadline_ns / 1'000'000'000);
}

Result<Answer> answer_of(const UniqueFd& file, const sdk::ProgramEnd& end) {
    auto answer = Answer::parse(sdk::memory_text(file));
    if (!end.good() || !answer)
        return make_error(ErrorCode::internal_error, ErrorDomain::storage, "the storage helper ended with status {}: {}", end.wait_status, end.err);
    const Facts& facts = answer->facts;
    if (!facts.has("error.code")) return *std::move(answer);
    return Error{.code = static_cast<ErrorCode>(facts.number("error.code", 1)),
                 .domain = static_cast<ErrorDomain>(facts.number("error.domain", 0)),
                 .message = facts.text("error.message"),
                 .str1 = facts.text("error.str1"),
                 .str2 = facts.text("error.str2"),
                 .int1 = facts.number("error.int1", -1)};
}

// 137 is "killed"; a program says it in its own way, or not at all.
std::string how_it_ended(const sdk::ProgramEnd& end) {
    const int status = end.wait_status;
    if (WIFSIGNALED(status)) return fmt::format("fatal signal {}", WTERMSIG(status));
    return fmt::format("exit status {}", WEXITSTATUS(status));
}

} // namespace

Patience Patience::for_bytes(std::uint64_t bytes) const {
    constexpr std::uint64_t kSlow = 4U << 20;
    Patience p = *this;
    p.deadline_ns = deadline_ns + static_cast<std::int64_t>(std::min<std::uint64_t>(bytes / kSlow, 31'536'000)) * 1'000'000'000;
    return p;
}

Task<Result<Answer>> Agent::ask(std::string verb, Facts request, Patience patience) {
    if (is_stuck(patience)) co_return not_answering(patience);
    const UniqueFd answer = sdk::memory_file("answer", kMaxAnswer);
    if (!answer) co_return make_system_error(errno, ErrorDomain::storage, "no room for the storage helper's answer");
    plugin::Command command({helper_, std::move(verb), request.packed()});
    command.pass(answer.get(), 3);
    sdk::ProgramLimits limits;
    limits.deadline_ns = patience.deadline_ns;
    limits.lingering = patience.lingering;
    auto end = co_await programs_.run(std::move(command), std::move(limits));
    if (!end) co_return worded(std::move(end).error(), patience);
    co_return answer_of(answer, *end);
}

Task<Result<Answer>> Agent::ask_with(int fd, std::string verb, Facts request, Patience patience, sdk::Programs::Stop* stop) {
    if (is_stuck(patience)) co_return not_answering(patience);
    const UniqueFd answer = sdk::memory_file("answer", std::size_t{1} << 20);
    if (!answer) co_return make_system_error(errno, ErrorDomain::storage, "no room for the storage helper's answer");
    plugin::Command command({helper_, std::move(verb), request.packed()});
    command.pass(answer.get(), 3).pass(fd, 4);
    sdk::ProgramLimits limits;
    limits.deadline_ns = kNoDeadline;
    limits.lingering = patience.lingering;
    auto end = co_await programs_.run(std::move(command), std::move(limits), stop);
    if (!end) co_return worded(std::move(end).error(), patience);
    co_return answer_of(answer, *end);
}

Task<Result<std::string>> Agent::run(std::vector<std::string> argv, Patience patience) {
    if (is_stuck(patience)) co_return not_answering(patience);
    const std::string path = find_program(argv.front());
    if (path.empty())
        co_return make_system_error(ENOENT, ErrorDomain::storage, fmt::format("Cannot find '{}' in path", argv.front()));
    argv.front() = path;
    const std::string shown = joined(argv);
    plugin::Command command(std::move(argv));
    sdk::ProgramLimits limits;
    limits.deadline_ns = patience.deadline_ns;
    limits.max_out = kMaxOutput;
    limits.lingering = patience.lingering;
    auto end = co_await programs_.run(std::move(command), std::move(limits));
    if (!end) co_return worded(std::move(end).error(), patience);
    if (end->good()) co_return std::move(end->out);
    co_return make_error(ErrorCode::internal_error, ErrorDomain::storage, "Child process ({}) unexpected {}: {}", shown, how_it_ended(*end), end->err);
}

std::string find_program(const std::string& name) {
    for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
        const std::string path = folder + name;
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    return {};
}

std::string joined(const std::vector<std::string>& argv) {
    std::string text;
    for (const std::string& word : argv) text += (text.empty() ? "" : " ") + word;
    return text;
}

} // namespace polyvirt::storage
