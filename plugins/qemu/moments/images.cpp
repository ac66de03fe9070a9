// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/images.h"

#include <utility>

#include <polyvirt/process.h>
#include <sys/wait.h>

#include "base/error_text.h"
#include "base/log.h"

namespace polyvirt::qemu {
namespace {

constexpr const char* kProgram = "/usr/bin/qemu-img";
// A snapshot of a large image on slow storage takes its time; a hung one must not keep a worker for ever.
constexpr std::int64_t kPatience = 600'000'000'000;

} // namespace

Result<std::string> run_qemu_img(const plugin::Services& s, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kProgram);
    const std::string verb = arguments[1];
    const plugin::Command command(std::move(arguments));
    PV_ASSIGN_OR_RETURN(plugin::ProgramResult done, plugin::run_program(s, nullptr, command, kPatience));
    if (WIFEXITED(done.wait_status) && WEXITSTATUS(done.wait_status) == 0) return std::move(done.out);
    while (!done.err.empty() && done.err.back() == '\n') done.err.pop_back();
    return make_error(ErrorCode::operation_failed, ErrorDomain::qemu, "'{} {}' failed: {}", kProgram, verb,
                      done.err.empty() ? fmt::format("status {}", done.wait_status) : done.err);
}

Status change_image_snapshots(const plugin::Services& s, ImageSnapshot what, const std::string& name, const std::vector<std::string>& files) {
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto changed = run_qemu_img(s, {"snapshot", std::string{'-', static_cast<char>(what)}, name, files[i]});
        if (changed) continue;
        if (what == ImageSnapshot::create) {
            for (std::size_t made = 0; made < i; ++made) {
                const auto undone = run_qemu_img(s, {"snapshot", "-d", name, files[made]});
                if (!undone) log::warning("snapshot", "'{}': the snapshot '{}' stays: {}", files[made], name, undone.error().message);
            }
        }
        return changed.error();
    }
    return {};
}

Status make_overlay(const plugin::Services& s, const NewOverlay& overlay) {
    // Commas in values are doubled.
    const auto value = [](const std::string& text) {
        std::string out;
        for (const char c : text) out.append(c == ',' ? 2 : 1, c);
        return out;
    };
    const auto made = run_qemu_img(s, {"create", "-f", "qcow2", "-o",
                                       fmt::format("backing_file={},backing_fmt={}", value(overlay.below), value(overlay.below_format)), overlay.file});
    return made ? Status{} : Status(made.error());
}

} // namespace polyvirt::qemu
