// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "net_leases.h"

#include <algorithm>
#include <ctime>

#include "domains.h"

namespace polyvirt::test {
namespace {

using sdk::network::Ip;
using sdk::xml::IpAddress;
using sdk::xml::Mac;

constexpr std::int64_t kUsualLease = 3600;

struct Client {
    Mac mac;
    std::string domain;
};

std::vector<Client> clients_of(const Driver& driver, const std::string& network) {
    std::vector<Client> out;
    for (const GuestPtr& guest : driver.domains().table().all()) {
        DocumentPtr live;
        {
            const ObjectLock lock(guest->mu);
            live = guest->live;
        }
        if (!live) continue;
        for (const auto& interface : live->devices.interfaces)
            if (interface.source.network == network && interface.mac.address) out.push_back({*interface.mac.address, guest->name});
    }
    std::sort(out.begin(), out.end(), [](const Client& a, const Client& b) {
        return std::pair(a.domain, a.mac) < std::pair(b.domain, b.mac);
    });
    return out;
}

void next(IpAddress& address) {
    for (std::size_t i = address.bits() / 8; i-- > 0;)
        if (++address.bytes[i] != 0) return;
}

std::int64_t end_of(const std::optional<sdk::network::Lease>& lease, std::int64_t now) {
    if (!lease) return now + kUsualLease;
    return *lease->expiry == 0 ? 0 : now + static_cast<std::int64_t>(lease->seconds());
}

// Hands out addresses in order; those promised to a MAC only to it.
class Pool {
  public:
    Pool(const Ip& ip, std::int64_t now) : ip_(ip), now_(now) {}

    bool give(DhcpLease& lease) {
        for (const auto& host : ip_.dhcp->hosts) {
            if (host.mac != lease.mac || !host.ip) continue;
            lease.address = *host.ip;
            lease.expiry = end_of(host.lease, now_);
            if (!host.name.empty()) lease.host_name = host.name;
            return true;
        }
        for (; range_ < ip_.dhcp->ranges.size(); range_++, at_.reset()) {
            const auto& range = ip_.dhcp->ranges[range_];
            if (!at_) at_ = *range.start;
            while (*at_ <= *range.end && promised(*at_)) next(*at_);
            if (*range.end < *at_) continue;
            lease.address = *at_;
            lease.expiry = end_of(range.lease, now_);
            next(*at_);
            return true;
        }
        return false;
    }

  private:
    [[nodiscard]] bool promised(const IpAddress& address) const {
        return std::any_of(ip_.dhcp->hosts.begin(), ip_.dhcp->hosts.end(), [&](const auto& h) { return h.ip == address; });
    }

    const Ip& ip_;
    const std::int64_t now_;
    std::size_t range_ = 0;
    std::optional<IpAddress> at_;
};

} // namespace

std::vector<DhcpLease> leases_of(const Driver& driver, const sdk::network::Network& network) {
    const std::vector<Client> clients = clients_of(driver, network.name);
    const std::int64_t now = std::time(nullptr);
    std::vector<DhcpLease> out;
    for (const Ip& ip : network.ips) {
        if (!ip.dhcp || ip.address->v6) continue; // IPv6 goes by DUID, which no guest here has
        Pool pool(ip, now);
        for (const Client& client : clients) {
            DhcpLease lease{network.bridge ? network.bridge->name : "", 0, ip.effective_prefix(), client.mac, {}, client.domain};
            if (pool.give(lease)) out.push_back(std::move(lease));
        }
    }
    return out;
}

} // namespace polyvirt::test
