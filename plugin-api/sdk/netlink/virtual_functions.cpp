// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/netlink/virtual_functions.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/unique_fd.h"
#include "sdk/netlink/netlink.h"

namespace polyvirt::sdk {
namespace {

constexpr std::size_t kAnswerMax = std::size_t{256} << 10; // a card's list of functions is long

// Attributes are put one behind the other; a nest's length is known when it ends.
class Request {
  public:
    Request(std::uint16_t type, std::uint16_t flags, int index) {
        nlmsghdr head{};
        head.nlmsg_type = type;
        head.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
        append(&head, sizeof head);
        ifinfomsg info{};
        info.ifi_index = index;
        append(&info, sizeof info);
    }
    void put(std::uint16_t type, const void* data, std::size_t size) {
        const std::size_t at = begin(type);
        append(data, size);
        end(at);
    }
    std::size_t begin(std::uint16_t type) {
        const std::size_t at = bytes_.size();
        rtattr attribute{};
        attribute.rta_type = type;
        append(&attribute, sizeof attribute);
        return at;
    }
    void end(std::size_t at) {
        const auto size = static_cast<std::uint16_t>(bytes_.size() - at);
        std::memcpy(bytes_.data() + at + offsetof(rtattr, rta_len), &size, sizeof size);
        bytes_.resize(RTA_ALIGN(bytes_.size()));
    }
    std::vector<std::byte> finish() {
        const auto size = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
        return std::move(bytes_);
    }

  private:
    void append(const void* data, std::size_t size) {
        const auto* const from = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), from, from + size);
    }
    std::vector<std::byte> bytes_;
};

using Bytes = std::pair<const std::byte*, std::size_t>;

// Runs use(type, data) for each attribute; what is cut short ends it.
template <typename Use> void each_attribute(Bytes from, Use&& use) {
    auto [at, left] = from;
    while (left >= sizeof(rtattr)) {
        rtattr head{};
        std::memcpy(&head, at, sizeof head);
        if (head.rta_len < sizeof head || head.rta_len > left) return;
        use(head.rta_type & NLA_TYPE_MASK, Bytes{at + sizeof head, head.rta_len - sizeof head});
        const std::size_t step = std::min<std::size_t>(RTA_ALIGN(head.rta_len), left);
        at += step;
        left -= step;
    }
}

template <typename T> std::optional<T> read_as(Bytes from) {
    if (from.second < sizeof(T)) return std::nullopt;
    T value{};
    std::memcpy(&value, from.first, sizeof value);
    return value;
}

Result<std::vector<std::byte>> ask(const std::vector<std::byte>& request, const std::string& what) {
    const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket) return make_system_error(errno, ErrorDomain::none, what);
    if (::send(socket.get(), request.data(), request.size(), 0) < 0) return make_system_error(errno, ErrorDomain::none, what);
    std::vector<std::byte> answer(kAnswerMax);
    ssize_t size = -1;
    do size = ::recv(socket.get(), answer.data(), answer.size(), 0);
    while (size < 0 && errno == EINTR);
    if (size < 0) return make_system_error(errno, ErrorDomain::none, what);
    answer.resize(static_cast<std::size_t>(size));
    const auto head = read_as<nlmsghdr>({answer.data(), answer.size()});
    if (!head) return make_system_error(EPROTO, ErrorDomain::none, what);
    if (head->nlmsg_type != NLMSG_ERROR) return answer;
    const auto error = read_as<nlmsgerr>({answer.data() + NLMSG_HDRLEN, answer.size() - NLMSG_HDRLEN});
    if (!error || error->error != 0) return make_system_error(error ? -error->error : EPROTO, ErrorDomain::none, what);
    return answer;
}

Result<int> index_of_card(const std::string& card) {
    PV_ASSIGN_OR_RETURN(Netlink net, Netlink::open());
    PV_ASSIGN_OR_RETURN(const auto link, net.find(card));
    if (!link) return make_system_error(ENODEV, ErrorDomain::none, fmt::format("Cannot get interface index on '{}'", card));
    return link->index;
}

} // namespace

std::vector<std::byte> function_request(int card_index, std::uint32_t number, const FunctionSetup& setup) {
    Request r(RTM_SETLINK, NLM_F_ACK, card_index);
    const std::size_t list = r.begin(IFLA_VFINFO_LIST), one = r.begin(IFLA_VF_INFO);
    if (setup.mac) {
        ifla_vf_mac mac{};
        mac.vf = number;
        std::copy(setup.mac->bytes.begin(), setup.mac->bytes.end(), mac.mac);
        r.put(IFLA_VF_MAC, &mac, sizeof mac);
    }
    if (setup.vlan) {
        const ifla_vf_vlan vlan{number, *setup.vlan, 0};
        r.put(IFLA_VF_VLAN, &vlan, sizeof vlan);
    }
    r.end(one);
    r.end(list);
    return r.finish();
}

std::optional<FunctionSetup> function_in(const std::vector<std::byte>& answer, std::uint32_t number) {
    constexpr std::size_t kHead = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(ifinfomsg));
    std::optional<FunctionSetup> found;
    if (answer.size() < kHead) return found;
    const auto read = [&](int type, Bytes data) {
        if (type == IFLA_VF_MAC) {
            const auto mac = read_as<ifla_vf_mac>(data);
            if (!mac || mac->vf != number) return;
            if (!found) found.emplace();
            xml::Mac address;
            std::copy_n(mac->mac, address.bytes.size(), address.bytes.begin());
            found->mac = address;
        }
        if (type == IFLA_VF_VLAN) {
            const auto vlan = read_as<ifla_vf_vlan>(data);
            if (!vlan || vlan->vf != number) return;
            if (!found) found.emplace();
            found->vlan = vlan->vlan;
        }
    };
    each_attribute({answer.data() + kHead, answer.size() - kHead}, [&](int type, Bytes list) {
        if (type == IFLA_VFINFO_LIST) each_attribute(list, [&](int, Bytes one) { each_attribute(one, read); });
    });
    return found;
}

Result<FunctionSetup> read_function(const std::string& card, std::uint32_t number) {
    const std::string what = fmt::format("cannot read the virtual function {} of '{}'", number, card);
    PV_ASSIGN_OR_RETURN(const int index, index_of_card(card));
    Request r(RTM_GETLINK, 0, index);
    const std::uint32_t mask = RTEXT_FILTER_VF;
    r.put(IFLA_EXT_MASK, &mask, sizeof mask);
    PV_ASSIGN_OR_RETURN(const auto answer, ask(r.finish(), what));
    const auto found = function_in(answer, number);
    if (!found) return make_system_error(ENODEV, ErrorDomain::none, what);
    return *found;
}

Status set_function(const std::string& card, std::uint32_t number, const FunctionSetup& setup) {
    if (!setup.mac && !setup.vlan) return {};
    PV_ASSIGN_OR_RETURN(const int index, index_of_card(card));
    const auto done = ask(function_request(index, number, setup),
                          fmt::format("Cannot set MAC address and VLAN of the virtual function {} of '{}'", number, card));
    return done ? Status() : Status(done.error());
}

} // namespace polyvirt::sdk
