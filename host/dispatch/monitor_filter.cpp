// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/monitor_filter.h"

#include <array>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <strings.h>

#include "base/error_text.h"
#include "host/protocol/gen/constants.h"

namespace polyvirt::dispatch {
namespace {

// Names of events have some twenty bytes.
constexpr std::size_t kMaxPattern = 1024;
constexpr std::uint32_t kMaxSteps = 100'000, kMaxDepth = 1'000, kMaxHeapKib = 256;

struct FreeMatch {
    void operator()(pcre2_match_data* m) const { pcre2_match_data_free(m); }
    void operator()(pcre2_match_context* c) const { pcre2_match_context_free(c); }
};

} // namespace

Result<std::shared_ptr<const MonitorFilter>> MonitorFilter::create(std::optional<std::string_view> text, std::uint32_t flags) {
    constexpr std::uint32_t kRegex = protocol::VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
    constexpr std::uint32_t kAnyCase = protocol::VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE;
    constexpr const char* kFunction = "virDomainQemuMonitorEventStateRegisterID"; // the peer's, as clients are told
    if (const std::uint32_t unknown = flags & ~(kRegex | kAnyCase); unknown != 0) {
        Error error;
        error.code = ErrorCode::invalid_arg;
        error.message = fmt::format("unsupported flags (0x{:x}) in function {}", unknown, kFunction);
        error.str1 = kFunction;
        error.str2 = "flags";
        error.int1 = 0;
        return error;
    }
    auto made = std::make_shared<MonitorFilter>();
    made->any_case_ = (flags & kAnyCase) != 0;
    if (text) made->text_ = *text;
    if (text && (flags & kRegex) != 0) PV_TRY(made->compile(*text));
    return std::shared_ptr<const MonitorFilter>(std::move(made));
}

MonitorFilter::~MonitorFilter() {
    if (code_ != nullptr) pcre2_code_free(code_);
}

Status MonitorFilter::compile(std::string_view text) {
    if (text.size() > kMaxPattern)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::none, "the pattern has {} bytes, at most {} are taken",
                          text.size(), kMaxPattern);
    int number = 0;
    PCRE2_SIZE at = 0;
    const std::uint32_t options = PCRE2_NEVER_BACKSLASH_C | (any_case_ ? PCRE2_CASELESS : 0);
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), options, &number, &at, nullptr);
    if (code_ != nullptr) return {};
    std::array<PCRE2_UCHAR, 256> why{};
    pcre2_get_error_message(number, why.data(), why.size());
    return make_error(ErrorCode::invalid_arg, ErrorDomain::none,
                      "failed to compile regex '{}': Error while compiling regular expression ‘{}’ at char {}: {}", text, text,
                      at, reinterpret_cast<const char*>(why.data()));
}

bool MonitorFilter::matches(std::string_view name) const {
    if (!text_) return true;
    if (code_ == nullptr)
        return any_case_ ? name.size() == text_->size() && strncasecmp(name.data(), text_->data(), name.size()) == 0
                         : name == *text_;
    const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(1, nullptr));
    const std::unique_ptr<pcre2_match_context, FreeMatch> context(pcre2_match_context_create(nullptr));
    if (data == nullptr || context == nullptr) return false;
    pcre2_set_match_limit(context.get(), kMaxSteps);
    pcre2_set_depth_limit(context.get(), kMaxDepth);
    pcre2_set_heap_limit(context.get(), kMaxHeapKib);
    return pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(name.data()), name.size(), 0, 0, data.get(), context.get()) >= 0;
}

} // namespace polyvirt::dispatch
