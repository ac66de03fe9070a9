// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Client: one connection. Made by its Server at accept on rpc-loop; shared by the server's table,
// the calls in flight and the streams. Reading, keepalive and teardown happen on rpc-loop; replies
// and events are written by whichever thread brings them, as far as the socket takes them at once.
//
//     client->reply(std::move(bytes));             // any thread
//     client->send_event(shared_bytes);            // any thread
//     client->close("the administrator asked for it");
//
// Nothing here is called with the lock of a server or client held. On a connection that has ended
// every method is harmless and without effect.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/sync.h"
#include "host/loop/event_loop.h"
#include "host/rpc/call_queue.h"
#include "host/rpc/client_layer.h"
#include "host/rpc/handler.h"
#include "host/rpc/identity.h"
#include "host/rpc/keepalive.h"
#include "host/rpc/output_queue.h"
#include "host/rpc/packet_reader.h"
#include "host/rpc/stream.h"

namespace polyvirt::rpc {

class Server;
struct ServerShared;

class Client final : public std::enable_shared_from_this<Client>, private PacketReader::Sink {
  public:
    using Id = std::uint64_t;

    // For Server. `tls`: null where the connection is no TLS one.
    Client(std::shared_ptr<ServerShared> server, Id id, UniqueFd fd, Identity identity,
           AuthMethod auth, std::unique_ptr<TlsSession> tls, const Limits& limits);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // ---- what does not change after accept
    [[nodiscard]] Id id() const { return id_; } // from 1, never used again in this server
    [[nodiscard]] const std::string& server_name() const;
    [[nodiscard]] std::int64_t connected_at() const { return connected_at_; } // Unix time, seconds
    [[nodiscard]] AuthMethod auth_method() const { return auth_; } // of its listener
    [[nodiscard]] bool is_local() const { return local_; }         // on a unix socket
    [[nodiscard]] bool is_admin() const { return admin_; } // came in by the admin socket
    // By which limits count: the listening socket's number, and who the peer is ("uid 1000", "192.0.2.1").
    [[nodiscard]] std::uint32_t listener() const { return listener_; }
    [[nodiscard]] const std::string& peer() const { return peer_; }
    // What Handler::client_arrived returned.
    [[nodiscard]] Session* session() const { return session_.get(); }

