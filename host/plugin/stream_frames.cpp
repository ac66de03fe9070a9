// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A stream's descriptor that speaks in frames (PV_STREAM_FRAMES): data and holes between the client and a program of the
// plugin's. What that program makes of it is the plugin's to tell: here a descriptor that breaks is no more than the end of
// the copying.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <unistd.h>
#include <utility>

#include "base/error_text.h"
#include "host/plugin/stream_endpoint.h"

namespace polyvirt::plugin {
namespace {

using ClosedFn = void (*)(void*, std::uint32_t) PV_NOEXCEPT;

constexpr std::size_t kPiece = 32'768; // of data; on the stack
constexpr int kTurns = 16;             // then other streams of the loop have theirs

// Frames that come from the descriptor, as far as they have come.
class FrameReader {
  public:
    enum class Got : std::uint8_t { nothing, head, end };

    // More of a head. end: there is no more to come.
    Got read_head(int fd) {
        const ssize_t n = ::read(fd, reinterpret_cast<char*>(&head_) + got_, sizeof head_ - got_);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Got::nothing;
        if (n <= 0) return Got::end;
        got_ += static_cast<std::size_t>(n);
        moved_ = static_cast<std::size_t>(n);
        if (got_ < sizeof head_) return Got::nothing;
        got_ = 0;
        return Got::head;
    }
    [[nodiscard]] const pv_frame& head() const { return head_; }
    // Bytes of the last read.
    [[nodiscard]] std::size_t take_moved() { return std::exchange(moved_, 0); }

  private:
    pv_frame head_{};
    std::size_t got_ = 0, moved_ = 0;
};

std::string head_of(std::uint32_t kind, std::uint64_t length) {
    const pv_frame head{kind, 0, length};
    return {reinterpret_cast<const char*>(&head), sizeof head};
}

class FrameDriver final : public StreamDriver {
  public:
    FrameDriver(Endpoint& endpoint, UniqueFd fd, std::uint32_t directions, std::shared_ptr<Strand> strand,
                ClosedFn on_closed, std::unique_ptr<PluginContext> context)
        : endpoint_(endpoint), fd_(std::make_shared<UniqueFd>(std::move(fd))),
          reads_((directions & PV_STREAM_TO_CLIENT) != 0), writes_((directions & PV_STREAM_FROM_CLIENT) != 0),
          strand_(std::move(strand)), closed_(on_closed), context_(std::move(context)) {}

    void opened() override {
        // The closure keeps the descriptor open as long as the loop may look at it, and the endpoint (which
        // owns this) while it runs.
        watch_ = strand_->loop().add_fd(
            fd_->get(), 0, [this, fd = fd_, keep = endpoint_.shared_from_this()](unsigned what) { on_ready(what); });
        if (!watch_)
            return endpoint_.fail(make_system_error(EBADF, ErrorDomain::streams, "watching the descriptor of the stream"));
        reading_ = reads_;
        set_interest();
    }

    // --- from the client ---

    std::size_t data(std::span<const std::byte> bytes) override {
        if (!writes_ || broken_ || bytes.empty()) return bytes.size();
        if (full()) {
            refused_ = true;
            return 0;
        }
        out_ = head_of(PV_FRAME_DATA, bytes.size());
        out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        flush();
        return bytes.size();
    }
    // Taken always, so those that come while nothing can be written become one.
    bool hole(std::int64_t length) override {
        if (!writes_ || broken_ || length == 0) return true;
        if (length < 0 || length > std::numeric_limits<std::int64_t>::max() - hole_out_) {
            endpoint_.fail(make_error(ErrorCode::invalid_arg, ErrorDomain::streams, "a hole of {} bytes cannot be", length));
            return false;
        }
        hole_out_ += length;
        flush();
        return true;
    }
    void finish() override {
        if (!writes_ && !end_seen_) return endpoint_.confirm(); // it does not want the rest
        finishing_ = writes_;
        flush();
        if ((ends_.fetch_or(kAsked) & kSaid) != 0) endpoint_.confirm();
    }
    bool finished() override { return (ends_.fetch_or(kSaid) & kAsked) != 0; }

    // --- to the client ---

    void writable() override {
        reading_ = reads_ && !at_end_;
        if (reading_ && hole_in_ != 0) read_some(); // nothing may come any more that would call us
        set_interest();
    }

    void closed(std::uint32_t why) override {
        watch_.remove();
        if (closed_ != nullptr)
            strand_->run(reinterpret_cast<const void*>(closed_), [&] { closed_(context_->get(), why); });
    }

    std::optional<StreamProgress> progress() const override { return StreamProgress{moved_, waits_}; }

  private:
    [[nodiscard]] bool full() const { return !out_.empty() || hole_out_ != 0; }

