// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "up/firewall.h"

#include <cerrno>
#include <cstring>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <polyvirt/process.h>

#include "base/error_text.h"
#include "base/log.h"
#include "up/ruleset.h"

namespace polyvirt::network {
namespace {

constexpr const char* kPrograms[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft"};
constexpr std::int64_t kPatience = 20'000'000'000; // ns
constexpr std::int64_t kTogether = 100'000'000;    // ns: changes that come together are looked at once
constexpr std::size_t kLongestList = 16 << 20;

std::string program() {
    for (const char* path : kPrograms)
        if (::access(path, X_OK) == 0) return path;
    return {};
}

// What nft reads, without a file.
Result<UniqueFd> input_of(const std::string& text) {
    UniqueFd fd(::memfd_create("nft", MFD_CLOEXEC));
    const auto failed = [] { return make_system_error(errno, ErrorDomain::network, "cannot write rules for nft"); };
    if (!fd) return failed();
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::pwrite(fd.get(), text.data() + at, text.size() - at, static_cast<off_t>(at));
        if (n <= 0) return failed();
        at += static_cast<std::size_t>(n);
    }
    return fd;
}

// Whether a message is about our table: its first attribute names the table, whatever it tells of.
bool about_us(const nlmsghdr* head, std::size_t left) {
    if (NFNL_SUBSYS_ID(head->nlmsg_type) != NFNL_SUBSYS_NFTABLES) return head->nlmsg_type == NLMSG_OVERRUN;
    const std::size_t size = std::min<std::size_t>(head->nlmsg_len, left);
    const char* const begin = reinterpret_cast<const char*>(head);
    for (std::size_t at = NLMSG_SPACE(sizeof(nfgenmsg)); at + sizeof(nlattr) <= size;) {
        nlattr attribute;
        std::memcpy(&attribute, begin + at, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || at + attribute.nla_len > size) return false;
        if ((attribute.nla_type & NLA_TYPE_MASK) == NFTA_TABLE_NAME) {
            const std::string_view name(begin + at + sizeof attribute, attribute.nla_len - sizeof attribute);
            return name.substr(0, name.find('\0')) == kTable;
        }
        at += NLA_ALIGN(attribute.nla_len);
    }
    return false;
}

} // namespace

Result<std::string> Firewall::run(pv_call* call, std::vector<std::string> arguments, const std::string& input) const {
    const std::string path = program();
    if (path.empty())
        return make_error(ErrorCode::operation_unsupported, ErrorDomain::network,
                          "there is no program 'nft' that could set the rules of networks");
    arguments.insert(arguments.begin(), path);
    plugin::Command command(std::move(arguments));
    UniqueFd text;
    if (!input.empty()) {
        PV_ASSIGN_OR_RETURN(text, input_of(input));
        command.input(text.get());
    }
    command.max_output(static_cast<std::int64_t>(kLongestList));
    PV_ASSIGN_OR_RETURN(const auto ran, plugin::run_program(s_, call, command, kPatience, kLongestList));
    if (ran.wait_status != 0)
        return make_error(ErrorCode::internal_error, ErrorDomain::network, "nft refuses the rules of networks: {}",
                          ran.err.substr(0, ran.err.find('\n')));
    return ran.out;
}

Status Firewall::write(pv_call* call, const std::vector<Document>& networks) {
    const std::string rules = ruleset(networks);
    PV_TRY(run(call, {"-j", "-f", "-"}, rules));
    auto listed = run(nullptr, {"-j", "list", "table", "inet", kTable}, {});
    written_ = listed ? *std::move(listed) : std::string();
    return {};
}

bool Firewall::changed() {
    const auto listed = run(nullptr, {"-j", "list", "table", "inet", kTable}, {});
    return (listed ? *listed : std::string()) != written_;
}

void Firewall::tell_hindrances() {
    const auto listed = run(nullptr, {"-j", "list", "chains"}, {});
    if (!listed) return;
    const auto all = nlohmann::json::parse(*listed, nullptr, false);
    if (!all.is_object() || !all.contains("nftables")) return;
    std::string found;
    for (const auto& entry : all["nftables"]) {
        const auto chain = entry.find("chain");
        if (chain == entry.end() || chain->value("table", "") == kTable) continue;
        if (chain->value("hook", "") != "forward" || chain->value("policy", "") != "drop") continue;
        found += fmt::format("{}chain '{}' of table '{} {}'", found.empty() ? "" : ", ", chain->value("name", ""),
                             chain->value("family", ""), chain->value("table", ""));
    }
    if (found == told_) return;
    told_ = found;
    if (!found.empty())
        log::warning("firewall",
                     "{} drops what is forwarded unless a rule there accepts it: guests of networks may be cut off "
                     "from outside, "
                     "whatever the rules of table 'inet {}' say",
                     found, kTable);
}

Status Firewall::watch(const plugin::Loop& loop, std::function<void()> touched) {
    const auto failed = [] {
        return make_system_error(errno, ErrorDomain::network, "changes of the firewall by others are not noticed");
    };
    socket_ = UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
    if (!socket_) return failed();
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    const int group = NFNLGRP_NFTABLES;
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        return failed();
    loop_ = &loop;
    touched_ = std::move(touched);
    const ObjectLock lock(mu_);
    news_ = loop.fd(socket_.get(), PV_IO_READ, [this](std::uint32_t) { read_news(); });
    if (!news_)
        return make_error(ErrorCode::internal_error, ErrorDomain::network,
                          "changes of the firewall by others are not noticed: no watch");
    return {};
}

void Firewall::unwatch() {
    const ObjectLock lock(mu_);
    news_.reset();
    soon_.reset();
}

void Firewall::read_news() {
    alignas(nlmsghdr) char buffer[16'384];
    bool ours = false;
    for (int i = 0; i < 64; ++i) { // the rest in another turn of the loop
        const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == ENOBUFS) ours = true; // some were lost: perhaps those
        if (n <= 0) break;
        auto left = static_cast<std::size_t>(n);
        const char* at = buffer;
        while (left >= sizeof(nlmsghdr)) {
            const auto* const head = reinterpret_cast<const nlmsghdr*>(at);
            if (head->nlmsg_len < sizeof(nlmsghdr) || head->nlmsg_len > left) break;
            ours = ours || about_us(head, left);
            const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(head->nlmsg_len), left);
            at += step;
            left -= step;
        }
    }
    const ObjectLock lock(mu_);
    if (!ours || waiting_ || !news_) return;
    waiting_ = true;
    soon_ = loop_->timer(kTogether, 0, [this] {
        {
            const ObjectLock again(mu_);
            waiting_ = false;
        }
        touched_();
    });
    if (!soon_) waiting_ = false;
}

} // namespace polyvirt::network
