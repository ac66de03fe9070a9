// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "volume.h"

#include <algorithm>
#include <vector>

#include <polyvirt/call.h>
#include <polyvirt/slots.h>

#include "base/error_text.h"

namespace polyvirt::sample {
namespace {

constexpr std::size_t kPiece = std::size_t{128} * 1024;

void fail(const plugin::Services& s, pv_stream* stream, const char* why) {
    plugin::with_abi_error(make_error(ErrorCode::write_failed, ErrorDomain::storage, "{}", why),
                           [&](const pv_error& e) { s.stream->fail(stream, &e); });
}

void note_end(StreamFigures& f, std::uint32_t why) {
    (why == PV_STREAM_FINISHED ? f.finished : why == PV_STREAM_ABORTED ? f.aborted : f.broken) += 1;
}

} // namespace

// Both live from attach() to their release.
class Upload {
  public:
    Upload(std::shared_ptr<Volume> volume, const plugin::Services& s, pv_stream* stream)
        : volume_(std::move(volume)), s_(s), stream_(stream), plan_(volume_->plan()) {}

    std::size_t data(const void* bytes, std::size_t length) {
        if (is_blocked()) return 0;
        const auto* from = static_cast<const std::uint8_t*>(bytes);
        volume_->count([&](StreamFigures& f) {
            for (std::size_t i = 0; i < length; ++i) f.sum += from[i] * ((at_ + i) % 65'521 + 1);
            f.data += length;
        });
        at_ += length;
        if (plan_.fail_after >= 0 && at_ >= static_cast<std::uint64_t>(plan_.fail_after)) fail(s_, stream_, "no space left");
        return length;
    }
    void hole(std::int64_t length) {
        volume_->count([&](StreamFigures& f) {
            ++f.holes;
            f.hole_bytes += static_cast<std::uint64_t>(length);
        });
        at_ += static_cast<std::uint64_t>(length);
    }
    void finish() {
        if (plan_.fail_at_finish) fail(s_, stream_, "flush failed late");
        else s_.stream->finish(stream_);
    }
    void closed(std::uint32_t why) {
        {
            const LeafLock lock(volume_->mu_);
            if (volume_->blocked_ == stream_) volume_->blocked_ = nullptr;
        }
        volume_->count([&](StreamFigures& f) { note_end(f, why); });
    }

  private:
    bool is_blocked() {
        const LeafLock lock(volume_->mu_);
        return volume_->plan_.block;
    }

    const std::shared_ptr<Volume> volume_;
    const plugin::Services& s_;
    pv_stream* const stream_;
    const StreamPlan plan_;
    std::uint64_t at_ = 0;
};

class Download {
  public:
    Download(std::shared_ptr<Volume> volume, const plugin::Services& s, pv_stream* stream, bool sparse)
        : volume_(std::move(volume)), s_(s), stream_(stream), plan_(volume_->plan()), sparse_(sparse) {}

    void writable() {
        while (at_ < plan_.bytes) {
            if (plan_.fail_after >= 0 && at_ >= static_cast<std::uint64_t>(plan_.fail_after)) return fail(s_, stream_, "bad sector");
            const auto hole = std::find_if(plan_.holes.begin(), plan_.holes.end(), [&](const auto& h) { return at_ >= h.first && at_ < h.first + h.second; });
            if (!(hole != plan_.holes.end() && sparse_ ? send_hole(hole->first + hole->second - at_) : send_data())) return;
        }
        if (!std::exchange(ended_, true)) s_.stream->send_eof(stream_);
    }
    void finish() { s_.stream->finish(stream_); }
    void closed(std::uint32_t why) {
        volume_->count([&](StreamFigures& f) { note_end(f, why); });
    }

  private:
    // False: wait for writable().
    bool send_hole(std::uint64_t length) {
        if (s_.stream->send_hole(stream_, static_cast<std::int64_t>(length)) != PV_OK) return false;
        at_ += length;
        volume_->count([&](StreamFigures& f) {
            ++f.holes;
            f.hole_bytes += length;
        });
        return true;
    }
    bool send_data() {
        std::uint64_t end = std::min(at_ + kPiece, plan_.bytes);
        if (plan_.fail_after >= 0) end = std::min(end, static_cast<std::uint64_t>(plan_.fail_after));
        const auto in_hole = [&](std::uint64_t place) {
            return std::any_of(plan_.holes.begin(), plan_.holes.end(), [&](const auto& h) { return place >= h.first && place < h.first + h.second; });
        };
        for (const auto& [first, length] : plan_.holes)
            if (sparse_ && first > at_) end = std::min(end, first);
        std::vector<std::uint8_t> bytes(end - at_);
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = in_hole(at_ + i) ? 0 : byte_at(at_ + i);
        if (s_.stream->send(stream_, bytes.data(), bytes.size()) != PV_OK) return false;
        at_ = end;
        volume_->count([&](StreamFigures& f) { f.data += bytes.size(); });
        return true;
    }

