// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "agent/link.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kCategory = "agent";
constexpr char kDelimiter = '\xff';
constexpr std::size_t kReadAtOnce = std::size_t{256} << 10;

} // namespace

bool within_bounds(std::string_view text, std::size_t max_depth, std::size_t max_values) {
    std::size_t depth = 0, values = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') i++;
            else if (c == '"') quoted = false;
            continue;
        }
        if (c == '"') quoted = true;
        else if (c == '[' || c == '{') {
            if (++depth > max_depth) return false;
            values++;
        } else if (c == ']' || c == '}') {
            if (depth > 0) depth--;
        } else if (c == ',') {
            values++;
        }
        if (values > max_values) return false;
    }
    return true;
}

AgentLink::AgentLink(const plugin::Services& s, std::string who) : s_(s), who_(std::move(who)) {}

Error AgentLink::unresponsive(std::string_view text) const {
    return make_error(ErrorCode::agent_unresponsive, ErrorDomain::qemu, "{}", text);
}

bool AgentLink::open(const plugin::Loop& loop, UniqueFd fd) {
    const std::weak_ptr<AgentLink> weak = weak_from_this();
    // The watch owns a duplicate: a watched descriptor must stay open until the watch is released, which is after close().
    const auto watched = std::make_shared<UniqueFd>(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!*watched) return false;
    watch_ = loop.fd(watched->get(), 0, [weak, watched](std::uint32_t events) {
        if (const auto self = weak.lock()) self->on_ready(events);
    });
    timer_ = loop.timer(-1, 0, [weak] {
        if (const auto self = weak.lock()) self->check_deadlines();
    });
    if (!watch_ || !timer_) {
        watch_.reset();
        timer_.reset();
        return false;
    }
    fd_ = std::move(fd);
    in_step_ = false;
    phase_ = Phase::idle;
    return true;
}

void AgentLink::execute(Request request) {
    const auto self = shared_from_this();
    if (!fd_) return request.done(unresponsive("QEMU guest agent is not connected"));
    if (queue_.size() >= kMaxQueue)
        return request.done(make_error(ErrorCode::resource_busy, ErrorDomain::qemu,
                                       "{} commands wait for the guest agent of {} already, the first of them '{}'", queue_.size(),
                                       who_, queue_.front().request.name));
    queue_.push_back({std::move(request), s_.loop->now_ns(s_.host) + kQueuePatience});
    if (queue_.size() == 1) begin();
    else arm_deadline();
}

void AgentLink::begin() {
    if (queue_.empty()) {
        phase_ = Phase::idle;
        in_.clear();
        arm_deadline();
        return watch_events();
    }
    noise_ = 0;
    if (out_.size() > kMaxNoise)
        return finish(unresponsive(fmt::format("the guest agent of {} has not read {} bytes of earlier commands", who_, out_.size())));
    if (in_step_) return send_command();
    phase_ = Phase::syncing;
    delimiter_seen_ = false;
    in_.clear();
    sync_id_ = static_cast<std::uint64_t>(s_.loop->now_ns(s_.host)) & 0x7fffffffffffU;
    queue_.front().deadline = s_.loop->now_ns(s_.host) + std::min(sync_timeout_, kSyncTimeout);
    // The byte before ends whatever the agent still has of an earlier connection's command.
    send(fmt::format("{}{{\"execute\":\"guest-sync-delimited\",\"arguments\":{{\"id\":{}}}}}", kDelimiter, sync_id_));
}

void AgentLink::send_command() {
    Queued& first = queue_.front();
    phase_ = Phase::waiting;
    in_.clear();
    noise_ = 0;
    first.deadline = first.request.timeout_ns < 0 ? INT64_MAX : s_.loop->now_ns(s_.host) + first.request.timeout_ns;
    log::debug(kCategory, "{}: > {}", who_, first.request.name); // without what it carries: passwords
    send(std::exchange(first.request.line, {}));
}

