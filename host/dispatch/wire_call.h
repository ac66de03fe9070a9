// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// WireCall: one call of a client from its decoding to its reply. What the host answers itself runs
// through answer(), what a driver does through enter(); finished() encodes and sends. The generated
// glue (host/dispatch/gen) fills the op's structs with the helpers below; everything it allocates
// lives in the call's arena until the reply is out.
//
// Thread: one worker until the driver is entered, then the thread that completes.

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "host/dispatch/call_access.h"
#include "host/dispatch/deadlines.h"
#include "host/dispatch/glue.h"
#include "host/dispatch/session.h"
#include "host/logging/call_scope.h"
#include "host/plugin/builders.h"
#include "host/plugin/instance.h"
#include "host/plugin/registry.h"
#include "host/protocol/arena.h"
#include "host/protocol/proc_info.h"
#include "host/protocol/gen/types.h"
#include "host/protocol/xdr.h"
#include "host/rpc/client.h"

namespace polyvirt::dispatch {

class Dispatcher;
class StreamBridge;

// For the log.
logging::CallTag call_tag(const rpc::Client& client, const protocol::Header& header, const protocol::ProcInfo& proc);

class WireCall final : public plugin::Call, public rpc::RunningCall {
  public:
    WireCall(Dispatcher& dispatcher, std::shared_ptr<rpc::Client> client,
             std::shared_ptr<Session> session, rpc::Message message, const protocol::ProcInfo& proc);
    ~WireCall() override;

    // Lets others look at it while it runs; not in the constructor, as they take references.
    void show() { message_.slot.show(*this); }
    [[nodiscard]] std::shared_ptr<rpc::RunningCall> pin() noexcept override;

    // Runs the host's own answer and replies.
    void answer(HostFn function) PV_NO_LOCKS_HELD;
    // Decodes for and runs what the host does where the driver has no such op.
    void answer_for_driver(const Glue& glue, DefaultFn function) PV_NO_LOCKS_HELD;
    // Decodes for, checks and enters the driver's op.
    void enter(const Glue& glue) PV_NO_LOCKS_HELD;
    void finished(pv_status status) override;
    // For Deadlines: the call's time is over. The driver's answer, should one come, is dropped.
    void expire();
    void fail(Error error);
    // As if the client itself called what leads to `op`: with every permission that any of its flags may need, since
    // they are not the wire's.
    [[nodiscard]] Status allow_op(std::uint32_t op, const plugin::ObjectPtr& object,
                                  plugin::Instance& target) override;
    void leave_visible(std::vector<plugin::ObjectPtr>& objects, plugin::Instance& target) override;
    // What the client was authorised to make, and nothing else (R24).
    [[nodiscard]] Status allow_publish(const plugin::ObjectRef& object) override;
    // Nobody has it; but a message that cannot be decoded is told first, as clients expect it.
    void fail_unsupported(const Glue* glue);

    // For host functions: the reply will be sent by another thread through reply_later().
    void defer() { deferred_ = true; }
    [[nodiscard]] bool deferred() const { return deferred_; }
    // Encodes with `encode` and sends; at most once, after defer().
    void reply_later(const std::function<Status(protocol::Encoder&)>& encode);
    // The connection ends when the answer, be it an error, is out.
    void end_connection() { ends_connection_ = true; }
    // All after the reply goes through it (Client::reply_then_layer).
    void set_layer(std::unique_ptr<rpc::Layer> layer) { layer_ = std::move(layer); }
    // Runs after the reply has been handed to the connection, in order; not after an error.
    void after_reply(std::function<void()> f) { after_reply_.push_back(std::move(f)); }

    [[nodiscard]] Dispatcher& dispatcher() { return dispatcher_; }
    [[nodiscard]] rpc::Client& client() { return *client_; }
    [[nodiscard]] const std::shared_ptr<rpc::Client>& client_ptr() const { return client_; }
    [[nodiscard]] Session& session() { return *session_; }
    [[nodiscard]] const protocol::ProcInfo& proc() const { return proc_; }
    [[nodiscard]] const protocol::Header& header() const { return message_.header; }
    // The driver connection; never null for procedures that need an open connection.
    [[nodiscard]] plugin::Instance& driver() { return *instance; }
    // From here on driver() is the one that has objects of this kind. False: there is none.
    [[nodiscard]] bool use_provider(std::uint32_t kind);
    [[nodiscard]] protocol::Arena& arena() { return arena_; }

