// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "save/store.h"

#include <cerrno>
#include <cstdio>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "monitor/json.h"
#include "save/image.h"

namespace polyvirt::qemu {
namespace {

constexpr std::string_view kFolder = "saving";

std::string record_of(const Uuid& guest) { return fmt::format("{}/{}.json", kFolder, guest.to_string()); }

} // namespace

SaveStore::SaveStore(const plugin::Services& s) : s_(s), records_(s, PV_STATE_DATA, ErrorDomain::qemu) {}

std::string SaveStore::managed_path(const std::string& guest) const {
    return fmt::format("{}/save/{}.save", s_.paths->dir(s_.host, PV_PATH_STATE), guest);
}

Status SaveStore::make_folder() const {
    const std::string folder = fmt::format("{}/save", s_.paths->dir(s_.host, PV_PATH_STATE));
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return make_system_error(errno, ErrorDomain::qemu, "cannot make the folder '" + folder + "'");
    return {};
}

Status SaveStore::put(const Uuid& guest, const Saving& saving, pv_call* call) const {
    const nlohmann::json j = {{"temporary", saving.temporary}, {"final", saving.final}, {"whole", saving.whole}, {"managed", saving.managed}, {"run", saving.run}};
    return records_.put(record_of(guest), j.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", call);
}

Status SaveStore::remove(const Uuid& guest) const { return records_.remove(record_of(guest)); }

Status publish_image(const SaveStore::Saving& saving) {
    if (saving.temporary != saving.final && ::rename(saving.temporary.c_str(), saving.final.c_str()) != 0)
        return make_system_error(errno, ErrorDomain::qemu, fmt::format("cannot rename '{}' to '{}'", saving.temporary, saving.final));
    return sync_folder(saving.final);
}

void SaveStore::recover(Driver& driver, const std::string& record, std::string_view text, std::set<Uuid>& saved) const {
    const auto j = nlohmann::json::parse(text, nullptr, false);
    const Saving saving{.temporary = text_of(j, "temporary"), .final = text_of(j, "final"), .whole = is_true(j, "whole"), .managed = is_true(j, "managed"),
                        .run = static_cast<std::int32_t>(number_at(j, "run"))};
    const std::string name = record.substr(record.rfind('/') + 1);
    const auto uuid = Uuid::parse(std::string_view(name).substr(0, 36));
    if (!uuid || saving.temporary.empty() || saving.final.empty()) return records_.set_aside(record, "it names no files");
    const GuestPtr guest = driver.guests().find(*uuid);
    bool runs = false, runs_anew = false; // the latter where the record could not be removed in its time
    if (guest) {
        const ObjectLock lock(guest->mu);
        runs = guest->active() && guest->id == saving.run;
        runs_anew = guest->active() && !runs;
    }
    if (saving.whole && !runs_anew) {
        // It is the image that counts, be its emulator there still or not.
        const bool published = ::access(saving.temporary.c_str(), F_OK) != 0 && ::access(saving.final.c_str(), F_OK) == 0;
        if (!published) {
            if (const Status done = publish_image(saving); !done) return log::error("startup", "{}", done.error().message);
            log::info("startup", "'{}' was whole when the daemon ended, and is a saved guest", saving.final);
        }
        if (runs) {
            saved.insert(*uuid);
            return;
        }
    } else if (!saving.whole && saving.temporary != saving.final) {
        log::info("startup", "'{}' is half of a saved guest, which runs on or was lost; it is removed", saving.temporary);
        ::unlink(saving.temporary.c_str());
    }
    if (const Status gone = records_.remove(record); !gone) log::error("startup", "{}", gone.error().message);
}

std::set<Uuid> SaveStore::load(Driver& driver) const {
    std::set<Uuid> saved;
    const Status read = records_.each(std::string(kFolder), [&](const std::string& listed, std::string_view text) {
        recover(driver, fmt::format("{}/{}", kFolder, listed.substr(listed.rfind('/') + 1)), text, saved);
    });
    if (!read) log::error("startup", "{}", read.error().message);
    for (const GuestPtr& guest : driver.guests().all()) {
        const std::string path = managed_path(guest->name);
        if (::access(path.c_str(), F_OK) != 0) continue;
        const ObjectLock lock(guest->mu);
        // One that runs has been started from it, or anew; what a start had not come to is put right by its adoption.
        guest->managed_save = true;
        driver.show(*guest);
    }
    return saved;
}

} // namespace polyvirt::qemu
