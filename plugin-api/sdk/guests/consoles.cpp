// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guests/consoles.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>

#include <polyvirt/call.h>

#include "base/error_text.h"

namespace polyvirt::sdk {
namespace {

// What the host gives back when a console's stream is over.
struct OpenConsole {
    std::shared_ptr<Guest> guest;
    std::string alias;
    std::uint64_t number;
};

void forget(const OpenConsole& c) {
    const ObjectLock lock(c.guest->mu);
    c.guest->streams.erase(c.number);
    const auto it = c.guest->consoles.find(c.alias);
    // Another client may have taken it over.
    if (it != c.guest->consoles.end() && it->second == c.number) c.guest->consoles.erase(it);
}

void closed(void* ctx, std::uint32_t) noexcept {
    plugin::guarded("console", [&] { forget(*static_cast<OpenConsole*>(ctx)); });
}

// On the driver's loop, where streams are closed too: what is found there stays until this returns.
void take_away(const plugin::Services& s, const OpenConsole& c, ErrorDomain domain) {
    pv_stream* stream = nullptr;
    {
        const ObjectLock lock(c.guest->mu);
        const auto it = c.guest->streams.find(c.number);
        if (it != c.guest->streams.end()) stream = it->second;
    }
    if (stream == nullptr) return;
    plugin::with_abi_error(
        make_error(ErrorCode::operation_failed, domain, "'{}' was taken over by another client", c.alias),
        [&](const pv_error& e) { s.stream->fail(stream, &e); });
}

} // namespace

Result<UniqueFd> open_terminal(const std::string& path, ErrorDomain domain) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return make_system_error(errno, domain, "unable to open console '" + path + "'");
    return fd;
}

pv_status Consoles::open(pv_call* call, const std::shared_ptr<Guest>& guest, ConsoleLine line, bool force) const {
    if (const auto number = reserve(guest, line.alias, s_.call->stream(call), force))
        return plugin::answer(s_, call, attach(call, guest, line, *number));
    // Whoever had it may have left a moment ago: the news of that is on the loop, before this.
    const bool posted = loop_.post([this, call, guest, line = std::move(line)] {
        const auto number = reserve(guest, line.alias, s_.call->stream(call), false);
        const Status opened = number ? attach(call, guest, line, *number)
                                     : make_error(ErrorCode::operation_failed, domain_,
                                                  "Active {} session exists for this domain", line.noun);
        s_.call->complete(call, plugin::answer(s_, call, opened));
    });
    if (posted) return PV_PENDING;
    return plugin::fail(s_, call, make_error(ErrorCode::operation_failed, domain_, "the driver is ending"));
}

// From here on the line is this stream's, so that nobody else opens it meanwhile. Empty: it is taken.
std::optional<std::uint64_t> Consoles::reserve(const std::shared_ptr<Guest>& guest, const std::string& alias,
                                               pv_stream* stream, bool force) const {
    const ObjectLock lock(guest->mu);
    const auto it = guest->consoles.find(alias);
    if (it != guest->consoles.end()) {
        if (!force) return std::nullopt;
        loop_.post([this, previous = OpenConsole{guest, alias, it->second}] { take_away(s_, previous, domain_); });
    }
    const std::uint64_t number = guest->next_stream++;
    guest->consoles[alias] = number;
    guest->streams[number] = stream;
    return number;
}

Status Consoles::attach(pv_call* call, const std::shared_ptr<Guest>& guest, const ConsoleLine& line,
                        std::uint64_t number) const {
    auto console = std::make_unique<OpenConsole>(OpenConsole{guest, line.alias, number});
    auto fd = line.open();
    if (!fd) {
        forget(*console);
        return fd.error();
    }
    if (s_.stream->attach_fd(s_.call->stream(call), fd->release(), PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT,
                             loop_.get(), &closed, console.get(),
                             [](void* c) noexcept { delete static_cast<OpenConsole*>(c); }) != PV_OK) {
        forget(*console);
        return make_error(ErrorCode::internal_error, domain_, "the {}'s stream cannot be set up", line.noun);
    }
    (void)console.release();
    return {};
}

} // namespace polyvirt::sdk
