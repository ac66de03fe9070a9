// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The driver's end of a stream, behind StreamEndpoint. What the transport tells it is noted under the lock
// and carried out by step(), on the strand that the driver gave; so driver code runs there and nowhere else.
// The transport is never called with the lock held.

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/sync.h"
#include "base/unique_fd.h"
#include "host/plugin/census.h"
#include "host/plugin/loops.h"
#include "host/plugin/stream.h"

namespace polyvirt::plugin {
class Endpoint;
}

struct pv_stream {
    polyvirt::plugin::Endpoint* endpoint;
};

namespace polyvirt::plugin {

struct StreamProgress {
    std::uint64_t moved = 0; // bytes through the descriptor
    bool waits = false;      // for its other end
};

// What the driver attached: its callbacks or a descriptor. On the strand's thread, all of it.
class StreamDriver {
  public:
    virtual ~StreamDriver() = default;
    virtual void opened() {}
    virtual std::size_t data(std::span<const std::byte> bytes) = 0;
    virtual bool hole(std::int64_t length) = 0; // false: the stream was failed
    virtual void writable() = 0;
    virtual void finish() = 0;
    virtual void closed(std::uint32_t why) = 0; // the last call
    // Any thread, leaf: the plugin says that it has finished. False: the client is not to be told yet.
    [[nodiscard]] virtual bool finished() { return true; }
    // Any thread, leaf: how the copying through a descriptor goes on; none: there is no descriptor.
    [[nodiscard]] virtual std::optional<StreamProgress> progress() const { return std::nullopt; }
};

class Endpoint final : public StreamEndpoint {
  public:
    explicit Endpoint(std::shared_ptr<StreamTransport> transport) : transport_(std::move(transport)) {}

    // StreamReceiver
    std::size_t data(std::span<const std::byte> bytes) override;
    bool hole(std::int64_t length) override;
    void writable() override;
    void finish_requested() override;
    void closed(std::uint32_t why) override;
    // StreamEndpoint
    void opened() override;
    void abandon() override;
    pv_stream* handle() override { return &handle_; }

    // host.stream/1; contracts there. attach() takes `driver` unless it fails: PV_ORDER if something is attached
    // already or the call is over.
    [[nodiscard]] pv_status attach(const std::shared_ptr<Strand>& strand, std::unique_ptr<StreamDriver>& driver,
                                   Census::Token token);
    [[nodiscard]] pv_status send(std::span<const std::byte> bytes);
    [[nodiscard]] pv_status send_hole(std::int64_t length);
    [[nodiscard]] pv_status send_eof();
    // Whether send() would take something now; if not, writable() will come.
    [[nodiscard]] bool ready_to_send();
    void resume();
    void finish();
    void confirm() { transport_->finish(); } // to the client
    void fail(Error error);
    [[nodiscard]] pv_status progress(StreamProgress& progress);

    static constexpr std::size_t kMaxSend = std::size_t{1} << 20;

  private:
    // From the client, in order: bytes, or a hole.
    struct Piece {
        std::string bytes;
        std::int64_t hole = 0;
    };
    void schedule() PV_EXCLUDES(mu_);
    void step();
    bool step_once();
    bool deliver_piece();
    void close_driver();
    void push_out(std::string bytes);
    void end(std::uint32_t why);

    pv_stream handle_{this};
    const std::shared_ptr<StreamTransport> transport_;

    Mutex mu_{Rank::leaf};
    std::shared_ptr<Endpoint> self_ PV_GUARDED_BY(mu_); // from attach until the driver's release
    std::unique_ptr<Strand::User> strand_ PV_GUARDED_BY(mu_);
    std::unique_ptr<StreamDriver> driver_ PV_GUARDED_BY(mu_);
    Census::Token token_ PV_GUARDED_BY(mu_);
    bool opened_ PV_GUARDED_BY(mu_) = false, opened_told_ PV_GUARDED_BY(mu_) = false;
    bool scheduled_ PV_GUARDED_BY(mu_) = false;
    bool over_ PV_GUARDED_BY(mu_) = false;
    std::uint32_t why_ PV_GUARDED_BY(mu_) = PV_STREAM_BROKEN;
    // Client to driver.
    std::deque<Piece> pieces_ PV_GUARDED_BY(mu_);
    std::size_t buffered_ PV_GUARDED_BY(mu_) = 0;
    bool refused_ PV_GUARDED_BY(mu_) = false;     // the transport holds more
    bool driver_full_ PV_GUARDED_BY(mu_) = false; // until resume()
    bool finish_wanted_ PV_GUARDED_BY(mu_) = false;
    // Driver to client.
    std::string rest_ PV_GUARDED_BY(mu_); // accepted from the driver, not yet by the transport
    bool sending_ PV_GUARDED_BY(mu_) = false, room_ PV_GUARDED_BY(mu_) = false;
    bool tell_writable_ PV_GUARDED_BY(mu_) = false;
    bool eof_ PV_GUARDED_BY(mu_) = false, eof_sent_ PV_GUARDED_BY(mu_) = false;
    std::unique_ptr<Error> failed_early_ PV_GUARDED_BY(mu_); // before the transport was open
};

// The kinds of driver end.
std::unique_ptr<StreamDriver> make_callback_driver(const pv_stream_ops& ops, const std::shared_ptr<Strand>& strand,
                                                   std::unique_ptr<PluginContext> context);
std::unique_ptr<StreamDriver> make_fd_driver(Endpoint& endpoint, UniqueFd fd, std::uint32_t directions,
                                             const std::shared_ptr<Strand>& strand,
                                             void (*closed)(void*, std::uint32_t) PV_NOEXCEPT,
                                             std::unique_ptr<PluginContext> context);
// With PV_STREAM_FRAMES.
std::unique_ptr<StreamDriver> make_frame_driver(Endpoint& endpoint, UniqueFd fd, std::uint32_t directions,
                                                const std::shared_ptr<Strand>& strand,
                                                void (*closed)(void*, std::uint32_t) PV_NOEXCEPT,
                                                std::unique_ptr<PluginContext> context);

} // namespace polyvirt::plugin
