// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// StreamBridge: between a stream of rpc and the driver's end of it. The rpc stream exists only once the
// call has succeeded, so what the driver sends before open() is refused with "writable later".
//
// Thread: the rpc side (StreamSink) on rpc-loop, the driver side (StreamTransport) on any thread.

#include <deque>
#include <functional>
#include <memory>

#include "base/sync.h"
#include "host/plugin/instance.h"
#include "host/plugin/stream.h"
#include "host/protocol/proc_info.h"
#include "host/rpc/client.h"
#include "host/rpc/stream.h"

namespace polyvirt::dispatch {

class StreamBridge final : public rpc::StreamSink,
                           public plugin::StreamTransport,
                           public std::enable_shared_from_this<StreamBridge> {
  public:
    // `driver`: whose loop does what the driver asks for while it holds locks.
    static std::shared_ptr<StreamBridge> create(std::shared_ptr<rpc::Client> client,
                                                std::shared_ptr<plugin::Instance> driver,
                                                const protocol::Header& call,
                                                const protocol::ProcInfo& proc, bool sparse);
    StreamBridge(std::shared_ptr<rpc::Client> client, std::shared_ptr<plugin::Instance> driver,
                 const protocol::Header& call, bool client_sends, bool sparse);

    // The reply is about to be sent: packets of the client may follow it.
    void open();

    // rpc::StreamSink
    void on_data(rpc::PacketBuffer packet, std::span<const std::uint8_t> bytes) override;
    void on_hole(std::int64_t length) override;
    void on_end_of_data() override;
    void on_finish() override;
    void on_writable() override;
    void on_closed(End end) override;

    // plugin::StreamTransport. A client's lock stands above a driver's: what is asked by a thread that
    // holds one is done on the driver's loop.
    void set_receiver(std::shared_ptr<plugin::StreamReceiver> receiver) override;
    std::size_t send(std::span<const std::byte> bytes) override;
    bool send_hole(std::int64_t length) override;
    void send_eof() override;
    void finish() override;
    void fail(const Error& error) override;
    void resume() override;

  private:
    // What the client sent and the driver has not taken yet: data (a part of its packet) or a hole.
    struct Piece {
        rpc::PacketBuffer packet;
        std::span<const std::uint8_t> bytes;
        std::int64_t hole = 0;
    };
    std::shared_ptr<rpc::Stream> stream() const;
    std::shared_ptr<rpc::Stream> stream_to_send();
    void writable();
    void in_order(std::function<void()> f);
    void run_deferred();
    // Offers pieces in order until the driver has no room. One thread at a time does it.
    void pump();

    const std::shared_ptr<rpc::Client> client_;
    const std::shared_ptr<plugin::Instance> driver_;
    const protocol::Header call_;
    const bool client_sends_, sparse_;

    mutable Mutex mu_{Rank::leaf};
    std::shared_ptr<rpc::Stream> stream_ PV_GUARDED_BY(mu_);
    std::shared_ptr<plugin::StreamReceiver> receiver_ PV_GUARDED_BY(mu_);
    std::deque<Piece> pieces_ PV_GUARDED_BY(mu_);
    bool pumping_ PV_GUARDED_BY(mu_) = false;
    bool again_ PV_GUARDED_BY(mu_) = false;
    bool finish_wanted_ PV_GUARDED_BY(mu_) = false;
    bool held_back_ PV_GUARDED_BY(mu_) = false;
    std::deque<std::function<void()>> deferred_ PV_GUARDED_BY(mu_); // the first may be running
};

} // namespace polyvirt::dispatch
