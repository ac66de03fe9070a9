// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "backends/folder.h"

#include <polyvirt/abi/gen/constants.h>

#include "base/error_text.h"
#include "images.h"
#include "part_name.h"

namespace polyvirt::storage {
namespace {

// Its name is that of the file; until it has one, nobody who reads an error knows the other.
Error with_name(Error error, const std::string& part, const std::string& path) {
    for (std::string* text : {&error.message, &error.str1, &error.str2})
        for (std::size_t at = text->find(part); at != std::string::npos; at = text->find(part, at + path.size())) text->replace(at, part.size(), path);
    return error;
}

Facts request_for(const Wish& wish, const std::string& part) {
    const doc::Volume& v = wish.volume;
    Facts request = permission_facts(v.target.permissions);
    request.set("part", part);
    request.set("path", v.target.path);
    request.set("capacity", *v.capacity);
    request.set("allocation", *v.allocation);
    request.set("nocow", v.target.nocow);
    return request;
}

// Raw images without any format are plain files; all others are qemu-img's.
bool is_plain(const Wish& wish) {
    const std::string& format = wish.volume.target.format;
    const bool raw = format == "raw" || format.empty() || format == "none";
    if (!raw || wish.volume.target.encryption || wish.volume.backing_store) return false;
    return !wish.from || tool_format(wish.from->target.format) == "raw";
}

} // namespace

Task<Status> FolderBackend::build(Place place, std::uint32_t flags) {
    constexpr std::uint32_t kFormats = PV_STORAGE_POOL_BUILD_OVERWRITE | PV_STORAGE_POOL_BUILD_NO_OVERWRITE;
    Facts request = permission_facts(place.pool->target->permissions);
    request.set("path", place.path());
    auto made = co_await agent_.ask("make_pool", std::move(request), place.patience);
    PV_CO_TRY(made);
    if ((flags & kFormats) != 0 && place.pool->source->devices.empty())
        co_return make_error(ErrorCode::operation_invalid, ErrorDomain::storage, "No source device specified when formatting pool '{}'",
                             place.name());
    co_return Status{};
}

Task<Status> FolderBackend::remove(Place place) {
    Facts request = {{"path", place.path()}};
    auto gone = co_await agent_.ask("remove_pool", std::move(request), place.patience);
    PV_CO_TRY(gone);
    co_return Status{};
}

Task<Result<bool>> FolderBackend::is_started(Place place) {
    Facts request = {{"path", place.path()}};
    auto there = co_await agent_.ask("probe", std::move(request), place.patience);
    PV_CO_TRY(there);
    co_return there->facts.flag("folder");
}

Task<Result<Found>> FolderBackend::refresh(Place place) {
    Facts request = {{"path", place.path()}};
    auto answer = co_await agent_.ask("scan", std::move(request), place.patience);
    PV_CO_TRY(answer);
    co_return found_of(*answer);
}

Status FolderBackend::settle(const Place& place, doc::Volume& v) const {
    v.type = v.target.format == "dir" ? doc::VolumeType::dir : doc::VolumeType::file;
    v.target.path = place.path() + "/" + v.name;
    v.key = v.target.path;
    if (is_part_name(v.name))
        return make_error(ErrorCode::invalid_arg, ErrorDomain::storage, "volume name '{}' is one of files in the making", v.name);
    return {};
}

Task<Status> FolderBackend::create(Place place, Wish wish) {
    const std::string part = part_of(place, wish);
    const std::string path = wish.volume.target.path;
    Facts request = request_for(wish, part);
    if (wish.volume.type == doc::VolumeType::dir) {
        auto made = co_await agent_.ask("make_folder", std::move(request), place.patience);
        PV_CO_TRY(made);
        co_return Status{};
    }
    if (!is_plain(wish)) co_return co_await create_by_tool(place, wish, part);
    const std::uint64_t bytes = wish.from ? *wish.volume.capacity : *wish.volume.allocation;
    if (wish.from) {
        request.set("from", wish.from->target.path);
        request.set("reflink", wish.reflink);
    }
    std::string verb = wish.from ? "copy" : "make_file";
    auto made = co_await agent_.ask(std::move(verb), std::move(request), place.patience.for_bytes(bytes));
    if (!made) co_return with_name(std::move(made).error(), part, path);
    co_return Status{};
}

Task<Status> FolderBackend::create_by_tool(Place place, Wish wish, std::string part) {
    PV_CO_TRY(check_image(wish));
    const doc::Volume& v = wish.volume;
    const Patience patience = place.patience.for_bytes(wish.from || wish.metadata ? *v.capacity : 0);
    Facts there = {{"path", v.target.path}};
    auto probed = co_await agent_.ask("probe", std::move(there), place.patience);
    PV_CO_TRY(probed);
    if (probed->facts.flag("there"))
        co_return make_error(ErrorCode::operation_failed, ErrorDomain::storage, "volume target path '{}' already exists", v.target.path);
    std::vector<std::string> argv = image_command(wish, part);
    auto made = co_await agent_.run(std::move(argv), patience);
    if (made && wish.from && *v.capacity > *wish.from->capacity) {
        doc::Volume grown = v;
        grown.target.path = part;
        std::vector<std::string> more = resize_command(grown, *v.capacity, false);
        made = co_await agent_.run(std::move(more), place.patience);
    }
    if (!made) {
        (void)co_await discard(place, part);
        co_return with_name(std::move(made).error(), part, v.target.path);
    }
    Facts request = request_for(wish, part);
    auto named = co_await agent_.ask("publish", std::move(request), place.patience);
    if (!named) co_return with_name(std::move(named).error(), part, v.target.path);
    co_return Status{};
}

Task<Status> FolderBackend::remove_volume(Place place, VolumeDocument volume, std::uint32_t flags) {
    if (flags != 0)
        co_return Error{.code = ErrorCode::invalid_arg, .domain = ErrorDomain::storage,
                        .message = fmt::format("unsupported flags (0x{:x}) in function virStorageBackendVolDeleteLocal", flags)};
    Facts request = {{"path", volume->target.path}, {"folder", volume->type == doc::VolumeType::dir}};
    auto gone = co_await agent_.ask("remove", std::move(request), place.patience);
    PV_CO_TRY(gone);
    co_return Status{};
}

Task<Status> FolderBackend::resize(Place place, VolumeDocument volume, std::uint64_t capacity, std::uint32_t flags) {
    const bool allocate = (flags & PV_STORAGE_VOL_RESIZE_ALLOCATE) != 0;
    const bool shrinks = capacity < *volume->capacity;
    if (volume->type == doc::VolumeType::dir)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::storage, "volume '{}' is a directory", volume->name);
    if (tool_format(volume->target.format) == "raw" && !volume->target.encryption) {
        Facts request = {{"path", volume->target.path}, {"capacity", capacity}, {"allocate", allocate}};
        auto done = co_await agent_.ask("resize", std::move(request), place.patience.for_bytes(allocate ? capacity : 0));
        PV_CO_TRY(done);
        co_return Status{};
    }
    if (allocate)
        co_return make_error(ErrorCode::operation_unsupported, ErrorDomain::storage, "preallocate is only supported for raw type volume");
    std::vector<std::string> argv = resize_command(*volume, capacity, shrinks);
    auto done = co_await agent_.run(std::move(argv), place.patience);
    PV_CO_TRY(done);
    co_return Status{};
}

Task<Result<Found>> FolderBackend::look(Place place, VolumeDocument volume) {
    Facts request = {{"pool", place.path()}, {"name", volume->name}, {"path", volume->target.path}, {"format", tool_format(volume->target.format)}};
    auto answer = co_await agent_.ask("look", std::move(request), place.patience);
    PV_CO_TRY(answer);
    co_return found_of(*answer, volume.get());
}

Task<Status> FolderBackend::discard(Place place, std::string path) {
    Facts request = {{"path", std::move(path)}};
    auto gone = co_await agent_.ask("discard", std::move(request), place.patience);
    PV_CO_TRY(gone);
    co_return Status{};
}

} // namespace polyvirt::storage