void AgentLink::send(std::string text) {
    // What is left of a command that nobody waits for must still be whole, or the next would be a part of it.
    out_ += text;
    out_ += '\n';
    arm_deadline();
    write_some();
}

void AgentLink::write_some() {
    while (fd_ && !out_.empty()) {
        const ssize_t n = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0) return broken("cannot be written to");
        out_.erase(0, static_cast<std::size_t>(n));
    }
    watch_events();
}

// A guest that nobody asks anything may say what it likes: it is not heard, and soon cannot say more.
void AgentLink::watch_events() {
    if (!watch_) return;
    std::uint32_t events = 0;
    if (phase_ != Phase::idle) events |= PV_IO_READ;
    if (!out_.empty()) events |= PV_IO_WRITE;
    watch_.set_events(events);
}

void AgentLink::on_ready(std::uint32_t events) {
    const auto self = shared_from_this();
    if (fd_ && (events & PV_IO_WRITE) != 0) write_some();
    if (fd_ && phase_ != Phase::idle && (events & (PV_IO_READ | PV_IO_ERROR | PV_IO_HANGUP)) != 0) return read_some();
    if (fd_ && phase_ == Phase::idle && (events & (PV_IO_ERROR | PV_IO_HANGUP)) != 0) broken("was closed");
}

void AgentLink::read_some() {
    std::array<char, 65536> buffer;
    for (std::size_t budget = kReadAtOnce; fd_ && phase_ != Phase::idle && budget > 0;) {
        const ssize_t n = ::recv(fd_.get(), buffer.data(), std::min(buffer.size(), budget), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n <= 0) return broken("was closed");
        budget -= static_cast<std::size_t>(n);
        take({buffer.data(), static_cast<std::size_t>(n)});
    }
}

// A piece of what comes, a line at a time. A line may change what is waited for.
void AgentLink::take(std::string_view bytes) {
    while (!bytes.empty() && fd_ && phase_ != Phase::idle) {
        if (phase_ == Phase::syncing && !delimiter_seen_) {
            const std::size_t at = bytes.find(kDelimiter);
            noise_ += std::min(at, bytes.size());
            if (noise_ > kMaxNoise + kMaxLine) return out_of_step(unresponsive(fmt::format("the guest agent of {} sent {} bytes and no answer among them", who_, noise_)));
            if (at == std::string_view::npos) return;
            delimiter_seen_ = true;
            bytes.remove_prefix(at + 1);
            continue;
        }
        const std::size_t end = bytes.find('\n');
        in_.append(bytes.substr(0, end));
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
        if (in_.size() > (phase_ == Phase::syncing ? kMaxNoise : kMaxLine))
            return out_of_step(unresponsive(fmt::format("the guest agent of {} sent a line of more than {} bytes", who_, in_.size() - 1)));
        if (end == std::string_view::npos) return;
        const std::string line = std::exchange(in_, {});
        if (phase_ == Phase::syncing) take_sync(line);
        else take_line(line);
    }
}

void AgentLink::take_sync(std::string_view line) {
    delimiter_seen_ = false; // the answer to an earlier one: the next byte of that kind begins the right one
    noise_ += line.size();
    if (!within_bounds(line, kMaxDepth, kMaxValues)) return;
    const Json document = Json::parse(line, nullptr, false);
    if (!document.is_object()) return;
    const auto id = document.find("return");
    if (id == document.end() || !id->is_number_integer() || id->get<std::int64_t>() != static_cast<std::int64_t>(sync_id_)) return;
    in_step_ = true;
    // Nobody may wait for it any more; then the link is in step for the next one.
    if (!queue_.front().request.done) return finish(Json());
    send_command();
}

void AgentLink::take_line(std::string_view line) {
    noise_ += line.size() + 1;
    Json document;
    if (within_bounds(line, kMaxDepth, kMaxValues)) document = Json::parse(line, nullptr, false);
    if (document.is_object() && (document.contains("return") || document.contains("error"))) return finish(std::move(document));
    if (noise_ > kMaxNoise)
        out_of_step(unresponsive(fmt::format("the guest agent of {} sent {} bytes and no answer among them", who_, noise_)));
}

