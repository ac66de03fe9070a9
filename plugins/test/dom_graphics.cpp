// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Displays: a connection to one ends in display.h, on the driver's loop, until client or guest ends it.

#include "dom_graphics.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "display.h"
#include "domains.h"
#include "op.h"

namespace polyvirt::test {
namespace {

constexpr std::size_t kMaxViewers = 64; // of one guest

// One connection. It lives as long as the watch's callback, which the guest's list keeps.
class Viewer final : public GuestViewer {
  public:
    Viewer(UniqueFd fd, std::string name) : fd_(std::move(fd)), display_(std::move(name)) {}

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool greet() const { return send(Display::kGreeting); }
    // The driver's loop. False: it is over.
    [[nodiscard]] bool ready() {
        std::array<char, 4096> buffer;
        const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (n == 0) return false;
        std::string answer;
        const bool goes_on = display_.take({buffer.data(), static_cast<std::size_t>(n)}, answer);
        return send(answer) && goes_on;
    }

  private:
    // A hundred bytes in all: a client that leaves no room for them does not read.
    [[nodiscard]] bool send(std::string_view text) const {
        return ::send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    const UniqueFd fd_;
    Display display_;
};

class Graphics : public Ops {
  public:
    using Ops::Ops;

    pv_status open_graphics(pv_call* call, const pv_obj* obj, const pv_dom_open_graphics_in& in, pv_dom_open_graphics_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, "testDomainOpenGraphics"); !flags) return answer(call, flags);
        if (in.nfds != 1)
            return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found {} descriptors, expected the client's end of one connection", in.nfds));
        UniqueFd own(::fcntl(in.fds[0], F_DUPFD_CLOEXEC, 0));
        if (!own) return fail(call, make_system_error(errno, ErrorDomain::test, "cannot keep the client's descriptor"));
        return answer(call, serve(*Domains::of(obj), in.idx, std::move(own)));
    }

    pv_status open_graphics_fd(pv_call* call, const pv_obj* obj, const pv_dom_open_graphics_fd_in& in, pv_dom_open_graphics_fd_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, "testDomainOpenGraphicsFD"); !flags) return answer(call, flags);
        int ends[2] = {-1, -1};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            return fail(call, make_system_error(errno, ErrorDomain::test, "cannot make a connection to the display"));
        UniqueFd ours(ends[0]), theirs(ends[1]);
        if (const Status served = serve(*Domains::of(obj), in.idx, std::move(ours)); !served) return answer(call, served);
        if (s_.call->add_reply_fd(call, theirs.release()) == PV_OK) return PV_OK; // the host's from here on, either way
        return fail(call, make_error(ErrorCode::internal_error, ErrorDomain::test, "the reply takes no descriptor"));
    }

  private:
    static Status check_display(const Guest& guest, std::uint32_t index) PV_REQUIRES(guest.mu) {
        if (!guest.active()) return not_running();
        const auto& displays = guest.live->devices.graphics;
        if (index >= displays.size())
            return make_error(ErrorCode::internal_error, ErrorDomain::test, "No graphics backend with index {}", index);
        if (displays[index].type != sdk::domain::GraphicsType::vnc)
            return make_error(ErrorCode::operation_unsupported, ErrorDomain::test, "Can only open VNC graphics backends, not {}",
                              sdk::domain::kGraphicsTypes[static_cast<std::size_t>(displays[index].type)]);
        if (guest.viewers.size() >= kMaxViewers)
            return make_error(ErrorCode::resource_busy, ErrorDomain::test, "domain '{}' has {} connections to its displays already", guest.name, kMaxViewers);
        return {};
    }

    // Gone when the connection ends, or with the run of the guest (Domains::halt).
    Status serve(Guest& guest, std::uint32_t index, UniqueFd fd) const {
        const auto viewer = std::make_shared<Viewer>(std::move(fd), guest.name);
        const std::weak_ptr<Guest> weak = guest.weak_from_this();
        const std::uint64_t number = driver_.next_number();
        const ObjectLock lock(guest.mu);
        PV_TRY(check_display(guest, index));
        if (!viewer->greet()) return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "the client's descriptor is no socket that takes data");
        viewer->watch = driver_.loop().fd(viewer->fd(), PV_IO_READ, [weak, viewer, number](std::uint32_t) {
            if (!viewer->ready()) drop(weak, number);
        });
        if (!viewer->watch)
            return make_error(ErrorCode::operation_failed, ErrorDomain::test, "the descriptor is no connection that can be waited on");
        guest.viewers.emplace(number, viewer);
        return {};
    }
    static void drop(const std::weak_ptr<Guest>& weak, std::uint64_t number) {
        std::shared_ptr<GuestViewer> over; // ends outside of the lock
        const GuestPtr guest = weak.lock();
        if (!guest) return;
        const ObjectLock lock(guest->mu);
        const auto found = guest->viewers.find(number);
        if (found == guest->viewers.end()) return;
        found->second->watch.reset();
        over = std::move(found->second);
        guest->viewers.erase(found);
    }
};

} // namespace

void fill_graphics(pv_dom_console& t) {
    t.open_graphics = op<"domain.open_graphics", &Graphics::open_graphics>;
    t.open_graphics_fd = op<"domain.open_graphics_fd", &Graphics::open_graphics_fd>;
}

} // namespace polyvirt::test
