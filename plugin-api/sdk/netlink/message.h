// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Requests to the kernel's netlink, while they are made. For sdk/netlink and its tests alone: whoever includes this needs libnl.

#include <memory>
#include <string>
#include <utility>

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "sdk/netlink/netlink.h"

namespace polyvirt::sdk {

inline constexpr int kMake = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
inline constexpr int kChange = NLM_F_REQUEST | NLM_F_ACK;
inline constexpr int kDump = NLM_F_REQUEST | NLM_F_DUMP;

inline ifinfomsg link_head(int index = 0, bool up = false, bool change = false) {
    ifinfomsg head{};
    head.ifi_index = index;
    if (change) head.ifi_change = IFF_UP;
    if (up) head.ifi_flags = IFF_UP;
    return head;
}

// Memory that runs out shows in ok().
class NetlinkMessage {
  public:
    template <typename Head> NetlinkMessage(int type, int flags, const Head& head) : msg_(nlmsg_alloc_simple(type, flags)) {
        ok_ = msg_ != nullptr && nlmsg_append(get(), const_cast<Head*>(&head), sizeof head, NLMSG_ALIGNTO) == 0;
    }

    NetlinkMessage& put(int type, const void* data, std::size_t size) {
        ok_ = ok_ && nla_put(get(), type, static_cast<int>(size), data) == 0;
        return *this;
    }
    template <typename T> NetlinkMessage& number(int type, T value) { return put(type, &value, sizeof value); }
    NetlinkMessage& text(int type, const std::string& value) { return put(type, value.c_str(), value.size() + 1); }
    NetlinkMessage& mac(int type, const xml::Mac& value) { return put(type, value.bytes.data(), value.bytes.size()); }
    NetlinkMessage& address(int type, const xml::IpAddress& value) { return put(type, value.bytes.data(), value.v6 ? 16 : 4); }
    NetlinkMessage& begin(int type, nlattr*& nest) {
        nest = ok_ ? nla_nest_start(get(), type) : nullptr;
        ok_ = nest != nullptr;
        return *this;
    }
    // A header within: of the other end of a pair.
    template <typename Head> NetlinkMessage& head(const Head& value) {
        ok_ = ok_ && nlmsg_append(get(), const_cast<Head*>(&value), sizeof value, NLMSG_ALIGNTO) == 0;
        return *this;
    }
    NetlinkMessage& end(nlattr* nest) {
        if (ok_) nla_nest_end(get(), nest);
        return *this;
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] nl_msg* get() const { return msg_.get(); }

  private:
    struct Free {
        void operator()(nl_msg* message) const { nlmsg_free(message); }
    };
    std::unique_ptr<nl_msg, Free> msg_;
    bool ok_ = false;
};

// For a link of that name on the device of that index. Errors: invalid_arg, a mode that there is none of.
Result<NetlinkMessage> macvlan_request(const std::string& name, int device, const Netlink::Macvlan& what);

} // namespace polyvirt::sdk