void AgentLink::finish(Result<Json> outcome) {
    if (queue_.empty()) return;
    Queued first = std::move(queue_.front());
    queue_.pop_front();
    phase_ = Phase::idle;
    const auto self = shared_from_this();
    // The next one first: whoever is told may ask more, behind those that wait already.
    if (fd_) begin();
    if (first.request.done) first.request.done(std::move(outcome));
}

void AgentLink::out_of_step(const Error& why) {
    in_step_ = false;
    log::warning(kCategory, "{}: {}", who_, why.message);
    finish(why);
}

void AgentLink::broken(std::string_view how) { close(unresponsive(fmt::format("the connection to the guest agent of {} {}", who_, how))); }

void AgentLink::close(const Error& why) {
    const auto self = shared_from_this();
    watch_.reset();
    timer_.reset();
    fd_.reset();
    in_.clear();
    out_.clear();
    in_step_ = false;
    const bool was_waiting = std::exchange(phase_, Phase::idle) == Phase::waiting;
    auto queue = std::exchange(queue_, {});
    for (std::size_t i = 0; i < queue.size(); i++) {
        const Request& request = queue[i].request;
        if (!request.done) continue;
        if (i == 0 && was_waiting && request.ends) request.done(Json{{"return", Json::object()}});
        else request.done(why);
    }
}

void AgentLink::guest_gone() {
    in_step_ = false; // an agent that begins anew
    if (phase_ == Phase::waiting && queue_.front().request.ends) finish(Json{{"return", Json::object()}});
}

void AgentLink::give_up(std::uint64_t owner) {
    const auto self = shared_from_this();
    std::vector<Reply> given_up;
    for (std::size_t i = queue_.size(); i-- > 0;) {
        if (queue_[i].request.owner != owner || !queue_[i].request.done) continue;
        given_up.push_back(std::exchange(queue_[i].request.done, nullptr));
        if (i > 0) queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
        // One under way keeps the agent: it does one thing at a time. But not for ever.
        else queue_[i].deadline = std::min(queue_[i].deadline, s_.loop->now_ns(s_.host) + kQueuePatience);
    }
    arm_deadline();
    for (const Reply& done : given_up)
        done(make_error(ErrorCode::operation_aborted, ErrorDomain::qemu, "nobody waits any more for the guest agent of {}", who_));
}

void AgentLink::check_deadlines() {
    const auto self = shared_from_this();
    const std::int64_t now = s_.loop->now_ns(s_.host);
    std::vector<std::pair<Reply, Error>> late;
    while (queue_.size() > 1 && queue_[1].deadline <= now) {
        late.emplace_back(std::move(queue_[1].request.done),
                          make_error(ErrorCode::operation_timeout, ErrorDomain::qemu,
                                     "the guest agent of {} is still busy with '{}' after {} s", who_, queue_.front().request.name,
                                     kQueuePatience / kSecond));
        queue_.erase(queue_.begin() + 1);
    }
    if (!queue_.empty() && phase_ != Phase::idle && queue_.front().deadline <= now) {
        in_step_ = false;
        log::info(kCategory, "{}: '{}' is not answered in time", who_, queue_.front().request.name);
        finish(unresponsive("Guest agent not available for now"));
    }
    arm_deadline();
    for (const auto& [done, why] : late)
        if (done) done(why);
}

void AgentLink::arm_deadline() {
    if (!timer_) return;
    std::int64_t first = INT64_MAX;
    // Those that wait are in the order of their deadlines.
    for (std::size_t i = 0; i < std::min<std::size_t>(queue_.size(), 2); i++) first = std::min(first, queue_[i].deadline);
    timer_.set_timer(first == INT64_MAX ? -1 : std::max<std::int64_t>(first - s_.loop->now_ns(s_.host), 0));
}

} // namespace polyvirt::qemu
