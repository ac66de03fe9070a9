// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "leases.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/net_network.h>

#include "base/error_text.h"
#include "base/unique_fd.h"

namespace polyvirt::network {
namespace {

constexpr std::size_t kLongestFile = 64 << 20;

// The words of a line.
std::array<std::string_view, 5> words_of(std::string_view line) {
    std::array<std::string_view, 5> words;
    for (std::string_view& word : words) {
        const std::size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        const std::size_t end = std::min(line.find(' ', begin), line.size());
        word = line.substr(begin, end - begin);
        line.remove_prefix(end);
    }
    return words;
}

std::string given(std::string_view word) { return word == "*" ? std::string() : std::string(word); }

// A client's identifier that is made of its hardware's address ends with it: kinds 1 (behind a time) and 3, of
// Ethernet.
std::optional<sdk::xml::Mac> mac_in(std::string_view duid) {
    constexpr std::size_t kMac = 17; // characters
    const bool timed = duid.starts_with("00:01:00:01:") && duid.size() == 12 + 12 + kMac;
    const bool plain = duid.starts_with("00:03:00:01:") && duid.size() == 12 + kMac;
    return timed || plain ? sdk::xml::Mac::parse(duid.substr(duid.size() - kMac)) : std::nullopt;
}

} // namespace

std::vector<DhcpLease> parse_leases(std::string_view text, std::int64_t now) {
    std::vector<DhcpLease> all;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const auto words = words_of(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        DhcpLease lease;
        const auto [stop, error] = std::from_chars(words[0].data(), words[0].data() + words[0].size(), lease.expiry);
        const auto address = sdk::xml::IpAddress::parse(words[2]);
        if (words[0].empty() || error != std::errc() || stop != words[0].data() + words[0].size() || !address) continue;
        if (lease.expiry != 0 && lease.expiry < now) continue;
        lease.address = *address;
        if (address->v6) lease.iaid = words[1];
        // Other hardware than Ethernet's has its number in front: "06-52:54:...".
        else if (lease.mac = sdk::xml::Mac::parse(words[1]); !lease.mac)
            continue;
        lease.host_name = given(words[3]);
        lease.client_id = given(words[4]);
        if (address->v6) lease.mac = mac_in(lease.client_id);
        all.push_back(std::move(lease));
    }
    return all;
}

Result<std::vector<DhcpLease>> read_leases(const std::string& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) return std::vector<DhcpLease>();
    const auto failed = [&file] {
        return make_system_error(errno, ErrorDomain::network, fmt::format("cannot read '{}'", file));
    };
    if (!fd) return failed();
    std::string text;
    std::array<char, 16'384> part{};
    for (;;) {
        const ssize_t n = ::read(fd.get(), part.data(), part.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed();
        if (n == 0 || text.size() > kLongestFile) break;
        text.append(part.data(), static_cast<std::size_t>(n));
    }
    return parse_leases(text, static_cast<std::int64_t>(::time(nullptr)));
}

void add_lease(const plugin::Services& s, pv_records* to, const DhcpLease& lease,
               const sdk::network::Network& network) {
    const auto text = [](const std::string& t) { return t.empty() ? nullptr : t.c_str(); };
    const std::string mac = lease.mac ? lease.mac->to_string() : std::string(), address = lease.address.to_string();
    const std::string bridge = network.bridge ? network.bridge->name : std::string();
    pv_net_lease record{};
    record.size = sizeof record;
    record.interface = bridge.c_str();
    record.expiry = lease.expiry;
    record.type = lease.address.v6 ? PV_IP_ADDR_TYPE_IPV6 : PV_IP_ADDR_TYPE_IPV4;
    for (const auto& ip : network.ips)
        if (ip.address && lease.address.same_network(*ip.address, ip.effective_prefix()))
            record.prefix = ip.effective_prefix();
    record.mac = text(mac);
    record.iaid = text(lease.iaid);
    record.address = address.c_str();
    record.hostname = text(lease.host_name);
    record.client_id = text(lease.client_id);
    s.build->add_record(to, &record);
}

} // namespace polyvirt::network
