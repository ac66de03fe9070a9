// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "container/link.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error_text.h"

namespace polyvirt::lxc {
namespace {

constexpr const char* kSocket = "control.sock";
constexpr std::size_t kMessage = 65'536;
constexpr int kBacklog = 8;

Error failed(std::string_view what) { return make_system_error(errno, ErrorDomain::lxc, what); }

struct Address {
    UniqueFd folder;
    sockaddr_un address{};
    [[nodiscard]] const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }
};
Result<Address> address_in(const std::string& folder) {
    Address a;
    a.folder = UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!a.folder) return failed("cannot open the folder '" + folder + "'");
    a.address.sun_family = AF_UNIX;
    const std::string path = fmt::format("/proc/self/fd/{}/{}", a.folder.get(), kSocket);
    std::memcpy(a.address.sun_path, path.c_str(), path.size() + 1);
    return a;
}

} // namespace

Result<UniqueFd> SupervisorLink::listen(const std::string& folder) {
    PV_ASSIGN_OR_RETURN(const Address at, address_in(folder));
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), at.generic(), sizeof at.address) != 0 || ::listen(fd.get(), kBacklog) != 0)
        return failed("cannot listen on the supervisor's socket in '" + folder + "'");
    return fd;
}

Result<UniqueFd> SupervisorLink::connect(const std::string& folder) {
    PV_ASSIGN_OR_RETURN(const Address at, address_in(folder));
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), at.generic(), sizeof at.address) != 0)
        return failed("cannot reach the supervisor by its socket in '" + folder + "'");
    return fd;
}

std::shared_ptr<SupervisorLink> SupervisorLink::make(const plugin::Loop& loop, UniqueFd socket, Said said) {
    auto link = std::make_shared<SupervisorLink>(loop, std::move(said));
    link->socket_ = std::make_shared<UniqueFd>(std::move(socket));
    const std::weak_ptr<SupervisorLink> weak = link;
    link->watch_ = loop.fd(link->socket_->get(), PV_IO_READ, [weak, kept = link->socket_](std::uint32_t) {
        if (const auto self = weak.lock()) self->read();
    });
    return link;
}

void SupervisorLink::ask(Json request, std::int64_t timeout_ns, Done done) {
    if (!socket_)
        return done(
            make_error(ErrorCode::operation_failed, ErrorDomain::lxc, "the container's supervisor does not answer"));
    const std::uint64_t id = next_++;
    request["id"] = id;
    const std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (::send(socket_->get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return done(failed("the container's supervisor cannot be asked"));
    const std::weak_ptr<SupervisorLink> weak = weak_from_this();
    auto timer = loop_.timer(timeout_ns, 0, [weak, id] {
        if (const auto self = weak.lock())
            self->finish(id, make_error(ErrorCode::operation_timeout, ErrorDomain::lxc,
                                        "the container's supervisor did not answer in time"));
    });
    waiting_.emplace(id, Waiting{std::move(done), std::move(timer)});
}

void SupervisorLink::read() {
    if (!socket_) return;
    std::string text(kMessage, '\0');
    const ssize_t n = ::recv(socket_->get(), text.data(), text.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0)
        return close(make_error(ErrorCode::operation_failed, ErrorDomain::lxc, "the container's supervisor has gone"));
    const Json message = Json::parse(text.begin(), text.begin() + n, nullptr, false);
    if (!message.is_object()) return;
    const auto reply = message.find("reply");
    if (reply == message.end()) return said_(message);
    if (!reply->is_number_unsigned()) return;
    const auto error = message.find("error");
    if (error == message.end()) return finish(reply->get<std::uint64_t>(), {});
    finish(reply->get<std::uint64_t>(), make_error(ErrorCode::internal_error, ErrorDomain::lxc, "{}",
                                                   error->is_string() ? error->get<std::string>() : "it failed"));
}

void SupervisorLink::finish(std::uint64_t id, const Status& outcome) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    const Done done = std::move(found->second.done);
    waiting_.erase(found);
    done(outcome);
}

void SupervisorLink::close(const Error& why) {
    watch_.reset();
    socket_ = nullptr;
    for (auto& [id, waiting] : std::exchange(waiting_, {})) waiting.done(why);
}

} // namespace polyvirt::lxc
