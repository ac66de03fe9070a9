// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A picture of a screen: the emulator paints it into memory that it is lent, so no file is left behind and no disk is
// filled, and from there it goes to the client as fast as that reads.

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include <polyvirt/buffer.h>
#include <polyvirt/call.h>
#include <polyvirt/stream.h>

#include "base/error_text.h"
#include "console/console_ops.h"
#include "driver.h"
#include "monitor/json.h"
#include "run.h"

namespace polyvirt::qemu {
namespace {

constexpr off_t kMaxPicture = off_t{256} << 20; // 8k by 8k, unpacked
constexpr std::size_t kPiece = std::size_t{256} << 10;

class Picture final : public plugin::StreamPeer {
  public:
    Picture(plugin::ClientStream stream, UniqueFd memory, off_t size) : stream_(stream), memory_(std::move(memory)), size_(size) {}

    void writable() override { flush(); }
    void finish() override { stream_.finish(); }
    // The rest when the client has room.
    void flush() {
        std::vector<std::byte> piece(kPiece);
        while (sent_ < size_) {
            const ssize_t n = ::pread(memory_.get(), piece.data(), std::min<std::size_t>(piece.size(), static_cast<std::size_t>(size_ - sent_)), sent_);
            if (n <= 0) return stream_.fail(make_system_error(n < 0 ? errno : EIO, ErrorDomain::qemu, "unable to read the screenshot"));
            if (stream_.send({piece.data(), static_cast<std::size_t>(n)}) != PV_OK) return;
            sent_ += n;
        }
        if (!std::exchange(ended_, true)) stream_.send_eof();
    }

  private:
    const plugin::ClientStream stream_;
    const UniqueFd memory_;
    const off_t size_;
    off_t sent_ = 0;
    bool ended_ = false;
};

// Where that screen is: heads are counted through all displays.
Result<Json> screen_arguments(const Domain& live, std::uint32_t screen) {
    const auto& videos = live.devices.videos;
    if (videos.empty()) return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "currently is supported only taking screenshots of screen ID 0");
    std::uint32_t head = screen;
    for (const auto& video : videos) {
        const auto heads = static_cast<std::uint32_t>(video.model.heads.value_or(1));
        if (head >= heads) {
            head -= heads;
            continue;
        }
        Json arguments = Json::object();
        // The first one is what the emulator takes without a word, whatever it is called.
        if (screen > 0) arguments = {{"device", video.info.alias.name}, {"head", head}};
        return arguments;
    }
    return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "no such screen");
}

} // namespace

pv_status ConsoleOps::screenshot(pv_call* call, const pv_obj* obj, const pv_dom_screenshot_in& in, pv_dom_screenshot_out& out) {
    if (const Status flags = check_flags(in.flags, 0, "qemuDomainScreenshot"); !flags) return answer(call, flags);
    return with_job(call, obj, PV_JOB_QUERY, "screenshot", [this, call, screen = in.screen, mime = out.mime](const sdk::OperationPtr&, const GuestPtr& guest) {
        return take_picture(call, guest, screen, mime);
    });
}

Part::Task ConsoleOps::take_picture(pv_call* call, GuestPtr guest, std::uint32_t screen, pv_sink* mime) {
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
    }
    if (!live) co_return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "domain is not running");
    PV_CO_ASSIGN_OR_RETURN(Json arguments, screen_arguments(*live, screen));
    UniqueFd memory(::memfd_create("screenshot", MFD_CLOEXEC));
    std::vector<UniqueFd> lent;
    // The emulator takes for writing what was opened for nothing else.
    lent.emplace_back(memory ? ::open(fmt::format("/proc/self/fd/{}", memory.get()).c_str(), O_WRONLY | O_CLOEXEC) : -1);
    if (!lent.front()) co_return make_system_error(errno, ErrorDomain::qemu, "no memory for a screenshot");
    PV_CO_ASSIGN_OR_RETURN(const Json set, co_await run->qmp("add-fd", Json(), std::move(lent)));
    const Json id = set.is_object() && set.contains("fdset-id") ? set["fdset-id"] : Json();
    arguments["filename"] = fmt::format("/dev/fdset/{}", id.is_number_integer() ? id.get<std::int64_t>() : 0);
    arguments["format"] = "png";
    const char* kind = "image/png";
    auto painted = co_await run->qmp("screendump", arguments);
    if (!painted && painted.error().message.find("'format'") != std::string::npos) { // an emulator before 7.1
        arguments.erase("format");
        kind = "image/x-portable-pixmap";
        painted = co_await run->qmp("screendump", arguments);
    }
    Json which = {{"fdset-id", id}};
    static_cast<void>(co_await run->qmp("remove-fd", std::move(which)));
    PV_CO_TRY(painted);
    struct stat st {};
    if (::fstat(memory.get(), &st) != 0 || st.st_size == 0 || st.st_size > kMaxPicture)
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "found a picture of {} bytes, expected at most {}", st.st_size, kMaxPicture);
    if (!plugin::write(s_, mime, kind)) co_return make_error(ErrorCode::no_memory, ErrorDomain::qemu, "no room for the answer");
    const plugin::ClientStream stream(s_, call);
    const auto picture = std::make_shared<Picture>(stream, std::move(memory), st.st_size);
    if (!stream.attach(driver_.shared_loop(), picture))
        co_return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "the screenshot's stream cannot be set up");
    // Only the shared loop sends, so that what it does there and this do not meet.
    driver_.shared_loop().post([picture] { picture->flush(); });
    co_return Status();
}

} // namespace polyvirt::qemu
