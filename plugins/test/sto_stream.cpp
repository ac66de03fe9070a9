// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sto_stream.h"

#include <utility>

#include <polyvirt/slots.h>

namespace polyvirt::test {
namespace {

constexpr std::uint64_t kDownloadPiece = 256u << 10; // of a download, at a time

// One transfer. What is not constant belongs to the driver's loop once the stream is attached.
class Transfer : public std::enable_shared_from_this<Transfer> {
  public:
    // `at` and `end` are places in the volume; the volume counts one user more from here on.
    Transfer(Driver& driver, pv_stream* stream, StorageVolumePtr volume, std::uint64_t at, std::uint64_t end, bool sparse)
        : driver_(driver), stream_(stream), volume_(std::move(volume)), end_(end), sparse_(sparse), at_(at) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() { let_go(); }

    Status attach(bool download);

  private:
    using Ptr = std::shared_ptr<Transfer>;

    // The volume has one user less; once.
    void let_go() {
        if (std::exchange(let_go_, true)) return;
        if (const StoragePoolPtr pool = volume_->pool.lock()) {
            const ObjectLock lock(pool->mu);
            volume_->users--;
        }
    }
    [[nodiscard]] const pv_svc_stream& svc() const { return *driver_.services().stream; }
    void fail(const Error& error) {
        if (over_) return;
        over_ = true;
        plugin::with_abi_error(error, [&](const pv_error& e) { svc().fail(stream_, &e); });
    }
    // A piece of an upload: bytes, or a hole where there are none.
    Status take(std::span<const std::uint8_t> bytes, std::uint64_t hole);
    // Sends until the stream is full or all is sent.
    void pump();
    [[nodiscard]] Result<pv_status> send_piece();

    template <typename F> static void with(void* ctx, F&& f) noexcept {
        plugin::guarded("stream", [&] { f(**static_cast<Ptr*>(ctx)); });
    }
    static size_t on_data(void* ctx, const void* bytes, size_t length) noexcept {
        with(ctx, [&](Transfer& t) {
            if (const Status taken = t.take({static_cast<const std::uint8_t*>(bytes), length}, 0); !taken) t.fail(taken.error());
        });
        return length;
    }
    static pv_status on_hole(void* ctx, int64_t length) noexcept {
        with(ctx, [&](Transfer& t) {
            const Status taken = length < 0 ? Status(make_error(ErrorCode::invalid_arg, ErrorDomain::test, "a hole of {} bytes", length))
                                            : t.take({}, static_cast<std::uint64_t>(length));
            if (!taken) t.fail(taken.error());
        });
        return PV_OK;
    }
    static void on_writable(void* ctx) noexcept {
        with(ctx, [](Transfer& t) { t.pump(); });
    }
    static void on_finish(void* ctx) noexcept {
        with(ctx, [](Transfer& t) {
            t.let_go(); // first: who has the answer may change the volume
            if (!t.over_) t.svc().finish(t.stream_);
            t.over_ = true;
        });
    }
    static void on_closed(void* ctx, uint32_t) noexcept {
        with(ctx, [](Transfer& t) { t.over_ = true; });
    }

