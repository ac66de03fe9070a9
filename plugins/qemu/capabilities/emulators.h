// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Emulators: what each emulator on this host can do. An emulator is asked once, over QMP, and the answer
// kept in memory and in the cache area until its file changes. Workers and start-up alone: the first
// question to a new emulator takes its start-up time.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <polyvirt/services.h>

#include "base/result.h"
#include "base/sync.h"
#include "sdk/records.h"

namespace polyvirt::qemu {

struct Machine {
    std::string name, alias, default_cpu;
    std::uint32_t max_cpus = 1;
    bool is_default = false, deprecated = false;
};
struct CpuModel {
    std::string name;
    bool usable = true, deprecated = false;
    std::vector<std::string> missing; // features that keep it from being usable
};

// The processors that one accelerator can give a guest. Features are named as the emulator names them.
struct CpuOffer {
    std::vector<CpuModel> models; // in the emulator's order
    // Of its richest model ("max"; with KVM "host"): what it says it is, the features that it has of those that
    // it knows (sorted) ...
    std::string vendor; // "AuthenticAMD"
    std::uint32_t family = 0, model = 0, stepping = 0;
    std::vector<std::string> features, known;
    // ... and the enlightenments for Windows ("spinlocks", "vendor-id").
    std::vector<std::string> hyperv;
    bool can_migrate = false; // whether it knows of migratable features at all

    [[nodiscard]] const CpuModel* find(std::string_view name) const;
};

struct Emulator {
    std::string path, arch;
    std::uint64_t version = 0; // major * 1000000 + minor * 1000 + micro
    bool kvm = false;          // usable here and now
    std::vector<Machine> machines;
    CpuOffer tcg_cpus, kvm_cpus; // the latter empty without KVM
    // All sorted: device types, types that -object makes, kinds of displays, of character devices and of
    // TPM backends, and commands of the monitor.
    std::vector<std::string> devices, objects, displays, chardevs, tpms, commands;

    // By name or alias; null: unknown.
    [[nodiscard]] const Machine* machine(std::string_view name) const;
    [[nodiscard]] const Machine* default_machine() const;
    [[nodiscard]] bool has_device(std::string_view name) const;
    [[nodiscard]] bool has_object(std::string_view name) const;
    [[nodiscard]] bool has_display(std::string_view name) const;
    [[nodiscard]] bool has_chardev(std::string_view name) const;
    [[nodiscard]] bool has_tpm(std::string_view name) const;
    [[nodiscard]] bool has_command(std::string_view name) const;
    // For domains of type "kvm" or "qemu".
    [[nodiscard]] const CpuOffer& cpus(std::string_view virt_type) const {
        return virt_type == "kvm" ? kvm_cpus : tcg_cpus;
    }
};
using EmulatorPtr = std::shared_ptr<const Emulator>;

// probe.cpp: starts the emulator with no machine, asks, and ends it; twice where there is KVM.
Result<Emulator> probe_emulator(const plugin::Services& s, const std::string& path, std::string_view arch, bool try_kvm);

class Emulators {
  public:
    using Probe = std::function<Result<Emulator>(const std::string& path, std::string_view arch, bool try_kvm)>;
    explicit Emulators(const plugin::Services& s);
    Emulators(const plugin::Services& s, Probe probe);

    // Who asks while an emulator is being asked waits for that answer. Errors: invalid_arg where the file is no usable
    // emulator, internal_error where it does not answer.
    [[nodiscard]] Result<EmulatorPtr> get(const std::string& path) PV_NO_LOCKS_HELD;
    // The path of the usual emulator of an architecture; empty: there is none.
    [[nodiscard]] static std::string path_of(std::string_view arch);
    // Architectures with an emulator on this host, the host's own first.
    [[nodiscard]] static std::vector<std::string> architectures();

  private:
    // What an answer depends on: the file, the modules that it loads, and with KVM the host.
    struct Identity {
        std::uint64_t size = 0;
        std::int64_t changed_ns = 0, modules_ns = 0;
        bool kvm = false;
        std::string host;
        bool operator==(const Identity&) const = default;
    };
    struct Entry {
        Identity identity;
        EmulatorPtr emulator;
    };

    // One that is under way, or has just ended: everybody who waits for it has the same answer.
    struct Interview {
        Identity identity;
        bool over = false;
        Result<EmulatorPtr> answer = Error{.code = ErrorCode::no_memory}; // until it is known
    };
    using InterviewPtr = std::shared_ptr<Interview>;
    // The one to wait for; or a new one, which the caller has to conduct (`mine`).
    [[nodiscard]] InterviewPtr join(const std::string& path, const Identity& identity, bool& mine) PV_REQUIRES(mu_);
    [[nodiscard]] Result<EmulatorPtr> conduct(const std::string& path, const Identity& identity) const PV_NO_LOCKS_HELD;

    [[nodiscard]] Result<Identity> identify(const std::string& path) const;
    [[nodiscard]] EmulatorPtr cached(const std::string& path, const Identity& identity) const;
    void store(const Emulator& emulator, const Identity& identity) const;

    const sdk::Records cache_;
    const Probe probe_;
    Mutex mu_{Rank::leaf};
    CondVar answered_;
    std::map<std::string, Entry> entries_ PV_GUARDED_BY(mu_);
    std::map<std::string, InterviewPtr> under_way_ PV_GUARDED_BY(mu_);
};

// emulator_record.cpp: the form in which one is kept. Reading throws what nlohmann throws for a field that is
// missing or of another type.
nlohmann::json emulator_to_json(const Emulator& emulator);
Emulator emulator_from_json(const nlohmann::json& j);

} // namespace polyvirt::qemu
