// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "agent/channels.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>

#include <polyvirt/call.h>

#include "agent/link.h"
#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Chardev;
using sdk::domain::ChardevType;

constexpr const char* kConnected = "connected";
constexpr const char* kDisconnected = "disconnected";

const Chardev* agent_channel(const Domain& d) {
    for (const Chardev& c : d.devices.channels)
        if (c.target.type == "virtio" && c.target.name == kAgentChannel) return &c;
    return nullptr;
}

Result<UniqueFd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the agent's socket '{}' has no path that can be connected to", path);
    path.copy(address.sun_path, path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return make_system_error(errno, ErrorDomain::qemu, "failed to connect to agent socket '" + path + "'");
    return fd;
}

std::int64_t nanoseconds(std::int32_t timeout) {
    switch (timeout) {
    case PV_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK: return AgentLink::kNoTimeout;
    case PV_DOMAIN_AGENT_RESPONSE_TIMEOUT_DEFAULT: return AgentLink::kSyncTimeout;
    default: return std::max(timeout, 0) * AgentLink::kSecond;
    }
}

} // namespace

Channels::Channels(Run& run) : run_(run) {}
Channels::~Channels() = default;

void Channels::use_states(const Json& list, std::int32_t reason) {
    if (!list.is_array()) return;
    for (const Json& entry : list) {
        const std::string label = text_of(entry, "label");
        if (label.starts_with("char") && entry.contains("frontend-open"))
            static_cast<void>(set_state(label.substr(4), is_true(entry, "frontend-open"), reason));
    }
}

// True: it was otherwise before.
bool Channels::set_state(const std::string& alias, bool open, std::int32_t reason) {
    const char* const state = open ? kConnected : kDisconnected;
    bool agent = false;
    {
        Guest& guest = *run_.guest();
        const ObjectLock lock(guest.mu);
        if (!guest.live) return false;
        const auto matches = [&](const Chardev& c) {
            return c.info.alias.name == alias && c.target.type == "virtio" && c.target.state != state;
        };
        const auto& channels = guest.live->devices.channels;
        if (std::none_of(channels.begin(), channels.end(), matches)) return false;
        run_.driver().edit_live(guest, [&](Domain& live) {
            for (Chardev& c : live.devices.channels) {
                if (!matches(c)) continue;
                c.target.state = state;
                agent = agent || c.target.name == kAgentChannel;
            }
        });
        if (agent) {
            pv_event_domain_agent_lifecycle payload{};
            payload.size = sizeof payload;
            payload.state = open ? PV_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
                                 : PV_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED;
            payload.reason = reason;
            run_.driver().post_event(guest, PV_EVENT_DOMAIN_AGENT_LIFECYCLE, &payload);
        }
    }
    if (agent && open) connect();
    if (agent && !open) close("QEMU guest agent is not connected");
    return true;
}

void Channels::on_event(const QmpEvent& event) {
    if (!set_state(text_of(event.data, "id"), is_true(event.data, "open"), PV_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL)) return;
    run_.driver().save_status(run_.guest(), [guest = run_.guest()](const Status& saved) {
        if (!saved) log::error("agent", "domain '{}': {}", guest->name, saved.error().message);
    });
}

void Channels::connect() {
    const std::string who = "domain '" + run_.guest()->name + "'";
    std::string path;
    {
        Guest& guest = *run_.guest();
        const ObjectLock lock(guest.mu);
        const std::shared_ptr<const Domain> live = guest.live;
        const Chardev* const channel = live ? agent_channel(*live) : nullptr;
        if (channel == nullptr || channel->type != ChardevType::unix_ || channel->target.state != kConnected) return;
        if (!channel->sources.empty()) path = channel->sources.front().path;
    }
    if (link_ && link_->connected()) return;
    auto fd = connect_to(path);
    if (!fd) return log::warning("agent", "{}: {}", who, fd.error().message);
    if (!link_) link_ = std::make_shared<AgentLink>(run_.services(), who);
    if (!link_->open(run_.loop(), *std::move(fd))) log::warning("agent", "{}: no watch for the connection to its agent", who);
}

void Channels::close(const char* why) {
    if (link_) link_->close(make_error(ErrorCode::agent_unresponsive, ErrorDomain::qemu, "{}", why));
}

void Channels::guest_gone() {
    if (link_) link_->guest_gone();
}

void Channels::give_up(std::uint64_t call) {
    if (link_) link_->give_up(call);
}

Status Channels::check_agent() {
    PV_TRY(run_.check_running());
    {
        Guest& guest = *run_.guest();
        const ObjectLock lock(guest.mu);
        if (guest.state != PV_DOMAIN_RUNNING || !guest.live)
            return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
        if (agent_channel(*guest.live) == nullptr)
            return make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "QEMU guest agent is not configured");
    }
    connect(); // where that failed before
    if (link_ && link_->connected()) return {};
    return make_error(ErrorCode::agent_unresponsive, ErrorDomain::qemu, "QEMU guest agent is not connected");
}

void Channels::ask(const AgentCall& what, const std::function<void(Result<Json>)>& answer) {
    if (const Status ready = check_agent(); !ready) return answer(ready.error());
    std::int32_t set = 0;
    {
        const ObjectLock lock(run_.guest()->mu);
        set = run_.guest()->agent_timeout;
    }
    link_->set_sync_timeout(set < 0 ? AgentLink::kSyncTimeout : nanoseconds(set));
    AgentLink::Request request;
    Json document = what.document;
    if (document.is_null()) document = {{"execute", what.command}};
    if (!what.arguments.is_null()) document["arguments"] = what.arguments;
    request.line = document.dump(-1, ' ', false, Json::error_handler_t::replace);
    request.name = what.command;
    request.timeout_ns = nanoseconds(what.timeout == AgentCall::kAsSet ? set : what.timeout);
    request.ends = what.ends;
    request.owner = what.call != nullptr ? run_.services().call->id(what.call) : 0;
    request.done = answer;
    link_->execute(std::move(request));
}

} // namespace polyvirt::qemu
