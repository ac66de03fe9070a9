// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Contents to and from clients: between the client's stream and the helper, which has the file (frames.h). Both ends wait
// for each other, neither for long: nothing is kept here but what fits two frames. All of a transfer is on the loop.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/stream.h>

#include "base/error_text.h"
#include "frames.h"
#include "volume_ops.h"

namespace polyvirt::storage {
namespace {

constexpr std::size_t kMaxPending = 2 * kMaxFrame;

struct Order {
    StorageVolumePtr volume;
    VolumeNow now;
    VolumeUse use;
    bool upload = false;
    Facts request;
};

class Transfer final : public plugin::StreamPeer, public std::enable_shared_from_this<Transfer> {
  public:
    Transfer(Driver& driver, plugin::ClientStream stream, Order order) : driver_(driver), stream_(stream), order_(std::move(order)) {}

    // Before the op succeeds; worker. Nothing else of it is off the loop.
    Status open();
    // The other end of the socket, for the helper.
    [[nodiscard]] int theirs() const { return theirs_.get(); }
    void begin();
    void helper_ended(const Status& end);
    sdk::Programs::Stop stop_helper;

    std::size_t data(std::span<const std::byte> bytes) override;
    bool hole(std::int64_t length) override;
    void writable() override { pump_down(); }
    void finish() override;
    void closed(std::uint32_t why) override;

    Driver& driver_;
    const plugin::ClientStream stream_;
    Order order_;

  private:
    void watch(std::uint32_t events);
    void on_socket();
    void queue(FrameKind kind, std::uint64_t length, const void* bytes = nullptr);
    void pump_up();
    void pump_down();
    bool read_some();
    bool send_frame();
    void fail(const Error& error);
    void check_progress();
    // The helper notices.
    void hang_up() const { ::shutdown(ours_->get(), SHUT_RDWR); }

