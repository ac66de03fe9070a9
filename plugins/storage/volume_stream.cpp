// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Contents to and from clients: the host copies between the client's stream and the helper, which has the file, in frames
// (host.stream/1). The driver sees none of it but how far it is. All of a transfer is on the loop.

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/stream.h>

#include "base/error_text.h"
#include "volume_ops.h"

namespace polyvirt::storage {
namespace {

struct Order {
    StorageVolumePtr volume;
    VolumeNow now;
    VolumeUse use;
    bool upload = false;
    Facts request;
};

class Transfer final : public std::enable_shared_from_this<Transfer> {
  public:
    Transfer(Driver& driver, plugin::ClientStream stream, Order order) : driver_(driver), stream_(stream), order_(std::move(order)) {}

    // Before the op succeeds; worker. Nothing else of it is off the loop.
    Status open();
    // The other end of the socket, for the helper.
    [[nodiscard]] int theirs() const { return theirs_.get(); }
    void begin();
    void helper_ended(const Status& end);
    sdk::Programs::Stop stop_helper;

    Driver& driver_;
    const plugin::ClientStream stream_;
    Order order_;

  private:
    void fail(const Error& error);
    void closed();
    void check_progress();

    UniqueFd theirs_;
    plugin::Watch stall_;
    std::uint64_t seen_ = 0; // of what had moved
    bool ended_ = false;     // the helper
    bool over_ = false;      // the stream
};

Task<Status> serve(Driver* driver, std::shared_ptr<Transfer> transfer);

Status Transfer::open() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return make_system_error(errno, ErrorDomain::storage, "socketpair");
    theirs_.reset(ends[1]);
    const std::uint32_t direction = order_.upload ? PV_STREAM_FROM_CLIENT : PV_STREAM_TO_CLIENT;
    if (!stream_.attach_fd(ends[0], direction | PV_STREAM_FRAMES, driver_.loop(), [self = shared_from_this()](std::uint32_t) { self->closed(); }))
        return make_error(ErrorCode::internal_error, ErrorDomain::storage, "the stream of volume '{}' cannot be attached", order_.volume->name);
    return {};
}

void Transfer::begin() {
    if (over_) return;
    const std::int64_t period = driver_.settings().deadline_ns;
    stall_ = driver_.loop().timer(period, period, [weak = weak_from_this()] {
        if (const auto transfer = weak.lock()) transfer->check_progress();
    });
    sdk::start(serve(&driver_, shared_from_this()), [](const Status&) {});
}

void Transfer::helper_ended(const Status& end) {
    ended_ = true;
    if (over_) return;
    if (!end) return fail(end.error());
    order_.use.reset(); // first: who has the answer may change the volume
    stream_.finish();
}

void Transfer::fail(const Error& error) {
    if (over_) return;
    over_ = true;
    order_.use.reset();
    stream_.fail(error);
}

// The host has closed its end of the socket, which the helper notices where it does not wait for the file.
void Transfer::closed() {
    over_ = true;
    stall_.reset();
    order_.use.reset();
    if (!ended_)
        stop_helper(make_error(ErrorCode::operation_aborted, ErrorDomain::storage, "the client has ended the stream"));
}

void Transfer::check_progress() {
    const auto now = stream_.progress();
    if (over_ || ended_ || !now || !now->waits || std::exchange(seen_, now->moved) != now->moved) return;
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
