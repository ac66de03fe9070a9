// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The outputs themselves. Nothing here may log.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "host/logging/outputs.h"

namespace polyvirt::logging {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRetry = std::chrono::seconds(10);

// syslog.h's numbers, which the journal uses as well.
int priority_of(log::Level level) {
    static constexpr std::array kPriorities = {7, 7, 6, 4, 3};
    return kPriorities.at(static_cast<std::size_t>(level));
}

std::string lost_line(const Line& like, std::uint64_t lost, int error) {
    Line line(log::Level::warning, "log",
              fmt::format("{} lines were lost here: {}", lost, std::system_category().message(error)));
    line.time = like.time;
    line.call = {};
    return format(line);
}

class Stream : public Output {
  public:
    void write(const Line& line, std::string_view formatted) override {
        if (lost_ != 0) {
            const std::string note = (torn_ ? "\n" : "") + lost_line(line, lost_, error_);
            if (!put(note)) return lose();
            lost_ = 0;
            torn_ = false;
        }
        if (!put(formatted)) lose();
    }

  protected:
    virtual int descriptor() = 0; // -1: none, errno says why

  private:
    bool put(std::string_view text) {
        const int fd = descriptor();
        if (fd < 0) error_ = errno;
        while (fd >= 0 && !text.empty()) {
            const ssize_t n = ::write(fd, text.data(), text.size());
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) {
                error_ = n < 0 ? errno : ENOSPC;
                break;
            }
            torn_ = static_cast<std::size_t>(n) < text.size();
            text.remove_prefix(static_cast<std::size_t>(n));
        }
        return text.empty();
    }
    void lose() { ++lost_; }

    std::uint64_t lost_ = 0; // since the last one that was written
    bool torn_ = false;      // the last one was written in part
    int error_ = 0;
};

class StandardError final : public Stream {
    int descriptor() override { return STDERR_FILENO; }
};

class File final : public Stream {
  public:
    explicit File(std::string path) : path_(std::move(path)) {}
    // 0, or errno.
    int open() {
        // Not blocking, as a pipe may have this name. Readable to the owner alone: the log has names of guests.
        UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
        why_ = fd ? 0 : errno;
        if (fd) fd_ = std::move(fd);
        return why_;
    }
    // If there is no new one to be had, the old one goes on.
    void reopen() override { (void)open(); }

  private:
    int descriptor() override {
        if (!fd_ && Clock::now() >= next_try_ && open() != 0) next_try_ = Clock::now() + kRetry;
        if (!fd_) errno = why_;
        return fd_.get();
    }

    const std::string path_;
    UniqueFd fd_;
    int why_ = 0;
    Clock::time_point next_try_{};
};

// Datagrams to a service on a unix socket. libsystemd's sender (252) waits for a journal that does not read, and
// syslog(3) too: this one does not.
class Datagrams : public Output {
  public:
    explicit Datagrams(const std::string& socket) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        address_.sun_family = AF_UNIX;
        socket.copy(address_.sun_path, sizeof address_.sun_path - 1);
    }

  protected:
    bool send(std::string_view message) {
        const ssize_t sent = ::sendto(fd_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                      reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
        return sent == static_cast<ssize_t>(message.size());
    }

  private:
    UniqueFd fd_;
    sockaddr_un address_{};
};

class Journald final : public Datagrams {
  public:
    using Datagrams::Datagrams;
    void write(const Line& line, std::string_view /*formatted*/) override {
        std::string message = fmt::format("PRIORITY={}\nSYSLOG_IDENTIFIER=polyvirtd\nTID={}\n", priority_of(line.level),
                                          line.thread);
        field(message, "POLYVIRT_CATEGORY", line.category);
        if (line.call) {
            field(message, "POLYVIRT_CLIENT", fmt::format("{}{}", line.call.server, line.call.client));
            field(message, "POLYVIRT_SERIAL", std::to_string(line.call.serial));
            field(message, "POLYVIRT_PROCEDURE", line.call.procedure);
        }
        if (lost_ != 0) field(message, "POLYVIRT_LINES_LOST", std::to_string(lost_));
        field(message, "MESSAGE", line.text);
        if (send(message))
            lost_ = 0;
        else
            ++lost_;
    }

  private:
    static void field(std::string& message, std::string_view name, std::string_view value) {
        message.append(name).append("=").append(value).append("\n"); // no value has an end of line
    }
    std::uint64_t lost_ = 0;
};

class Syslog final : public Datagrams {
  public:
    Syslog(std::string name, const std::string& socket) : Datagrams(socket), name_(std::move(name)) {}
    void write(const Line& line, std::string_view /*formatted*/) override {
        constexpr int kDaemon = 3 << 3;
        constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        tm local{};
        ::localtime_r(&line.time.tv_sec, &local);
        (void)send(fmt::format("<{}>{} {:2} {:02}:{:02}:{:02} {}[{}]: {}: {}", kDaemon | priority_of(line.level),
                               kMonths.at(static_cast<std::size_t>(local.tm_mon)), local.tm_mday, local.tm_hour,
                               local.tm_min, local.tm_sec, name_, ::getpid(), line.category, line.text));
    }

  private:
    const std::string name_;
};

} // namespace

Result<std::unique_ptr<Output>> open_file(const std::string& path, IfClosed if_closed) {
    auto file = std::make_unique<File>(path);
    const int error = file->open();
    if (error != 0 && if_closed == IfClosed::refuse)
        return make_system_error(error, ErrorDomain::none, fmt::format("failed to open {}", path));
    return std::unique_ptr<Output>(std::move(file));
}

std::unique_ptr<Output> open_standard_error() { return std::make_unique<StandardError>(); }
std::unique_ptr<Output> open_journald(const std::string& socket) { return std::make_unique<Journald>(socket); }
std::unique_ptr<Output> open_syslog(const std::string& name, const std::string& socket) {
    return std::make_unique<Syslog>(name, socket);
}

} // namespace polyvirt::logging