    Driver& driver_;
    pv_stream* const stream_;
    const StorageVolumePtr volume_;
    const std::uint64_t end_;
    const bool sparse_;
    std::uint64_t at_;
    bool over_ = false; // the stream is not to be touched any more
    bool sent_ = false; // all of a download
    bool let_go_ = false;
};

Status Transfer::attach(bool download) {
    static constexpr pv_stream_ops kUpload{sizeof(pv_stream_ops), 0, on_data, on_hole, nullptr, on_finish, on_closed};
    static constexpr pv_stream_ops kDownload{sizeof(pv_stream_ops), 0, nullptr, nullptr, on_writable, on_finish, on_closed};
    auto ctx = std::make_unique<Ptr>(shared_from_this());
    const auto release = [](void* c) noexcept { delete static_cast<Ptr*>(c); };
    if (svc().attach(stream_, download ? &kDownload : &kUpload, driver_.loop().get(), ctx.get(), release) != PV_OK)
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "the stream of volume '{}' cannot be attached", volume_->document.name);
    (void)ctx.release();
    if (download) driver_.loop().post([self = shared_from_this()] { self->pump(); });
    return {};
}

Status Transfer::take(std::span<const std::uint8_t> bytes, std::uint64_t hole) {
    if (over_) return {};
    const std::uint64_t length = bytes.size() + hole;
    if (length > end_ - at_)
        return make_error(ErrorCode::operation_failed, ErrorDomain::test,
                          "{} bytes at {} of volume '{}' are more than the {} that are left of it or of the given length", length, at_,
                          volume_->document.name, end_ - at_);
    PV_TRY(driver_.pools().change(volume_, [&](StoragePool&, StorageVolume& v) -> Status {
        if (hole > 0) v.contents.make_hole(at_, hole);
        return v.contents.write(at_, bytes);
    }));
    at_ += length;
    return {};
}

Result<pv_status> Transfer::send_piece() {
    if (at_ == end_) {
        sent_ = true;
        return svc().send_eof(stream_);
    }
    std::vector<std::uint8_t> bytes;
    std::uint64_t length = 0;
    PV_TRY(driver_.pools().change(volume_, [&](StoragePool&, StorageVolume& v) -> Status {
        const Contents::Run run = v.contents.run_at(at_, end_);
        length = run.length;
        if (sparse_ && !run.data) return {};
        length = std::min(length, kDownloadPiece);
        bytes.resize(length);
        v.contents.read(at_, bytes);
        return {};
    }));
    const pv_status sent = bytes.empty() ? svc().send_hole(stream_, static_cast<std::int64_t>(length))
                                         : svc().send(stream_, bytes.data(), bytes.size());
    if (sent == PV_OK) at_ += length;
    return sent;
}

void Transfer::pump() {
    while (!over_ && !sent_) {
        const auto sent = send_piece();
        if (!sent) return fail(sent.error()); // the pool was stopped meanwhile
        if (*sent != PV_OK) return;           // full: on_writable() goes on
    }
}

// The part of the volume that is meant; the volume has one user more afterwards.
Result<std::uint64_t> claim(Driver& driver, const StorageVolumePtr& volume, std::uint64_t offset, std::uint64_t length) {
    std::uint64_t end = 0;
    PV_TRY(driver.pools().change(volume, [&](StoragePool&, StorageVolume& v) -> Status {
        const std::uint64_t capacity = *v.document.capacity;
        if (offset > capacity)
            return make_error(ErrorCode::invalid_arg, ErrorDomain::test, "offset {} is beyond the {} bytes of volume '{}'", offset, capacity,
                              v.document.name);
        end = length == 0 ? capacity : offset + std::min(length, capacity - offset);
        v.users++;
        return {};
    }));
    return end;
}

Status begin(Driver& driver, pv_stream* stream, const StorageVolumePtr& volume, std::uint64_t offset, std::uint64_t length, bool download,
             bool sparse) {
    if (stream == nullptr) return make_error(ErrorCode::internal_error, ErrorDomain::test, "the call has no stream");
    PV_ASSIGN_OR_RETURN(const std::uint64_t end, claim(driver, volume, offset, length));
    return std::make_shared<Transfer>(driver, stream, volume, offset, end, sparse)->attach(download);
}

} // namespace

Status begin_upload(Driver& driver, pv_stream* stream, const StorageVolumePtr& volume, std::uint64_t offset, std::uint64_t length) {
    return begin(driver, stream, volume, offset, length, false, false);
}

Status begin_download(Driver& driver, pv_stream* stream, const StorageVolumePtr& volume, std::uint64_t offset, std::uint64_t length,
                      bool sparse) {
    return begin(driver, stream, volume, offset, length, true, sparse);
}

} // namespace polyvirt::test
