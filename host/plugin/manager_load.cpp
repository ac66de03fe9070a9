// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Which plugins there are, which of them are loaded, and their start.
#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/error_text.h"
#include "base/log.h"
#include "host/plugin/manager_state.h"
#include "host/plugin/service.h"
#include "host/work/worker_pool.h"

namespace polyvirt::plugin {
namespace {

using Clock = std::chrono::steady_clock;

bool is_alive(const Plug& plug) {
    return plug.state == PluginState::running || plug.state == PluginState::ending || plug.state == PluginState::stuck;
}

// An administrator's own doing, which is no news.
bool is_wanted(PluginState state) {
    return state == PluginState::denied || state == PluginState::disabled || state == PluginState::left_out;
}

// The loader's own words, which name the file.
std::string words_of(const Error& error) { return error.str2.empty() ? error.message : error.str2; }

} // namespace

void PluginManager::load(const std::vector<std::string>& folders) {
    LoadPolicy policy;
    policy.folders = folders;
    load(std::move(policy));
}

void PluginManager::load(LoadPolicy policy) {
    State& s = *state_;
    s.policy = std::move(policy);
    s.record = std::make_unique<LoadRecord>(s.policy.record_folder);
    s.look_at_folders();
    s.plan();
    std::vector<Plug> plugs;
    {
        const LeafLock lock(s.mu);
        plugs.swap(s.plugs);
    }
    for (Plug& plug : plugs)
        if (plug.may_load()) s.load_code(plug);
    {
        const LeafLock lock(s.mu);
        s.plugs.swap(plugs);
    }
    s.publish();
}

// What is alive stays as it is; all else is judged anew.
void PluginManager::State::look_at_folders() {
    std::vector<FolderProblem> problems;
    const std::vector<std::string> paths = find_plugin_files(policy.folders, problems);
    for (const FolderProblem& problem : problems)
        if (!problem.absent || !policy.folders_may_be_absent)
            log::warning("plugin", "plugin folder '{}' is skipped: {}", problem.folder, problem.error.message);
    std::vector<Plug> found, told;
    {
        const LeafLock lock(mu);
        told = plugs;
    }
    std::copy_if(told.begin(), told.end(), std::back_inserter(found), is_alive);
    for (const std::string& path : paths) {
        Plug plug = look_at(path);
        const auto same = std::find_if(found.begin(), found.end(), [&](const Plug& other) {
            return !plug.manifest.id.empty() && other.manifest.id == plug.manifest.id &&
                   other.state != PluginState::refused;
        });
        if (same != found.end()) {
            if (same->path == plug.path) continue; // by two folders or links, or alive
            if (plug.may_load()) {
                plug.state = PluginState::refused;
                plug.reason = fmt::format("plugin {}: a plugin '{}' is there already, {}", plug.path, plug.manifest.id,
                                          same->path);
            }
        }
        const auto is_same = [&](const Plug& other) { return other.path == plug.path && other.reason == plug.reason; };
        if (std::none_of(told.begin(), told.end(), is_same)) tell(plug);
        found.push_back(std::move(plug));
    }
    const LeafLock lock(mu);
    plugs = std::move(found);
}

// One file by itself: what is wrong with it, then what the policy says to it. `found`: nothing stands against it.
Plug PluginManager::State::look_at(const std::string& path) const {
    Plug plug;
    plug.path = path;
    const auto judge = [&](PluginState state, std::string reason) {
        plug.state = state;
        plug.reason = std::move(reason);
        return std::move(plug);
    };
    Result<PluginFile> file = read_plugin_file(path);
    if (!file) return judge(PluginState::refused, words_of(file.error()));
    plug.path = file->path;
    plug.stamp = file->stamp;
    plug.manifest = file->manifest;
    const std::string& id = plug.manifest.id;
    if (Status good = check_plugin_file(*file, service_offers()); !good)
        return judge(PluginState::refused, words_of(good.error()));
    if (std::string denied = denial(policy, id); !denied.empty()) return judge(PluginState::denied, std::move(denied));
    if (record->disabled().count(id) != 0) return judge(PluginState::disabled, "an administrator disabled it");
    if (policy.only && !matches(*policy.only, id)) return judge(PluginState::left_out, "safe mode leaves it out");
    const unsigned crashes = record->crashes(id, plug.stamp);
    if (policy.crash_limit != 0 && crashes >= policy.crash_limit)
        return judge(PluginState::crashed,
                     fmt::format("the daemon crashed {} times in a row while it was starting this plugin; 'polyvirt plugin "
                                 "enable {}', or another version of its file, tries again",
                                 crashes, id));
    const unsigned opens = record->crashes(id, plug.stamp, LoadRecord::Step::open);
    if (policy.crash_limit != 0 && opens >= policy.crash_limit)
        return judge(PluginState::crashed,
                     fmt::format("the daemon crashed {} times in a row while it was opening this plugin for a client; "
                                 "'polyvirt plugin enable {}', or another version of its file, tries again",
                                 opens, id));
    return judge(PluginState::found, fmt::format("it is not loaded; 'polyvirt plugin enable {}' loads it", id));
}

void PluginManager::State::refuse(Plug& plug, PluginState why, std::string reason) {
    plug.state = why;
    plug.reason = std::move(reason);
    tell(plug);
}

void PluginManager::State::tell(const Plug& plug) const {
    const std::string name = plug.manifest.id.empty() ? plug.path : plug.manifest.id;
    const bool named = plug.reason.starts_with("plugin "); // the loader's own words name the file
    const std::string text = named ? plug.reason
                                   : fmt::format("plugin {} ({}): {}", name, state_name(plug.state), plug.reason);
    if (plug.state == PluginState::running || plug.state == PluginState::found) return;
    if (is_wanted(plug.state) || matches(policy.optional, plug.manifest.id)) return log::info("plugin", "{}", text);
    log::error("plugin", "{}", text);
}

// Between those that may be loaded: who serves what, and circles.
void PluginManager::State::plan() {
    std::vector<Plug> all;
    {
        const LeafLock lock(mu);
        all = plugs;
    }
    Claims claims;
    std::vector<const Manifest*> planned;
    for (Plug& plug : all) {
        if (!plug.may_load()) continue;
        if (Status good = claim(claims, plug.manifest, policy); !good)
            refuse(plug, PluginState::refused, fmt::format("plugin {}: {}", plug.path, words_of(good.error())));
        else
            planned.push_back(&plug.manifest);
    }
    const StartOrder order = start_order(planned, claims);
    for (Plug& plug : all)
        if (const auto circle = order.circles.find(plug.manifest.id); plug.may_load() && circle != order.circles.end())
            refuse(plug, PluginState::refused,
                   fmt::format("plugin {}: what it uses leads back to it: {}", plug.path, circle->second));
    const LeafLock lock(mu);
    plugs = std::move(all);
}

void PluginManager::State::load_code(Plug& plug) {
    const LoadRecord::Watch watch(*record, plug.manifest.id, plug.stamp);
    auto loaded = load_generation(plug);
    if (!loaded) return refuse(plug, PluginState::refused, words_of(loaded.error()));
    plug.generation = *std::move(loaded);
    plug.state = PluginState::running;
    plug.reason.clear();
}

// The code that is there already, if it is this file's; else the file's.
Result<std::shared_ptr<const Generation>> PluginManager::State::load_generation(const Plug& plug) {
    const std::string& id = plug.manifest.id;
    const auto code = known_code.find(id);
    if (code != known_code.end() && code->second->stamp == plug.stamp) return code->second;
    PV_ASSIGN_OR_RETURN(const PluginFile file, read_plugin_file(plug.path));
    PV_TRY(check_plugin_file(file, service_offers()));
    for (const auto& [path, stamp] : known_paths)
        if (stamp.same_file(file.stamp) && !(stamp == file.stamp))
            return make_error(ErrorCode::operation_failed, ErrorDomain::none,
                              "plugin {}: its file was written over while its code was loaded; put a new file in its place, "
                              "or start the daemon anew",
                              plug.path);
    const bool known_path = known_paths.count(file.path) != 0;
    known_paths[file.path] = file.stamp;
    const std::uint32_t number = code != known_code.end() ? code->second->number + 1 : known_path ? 2 : 1;
    PV_ASSIGN_OR_RETURN(const auto generation, load_plugin(file, *root, number));
    known_code[id] = generation;
    return generation;
}

// Makes the routes of what is loaded now.
void PluginManager::State::publish() {
    auto made = std::make_shared<Routes>();
    const LeafLock lock(mu);
    for (const Plug& plug : plugs) {
        if (!plug.loaded()) continue;
        if (!claim(made->claims, plug.manifest, policy)) continue; // was checked before it was loaded
        made->generations.push_back(plug.generation);
        if (plug.primary_key) made->primary_keys[plug.manifest.id] = *plug.primary_key;
    }
    for (const Plug& plug : plugs)
        for (const std::string& scheme : plug.manifest.uri)
            if (!plug.loaded() && made->claims.schemes.count(scheme) == 0)
                made->absent.try_emplace(scheme, fmt::format("plugin '{}' is {}: {}", plug.manifest.id,
                                                             state_name(plug.state), plug.reason));
    published = std::move(made);
    known.clear();
}

// The instance that a plugin has from the start: the first of its schemes' usual URIs that it calls static.
std::optional<Offered> PluginManager::State::static_offer(const std::shared_ptr<const Generation>& generation) const {
    const std::array<std::string, 3> tails = {options.privileged ? "system" : "session", "default", ""};
    for (const std::string& scheme : generation->manifest.uri)
        for (const std::string& tail : tails) {
            Offered offered = ask(generation, scheme + ":///" + tail, options.privileged);
            if (offered.score > 0 && offered.lifetime == PV_LIFETIME_STATIC) return offered;
        }
    return std::nullopt;
}

// Asks a plugin for its static instance, and notes the key.
std::optional<Offered> PluginManager::State::prepare_start(const std::string& id) {
    std::shared_ptr<const Generation> generation;
    FileStamp stamp;
    {
        const LeafLock lock(mu);
        const Plug* plug = find_plug(id);
        if (plug == nullptr || !plug->loaded()) return std::nullopt;
        generation = plug->generation;
        stamp = plug->stamp;
    }
    std::optional<Offered> offered;
    {
        const LoadRecord::Watch watch(*record, id, stamp);
        offered = static_offer(generation);
    }
    const LeafLock lock(mu);
    Plug* plug = find_plug(id);
    if (offered && plug != nullptr) plug->primary_key = offered->instance;
    return offered;
}

void PluginManager::State::start_one(const Offered& offered) {
    const std::string& id = offered.generation->manifest.id;
    const auto begin = Clock::now();
    const LoadRecord::Watch watch(*record, id, offered.generation->stamp);
    const auto started = use(offered, 0);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    if (started) log::info("plugin", "{} started as {} in {} ms", id, offered.canonical, ms);
}

// Several at a time, on workers, but one on this thread; returns when all are through.
void PluginManager::State::start_beside(const std::vector<Offered>& offers) {
    struct Latch {
        Mutex mu{Rank::leaf};
        CondVar down;
        std::size_t left PV_GUARDED_BY(mu) = 0;
    };
    const auto latch = std::make_shared<Latch>();
    const auto count = [latch](bool up) {
        const LeafLock lock(latch->mu);
        latch->left = up ? latch->left + 1 : latch->left - 1;
        latch->down.notify_all();
    };
    for (std::size_t i = 0; i < offers.size(); ++i) {
        count(true);
        const auto job = [this, offered = offers[i], count] {
            start_one(offered);
            count(false);
        };
        if (i + 1 == offers.size() || !options.pool->submit(job, false)) job();
    }
    LeafLock lock(latch->mu);
    while (latch->left != 0) latch->down.wait(lock);
}

void PluginManager::start() {
    State& s = *state_;
    std::vector<const Manifest*> loaded;
    const std::shared_ptr<const Routes> routes = s.current();
    // While somebody is suspected of having crashed the daemon, each starts alone: then the next crash names it.
    bool alone = s.policy.crash_limit == 1;
    for (const auto& generation : routes->generations) {
        loaded.push_back(&generation->manifest);
        alone = alone || s.record->crashes(generation->manifest.id, generation->stamp) != 0;
    }
    for (const auto& level : start_order(loaded, routes->claims).levels) {
        std::vector<Offered> offers;
        for (const std::string& id : level)
            if (std::optional<Offered> offered = s.prepare_start(id)) offers.push_back(*std::move(offered));
        s.publish();
        if (alone)
            for (const Offered& offered : offers) s.start_one(offered);
        else if (!offers.empty())
            s.start_beside(offers);
        for (const std::string& id : level) s.record->forget_crashes(id);
    }
}

Status PluginManager::check_required() const {
    if (state_->policy.only) return {}; // safe mode is for when they do not
    const std::vector<PluginInfo> all = list();
    std::string missing;
    for (const std::string& pattern : state_->policy.required) {
        bool any = false;
        std::string why = "no file of that name is in the folders";
        for (const PluginInfo& info : all) {
            if (!matches({pattern}, info.id)) continue;
            any = any || info.state == PluginState::running;
            if (info.state != PluginState::running) why = fmt::format("{}: {}", state_name(info.state), info.reason);
        }
        if (!any) missing += fmt::format("{}'{}' ({})", missing.empty() ? "" : ", ", pattern, why);
    }
    if (missing.empty()) return {};
    return make_error(ErrorCode::operation_failed, ErrorDomain::none, "required plugins (loading.required) do not run: {}",
                      missing);
}

} // namespace polyvirt::plugin