    // ---- who it is (any thread)
    [[nodiscard]] Identity identity() const PV_EXCLUDES(level_client);
    [[nodiscard]] bool readonly() const { return readonly_.load(std::memory_order_relaxed); }
    // The open call may make a connection read-only, never the other way round.
    void set_readonly() { readonly_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool authenticated() const {
        return authenticated_.load(std::memory_order_acquire);
    }
    // Authentication succeeded; the names are empty where it gave none, `secret_bits` is 0 where it
    // brought no encryption.
    void set_authenticated(std::string sasl_user, std::string x509_dname, unsigned secret_bits = 0)
        PV_EXCLUDES(level_client);

    // ---- output (any thread)
    // A reply: one whole packet, then the descriptors, which must be as many as it announces.
    void reply(Buffer packet, std::vector<UniqueFd> fds = {}) PV_EXCLUDES(level_client);
    void reply_error(const Header& call, const Error& error) PV_EXCLUDES(level_client);
    // The reply that completes an authentication with a security layer: all that follows it goes
    // through `layer`, both ways. Once, on a connection that has no layer.
    void reply_then_layer(Buffer packet, std::unique_ptr<Layer> layer) PV_EXCLUDES(level_client);
    // An event: the same bytes for all who get it. False: the client is gone, or just now was cut
    // off because it left more than Limits::max_event_bytes unread.
    bool send_event(SharedBuffer packet) PV_EXCLUDES(level_client);

    // ---- calls (any thread)
    // The call of `slot`, one of this client's, waits and holds no worker: its place is another's now. May have
    // ended meanwhile.
    void park_call(const CallSlot& slot) PV_EXCLUDES(level_client);

    // ---- streams
    // For the call `call`, which is running; the sink is told of the client's packets from now on.
    // Fails (resource_busy) at Limits::max_streams, (internal_error) when the connection has ended.
    Result<std::shared_ptr<Stream>> open_stream(const Header& call,
                                                std::shared_ptr<StreamSink> sink,
                                                StreamOptions options) PV_EXCLUDES(level_client);

    // ---- end (any thread)
    // Now: what is unsent is lost. The reason is logged once.
    void close(std::string_view reason) PV_EXCLUDES(level_client);
    // Reads no further call, and closes when what has been handed to reply() so far is sent.
    void close_after_flush() PV_EXCLUDES(level_client);
    [[nodiscard]] bool is_closed() const { return closed_.load(std::memory_order_acquire); }

    // ---- keepalive (any thread): the client said that it answers pings.
    void enable_keepalive() PV_EXCLUDES(level_client);

    // For Server::set_limits().
    void set_limits(const Limits& limits) PV_EXCLUDES(level_client);

    struct Stats {
        unsigned in_flight = 0, queued = 0, streams = 0;
        std::size_t queued_bytes = 0, unsent_bytes = 0;
        std::uint64_t calls = 0; // since accept
    };
    [[nodiscard]] Stats stats() const PV_EXCLUDES(level_client);
    // The calls in flight and those that wait.
    [[nodiscard]] std::vector<CallInFlight> calls() const PV_EXCLUDES(level_client);

  private:
    friend class CallSlot;
    friend class Server;
    friend class Stream;
    friend struct ServerShared;
    using TimePoint = loop::Clock::time_point;

    using Chunks = std::vector<OutputQueue::Chunk>;

    // client.cpp: life.
    void start(std::shared_ptr<Session> session);                                  // rpc-loop, once
    void end(log::Level level, std::string_view reason) PV_EXCLUDES(level_client); // any thread
    void post_update(); // any thread: update() soon, on rpc-loop
    void update();
    void update_watch() PV_EXCLUDES(level_client);
    void teardown() PV_EXCLUDES(level_client); // rpc-loop, once
    void say_goodbye_if_idle() PV_EXCLUDES(level_client);
    [[nodiscard]] bool is_idle() const PV_EXCLUDES(level_client); // no call, nothing unsent
    // client_read.cpp: rpc-loop.
    void on_ready(unsigned what);
    void read_ready();
    bool read_once();
    bool read_failed(ssize_t n, int error);
    [[nodiscard]] std::uint32_t max_packet() const;
    void on_packet(const Header& header, PacketBuffer packet, std::vector<UniqueFd> fds) override;
    void on_dropped(const Header& header) override;
    // client_layer.cpp: rpc-loop.
    bool read_through(Layer& layer);
    void decode(Layer& layer, Layer::Bytes wire);
    void feed_decoded(Layer::Bytes plain);
    void handshake_ready(unsigned what) PV_EXCLUDES(level_client);
    void flush_handshake() PV_EXCLUDES(level_client);
    void handshake_computed(TlsSession::Progress progress) PV_EXCLUDES(level_client);
    void handshake_done() PV_EXCLUDES(level_client);
    // client_call.cpp
    void take_call(const Header& header, PacketBuffer packet, std::vector<UniqueFd> fds)
        PV_EXCLUDES(level_client);                                        // rpc-loop
    void hand_to_worker(std::shared_ptr<Message> message, bool priority); // any thread
    void refuse(const Header& header, std::string_view why);              // any thread
    void end_call(CallPlace& place) PV_EXCLUDES(level_client);               // any thread
    void start_waiting_calls() PV_EXCLUDES(level_client);                 // any thread
    // client_write.cpp: any thread.
    bool send(OutputQueue::Chunk chunk) PV_EXCLUDES(level_client);
    bool begin_writing(OutputQueue::Batch& batch) PV_REQUIRES(mu_);
    void next_batch(OutputQueue::Batch& batch) const PV_REQUIRES(mu_);
    [[nodiscard]] bool all_sent() const PV_REQUIRES(mu_) { return out_.empty() && !held_; }
    void flush() PV_EXCLUDES(level_client);
    void write_out(OutputQueue::Batch& batch) PV_EXCLUDES(level_client);
    void after_sendmsg(ssize_t n, int error, OutputQueue::Batch& batch, AfterWrite& after)
        PV_REQUIRES(mu_);
    [[nodiscard]] bool output_high() const PV_REQUIRES(mu_); // no further call starts
    void write_ready() PV_EXCLUDES(level_client);            // rpc-loop
    // client_stream.cpp: rpc-loop unless said.
    static StreamKey key_of(const Header& header);
    [[nodiscard]] std::shared_ptr<Stream> find_stream(const Header& header)
        PV_EXCLUDES(level_client);
    void stream_packet(const Header& header, PacketBuffer packet);
    void stream_data(const std::shared_ptr<Stream>& stream, PacketBuffer packet);
    void stream_hole(const std::shared_ptr<Stream>& stream, const PacketBuffer& packet);
    void stream_finish(const std::shared_ptr<Stream>& stream);
    void stream_abort(const std::shared_ptr<Stream>& stream, bool clean);
    void notify_writable() PV_EXCLUDES(level_client);
    void close_all_streams() PV_EXCLUDES(level_client);
    // True: its sink waits for this.
    bool stream_bytes_sent(const OutputQueue::Chunk& chunk) PV_REQUIRES(mu_);
    [[nodiscard]] bool uploads_above(std::size_t bytes) const PV_REQUIRES(mu_);
    void update_upload_pause() PV_EXCLUDES(level_client);
    void break_stalled_uploads(TimePoint now) PV_EXCLUDES(level_client);
    // Any thread. Takes it off the table; false when somebody else did. The sink is told by whoever
    // took it.
    bool take_out(Stream& stream) PV_EXCLUDES(level_client);
    // Tells the sink, then sends the stream's last packet: whoever reads of the end finds what the stream held free.
    void end_stream(std::shared_ptr<Stream> stream, StreamSink::End end, OutputQueue::Chunk last);
    // client_keepalive.cpp: rpc-loop.
    void keepalive_packet(const Header& header);
    void tick();
    void arm_ticker() PV_EXCLUDES(level_client);

    const std::shared_ptr<ServerShared> server_;
    const Id id_;
    const std::int64_t connected_at_;
    const AuthMethod auth_;
    const bool local_, admin_;
    const TimePoint since_ = loop::Clock::now();
    const std::uint32_t listener_;
    const std::string peer_;
    std::shared_ptr<Session> session_; // set once, before the first read
    std::atomic<bool> readonly_, authenticated_;
    std::atomic<bool> closed_{false};
    std::atomic<bool> leaving_{false}; // close_after_flush: no further call is taken
    std::atomic<bool> update_posted_{false};

    mutable Mutex mu_{Rank::client};
    UniqueFd fd_ PV_GUARDED_BY(mu_); // stays open while somebody is writing
    Identity identity_ PV_GUARDED_BY(mu_);
    Limits limits_ PV_GUARDED_BY(mu_);
    OutputQueue out_ PV_GUARDED_BY(mu_);
    bool writing_ PV_GUARDED_BY(mu_) = false; // one thread is in sendmsg, lock not held
    bool blocked_ PV_GUARDED_BY(mu_) = false; // the socket is full: rpc-loop waits for it
    bool handshaking_ PV_GUARDED_BY(mu_) = false, held_ PV_GUARDED_BY(mu_) = false; // see layer_
    LayerOutput* through_ PV_GUARDED_BY(mu_) = nullptr; // what the writer sends through
    bool flush_and_close_ PV_GUARDED_BY(mu_) = false;
    bool tearing_down_ PV_GUARDED_BY(mu_) = false, torn_down_ PV_GUARDED_BY(mu_) = false;
    bool goodbye_said_ PV_GUARDED_BY(mu_) = false;
    CallQueue calls_ PV_GUARDED_BY(mu_);
    bool calls_held_ PV_GUARDED_BY(mu_) = false; // waiting for output to be read
    std::map<StreamKey, std::shared_ptr<Stream>> streams_ PV_GUARDED_BY(mu_);
    TimePoint upload_progress_ PV_GUARDED_BY(mu_){}; // when a sink last consumed
    bool keepalive_wanted_ PV_GUARDED_BY(mu_) = false;
    bool limits_changed_ PV_GUARDED_BY(mu_) = true;

    ClientLayer layer_;

    // rpc-loop only
    int loop_fd_ = -1;
    loop::Watch watch_, ticker_;
    unsigned watched_ = 0;
    PacketReader reader_;
    std::uint32_t max_anonymous_packet_ = 0;
    bool heard_ = false; // has sent a whole packet
    bool reading_paused_ = false;
    bool feeding_ = false;     // inside reader_.feed(): what is answered there goes out together ...
    bool flush_due_ = false;   // ... and there is something
    unsigned quick_left_ = 0;  // calls that may still be answered on this thread this time
    Keepalive keepalive_;
};

} // namespace polyvirt::rpc