    void on_ready(unsigned what) {
        if ((what & loop::kWritable) != 0) flush();
        if ((what & loop::kReadable) != 0 && reading_) read_some();
        set_interest();
    }

    // Writes what there is, in order: data, the holes behind it, the end.
    void flush() {
        while (!broken_) {
            if (out_.empty() && hole_out_ != 0) out_ = head_of(PV_FRAME_HOLE, static_cast<std::uint64_t>(std::exchange(hole_out_, 0)));
            if (out_.empty() && finishing_ && !std::exchange(end_sent_, true)) out_ = head_of(PV_FRAME_END, 0);
            if (out_.empty()) break;
            const ssize_t n = ::write(fd_->get(), out_.data(), out_.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) break;
            if (n < 0) broken_ = true;
            else {
                moved_ += static_cast<std::uint64_t>(n);
                out_.erase(0, static_cast<std::size_t>(n));
            }
        }
        if (broken_) {
            out_.clear();
            hole_out_ = 0;
        }
        set_interest();
        if (!full() && std::exchange(refused_, false)) endpoint_.resume();
    }

    void read_some() {
        for (int i = 0; i < kTurns && reading_; ++i)
            if (!read_step()) break;
    }
    // False: there is nothing more to be had now.
    bool read_step() {
        if (!endpoint_.ready_to_send()) return reading_ = false; // until writable()
        if (hole_in_ != 0) {
            if (endpoint_.send_hole(hole_in_) != PV_OK) return reading_ = false;
            hole_in_ = 0;
            return true;
        }
        if (left_ != 0) return read_data();
        const auto got = reader_.read_head(fd_->get());
        moved_ += reader_.take_moved();
        if (got == FrameReader::Got::end) return stop_reading();
        if (got == FrameReader::Got::nothing) return false;
        const pv_frame& head = reader_.head();
        if (head.kind == PV_FRAME_DATA) left_ = head.length;
        else if (head.kind == PV_FRAME_HOLE && head.length <= std::numeric_limits<std::int64_t>::max())
            hole_in_ = static_cast<std::int64_t>(head.length);
        else if (head.kind == PV_FRAME_END) {
            end_seen_ = true;
            static_cast<void>(endpoint_.send_eof());
            return stop_reading();
        } else {
            endpoint_.fail(make_error(ErrorCode::internal_error, ErrorDomain::streams, "a frame of kind {} and {} bytes cannot be",
                                      head.kind, head.length));
            return stop_reading();
        }
        return true;
    }
    bool read_data() {
        std::array<std::byte, kPiece> buffer;
        const ssize_t n = ::read(fd_->get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), left_));
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        if (n <= 0) return stop_reading();
        moved_ += static_cast<std::uint64_t>(n);
        left_ -= static_cast<std::uint64_t>(n);
        static_cast<void>(endpoint_.send(std::span(buffer).first(static_cast<std::size_t>(n))));
        return true;
    }
    bool stop_reading() {
        at_end_ = true;
        return reading_ = false;
    }

    void set_interest() {
        const bool writing = !out_.empty();
        const unsigned wanted = (reading_ ? loop::kReadable : 0U) | (writing ? loop::kWritable : 0U);
        waits_ = wanted != 0 || finishing_;
        if (watch_ && std::exchange(interest_, wanted) != wanted) watch_.set_events(wanted);
    }

    Endpoint& endpoint_; // owns this
    const std::shared_ptr<UniqueFd> fd_;
    const bool reads_, writes_;
    const std::shared_ptr<Strand> strand_;
    const ClosedFn closed_;
    const std::unique_ptr<PluginContext> context_;
    loop::Watch watch_;
    unsigned interest_ = 0;
    // To the client.
    FrameReader reader_;
    std::uint64_t left_ = 0;    // of the frame of data
    std::int64_t hole_in_ = 0;  // not sent yet
    bool reading_ = false, at_end_ = false, end_seen_ = false;
    // From the client.
    std::string out_;           // a frame, what is left of it
    std::int64_t hole_out_ = 0; // behind it
    bool refused_ = false, finishing_ = false, end_sent_ = false, broken_ = false;

    static constexpr unsigned kAsked = 1, kSaid = 2;
    std::atomic<unsigned> ends_{0}; // the client has asked for the end; the plugin has said it
    std::atomic<std::uint64_t> moved_{0};
    std::atomic<bool> waits_{false};
};

} // namespace

std::unique_ptr<StreamDriver> make_frame_driver(Endpoint& endpoint, UniqueFd fd, std::uint32_t directions,
                                                const std::shared_ptr<Strand>& strand, ClosedFn closed,
                                                std::unique_ptr<PluginContext> context) {
    return std::make_unique<FrameDriver>(endpoint, std::move(fd), directions, strand, closed, std::move(context));
}

} // namespace polyvirt::plugin
