// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "monitor/monitor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kCategory = "monitor";
constexpr std::size_t kReadAtOnce = std::size_t{1} << 20;
constexpr std::size_t kMaxFds = 8; // with one command

Error closed_error(const std::string& who, std::string_view how) {
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the monitor of {} {}", who, how);
}

} // namespace

Monitor::Monitor(const plugin::Services& s, UniqueFd fd, std::string who, Handlers handlers)
    : s_(s), who_(std::move(who)), fd_(std::move(fd)), handlers_(std::move(handlers)) {}

std::shared_ptr<Monitor> Monitor::open(const plugin::Loop& loop, const plugin::Services& s, UniqueFd fd,
                                       std::string who, Handlers handlers) {
    auto m = std::make_shared<Monitor>(s, std::move(fd), std::move(who), std::move(handlers));
    const std::weak_ptr<Monitor> weak = m;
    // The watch owns a duplicate: a watched descriptor must stay open until the watch is released, which
    // is after close().
    const auto watched = std::make_shared<UniqueFd>(::fcntl(m->fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!*watched) return nullptr;
    m->watch_ = loop.fd(watched->get(), PV_IO_READ, [weak, watched](std::uint32_t events) {
        if (const auto self = weak.lock()) self->on_ready(events);
    });
    m->timer_ = loop.timer(-1, 0, [weak] {
        if (const auto self = weak.lock()) self->check_deadlines();
    });
    if (!m->watch_ || !m->timer_) return nullptr;
    return m;
}

void Monitor::negotiate(std::int64_t timeout_ns, Reply done) {
    negotiation_ = next_id_++;
    waiting_[negotiation_] = {"the greeting", std::move(done), s_.loop->now_ns(s_.host) + timeout_ns, false};
    arm_deadline();
}

std::int64_t Monitor::deadline(std::int64_t timeout_ns) const {
    return s_.loop->now_ns(s_.host) + (timeout_ns == kUsual ? timeout_ : timeout_ns);
}

void Monitor::execute(std::string_view command, Json arguments, std::vector<UniqueFd> fds, Reply done, std::int64_t timeout_ns) {
    Json document = {{"execute", command}};
    if (!arguments.is_null() && !arguments.empty()) document["arguments"] = std::move(arguments);
    send(std::move(document), std::move(fds), {std::string(command), std::move(done), deadline(timeout_ns)});
}

void Monitor::execute_whole(Json document, std::vector<UniqueFd> fds, Reply done, std::int64_t timeout_ns) {
    const auto name = document.find("execute");
    std::string text = name != document.end() && name->is_string() ? name->get<std::string>() : std::string("a command");
    send(std::move(document), std::move(fds), {std::move(text), std::move(done), deadline(timeout_ns), true});
}

void Monitor::send(Json document, std::vector<UniqueFd> fds, Command command) {
    if (!fd_) {
        command.done(closed_error(who_, "is not connected"));
        return;
    }
    const std::uint64_t id = next_id_++;
    document["id"] = id;
    // Text that is not UTF-8 (a file name) is sent with replacements rather than thrown for.
    const std::string line = document.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (out_.size() + line.size() > kMaxUnsent) {
        command.done(make_error(ErrorCode::resource_busy, ErrorDomain::qemu,
                                "the emulator of {} has not read {} bytes of commands; '{}' was not sent", who_, out_.size(),
                                command.name));
        return;
    }
    log::debug(kCategory, "{}: > {}", who_, line);
    if (!fds.empty()) out_fds_.emplace_back(out_.size(), std::move(fds));
    out_ += line;
    out_ += '\n';
    waiting_[id] = std::move(command);
    arm_deadline();
    write_some();
}

void Monitor::on_ready(std::uint32_t events) {
    const auto self = shared_from_this();
    if ((events & (PV_IO_READ | PV_IO_ERROR | PV_IO_HANGUP)) != 0) read_some(kReadAtOnce);
    if (fd_ && (events & PV_IO_WRITE) != 0) write_some();
}

void Monitor::drain() {
    const auto self = shared_from_this();
    if (fd_) read_some(kMaxLine);
}

void Monitor::read_some(std::size_t budget) {
    std::array<char, 4096> buffer; // most answers are short, and each guest's thread keeps the memory of its longest
    while (fd_ && budget > 0) {
        const ssize_t n = ::recv(fd_.get(), buffer.data(), std::min(buffer.size(), budget), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n < 0 && errno != ECONNRESET) return broken(make_system_error(errno, ErrorDomain::qemu, "cannot read from the monitor of " + who_));
        if (n <= 0) return broken(closed_error(who_, "was closed by the emulator"));
        budget -= static_cast<std::size_t>(n);
        in_.append(buffer.data(), static_cast<std::size_t>(n));
        handle_lines();
    }
}

void Monitor::handle_lines() {
    std::size_t begin = 0;
    while (fd_) {
        const std::size_t end = in_.find('\n', std::max(begin, scanned_));
        if (end == std::string::npos) break;
        const std::string line = in_.substr(begin, end - begin);
        begin = scanned_ = end + 1;
        handle_line(line);
    }
    in_.erase(0, begin);
    scanned_ = in_.size();
    if (in_.size() > kMaxLine)
        broken(closed_error(who_, fmt::format("sent a line of more than {} bytes", kMaxLine)));
}

void Monitor::handle_line(std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    log::debug(kCategory, "{}: < {}", who_, line.substr(0, 4000));
    const Json document = Json::parse(line, nullptr, false);
    if (!document.is_object())
        return broken(closed_error(who_, fmt::format("sent what is no JSON object: '{}'", line.substr(0, 100))));
    if (document.contains("QMP")) return handle_greeting(document);
    if (document.contains("event")) return handle_event(document);
    if (document.contains("return") || document.contains("error")) return handle_reply(document, line);
    log::warning(kCategory, "{}: a message of an unknown kind: {}", who_, line.substr(0, 200));
}

void Monitor::handle_greeting(const Json&) {
    const auto it = waiting_.find(std::exchange(negotiation_, 0));
    if (it == waiting_.end()) return; // a second greeting means nothing
    Command command = std::move(it->second);
    waiting_.erase(it);
    execute("qmp_capabilities", {}, std::move(command.done), std::max<std::int64_t>(command.deadline - s_.loop->now_ns(s_.host), 1));
}

void Monitor::handle_reply(const Json& document, std::string_view line) {
    const auto id = document.find("id");
    const auto it = id != document.end() && id->is_number_unsigned() ? waiting_.find(id->get<std::uint64_t>())
                                                                      : waiting_.end();
    if (it == waiting_.end()) {
        log::info(kCategory, "{}: a reply that nobody waits for (any more)", who_);
        return;
    }
    const Command command = std::move(it->second);
    waiting_.erase(it);
    arm_deadline();
    if (command.whole) {
        // In the emulator's order of members, which clients print.
        const auto ordered = nlohmann::ordered_json::parse(line, nullptr, false);
        return command.done(Json(ordered.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
    }
    if (const auto value = document.find("return"); value != document.end()) return command.done(Json(*value));
    const Json& error = document["error"];
    const auto desc = error.is_object() ? error.find("desc") : error.end();
    command.done(make_error(ErrorCode::internal_error, ErrorDomain::qemu, "unable to execute QEMU command '{}': {}",
                            command.name,
                            error.is_object() && desc != error.end() && desc->is_string() ? desc->get<std::string>()
                                                                                          : error.dump()));
}

void Monitor::handle_event(const Json& document) {
    QmpEvent event;
    const Json& name = document["event"];
    if (!name.is_string()) return;
    event.name = name.get<std::string>();
    if (const auto data = document.find("data"); data != document.end()) event.data = *data;
    if (const auto time = document.find("timestamp"); time != document.end() && time->is_object()) {
        if (const auto s = time->find("seconds"); s != time->end() && s->is_number_integer())
            event.seconds = s->get<std::int64_t>();
        if (const auto us = time->find("microseconds"); us != time->end() && us->is_number_integer())
            event.micros = static_cast<std::uint32_t>(us->get<std::int64_t>());
    }
    handlers_.event(event);
}

// Up to where the next descriptors go along: the emulator takes those that came with a command's first byte.
ssize_t Monitor::send_some() {
    const bool with_fds = !out_fds_.empty() && out_fds_.front().first == 0;
    const std::size_t next = with_fds ? 1 : 0;
    const std::size_t end = next < out_fds_.size() ? out_fds_[next].first : out_.size();
    iovec part{out_.data(), end};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
    if (with_fds) {
        const auto& fds = out_fds_.front().second;
        const std::size_t bytes = std::min(fds.size(), kMaxFds) * sizeof(int);
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(bytes);
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(bytes);
        for (std::size_t i = 0; i < std::min(fds.size(), kMaxFds); i++) {
            const int fd = fds[i].get();
            std::memcpy(CMSG_DATA(head) + i * sizeof fd, &fd, sizeof fd);
        }
    }
    const ssize_t n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (n <= 0) return n;
    if (with_fds) out_fds_.pop_front();
    for (auto& [at, fds] : out_fds_) at -= static_cast<std::size_t>(n);
    out_.erase(0, static_cast<std::size_t>(n));
    return n;
}

void Monitor::write_some() {
    while (fd_ && !out_.empty()) {
        const ssize_t n = send_some();
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        // The emulator has gone; what it wrote before is still to be read, and then its end is seen.
        if (n < 0) {
            out_.clear();
            out_fds_.clear();
            break;
        }
    }
    if (watch_) watch_.set_events(out_.empty() ? PV_IO_READ : PV_IO_READ | PV_IO_WRITE);
}

void Monitor::check_deadlines() {
    const auto self = shared_from_this();
    const std::int64_t now = s_.loop->now_ns(s_.host);
    std::vector<Command> late;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
        if (it->second.deadline > now) {
            ++it;
            continue;
        }
        late.push_back(std::move(it->second));
        it = waiting_.erase(it);
    }
    arm_deadline();
    for (const Command& command : late)
        command.done(make_error(ErrorCode::operation_timeout, ErrorDomain::qemu,
                                "the emulator of {} did not answer '{}' in time", who_, command.name));
}

void Monitor::arm_deadline() {
    if (!timer_) return;
    if (waiting_.empty()) return timer_.set_timer(-1);
    std::int64_t first = waiting_.begin()->second.deadline;
    for (const auto& [id, command] : waiting_) first = std::min(first, command.deadline);
    timer_.set_timer(std::max<std::int64_t>(first - s_.loop->now_ns(s_.host), 0));
}

void Monitor::broken(Error why) {
    const auto self = shared_from_this();
    if (!fd_) return;
    const auto closed = std::move(handlers_.closed);
    close(why);
    if (closed) closed(why);
}

void Monitor::close(const Error& why) {
    const auto self = shared_from_this();
    watch_.reset();
    timer_.reset();
    fd_.reset();
    handlers_.closed = nullptr;
    fail_all(why);
}

void Monitor::fail_all(const Error& why) {
    const auto commands = std::exchange(waiting_, {});
    for (const auto& [id, command] : commands) command.done(why);
}

} // namespace polyvirt::qemu
