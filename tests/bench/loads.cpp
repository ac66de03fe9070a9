// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tests/bench/loads.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <sys/epoll.h>

#include "host/protocol/gen/remote.h"
#include "tests/bench/raw_client.h"

namespace polyvirt::bench {
namespace {

namespace remote = protocol::remote;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMostOutstanding = 1024;

constexpr std::int32_t number(remote::Proc proc) { return static_cast<std::int32_t>(proc); }

template <typename T> Bytes encoded(const T& args) {
    protocol::Encoder encoder;
    encode(encoder, args);
    return encoder.take();
}

struct Call {
    std::int32_t proc;
    Bytes payload;
};

// The domain's wire form is what a look-up answers with, and what other calls begin with.
Bytes domain_named(const Options& o, const std::string& name) {
    RawClient client(o.socket);
    client.open(o.uri);
    remote::domain_lookup_by_name_args args;
    args.name = protocol::to_str(name);
    return client.call(number(remote::Proc::domain_lookup_by_name), encoded(args));
}

// lib_version: the daemon's own; state: of domain d1, from memory; resume: an operation of the driver of d1.
Call make_call(const Options& o) {
    if (o.call == "lib_version") return {number(remote::Proc::connect_get_lib_version), {}};
    Bytes dom = domain_named(o, "d1");
    if (o.call == "resume") return {number(remote::Proc::domain_resume), std::move(dom)};
    dom.insert(dom.end(), 4, 0); // flags
    return {number(remote::Proc::domain_get_state), std::move(dom)};
}

struct Active {
    explicit Active(const std::string& path) : client(path), sent(kMostOutstanding) {}
    RawClient client;
    std::vector<Clock::time_point> sent; // by serial
    void send(const Call& call, Clock::time_point now) { sent[client.send(call.proc, call.payload) % sent.size()] = now; }
};

UniqueFd watch(const std::vector<std::unique_ptr<Active>>& active) {
    UniqueFd poll(::epoll_create1(EPOLL_CLOEXEC));
    for (const auto& a : active) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.ptr = a.get();
        ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, a->client.fd(), &e);
    }
    return poll;
}

std::vector<std::unique_ptr<Active>> open_clients(const Options& o, unsigned n) {
    std::vector<std::unique_ptr<Active>> made;
    for (unsigned i = 0; i < n; ++i) {
        made.push_back(std::make_unique<Active>(o.socket));
        made.back()->client.open(o.uri);
    }
    return made;
}

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

} // namespace

Figures run_calls(const Options& o, const Ready& ready) {
    Figures f;
    const Call call = make_call(o);
    const auto active = open_clients(o, o.clients);
    const UniqueFd poll = watch(active);
    ready();
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(o.seconds));
    for (const auto& a : active)
        for (unsigned i = 0; i < o.outstanding; ++i) a->send(call, Clock::now());
    std::size_t in_flight = active.size() * o.outstanding;
    epoll_event events[256];
    while (in_flight > 0) {
        const int n = ::epoll_wait(poll.get(), events, 256, 10000);
        if (n == 0) break; // nothing for ten seconds: the daemon hangs
        for (int i = 0; i < n; ++i) {
            auto& a = *static_cast<Active*>(events[i].data.ptr);
            const auto now = Clock::now();
            unsigned answered = 0;
            a.client.receive([&](const protocol::Header& h, std::span<const std::uint8_t>) {
                f.micros.push_back(
                    std::chrono::duration<float, std::micro>(now - a.sent[h.serial % a.sent.size()]).count());
                ++answered;
            });
            f.calls += answered;
            in_flight -= answered;
            for (; now < end && answered > 0; --answered, ++in_flight) a.send(call, now);
        }
    }
    f.seconds = since(begin);
    return f;
}

Figures run_connects(const Options& o, const Ready& ready) {
    Figures f;
    ready();
    const auto begin = Clock::now();
    while (since(begin) < o.seconds) {
        const auto one = Clock::now();
        RawClient client(o.socket);
        client.open(o.uri);
        client.close_connection();
        f.micros.push_back(static_cast<float>(since(one) * 1e6));
        ++f.calls;
    }
    f.seconds = since(begin);
    return f;
}

Figures run_changes(const Options& o, const Ready& ready) {
    static constexpr const char* kDomain =
        "<domain type='qemu'><name>bench</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"
        "<memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>";
    Figures f;
    RawClient actor(o.socket);
    actor.open(o.uri);
    const auto listeners = open_clients(o, o.subscribers);
    for (const auto& l : listeners)
        l->client.call(number(remote::Proc::connect_domain_event_callback_register_any),
                       encoded(remote::connect_domain_event_callback_register_any_args{}));
    const UniqueFd poll = watch(listeners);
    remote::domain_define_xml_args define;
    define.xml = protocol::to_str(std::string_view(kDomain));
    const Bytes xml = encoded(define);
    epoll_event events[256];
    const auto change = [&] {
        const Bytes dom = actor.call(number(remote::Proc::domain_define_xml), xml);
        actor.call(number(remote::Proc::domain_undefine), dom);
        // Two events each. What comes is "defined" (0) and "undefined" (1) in turn, or something was lost.
        for (std::size_t missing = 2 * listeners.size(); missing > 0;) {
            const int n = ::epoll_wait(poll.get(), events, 256, 10000);
            for (int e = 0; e < n; ++e) {
                auto& a = *static_cast<Active*>(events[e].data.ptr);
                a.client.receive([&](const protocol::Header&, std::span<const std::uint8_t> body) {
                    const std::uint32_t event = protocol::load_be32(body.data() + body.size() - 8);
                    const bool due_first = (a.sent[0] == Clock::time_point{});
                    a.sent[0] = due_first ? Clock::now() : Clock::time_point{};
                    if (event == (due_first ? 0U : 1U)) --missing, ++f.events;
                });
            }
            if (n > 0) continue;
            std::fprintf(stderr, "%zu events were lost or came out of order\n", missing);
            std::exit(1);
        }
    };
    change(); // with the first one goes what is done once: the emulator is asked what it can do
    f.events = 0;
    ready();
    const auto begin = Clock::now();
    for (; f.calls < o.changes; ++f.calls) change();
    f.seconds = since(begin);
    return f;
}

} // namespace polyvirt::bench
