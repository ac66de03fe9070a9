// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <array>
#include <atomic>
#include <cerrno>
#include <unistd.h>
#include <utility>

#include "base/error_text.h"
#include "host/plugin/stream_endpoint.h"

namespace polyvirt::plugin {
namespace {

using ClosedFn = void (*)(void*, std::uint32_t) PV_NOEXCEPT;

class CallbackDriver final : public StreamDriver {
  public:
    CallbackDriver(const pv_stream_ops& ops, std::shared_ptr<Strand> strand, std::unique_ptr<PluginContext> context)
        : ops_(ops), strand_(std::move(strand)), context_(std::move(context)) {}

    std::size_t data(std::span<const std::byte> bytes) override {
        std::size_t taken = bytes.size(); // a driver that reads nothing lets it pass
        if (ops_.data != nullptr)
            run(ops_.data, [&] { taken = ops_.data(context_->get(), bytes.data(), bytes.size()); });
        return taken;
    }
    bool hole(std::int64_t length) override {
        pv_status status = PV_OK;
        if (ops_.hole != nullptr) run(ops_.hole, [&] { status = ops_.hole(context_->get(), length); });
        return status == PV_OK;
    }
    void writable() override {
        if (ops_.writable != nullptr) run(ops_.writable, [&] { ops_.writable(context_->get()); });
    }
    void finish() override { run(ops_.finish, [&] { ops_.finish(context_->get()); }); }
    void closed(std::uint32_t why) override {
        if (ops_.closed != nullptr) run(ops_.closed, [&] { ops_.closed(context_->get(), why); });
    }

  private:
    template <typename Fn, typename F> void run(Fn code, F&& f) {
        strand_->run(reinterpret_cast<const void*>(code), std::forward<F>(f));
    }

    const pv_stream_ops ops_;
    const std::shared_ptr<Strand> strand_;
    const std::unique_ptr<PluginContext> context_;
};

// Copies between a descriptor and the client, as fast as the slower of the two.
class FdDriver final : public StreamDriver {
  public:
    FdDriver(Endpoint& endpoint, UniqueFd fd, std::uint32_t directions, std::shared_ptr<Strand> strand, ClosedFn on_closed,
             std::unique_ptr<PluginContext> context)
        : endpoint_(endpoint), fd_(std::make_shared<UniqueFd>(std::move(fd))),
          reads_((directions & PV_STREAM_TO_CLIENT) != 0), writes_((directions & PV_STREAM_FROM_CLIENT) != 0),
          strand_(std::move(strand)), closed_(on_closed), context_(std::move(context)) {}

    void opened() override {
        // The closure keeps the descriptor open as long as the loop may look at it, and the endpoint (which
        // owns this) while it runs.
        watch_ = strand_->loop().add_fd(
            fd_->get(), 0, [this, fd = fd_, keep = endpoint_.shared_from_this()](unsigned what) { on_ready(what); });
        if (!watch_) return fail(EBADF, "watching the descriptor of the stream");
        reading_ = reads_;
        set_interest();
    }

    std::size_t data(std::span<const std::byte> bytes) override {
        if (!writes_) return bytes.size();
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t n = ::write(fd_->get(), bytes.data() + done, bytes.size() - done);
            if (n >= 0) {
                done += static_cast<std::size_t>(n);
                moved_ += static_cast<std::uint64_t>(n);
            }
            else if (errno == EAGAIN) {
                blocked_ = true;
                set_interest();
                return done;
            } else if (errno != EINTR) {
                fail(errno, "writing the client's data");
                return bytes.size();
            }
        }
        return done;
    }

    bool hole(std::int64_t length) override {
        endpoint_.fail(make_error(ErrorCode::operation_unsupported, ErrorDomain::streams,
                                  "this stream cannot take a hole (of {} bytes)", length));
        return false;
    }

    void writable() override {
        reading_ = reads_ && !at_end_;
        set_interest();
    }

    void finish() override { endpoint_.finish(); }

    void closed(std::uint32_t why) override {
        watch_.remove();
        if (closed_ != nullptr)
            strand_->run(reinterpret_cast<const void*>(closed_), [&] { closed_(context_->get(), why); });
    }

    std::optional<StreamProgress> progress() const override { return StreamProgress{moved_, waits_}; }

  private:
    void on_ready(unsigned what) {
        if ((what & loop::kWritable) != 0 && blocked_) {
            blocked_ = false;
            endpoint_.resume();
        }
        if ((what & loop::kReadable) != 0 && reading_) read_some();
        set_interest();
    }

    void read_some() {
        if (!endpoint_.ready_to_send()) {
            reading_ = false; // until writable()
            return;
        }
        std::array<std::byte, 16384> buffer;
        const ssize_t n = ::read(fd_->get(), buffer.data(), buffer.size());
        if (n > 0) {
            moved_ += static_cast<std::uint64_t>(n);
            static_cast<void>(endpoint_.send(std::span(buffer).first(static_cast<std::size_t>(n))));
            return;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        // A terminal whose other side is closed says EIO: that is its end.
        at_end_ = true;
        reading_ = false;
        if (n < 0 && errno != EIO) return fail(errno, "reading data for the client");
        static_cast<void>(endpoint_.send_eof());
    }

    void set_interest() {
        const unsigned wanted = (reading_ ? loop::kReadable : 0U) | (blocked_ ? loop::kWritable : 0U);
        waits_ = wanted != 0;
        if (watch_ && std::exchange(interest_, wanted) != wanted) watch_.set_events(wanted);
    }

    void fail(int error, std::string_view what) {
        reading_ = blocked_ = false;
        set_interest();
        endpoint_.fail(make_system_error(error, ErrorDomain::streams, what));
    }

    Endpoint& endpoint_; // owns this
    const std::shared_ptr<UniqueFd> fd_;
    const bool reads_, writes_;
    const std::shared_ptr<Strand> strand_;
    const ClosedFn closed_;
    const std::unique_ptr<PluginContext> context_;
    loop::Watch watch_;
    unsigned interest_ = 0;
    bool reading_ = false, blocked_ = false, at_end_ = false;
    std::atomic<std::uint64_t> moved_{0};
    std::atomic<bool> waits_{false};
};

} // namespace

std::unique_ptr<StreamDriver> make_callback_driver(const pv_stream_ops& ops, const std::shared_ptr<Strand>& strand,
                                                   std::unique_ptr<PluginContext> context) {
    return std::make_unique<CallbackDriver>(ops, strand, std::move(context));
}

std::unique_ptr<StreamDriver> make_fd_driver(Endpoint& endpoint, UniqueFd fd, std::uint32_t directions,
                                             const std::shared_ptr<Strand>& strand, ClosedFn closed,
                                             std::unique_ptr<PluginContext> context) {
    return std::make_unique<FdDriver>(endpoint, std::move(fd), directions, strand, closed, std::move(context));
}

} // namespace polyvirt::plugin