    // Kept by the watch too: it is open for as long as that looks at it.
    std::shared_ptr<UniqueFd> ours_ = std::make_shared<UniqueFd>();
    UniqueFd theirs_;
    plugin::Watch io_, stall_;
    std::string pending_; // upload: frames on their way; download: what was read and is not sent yet
    std::uint64_t moved_ = 0, seen_ = 0;
    bool blocked_ = false;  // the client does not take more
    bool refused_ = false;  // the client was told to wait
    bool ending_ = false;   // no more is to come from the client
    bool sent_ = false;     // the end of a download has gone to the client
    bool ended_ = false;    // the helper
    bool over_ = false;     // the stream
};

Task<Status> serve(Driver* driver, std::shared_ptr<Transfer> transfer);

Status Transfer::open() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return make_system_error(errno, ErrorDomain::storage, "socketpair");
    ours_->reset(ends[0]);
    theirs_.reset(ends[1]);
    if (!stream_.attach(driver_.loop(), shared_from_this()))
        return make_error(ErrorCode::internal_error, ErrorDomain::storage, "the stream of volume '{}' cannot be attached", order_.volume->name);
    return {};
}

void Transfer::begin() {
    if (over_) return;
    const std::int64_t period = driver_.settings().deadline_ns;
    stall_ = driver_.loop().timer(period, period, [weak = weak_from_this()] {
        if (const auto transfer = weak.lock()) transfer->check_progress();
    });
    if (!order_.upload) watch(PV_IO_READ);
    sdk::start(serve(&driver_, shared_from_this()), [](const Status&) {});
}

void Transfer::watch(std::uint32_t events) {
    if (events == 0) return io_.reset();
    if (io_) return io_.set_events(events);
    io_ = driver_.loop().fd(ours_->get(), events, [weak = weak_from_this(), kept = ours_](std::uint32_t) {
        if (const auto transfer = weak.lock()) transfer->on_socket();
    });
}

void Transfer::on_socket() {
    if (over_) return;
    if (order_.upload) pump_up();
    else pump_down();
}

// --- upload ---

void Transfer::queue(FrameKind kind, std::uint64_t length, const void* bytes) {
    const FrameHead head{kind, 0, length};
    pending_.append(reinterpret_cast<const char*>(&head), sizeof head);
    if (bytes != nullptr) pending_.append(static_cast<const char*>(bytes), static_cast<std::size_t>(length));
    pump_up();
}

std::size_t Transfer::data(std::span<const std::byte> bytes) {
    if (over_) return bytes.size();
    std::size_t taken = 0;
    while (taken < bytes.size() && pending_.size() < kMaxPending) {
        const std::size_t piece = std::min<std::size_t>(bytes.size() - taken, kMaxFrame);
        queue(FrameKind::data, piece, bytes.data() + taken);
        taken += piece;
    }
    refused_ = taken < bytes.size();
    return taken;
}

bool Transfer::hole(std::int64_t length) {
    if (length < 0) return false;
    if (!over_) queue(FrameKind::hole, static_cast<std::uint64_t>(length));
    return true;
}

void Transfer::pump_up() {
    while (!pending_.empty() && !over_) {
        const ssize_t n = ::send(ours_->get(), pending_.data(), pending_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) return watch(0); // the helper has ended, and says why
        moved_ += static_cast<std::uint64_t>(n);
        pending_.erase(0, static_cast<std::size_t>(n));
    }
    if (over_) return;
    watch(pending_.empty() ? 0 : PV_IO_WRITE);
    if (refused_ && pending_.size() < kMaxPending) {
        refused_ = false;
        stream_.resume();
    }
}

// --- download ---

bool Transfer::read_some() {
    char buffer[65536];
    const ssize_t n = ::recv(ours_->get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n <= 0) {
        watch(0);
        return false;
    }
    moved_ += static_cast<std::uint64_t>(n);
    pending_.append(buffer, static_cast<std::size_t>(n));
    return true;
}

// False: it is not whole yet, or the client has to take more first.
bool Transfer::send_frame() {
    FrameHead head;
    if (pending_.size() < sizeof head) return false;
    std::memcpy(&head, pending_.data(), sizeof head);
    pv_status sent = PV_OK;
    std::size_t length = sizeof head;
    if (head.kind == FrameKind::data) {
        if (pending_.size() < sizeof head + head.length) return false;
        length += static_cast<std::size_t>(head.length);
        sent = stream_.send(std::as_bytes(std::span(pending_).subspan(sizeof head, static_cast<std::size_t>(head.length))));
    } else if (head.kind == FrameKind::hole) {
        sent = stream_.send_hole(static_cast<std::int64_t>(head.length));
    } else {
        sent_ = true;
        stream_.send_eof();
    }
    blocked_ = sent == PV_BUSY;
    if (sent == PV_OK) pending_.erase(0, length);
    return sent == PV_OK && !sent_;
}

void Transfer::pump_down() {
    if (order_.upload || over_ || sent_) return;
    blocked_ = false;
    while (!blocked_ && !sent_) {
        if (send_frame()) continue;
        if (blocked_ || sent_ || pending_.size() > kMaxPending || !read_some()) break;
    }
    if (sent_) watch(0);
    else watch(blocked_ ? 0 : PV_IO_READ);
}

// --- both ---

void Transfer::finish() {
    if (over_) return;
    ending_ = true;
    if (order_.upload) return queue(FrameKind::end, 0); // and wait for the helper
    over_ = true;
    order_.use.reset(); // first: who has the answer may change the volume
    stream_.finish();
}

void Transfer::helper_ended(const Status& end) {
    ended_ = true;
    if (over_) return;
    if (!end) return fail(end.error());
    if (!order_.upload) return pump_down();
    over_ = true;
    order_.use.reset();
    stream_.finish();
}

void Transfer::fail(const Error& error) {
    if (over_) return;
    over_ = true;
    order_.use.reset();
    stream_.fail(error);
    hang_up();
}

void Transfer::closed(std::uint32_t) {
    over_ = true;
    io_.reset();
    stall_.reset();
    hang_up();
    order_.use.reset();
    if (!ended_)
        stop_helper(make_error(ErrorCode::operation_aborted, ErrorDomain::storage, "the client has ended the stream"));
}

void Transfer::check_progress() {
    const bool waits = order_.upload ? !pending_.empty() || ending_ : !blocked_ && !sent_;
    if (over_ || ended_ || !waits || std::exchange(seen_, moved_) != moved_) return;
    const Error late = make_error(ErrorCode::operation_timeout, ErrorDomain::storage, "storage pool '{}' did not answer within {} s",
                                  order_.now.pool->name, driver_.settings().deadline_ns / 1'000'000'000);
    driver_.note_health(order_.now.pool, late);
    fail(late);
    stop_helper(late);
}

// Runs the helper, then tells the transfer on its loop.
Task<Status> serve(Driver* driver, std::shared_ptr<Transfer> transfer) {
    const Place place = driver->place_of(*transfer->order_.now.pool, transfer->order_.now.pool_document);
    std::string verb = transfer->order_.upload ? "receive" : "send";
    Facts request = transfer->order_.request;
    auto answer = co_await driver->agent().ask_with(transfer->theirs(), std::move(verb), std::move(request), place.patience, &transfer->stop_helper);
    Status end = answer ? Status() : Status(std::move(answer).error());
    if (end && transfer->order_.upload) {
        (void)co_await look_again(driver, transfer->order_.volume);
        const ObjectLock lock(transfer->order_.now.pool->mu);
        driver->post_refresh(*transfer->order_.now.pool);
    }
    driver->loop().post([transfer, end] { transfer->helper_ended(end); });
    co_return end;
}

pv_status start_transfer(Driver& driver, pv_call* call, Order order) {
    const plugin::ClientStream stream(driver.services(), call);
    if (!stream) return driver.answer(call, make_error(ErrorCode::internal_error, ErrorDomain::storage, "the call has no stream"));
    auto now = volume_now(order.volume);
    if (!now) return plugin::fail(driver.services(), call, now.error());
    if (now->document->type == doc::VolumeType::dir)
        return driver.answer(call, make_error(ErrorCode::operation_unsupported, ErrorDomain::storage, "volume '{}' is a directory", order.volume->name));
    auto use = use_volume(order.volume);
    if (!use) return plugin::fail(driver.services(), call, use.error());
    order.use = *std::move(use);
    order.now = *std::move(now);
    order.request.set("path", order.now.document->target.path);
    const auto transfer = std::make_shared<Transfer>(driver, stream, std::move(order));
    if (const Status opened = transfer->open(); !opened) return driver.answer(call, opened);
    driver.loop().post([transfer] { transfer->begin(); });
    return PV_OK;
}

} // namespace

pv_status VolumeOps::upload(pv_call* call, const pv_obj* obj, const pv_vol_upload_in& in, pv_vol_upload_out&) {
    if (const Status flags = Driver::check_flags(in.flags, PV_STORAGE_VOL_UPLOAD_SPARSE_STREAM, "storageVolUpload"); !flags)
        return driver_.answer(call, flags);
    Order order;
    order.volume = Driver::volume_of(obj);
    order.upload = true;
    order.request = {{"offset", in.offset}, {"length", in.length}};
    return start_transfer(driver_, call, std::move(order));
}

pv_status VolumeOps::download(pv_call* call, const pv_obj* obj, const pv_vol_download_in& in, pv_vol_download_out&) {
    if (const Status flags = Driver::check_flags(in.flags, PV_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM, "storageVolDownload"); !flags)
        return driver_.answer(call, flags);
    Order order;
    order.volume = Driver::volume_of(obj);
    order.request = {{"offset", in.offset}, {"length", in.length}, {"sparse", (in.flags & PV_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) != 0}};
    return start_transfer(driver_, call, std::move(order));
}

} // namespace polyvirt::storage