    // The call's flags, from the glue: whether its stream may have holes hangs on them.
    void set_flags(std::uint32_t flags) { sparse_ = (flags & proc_.sparse_flag) != 0; }

    // The permissions of this call; call_access.h says what is left to answers.
    [[nodiscard]] CallAccess& access() { return access_; }
    // What the registry has, as far as the client may see it.
    [[nodiscard]] std::vector<plugin::ObjectPtr> list(const plugin::ListFilter& filter);

    // Conditional read-only rule: records the denial and returns false.
    [[nodiscard]] bool check_readonly(bool denied);

    // An object seen anew, for replies; null if it is gone meanwhile.
    plugin::ObjectPtr object(std::uint64_t handle);
    // The object as drivers see it; keeps its data pinned until the call ends.
    const pv_obj* pin(const plugin::ObjectPtr& object);
    // A copy in the arena, NUL-terminated.
    protocol::Str keep(std::string_view text);

    // The op's parts, for the glue.
    void set_target(const pv_obj* target) { target_ = target; }
    // Looked at by other threads only once stage() is beyond `host`: constant from there on.
    [[nodiscard]] const pv_obj* target() const { return target_; }
    [[nodiscard]] const Glue* glue() const { return glue_; }
    void set_in(const void* in) { in_ = in; }
    void set_out(void* out) { out_ = out; }
    [[nodiscard]] const void* in() const { return in_; }
    [[nodiscard]] void* out() { return out_; }
    pv_sink* new_sink(std::size_t max_bytes) { return build<pv_sink>(max_bytes); }
    pv_params* new_params() { return build<pv_params>(); }
    pv_strings* new_strings() { return build<pv_strings>(); }
    pv_objs* new_objs() { return build<pv_objs>(); }
    pv_records* new_records(const pv_record_type& type) { return build<pv_records>(type); }
    pv_groups* new_groups() { return build<pv_groups>(); }

  private:
    template <typename T, typename... A> T* build(A&&... a) {
        auto* made = new T(std::forward<A>(a)...);
        builders_.emplace_back(made, [](void* p) { delete static_cast<T*>(p); });
        return made;
    }
    void send(protocol::Encoder& encoder, std::vector<UniqueFd> fds = {});
    // The driver's op, or the way to it, has failed.
    void refuse(pv_status status);
    void tell(const Error& error);
    std::unique_ptr<Error> take_publish_refusal();

    Dispatcher& dispatcher_;
    const std::shared_ptr<rpc::Client> client_;
    const std::shared_ptr<Session> session_;
    rpc::Message message_;
    const protocol::ProcInfo& proc_;
    protocol::Arena arena_;
    CallAccess access_;
    const Glue* glue_ = nullptr;
    std::shared_ptr<StreamBridge> bridge_;
    const pv_obj* target_ = nullptr;
    const void* in_ = nullptr;
    void* out_ = nullptr;
    Deadlines::Node deadline_;
    const std::string* driver_name_ = nullptr; // of the driver that was entered
    Mutex publish_mu_{Rank::leaf};
    std::unique_ptr<Error> publish_refused_ PV_GUARDED_BY(publish_mu_); // the answer, whatever the driver says
    std::atomic<bool> answered_{false}; // by the driver or by expire(), whichever comes first
    bool deferred_ = false;
    bool watched_ = false;
    bool sparse_ = false; // the client asked for holes
    bool ends_connection_ = false;
    std::unique_ptr<rpc::Layer> layer_;
    std::vector<std::function<void()>> after_reply_;
    std::vector<plugin::ObjectPtr> pins_;
    // Builders of the op's results, made on demand: most calls need one or none.
    std::vector<std::unique_ptr<void, void (*)(void*)>> builders_;
};

} // namespace polyvirt::dispatch
