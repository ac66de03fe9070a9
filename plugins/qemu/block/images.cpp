// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Images of a running guest: made, opened and let go by its emulator, found by the names that calls have for them.

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <polyvirt/process.h>

#include "base/error_text.h"
#include "base/log.h"
#include "block/disks.h"
#include "block/jobs.h"

namespace polyvirt::qemu {

using namespace sdk::domain;

namespace {

constexpr std::int64_t kCreateTime = 120'000'000'000;
constexpr const char* kTool = "/usr/bin/qemu-img";

Json plain(const Options& options) { return Json::parse(options.dump(-1, ' ', false, Options::error_handler_t::replace)); }

// A relative name may stand for it too.
bool is_named(const Link& link, const std::string& name, const std::string& above) {
    if (link.path().empty() || name.empty()) return false;
    if (link.path() == name) return true;
    return !name.starts_with('/') && !above.empty() &&
           std::filesystem::path(above).replace_filename(name).lexically_normal() == std::filesystem::path(link.path()).lexically_normal();
}

// An empty file of our own, where none is.
Result<bool> make_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd) return true;
    if (errno != EEXIST) return make_system_error(errno, ErrorDomain::qemu, fmt::format("cannot create the image '{}'", path));
    PV_ASSIGN_OR_RETURN(const UniqueFd there, open_image(path));
    struct stat st {};
    if (::fstat(there.get(), &st) == 0 && S_ISREG(st.st_mode) && st.st_size != 0)
        return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "the image '{}' exists already and is not empty", path);
    return false;
}

Status run_tool(const plugin::Services& s, pv_call* call, std::vector<std::string> arguments) {
    const plugin::Command command(std::move(arguments));
    PV_ASSIGN_OR_RETURN(const plugin::ProgramResult done, plugin::run_program(s, call, command, kCreateTime));
    if (done.wait_status == 0) return {};
    return make_error(ErrorCode::internal_error, ErrorDomain::qemu, "qemu-img: {}", done.err.substr(0, done.err.find_last_not_of('\n') + 1));
}

} // namespace

sdk::Task<Status> add_image(RunPtr run, Disk disk, Link link, NodePlace place) {
    const auto nodes = image_nodes(disk, link, place);
    PV_CO_TRY(nodes);
    PV_CO_TRY(co_await run->qmp("blockdev-add", plain(nodes->storage)));
    const auto format = co_await run->qmp("blockdev-add", plain(nodes->format));
    if (format) co_return Status{};
    Json arguments = {{"node-name", storage_node(link.number())}};
    (void)co_await run->qmp("blockdev-del", std::move(arguments));
    co_return format.error();
}

sdk::Task<Status> delete_images(RunPtr run, std::vector<std::uint32_t> numbers) {
    for (const std::uint32_t number : numbers) {
        for (const std::string& node : {format_node(number), storage_node(number)}) {
            Json arguments = {{"node-name", node}};
            const auto gone = co_await run->qmp("blockdev-del", std::move(arguments));
            if (gone || gone.error().message.find("Failed to find node") != std::string::npos) continue;
            if (gone.error().code != ErrorCode::internal_error) co_return gone.error(); // nobody to ask
            log::warning("block", "domain '{}': {}", run->guest()->name, gone.error().message);
        }
    }
    co_return Status{};
}

Status create_image(const plugin::Services& s, pv_call* call, const Link& image, const Link* backing, std::uint64_t capacity) {
    const std::string& path = image.path();
    if (path.empty()) return make_error(ErrorCode::operation_unsupported, ErrorDomain::qemu, "images are created as files and on block devices alone");
    bool ours = false;
    if (image.type == DiskType::file) {
        PV_ASSIGN_OR_RETURN(ours, make_file(path));
    }
    if (image.format == "raw") {
        if (image.type != DiskType::file || ::truncate(path.c_str(), static_cast<off_t>(capacity)) == 0) return {};
        const int error = errno;
        if (ours) ::unlink(path.c_str());
        return make_system_error(error, ErrorDomain::qemu, fmt::format("cannot set the size of '{}' to {}", path, capacity));
    }
    std::vector<std::string> arguments = {kTool, "create", "-q", "-f", image.format};
    if (backing != nullptr) {
        PV_ASSIGN_OR_RETURN(const std::string name, backing_name(*backing));
        // Unsafe (-u): it is in use, and its name is one for the emulator rather than for us.
        arguments.insert(arguments.end(), {"-u", "-b", name, "-F", backing->format});
    }
    arguments.insert(arguments.end(), {"--", path, std::to_string(capacity)});
    const Status made = run_tool(s, call, std::move(arguments));
    if (!made && ours) ::unlink(path.c_str());
    return made;
}

Result<std::size_t> find_image(const Chain& chain, std::string_view target, const std::string& name, std::size_t first) {
    if (const auto indexed = parse_image_name(name); indexed && indexed->target == target && indexed->number != 0) {
        for (std::size_t i = first; i < chain.links.size(); ++i)
            if (chain.links[i].number() == indexed->number) return i;
        return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "could not find backing store index '{}' in chain for '{}'",
                          indexed->number, target);
    }
    for (std::size_t i = first; i < chain.links.size(); ++i)
        if (is_named(chain.links[i], name, i > 0 ? chain.links[i - 1].path() : std::string())) return i;
    if (first > 0 && first <= chain.links.size())
        return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "could not find image '{}' beneath '{}' in chain for '{}'", name,
                          chain.links[first - 1].path(), target);
    return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "could not find image '{}' in chain for '{}'", name, target);
}

Result<std::string> relative_name(const Chain& chain, std::size_t from, std::size_t to) {
    const auto refused = [] { return make_error(ErrorCode::operation_invalid, ErrorDomain::qemu, "can't keep relative backing relationship"); };
    for (std::size_t i = from; i < to; ++i) {
        const Link& link = chain.links[i];
        if (link.path().empty() || chain.links[i + 1].path().empty()) return refused();
        PV_ASSIGN_OR_RETURN(const ImageFile file, read_image(link.path(), link.format));
        const std::string& name = file.header.backing;
        if (name.empty() || name.starts_with('/') || name.find(':') < name.find('/')) return refused();
    }
    const std::filesystem::path folder = std::filesystem::path(chain.links[from].path()).parent_path();
    return std::filesystem::path(chain.links[to].path()).lexically_relative(folder).string();
}

} // namespace polyvirt::qemu
