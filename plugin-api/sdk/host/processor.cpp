// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/host/processor.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <new>
#include <utility>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "base/unique_fd.h"

namespace polyvirt::sdk {
namespace {

namespace cpu = sdk::cpu;
using Registers = std::array<std::uint32_t, 4>; // eax, ebx, ecx, edx

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    Registers r{};
    __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
    return r;
}

// What a processor answers to a leaf that it does not have is another leaf's contents.
Registers checked_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    const std::uint32_t range = leaf & 0x80000000U;
    return leaf <= cpuid(range, 0)[0] ? cpuid(leaf, subleaf) : Registers{};
}

Registers read_msr(std::uint32_t number) {
    const UniqueFd kvm(::open("/dev/kvm", O_RDONLY | O_CLOEXEC));
    if (!kvm) return {};
    // kvm_msrs with one entry; its own declaration ends in an array without length, which C++ does not have.
    struct {
        std::uint32_t nmsrs = 1, pad = 0;
        kvm_msr_entry entry{};
    } request;
    request.entry.index = number;
    if (::ioctl(kvm.get(), KVM_GET_MSRS, &request) != 1) return {};
    return {static_cast<std::uint32_t>(request.entry.data), 0, 0, static_cast<std::uint32_t>(request.entry.data >> 32)};
}

cpu::X86Vendor read_vendor() {
    const Registers r = cpuid(0, 0);
    char text[12];
    std::memcpy(text, &r[1], 4);
    std::memcpy(text + 4, &r[3], 4);
    std::memcpy(text + 8, &r[2], 4);
    return cpu::vendor_of_cpuid({text, sizeof text});
}

cpu::X86Signature read_signature() {
    const std::uint32_t eax = cpuid(1, 0)[0];
    const std::uint32_t family = eax >> 8 & 0xf, model = eax >> 4 & 0xf;
    const bool extended = family == 0xf || family == 6;
    return {family == 0xf ? family + (eax >> 20 & 0xff) : family, extended ? model + (eax >> 12 & 0xf0) : model, eax & 0xf};
}

} // namespace

cpu::X86Data read_processor() {
    cpu::X86Data d{{}, read_vendor(), read_signature()};
    std::map<std::pair<std::uint32_t, std::uint32_t>, Registers> leaves;
    std::map<std::uint32_t, Registers> msrs;
    const auto& features = cpu::X86::known().features();
    for (std::size_t i = 0; i < features.size(); i++) {
        const cpu::Word& w = features[i].word;
        const auto read = [&]() -> const Registers& {
            if (w.msr) {
                const auto it = msrs.find(w.leaf);
                return it != msrs.end() ? it->second : msrs.emplace(w.leaf, read_msr(w.leaf)).first->second;
            }
            const auto key = std::pair(w.leaf, w.subleaf);
            const auto it = leaves.find(key);
            return it != leaves.end() ? it->second : leaves.emplace(key, checked_cpuid(w.leaf, w.subleaf)).first->second;
        };
        d.features[i] = (read()[static_cast<std::size_t>(w.reg)] >> features[i].bit & 1U) != 0;
    }
    return d;
}

} // namespace polyvirt::sdk
#else
namespace polyvirt::sdk {
sdk::cpu::X86Data read_processor() { return {}; }
} // namespace polyvirt::sdk
#endif
