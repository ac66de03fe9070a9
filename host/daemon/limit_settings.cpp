// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/limit_settings.h"

#include <type_traits>

namespace polyvirt::daemon {
namespace {

template <typename T> struct Binding {
    std::string_view path;
    void (*set)(T& limits, std::int64_t value);
};

template <typename T> struct MemberOf;
template <typename C, typename M> struct MemberOf<M C::*> {
    using Class = C;
    using Type = M;
};

template <auto kMember> constexpr auto bind(std::string_view path) {
    using Member = MemberOf<decltype(kMember)>;
    using Limits = typename Member::Class;
    // In range: the table says so.
    return Binding<Limits>{path, [](Limits& limits, std::int64_t value) {
                               limits.*kMember = static_cast<typename Member::Type>(value);
                           }};
}

using rpc::Limits;
constexpr Binding<Limits> kServer[] = {
    bind<&Limits::max_clients>("limits.max_clients"),
    bind<&Limits::max_anonymous>("limits.max_anonymous"),
    bind<&Limits::reserved_clients>("limits.reserved_clients"),
    bind<&Limits::max_clients_per_listener>("limits.max_clients_per_listener"),
    bind<&Limits::max_clients_per_peer>("limits.max_clients_per_peer"),
    bind<&Limits::auth_deadline>("limits.auth_deadline"),
    bind<&Limits::max_handshakes>("limits.max_handshakes"),
    bind<&Limits::max_in_flight>("limits.max_in_flight"),
    bind<&Limits::max_parked>("limits.max_parked"),
    bind<&Limits::max_queued>("limits.max_queued"),
    bind<&Limits::max_queued_bytes>("limits.max_queued_bytes"),
    bind<&Limits::max_anonymous_packet>("limits.max_anonymous_packet"),
    bind<&Limits::max_input_bytes>("limits.max_input_bytes"),
    bind<&Limits::reply_bytes_pause>("limits.reply_bytes_pause"),
    bind<&Limits::max_event_bytes>("limits.max_event_bytes"),
    bind<&Limits::max_streams>("limits.max_streams"),
    bind<&Limits::stream_upload_bytes>("limits.stream_upload_bytes"),
    bind<&Limits::stream_send_bytes>("limits.stream_send_bytes"),
    bind<&Limits::stream_stall>("limits.stream_stall"),
    bind<&Limits::keepalive_interval>("keepalive.interval"),
    bind<&Limits::keepalive_count>("keepalive.count"),
};

using work::PoolLimits;
constexpr Binding<PoolLimits> kPool[] = {
    bind<&PoolLimits::min_workers>("workers.min"),       bind<&PoolLimits::max_workers>("workers.max"),
    bind<&PoolLimits::prio_workers>("workers.priority"), bind<&PoolLimits::hard_cap>("workers.hard_cap"),
    bind<&PoolLimits::max_queued>("workers.max_queued"), bind<&PoolLimits::idle_for>("workers.idle_time"),
};

// `was` null: all of them.
template <typename T, std::size_t N>
bool take(T& limits, const Binding<T> (&table)[N], const Config* was, const Config& now,
          const std::string& prefix) {
    bool any = false;
    for (const Binding<T>& binding : table) {
        const std::string path = prefix + std::string(binding.path);
        if (was != nullptr && now.same(*was, path)) continue;
        binding.set(limits, now.number(path));
        any = true;
    }
    return any;
}

const char* prefix_of(bool admin) { return admin ? "admin_" : ""; }

} // namespace

rpc::Limits server_limits(const Config& config, bool admin) {
    rpc::Limits limits;
    take(limits, kServer, nullptr, config, prefix_of(admin));
    return limits;
}

work::PoolLimits pool_limits(const Config& config) {
    work::PoolLimits limits;
    take(limits, kPool, nullptr, config, "");
    return limits;
}

bool change_limits(rpc::Limits& limits, const Config& was, const Config& now, bool admin) {
    return take(limits, kServer, &was, now, prefix_of(admin));
}

bool change_limits(work::PoolLimits& limits, const Config& was, const Config& now) {
    return take(limits, kPool, &was, now, "");
}

} // namespace polyvirt::daemon
