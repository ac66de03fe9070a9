// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A run's channels: which of them somebody in the guest has open, and the link to the agent behind one of them.

#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>

#include <polyvirt/call.h>

#include "agent/agent.h"
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

// Whether somebody has them open, of every channel by its alias; `reason` is told to clients.
void Run::use_channel_states(const Json& list, std::int32_t reason) {
    if (!list.is_array()) return;
    for (const Json& entry : list) {
        const std::string label = text_of(entry, "label");
        if (label.starts_with("char") && entry.contains("frontend-open"))
            set_channel_state(label.substr(4), is_true(entry, "frontend-open"), reason);
    }
}

// True: it was otherwise before.
bool Run::set_channel_state(const std::string& alias, bool open, std::int32_t reason) {
    const char* const state = open ? kConnected : kDisconnected;
    bool changed = false, agent = false;
    {
        const ObjectLock lock(guest_->mu);
        if (!guest_->live) return false;
        const auto matches = [&](const Chardev& c) {
            return c.info.alias.name == alias && c.target.type == "virtio" && c.target.state != state;
        };
        const auto& channels = guest_->live->devices.channels;
        changed = std::any_of(channels.begin(), channels.end(), matches);
        if (!changed) return false;
        driver_.edit_live(*guest_, [&](Domain& live) {
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
            driver_.post_event(*guest_, PV_EVENT_DOMAIN_AGENT_LIFECYCLE, &payload);
        }
    }
    if (agent && open) connect_agent();
    if (agent && !open) close_agent("QEMU guest agent is not connected");
    return true;
}

void Run::on_channel(const QmpEvent& event) {
    if (phase_ == Phase::ended) return;
    if (set_channel_state(text_of(event.data, "id"), is_true(event.data, "open"), PV_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL) &&
        phase_ == Phase::running)
        save_soon();
}

void Run::connect_agent() {
    std::string path;
    {
        const ObjectLock lock(guest_->mu);
        const Chardev* const channel = guest_->live ? agent_channel(*guest_->live) : nullptr;
        if (channel == nullptr || channel->type != ChardevType::unix_ || channel->target.state != kConnected) return;
        if (!channel->sources.empty()) path = channel->sources.front().path;
    }
    if (agent_ && agent_->connected()) return;
    auto fd = connect_to(path);
    if (!fd) return log::warning("agent", "{}: {}", who(), fd.error().message);
    if (!agent_) agent_ = std::make_shared<AgentLink>(s_, who());
    if (!agent_->open(loop_, *std::move(fd))) log::warning("agent", "{}: no watch for the connection to its agent", who());
}

void Run::close_agent(const char* why) {
    if (agent_) agent_->close(make_error(ErrorCode::agent_unresponsive, ErrorDomain::qemu, "{}", why));
}

void Run::guest_gone() {
    if (agent_) agent_->guest_gone();
}

// What a call to the agent needs, as clients are told where it is missing.
Status Run::check_agent() {
    PV_TRY(check_running());
    {
        const ObjectLock lock(guest_->mu);
        if (guest_->state != PV_DOMAIN_RUNNING || !guest_->live)
            return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
        if (agent_channel(*guest_->live) == nullptr)
            return make_error(ErrorCode::argument_unsupported, ErrorDomain::qemu, "QEMU guest agent is not configured");
    }
    connect_agent(); // where that failed before
    if (agent_ && agent_->connected()) return {};
    return make_error(ErrorCode::agent_unresponsive, ErrorDomain::qemu, "QEMU guest agent is not connected");
}

// The client has gone or its call's time is over: the agent's answer is nobody's.
void Run::watch_call(pv_call* call) {
    struct Wait {
        std::weak_ptr<Run> run;
        std::uint64_t id;
    };
    auto wait = std::make_unique<Wait>(Wait{weak_from_this(), s_.call->id(call)});
    const auto cancelled = [](void* ctx) noexcept {
        plugin::guarded("agent", [&] {
            const auto& w = *static_cast<Wait*>(ctx);
            const auto run = w.run.lock();
            if (!run) return;
            run->post([run, id = w.id] {
                if (run->agent_) run->agent_->give_up(id);
            });
        });
    };
    if (s_.call->on_cancel(call, cancelled, wait.get(), [](void* ctx) noexcept { delete static_cast<Wait*>(ctx); }) == PV_OK)
        (void)wait.release();
}

void Run::ask_agent_now(const AgentCall& what, std::function<void(Result<Json>)> answer) {
    if (const Status ready = check_agent(); !ready) return answer(ready.error());
    std::int32_t timeout = what.timeout;
    {
        const ObjectLock lock(guest_->mu);
        if (timeout == AgentCall::kAsSet) timeout = guest_->agent_timeout;
        const std::int32_t set = guest_->agent_timeout;
        agent_->set_sync_timeout(set < 0 ? AgentLink::kSyncTimeout : nanoseconds(set));
    }
    AgentLink::Request request;
    Json document = what.document;
    if (document.is_null()) document = {{"execute", what.command}};
    if (!what.arguments.is_null()) document["arguments"] = what.arguments;
    request.line = document.dump(-1, ' ', false, Json::error_handler_t::replace);
    request.name = what.command;
    request.timeout_ns = nanoseconds(timeout);
    request.ends = what.ends;
    request.owner = what.call != nullptr ? s_.call->id(what.call) : 0;
    request.done = std::move(answer);
    agent_->execute(std::move(request));
}

sdk::Async<Result<Json>> Run::agent(AgentCall what) {
    return sdk::Async<Result<Json>>([self = shared_from_this(), what = std::move(what)](const sdk::Answer<Result<Json>>& answer) {
        if (what.call != nullptr) self->watch_call(what.call);
        self->post([self, what, answer] {
            if (what.call != nullptr && self->s_.call->cancelled(what.call) != 0)
                return answer(make_error(ErrorCode::operation_aborted, ErrorDomain::qemu, "nobody waits for the guest agent any more"));
            self->ask_agent_now(what, answer);
        });
    });
}

} // namespace polyvirt::qemu
