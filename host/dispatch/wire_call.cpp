// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/wire_call.h"

#include <cstring>

#include "base/error_text.h"
#include "base/log.h"
#include "host/dispatch/dispatcher.h"
#include "host/dispatch/errors.h"
#include "host/dispatch/glue_table.h"
#include "host/dispatch/reply.h"
#include "host/dispatch/stream_bridge.h"
#include "host/dispatch/wire_objects.h"
#include "host/plugin/param_check.h"
#include "host/rpc/error_reply.h"

namespace polyvirt::dispatch {

logging::CallTag call_tag(const rpc::Client& client, const protocol::Header& header, const protocol::ProcInfo& proc) {
    return {.server = client.server_name() == "admin" ? 'a' : 'c',
            .client = client.id(),
            .serial = header.serial,
            .procedure = proc.name};
}

WireCall::WireCall(Dispatcher& dispatcher, std::shared_ptr<rpc::Client> client,
                   std::shared_ptr<Session> session, rpc::Message message, const protocol::ProcInfo& proc)
    : plugin::Call(session->caller()), dispatcher_(dispatcher), client_(std::move(client)),
      session_(std::move(session)), message_(std::move(message)), proc_(proc),
      access_(proc.before_auth ? nullptr : session_->viewer(dispatcher.access(), *client_), session_->denials(),
              client_->id(), proc) {
    fds_in = std::move(message_.fds);
    instance = session_->instance();
    if (instance != nullptr) access_.set_driver(instance->type_name());
}

WireCall::~WireCall() {
    message_.slot.release(); // nobody looks at it from here on
    if (deadline_ns != 0) dispatcher_.deadlines().remove(deadline_);
    if (watched_) session_->unwatch(this);
}

std::shared_ptr<rpc::RunningCall> WireCall::pin() noexcept {
    const auto held = weak_from_this().lock();
    return held == nullptr ? nullptr : std::shared_ptr<rpc::RunningCall>(held, this);
}

void WireCall::answer(HostFn function) {
    protocol::Encoder encoder = begin_reply(message_.header, 0);
    protocol::Decoder decoder(message_.payload(), arena_);
    if (Status status = function(*this, decoder, encoder); !status)
        return fail(std::move(status).error());
    if (deferred_) return;
    if (Status status = access_.check_filtered(); !status) return fail(std::move(status).error());
    send(encoder);
}

void WireCall::reply_later(const std::function<Status(protocol::Encoder&)>& encode) {
    protocol::Encoder encoder = begin_reply(message_.header, 0);
    if (Status status = encode(encoder); !status) return fail(std::move(status).error());
    send(encoder);
}

void WireCall::enter(const Glue& glue) {
    glue_ = &glue;
    protocol::Decoder decoder(message_.payload(), arena_);
    if (!glue.prepare(*this, decoder)) {
        if (!has_error()) return fail(bad_payload());
        return refuse(PV_FAIL);
    }
    if (Status status = access_.check_rest(&instance->registry()); !status) return fail(std::move(status).error());
    access_.foresee(instance->registry());
    if (glue.client_gone == ClientGone::cancel) {
        watched_ = true;
        session_->watch(weak_from_this(), this);
    }
    if (proc_.stream != protocol::StreamKind::none) {
        bridge_ = StreamBridge::create(client_, instance, message_.header, proc_, sparse_);
        stream = plugin::StreamEndpoint::create(bridge_);
    }
    driver_name_ = &instance->plugin_id();
    deadline_ns = dispatcher_.deadlines().end_of(glue.deadline);
    if (deadline_ns != 0) dispatcher_.deadlines().add(deadline_, *this, deadline_ns);
    const auto self = shared_from_this(); // finished() may end this call before enter() returns
    instance->enter(self, glue.op, target_, in_, out_);
    // It waits, and no thread with it.
    if (!answered_.load(std::memory_order_acquire)) client_->park_call(message_.slot);
}

// The slot stays taken as long as the driver has the call: what a dead driver holds stays bounded.
void WireCall::expire() {
    if (answered_.exchange(true)) return;
    cancel();
    tell(make_error(ErrorCode::operation_timeout, ErrorDomain::none,
                    "Timed out during operation: driver '{}' did not answer {} in time", *driver_name_, proc_.name));
}

void WireCall::answer_for_driver(const Glue& glue, DefaultFn function) {
    glue_ = &glue;
    protocol::Decoder decoder(message_.payload(), arena_);
    if (!glue.prepare(*this, decoder)) {
        if (!has_error()) return fail(bad_payload());
        return refuse(PV_FAIL);
    }
    if (Status status = access_.check_rest(&instance->registry()); !status) return fail(std::move(status).error());
    Status done = function(*this);
    if (!done) set_error(std::move(done).error());
    finished(done ? PV_OK : PV_FAIL);
}

void WireCall::finished(pv_status status) {
    const logging::CallScope scope(call_tag(*client_, message_.header, proc_)); // another thread than began it
    if (answered_.exchange(true)) {
        if (stream != nullptr) stream->abandon();
        return;
    }
    if (auto refused = take_publish_refusal()) {
        clear_error();
        set_error(std::move(*refused));
        status = PV_FAIL;
    }
    if (status != PV_OK) return refuse(status);
    if (plugin::checks_params() && op != 0) plugin::report_params(*instance, op, glue_->name, out_);
    std::vector<UniqueFd> fds = take_reply_fds();
    protocol::Encoder encoder =
        begin_reply(message_.header, static_cast<std::uint32_t>(fds.size()));
    glue_->encode(*this, encoder);
    if (Status shown = access_.check_filtered(); !shown) set_error(std::move(shown).error());
    if (has_error()) return refuse(PV_FAIL); // the answer cannot be told, e.g. an object is gone
    if (bridge_ != nullptr) bridge_->open();
    send(encoder, std::move(fds));
    if (stream != nullptr) stream->opened();
}

void WireCall::refuse(pv_status status) {
    if (stream != nullptr) stream->abandon();
    if (glue_->encode_error == nullptr) return fail(take_error(status));
    protocol::Encoder encoder = begin_reply(message_.header, 0);
    glue_->encode_error(*this, encoder);
    send(encoder);
}

void WireCall::send(protocol::Encoder& encoder, std::vector<UniqueFd> fds) {
    if (encoder.failed()) {
        if (stream != nullptr) stream->abandon();
        return fail(reply_too_large(encoder.failure()));
    }
    dispatcher_.answered(proc_, nullptr, message_.arrived_ns);
    if (layer_ != nullptr)
        client_->reply_then_layer(finish(std::move(encoder)), std::move(layer_));
    else
        client_->reply(finish(std::move(encoder)), std::move(fds));
    for (const auto& f : after_reply_) f();
    if (ends_connection_) client_->close_after_flush();
    message_.slot.release();
}

void WireCall::fail(Error error) {
    tell(error);
    message_.slot.release();
}

void WireCall::tell(const Error& error) {
    dispatcher_.answered(proc_, &error, message_.arrived_ns);
    client_->reply(rpc::error_reply(message_.header, error));
    if (ends_connection_) client_->close_after_flush();
}

void WireCall::fail_unsupported(const Glue* glue) {
    if (glue != nullptr) {
        protocol::Decoder decoder(message_.payload(), arena_);
        const bool prepared = glue->prepare(*this, decoder);
        if (!prepared && !has_error()) return fail(bad_payload());
        Status allowed = prepared ? access_.check_rest(nullptr) : Status(take_error(PV_FAIL));
        if (!allowed && allowed.error().code == ErrorCode::access_denied) return fail(std::move(allowed).error());
    }
    fail(no_support(proc_));
}

Status WireCall::allow_op(std::uint32_t op_number, const plugin::ObjectPtr& object, plugin::Instance& target) {
    const protocol::ProcInfo* proc = nullptr;
    for (const auto table : all_glue())
        for (const Glue& row : table)
            if (proc == nullptr && row.op == op_number) proc = protocol::find_proc(row.program, row.proc);
    if (proc == nullptr)
        return make_error(ErrorCode::access_denied, ErrorDomain::access, "operation {:#x} is no client's", op_number);
    if (caller().readonly && (proc->readonly_denied || proc->readonly_when.test != protocol::Test::none))
        return readonly_denied(*proc);
    CallAccess needed(session_->viewer(dispatcher_.access(), *client_), session_->denials(), client_->id(), *proc);
    needed.set_driver(target.type_name());
    PV_TRY(needed.check_early());
    if (object != nullptr) PV_TRY(needed.check(object));
    return needed.check_rest(&target.registry());
}

void WireCall::leave_visible(std::vector<plugin::ObjectPtr>& objects, plugin::Instance& target) {
    if (const auto viewer = session_->viewer(dispatcher_.access(), *client_))
        dispatch::leave_visible(*viewer, target.type_name(), objects);
}

std::unique_ptr<Error> WireCall::take_publish_refusal() {
    const LeafLock lock(publish_mu_);
    return std::move(publish_refused_);
}

Status WireCall::allow_publish(const plugin::ObjectRef& object) {
    Status allowed = access_.check_publish(object, instance->plugin_id());
    if (allowed) return allowed;
    instance->note_misbehaviour();
    log::error("dispatch", "call {} of client {}: {}", proc_.name, client_->id(), allowed.error().message);
    const LeafLock lock(publish_mu_);
    if (publish_refused_ == nullptr) publish_refused_ = std::make_unique<Error>(allowed.error());
    return allowed;
}

bool WireCall::check_readonly(bool denied) {
    if (!denied || !caller().readonly) return true;
    set_error(readonly_denied_by_flags(proc_));
    return false;
}

bool WireCall::use_provider(std::uint32_t kind) {
    auto provider = dispatcher_.plugins().provider(instance, kind);
    if (provider == nullptr) return false;
    instance = std::move(provider);
    return true;
}

std::vector<plugin::ObjectPtr> WireCall::list(const plugin::ListFilter& filter) {
    auto all = instance->registry().list(filter);
    access_.filter(all);
    return all;
}

const pv_obj* WireCall::pin(const plugin::ObjectPtr& object) {
    const pv_obj* parent = object->parent != nullptr ? pin(object->parent) : nullptr;
    auto* seen = arena_.make<pv_obj>();
    seen->size = sizeof *seen;
    seen->kind = object->kind;
    seen->handle = object->handle;
    std::memcpy(seen->uuid, object->uuid.bytes.data(), sizeof seen->uuid);
    seen->name = object->name.c_str();
    seen->dom_id = object->dom_id;
    seen->state = object->state;
    seen->attrs = object->attrs;
    seen->data = object->data.get();
    seen->parent = parent;
    pins_.push_back(object);
    return seen;
}

plugin::ObjectPtr WireCall::object(std::uint64_t handle) { return instance->registry().find(handle); }

protocol::Str WireCall::keep(std::string_view text) {
    const std::span<char> copy = arena_.make_array<char>(text.size() + 1);
    std::memcpy(copy.data(), text.data(), text.size());
    copy[text.size()] = '\0';
    return {copy.data(), static_cast<std::uint32_t>(text.size())};
}

} // namespace polyvirt::dispatch
