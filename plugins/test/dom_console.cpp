// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv.dom.console: the guest's console, which answers (guest_shell.h); its channels, which echo; its screen.

#include <memory>
#include <utility>

#include "dom_graphics.h"
#include "domains.h"
#include "guest_shell.h"
#include "op.h"
#include "picture.h"
#include "tables.h"

namespace polyvirt::test {
namespace {

constexpr std::string_view kGreeting = "test guest; 'help' lists what it does\r\n# ";
constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kPiece = std::size_t{64} * 1024;

// What all streams of this table do; lives from attach() to its release, on the driver's loop.
class Talk {
  public:
    Talk(Driver& driver, GuestPtr guest, pv_stream* stream) : driver_(driver), s_(driver.services()), guest_(std::move(guest)), stream_(stream) {}
    virtual ~Talk() = default;
    Talk(const Talk&) = delete;
    Talk& operator=(const Talk&) = delete;

    virtual void take(std::string_view bytes) = 0;
    // Sends what is pending; the rest when the client has room.
    void flush() {
        while (sent_ < pending_.size()) {
            const std::size_t piece = std::min(kPiece, pending_.size() - sent_);
            if (s_.stream->send(stream_, pending_.data() + sent_, piece) != PV_OK) return;
            sent_ += piece;
        }
        pending_.clear();
        sent_ = 0;
        if (ends_ && !std::exchange(ended_, true)) s_.stream->send_eof(stream_);
    }
    // A client that does not read is not read from.
    [[nodiscard]] bool is_full() const { return pending_.size() - sent_ > kPiece; }
    void finish() { s_.stream->finish(stream_); }
    void say(std::string_view text) { pending_ += text; }
    void end() { ends_ = true; }
    [[nodiscard]] pv_stream* stream() const { return stream_; }
    [[nodiscard]] const plugin::Services& services() const { return s_; }

  protected:
    Driver& driver_;
    const plugin::Services& s_;
    const GuestPtr guest_;

  private:
    pv_stream* const stream_;
    std::string pending_;
    std::size_t sent_ = 0;
    bool ends_ = false, ended_ = false;
};

class Shell final : public Talk {
  public:
    using Talk::Talk;
    void take(std::string_view bytes) override {
        for (const char c : bytes) {
            if (c == '\n' || c == '\r') {
                say("\r\n");
                run(std::exchange(line_, {}));
            } else if (line_.size() < kMaxLine) {
                line_ += c;
                say({&c, 1}); // a terminal echoes
            }
        }
    }

  private:
    void run(const std::string& line) {
        const auto answer = guest_command(driver_, guest_, line);
        const std::string text = answer ? *answer : answer.error().message;
        if (!text.empty()) say(text + "\r\n");
        say("# ");
    }
    std::string line_;
};

class Echo final : public Talk {
  public:
    using Talk::Talk;
    void take(std::string_view bytes) override { say(bytes); }
};

std::size_t on_data(void* ctx, const void* bytes, std::size_t length) noexcept {
    std::size_t taken = 0;
    plugin::guarded("console", [&] {
        auto& talk = *static_cast<Talk*>(ctx);
        if (talk.is_full()) return;
        talk.take({static_cast<const char*>(bytes), length});
        talk.flush();
        taken = length;
    });
    return taken;
}
void on_writable(void* ctx) noexcept {
    plugin::guarded("console", [&] {
        auto& talk = *static_cast<Talk*>(ctx);
        talk.flush();
        if (!talk.is_full()) talk.services().stream->resume(talk.stream());
    });
}
void on_finish(void* ctx) noexcept {
    plugin::guarded("console", [&] { static_cast<Talk*>(ctx)->finish(); });
}
void on_release(void* ctx) noexcept { delete static_cast<Talk*>(ctx); }

class Console : public Ops {
  public:
    using Ops::Ops;

    pv_status open_console(pv_call* call, const pv_obj* obj, const pv_dom_open_console_in& in, pv_dom_open_console_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_CONSOLE_FORCE | PV_DOMAIN_CONSOLE_SAFE, "testDomainOpenConsole"); !flags)
            return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        if (const Status there = has_console(*guest, in.device); !there) return answer(call, there);
        auto shell = std::make_unique<Shell>(driver_, guest, s_.call->stream(call));
        shell->say(kGreeting);
        return attach(call, std::move(shell));
    }
    pv_status open_channel(pv_call* call, const pv_obj* obj, const pv_dom_open_channel_in& in, pv_dom_open_channel_out&) {
        if (const Status flags = check_flags(in.flags, PV_DOMAIN_CHANNEL_FORCE, "testDomainOpenChannel"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        if (const Status there = has_channel(*guest, in.name); !there) return answer(call, there);
        return attach(call, std::make_unique<Echo>(driver_, guest, s_.call->stream(call)));
    }

    pv_status screenshot(pv_call* call, const pv_obj* obj, const pv_dom_screenshot_in& in, pv_dom_screenshot_out& out) {
        if (const Status flags = check_flags(in.flags, 0, "testDomainScreenshot"); !flags) return answer(call, flags);
        const GuestPtr guest = Domains::of(obj);
        {
            const ObjectLock lock(guest->mu);
            if (!guest->active()) return fail(call, not_running());
        }
        if (in.screen != 0) return fail(call, make_error(ErrorCode::invalid_arg, ErrorDomain::test, "found screen {}, expected 0", in.screen));
        if (put(out.mime, "image/png") != PV_OK) return PV_FAIL;
        auto picture = std::make_unique<Echo>(driver_, guest, s_.call->stream(call));
        picture->say(make_picture());
        picture->end();
        return attach(call, std::move(picture));
    }

  private:
    static Status has_console(Guest& guest, const char* device) {
        const ObjectLock lock(guest.mu);
        if (!guest.active()) return not_running();
        const auto& d = guest.live->devices;
        for (const auto* list : {&d.consoles, &d.serials, &d.parallels})
            for (const auto& c : *list)
                if (device == nullptr || c.info.alias.name == device) return {};
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "cannot find console device '{}'", device != nullptr ? device : "default");
    }
    static Status has_channel(Guest& guest, const char* name) {
        const ObjectLock lock(guest.mu);
        if (!guest.active()) return not_running();
        for (const auto& c : guest.live->devices.channels)
            if (name == nullptr || c.target.name == name || c.info.alias.name == name) return {};
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "cannot find channel {}", name != nullptr ? name : "default");
    }

    pv_status attach(pv_call* call, std::unique_ptr<Talk> talk) {
        pv_stream_ops ops{};
        ops.size = sizeof ops;
        ops.data = &on_data;
        ops.writable = &on_writable;
        ops.finish = &on_finish;
        Talk* const begun = talk.get();
        if (s_.stream->attach(begun->stream(), &ops, driver_.loop().get(), talk.get(), &on_release) != PV_OK)
            return fail(call, make_error(ErrorCode::internal_error, ErrorDomain::test, "the stream cannot be set up"));
        (void)talk.release();
        // Nothing comes from the client before the reply is out, so this thread has it to itself.
        begun->flush();
        return PV_OK;
    }
};

} // namespace

const void* dom_console_table() {
    static const auto table = make_table<pv_dom_console>([](auto& t) {
        t.open_console = op<"domain.open_console", &Console::open_console>;
        t.open_channel = op<"domain.open_channel", &Console::open_channel>;
        t.screenshot = op<"domain.screenshot", &Console::screenshot>;
        fill_graphics(t);
    });
    return &table;
}

} // namespace polyvirt::test