    const std::shared_ptr<Volume> volume_;
    const plugin::Services& s_;
    pv_stream* const stream_;
    const StreamPlan plan_;
    const bool sparse_;
    std::uint64_t at_ = 0;
    bool ended_ = false;
};

namespace {

template <typename Stream> void drop(void* ctx) noexcept { delete static_cast<Stream*>(ctx); }
template <typename Stream> void finish(void* ctx) noexcept {
    plugin::guarded("stream", [&] { static_cast<Stream*>(ctx)->finish(); });
}
template <typename Stream> void closed(void* ctx, std::uint32_t why) noexcept {
    plugin::guarded("stream", [&] { static_cast<Stream*>(ctx)->closed(why); });
}
std::size_t take_data(void* ctx, const void* bytes, std::size_t length) noexcept {
    std::size_t taken = length;
    plugin::guarded("stream", [&] { taken = static_cast<Upload*>(ctx)->data(bytes, length); });
    return taken;
}
pv_status take_hole(void* ctx, std::int64_t length) noexcept {
    plugin::guarded("stream", [&] { static_cast<Upload*>(ctx)->hole(length); });
    return PV_OK;
}
void writable(void* ctx) noexcept {
    plugin::guarded("stream", [&] { static_cast<Download*>(ctx)->writable(); });
}

template <typename Stream>
pv_status attach(const plugin::Services& s, const plugin::Loop& loop, pv_stream* stream, const pv_stream_ops& ops,
                 std::unique_ptr<Stream> ctx) {
    const pv_status status = s.stream->attach(stream, &ops, loop.get(), ctx.get(), &drop<Stream>);
    if (status == PV_OK) static_cast<void>(ctx.release());
    return status;
}

} // namespace

void Volume::set_plan(StreamPlan plan) {
    const LeafLock lock(mu_);
    plan_ = std::move(plan);
    figures_ = {};
}

StreamPlan Volume::plan() const {
    const LeafLock lock(mu_);
    return plan_;
}

StreamFigures Volume::figures() const {
    const LeafLock lock(mu_);
    return figures_;
}

// On the loop, where closed() runs too: the stream that is found there stays until this returns.
void Volume::resume() {
    const plugin::Services* s = nullptr;
    pv_stream* stream = nullptr;
    {
        const LeafLock lock(mu_);
        plan_.block = false;
        s = services_;
        stream = blocked_;
    }
    if (stream != nullptr) s->stream->resume(stream);
}

pv_status Volume::upload(const plugin::Services& s, const plugin::Loop& loop, pv_stream* stream) {
    pv_stream_ops ops{};
    ops.size = sizeof ops;
    ops.data = &take_data;
    ops.hole = &take_hole;
    ops.finish = &finish<Upload>;
    ops.closed = &closed<Upload>;
    {
        const LeafLock lock(mu_);
        services_ = &s;
        blocked_ = stream;
        ++figures_.opened;
    }
    return attach(s, loop, stream, ops, std::make_unique<Upload>(shared_from_this(), s, stream));
}

pv_status Volume::download(const plugin::Services& s, const plugin::Loop& loop, pv_stream* stream, bool sparse) {
    pv_stream_ops ops{};
    ops.size = sizeof ops;
    ops.writable = &writable;
    ops.finish = &finish<Download>;
    ops.closed = &closed<Download>;
    count([](StreamFigures& f) { ++f.opened; });
    auto made = std::make_unique<Download>(shared_from_this(), s, stream, sparse);
    Download* const begun = made.get();
    const pv_status status = attach(s, loop, stream, ops, std::move(made));
    // Asks for the first writable(), which comes when the reply is out.
    if (status == PV_OK) begun->writable();
    return status;
}

} // namespace polyvirt::sample
