// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.client/1
#include <polyvirt/abi/client.h>

#include <cstring>
#include <string_view>

#include "host/plugin/context.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

pv_status on_close(pv_host* host, std::uint64_t client, std::uint32_t kind, std::uint64_t object) noexcept {
    if (host == nullptr || client == 0) return PV_ABI;
    if (!PV_HAS(host->client_iface, pv_client, closed)) return PV_UNSUPPORTED; // nobody could be told
    return guarded(pv_status{PV_FAIL}, [&] { return host->shared.clients.store(client, {host, kind, object}); });
}

pv_status forget(pv_host* host, std::uint64_t client, std::uint32_t kind, std::uint64_t object) noexcept {
    if (host == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&] { return host->shared.clients.forget(client, {host, kind, object}); });
}

// Empty: no such fact.
std::string fact(const Caller& caller, std::string_view key) {
    const auto number = [](std::int64_t n) { return n >= 0 ? std::to_string(n) : std::string(); };
    if (key == "uid") return number(caller.uid);
    if (key == "gid") return number(caller.gid);
    if (key == "pid") return number(caller.pid);
    if (key == "user") return caller.user;
    if (key == "group") return caller.group;
    if (key == "transport") return caller.transport;
    if (key == "sasl-user") return caller.sasl_user;
    if (key == "x509-dname") return caller.x509_dname;
    return {};
}

pv_status identity(pv_call* call, const char* key, char* buffer, std::uint32_t length) noexcept {
    if (call == nullptr || key == nullptr || buffer == nullptr) return PV_ABI;
    return guarded(pv_status{PV_FAIL}, [&]() -> pv_status {
        const CallRef found = CallHandles::find(call, "client.identity");
        if (!found) return PV_GONE;
        const std::string text = fact(found->caller(), key);
        if (text.empty()) return PV_UNSUPPORTED;
        if (text.size() >= length) return PV_ABI;
        std::memcpy(buffer, text.c_str(), text.size() + 1);
        return PV_OK;
    });
}

constexpr pv_svc_client kClientTable = {sizeof(pv_svc_client), 0, on_close, forget, identity};

} // namespace

const Service kClientService{PV_SVC_CLIENT, &kClientTable};

} // namespace polyvirt::plugin
