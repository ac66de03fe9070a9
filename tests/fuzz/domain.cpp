// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The domain document: what is read can be written, and is read as the same; what the passes completed once, they leave
// alone.

#include "tests/fuzz/fuzz.h"

#include "sdk/domain/passes.h"

namespace polyvirt::fuzz {
namespace {

namespace domain = sdk::domain;

constexpr domain::FormatOptions kWhole{.inactive = true, .secure = true};

domain::HostContext host() {
    domain::HostContext context;
    context.default_machine = "pc-i440fx-7.2";
    context.emulator = [](std::string_view arch) { return "/usr/bin/qemu-system-" + std::string(arch); };
    context.canonical_machine = [](std::string_view, std::string_view machine) -> std::string {
        if (machine == "pc") return "pc-i440fx-7.2";
        return machine == "q35" ? "pc-q35-7.2" : std::string(machine);
    };
    context.default_cpu = [](std::string_view, std::string_view) { return "qemu64"; };
    context.new_mac = [] { return sdk::xml::Mac{}; };
    return context;
}

domain::Domain again(const std::string& written) {
    auto parsed = domain::parse_domain(written);
    PV_FUZZ_HOLDS(parsed, "%s\n%s\n", parsed ? "" : parsed.error().message.c_str(), written.c_str());
    return std::move(parsed->domain);
}

} // namespace

void fuzz_one(std::span<const std::uint8_t> data) {
    static const domain::HostContext context = host();
    auto parsed = domain::parse_domain(text(data));
    if (!parsed) return;
    const std::string written = format_domain(parsed->domain, kWhole);
    const std::string twice = format_domain(again(written), kWhole);
    PV_FUZZ_HOLDS(written == twice, "%s\n---\n%s\n", written.c_str(), twice.c_str());
    if (!complete(parsed->domain, context)) return;
    const std::string completed = format_domain(parsed->domain, kWhole);
    domain::Domain reread = again(completed);
    const auto status = complete(reread, context);
    PV_FUZZ_HOLDS(status, "%s\n%s\n", status ? "" : status.error().message.c_str(), completed.c_str());
    const std::string stable = format_domain(reread, kWhole);
    PV_FUZZ_HOLDS(completed == stable, "%s\n---\n%s\n", completed.c_str(), stable.c_str());
    assign_aliases(reread);
    (void)format_domain(reread, {});
}

} // namespace polyvirt::fuzz

PV_FUZZ_HARNESS
