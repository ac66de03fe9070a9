// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The facts that x86.cpp makes its tables of. Bits are those of the processors' manuals (Intel SDM
// volume 2A, CPUID; AMD APM volume 3, appendix E), under the names that documents use for them; the
// models are QEMU's, as the feature sets that documents mean by their names, which for older models
// are smaller than the emulator's own. Included by x86.cpp and its test alone.

#include "sdk/cpu/x86.h"

namespace polyvirt::sdk::cpu::tables {

// The names of a register's bits, from bit 0; "." has none, ".N" stands for N of these.
struct WordRow {
    Word word;
    std::string_view bits;
};

inline constexpr WordRow kWords[] = {
    {{false, 0x1, 0, Register::edx},
     "fpu vme de pse tsc msr pae mce cx8 apic . sep mtrr pge mca cmov pat pse36 pn clflush . "
     "ds acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    {{false, 0x1, 0, Register::ecx},
     "pni pclmuldq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid . fma cx16 xtpr pdcm . "
     "pcid dca sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave osxsave avx f16c "
     "rdrand hypervisor"},
    {{false, 0x6, 0, Register::eax},
     ".2 arat"},
    {{false, 0x7, 0, Register::ebx},
     "fsgsbase tsc_adjust sgx bmi1 hle avx2 . smep bmi2 erms invpcid rtm cmt . mpx . avx512f "
     "avx512dq rdseed adx smap avx512ifma pcommit clflushopt clwb intel-pt avx512pf avx512er "
     "avx512cd sha-ni avx512bw avx512vl"},
    {{false, 0x7, 0, Register::ecx},
     ". avx512vbmi umip pku ospke waitpkg avx512vbmi2 . gfni vaes vpclmulqdq avx512vnni "
     "avx512bitalg . avx512-vpopcntdq . la57 .5 rdpid . bus-lock-detect cldemote . movdiri "
     "movdir64b . sgxlc pks"},
    {{false, 0x7, 0, Register::edx},
     ".2 avx512-4vnniw avx512-4fmaps fsrm .3 avx512-vp2intersect . md-clear .3 serialize . "
     "tsx-ldtrk . pconfig arch-lbr .2 amx-bf16 avx512-fp16 amx-tile amx-int8 spec-ctrl stibp "
     ". arch-capabilities core-capability ssbd"},
    {{false, 0x7, 1, Register::eax},
     ".4 avx-vnni avx512-bf16"},
    {{false, 0xd, 1, Register::eax},
     "xsaveopt xsavec xgetbv1 xsaves xfd"},
    {{false, 0xf, 1, Register::edx},
     ". mbm_total mbm_local"},
    {{false, 0x12, 0, Register::eax},
     "sgx1 sgx2"},
    {{false, 0x12, 0, Register::ebx},
     "sgx-exinfo"},
    {{false, 0x12, 1, Register::eax},
     ". sgx-debug sgx-mode64 . sgx-provisionkey sgx-tokenkey . sgx-kss"},
    {{false, 0x14, 0, Register::ecx},
     ".31 intel-pt-lip"},
    {{false, 0x80000001, 0, Register::edx},
     ".11 syscall .8 nx . mmxext .2 fxsr_opt pdpe1gb rdtscp . lm 3dnowext 3dnow"},
    {{false, 0x80000001, 0, Register::ecx},
     "lahf_lm cmp_legacy svm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs "
     "xop skinit wdt . lwp fma4 tce cvt16 nodeid_msr . tbm topoext perfctr_core perfctr_nb"},
    {{false, 0x80000007, 0, Register::edx},
     ".8 invtsc"},
    {{false, 0x80000008, 0, Register::ebx},
     "clzero . xsaveerptr .6 wbnoinvd .2 ibpb . ibrs amd-stibp .8 amd-ssbd virt-ssbd "
     "amd-no-ssb"},
    {{false, 0x8000000a, 0, Register::edx},
     "npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid decodeassists .2 "
     "pause-filter . pfthreshold avic . v-vmsave-vmload vgif .11 svme-addr-chk"},
    {{true, 0x10a, 0, Register::eax},
     "rdctl-no ibrs-all rsba skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no tsx-ctrl taa-no"},
    {{true, 0xcf, 0, Register::eax},
     ".5 split-lock-detect"},
};

// Features of these names bind a guest to its host.
inline constexpr std::string_view kNotMigratable = "invtsc xsaves";

// Names that only emulators use, beside other spellings of "-", "_" and ".".
struct Synonym {
    std::string_view emulators, ours;
};
inline constexpr Synonym kSynonyms[] = {
    {"sse3", "pni"}, {"pclmulqdq", "pclmuldq"}, {"xd", "nx"}, {"ffxsr", "fxsr_opt"}, {"i64", "lm"},
};

enum class Use : std::uint8_t { both, hosts, none };

// One model as what distinguishes it from another. `parts`: the families and models that it stands
// for, "family/model", with ":first-last" where only some steppings are meant. `change`: what it has
// more; with "-", what it has not; with "~", what the emulator's model once had (not handed on).
struct ModelRow {
    std::string_view name, vendor, parts, from;
    Use use;
    std::string_view change;
};

// A model stands behind the one that it comes from. Later ones are tried first.
inline constexpr ModelRow kModels[] = {
    {"486", "", "", "", Use::both, "fpu vme pse"},
    {"pentium", "", "", "486", Use::both, "de tsc msr mce cx8 mmx"},
    {"pentium2", "", "", "pentium", Use::both, "pae sep mtrr pge mca cmov pat pse36 fxsr"},
    {"pentium3", "", "", "pentium2", Use::both, "sse"},
    {"pentiumpro", "", "", "pentium", Use::both, "pae apic sep pge cmov pat fxsr sse sse2 -vme"},
    {"coreduo", "Intel", "", "pentium3", Use::both, "apic clflush sse2 pni monitor nx -pse36"},
    {"n270", "Intel", "", "coreduo", Use::both, "ssse3"},
    {"core2duo", "Intel", "", "coreduo", Use::both, "pse36 ssse3 syscall lm"},
    {"qemu32", "", "", "pentiumpro", Use::both, "pni"},
    {"kvm32", "", "", "pentium3", Use::both, "apic clflush sse2 pni -vme"},
    {"cpu64-rhel5", "", "", "kvm32", Use::none, "syscall nx lm"},
    {"cpu64-rhel6", "", "", "cpu64-rhel5", Use::none, "cx16 lahf_lm"},
    {"qemu64", "", "", "cpu64-rhel6", Use::both, "svm -lahf_lm"},
    {"kvm64", "", "", "kvm32", Use::both, "cx16 syscall nx lm"},
    {"Conroe", "Intel", "6/15 6/22", "cpu64-rhel5", Use::both, "ssse3 lahf_lm"},
    {"Penryn", "Intel", "6/23 6/29", "Conroe", Use::both, "cx16 sse4.1"},
    {"Nehalem", "Intel", "6/26 6/30 6/31 6/46", "Penryn", Use::both, "sse4.2 popcnt"},
    {"Nehalem-IBRS", "Intel", "6/26 6/30 6/31 6/46", "Nehalem", Use::both, "spec-ctrl"},
    {"Westmere", "Intel", "6/37 6/44 6/47", "Nehalem", Use::both, "aes"},
    {"Westmere-IBRS", "Intel", "6/44", "Westmere", Use::both, "spec-ctrl"},
    {"SandyBridge", "Intel", "6/42 6/45", "Westmere", Use::both,
     "pclmuldq x2apic tsc-deadline xsave avx rdtscp"},
    {"SandyBridge-IBRS", "Intel", "6/42 6/45", "SandyBridge", Use::both, "spec-ctrl"},
    {"IvyBridge", "Intel", "6/58 6/62", "SandyBridge", Use::both,
     "vme f16c rdrand fsgsbase smep erms"},
    {"IvyBridge-IBRS", "Intel", "6/58 6/62", "IvyBridge", Use::both, "spec-ctrl"},
    {"Haswell-noTSX", "Intel", "6/60 6/63 6/69 6/70", "SandyBridge", Use::both,
     "fma pcid movbe fsgsbase bmi1 avx2 smep bmi2 erms invpcid"},
    {"Haswell-noTSX-IBRS", "Intel", "6/60 6/63 6/69 6/70", "Haswell-noTSX", Use::both, "spec-ctrl"},
    {"Haswell", "Intel", "6/60 6/63 6/69 6/70", "Haswell-noTSX", Use::both, "hle rtm"},
    {"Haswell-IBRS", "Intel", "6/60 6/63 6/69 6/70", "Haswell", Use::both, "spec-ctrl"},
    {"Broadwell-noTSX", "Intel", "6/61 6/71 6/79 6/86", "Haswell-noTSX", Use::both,
     "rdseed adx smap 3dnowprefetch"},
    {"Broadwell-noTSX-IBRS", "Intel", "6/61 6/71 6/79 6/86", "Broadwell-noTSX", Use::both,
     "spec-ctrl"},
    {"Broadwell", "Intel", "6/61 6/71 6/79 6/86", "Broadwell-noTSX", Use::both, "hle rtm"},
    {"Broadwell-IBRS", "Intel", "6/61 6/71 6/79 6/86", "Broadwell", Use::both, "spec-ctrl"},
    {"Skylake-Client", "Intel", "6/78 6/94 6/142 6/158", "Broadwell", Use::both,
     "vme f16c rdrand arat mpx xsaveopt xsavec xgetbv1 abm"},
    {"Skylake-Client-IBRS", "Intel", "6/78 6/94 6/142 6/158", "Skylake-Client", Use::both,
     "spec-ctrl"},
    {"Skylake-Client-noTSX-IBRS", "Intel", "6/78 6/94 6/142 6/158", "Skylake-Client-IBRS", Use::hosts,
     "-hle -rtm"},
    {"Skylake-Server", "Intel", "6/85:0-4", "Skylake-Client", Use::both,
     "avx512f avx512dq clwb avx512cd avx512bw avx512vl pdpe1gb"},
    {"Skylake-Server-IBRS", "Intel", "6/85:0-4", "Skylake-Server", Use::both, "spec-ctrl"},
    {"Skylake-Server-noTSX-IBRS", "Intel", "6/85:0-4", "Skylake-Server-IBRS", Use::hosts,
     "-hle -rtm"},
    {"Cascadelake-Server", "Intel", "6/85:5-7", "Skylake-Server-IBRS", Use::both,
     "clflushopt avx512vnni ssbd"},
    {"Cascadelake-Server-noTSX", "Intel", "6/85:5-7", "Cascadelake-Server", Use::hosts,
     "-hle -rtm"},
    {"Icelake-Client", "Intel", "6/126", "Skylake-Client-IBRS", Use::both,
     "avx512vbmi umip pku avx512vbmi2 gfni vaes vpclmulqdq avx512vnni avx512bitalg "
     "avx512-vpopcntdq ssbd wbnoinvd ~intel-pt"},
    {"Icelake-Client-noTSX", "Intel", "6/126", "Icelake-Client", Use::hosts, "-hle -rtm ~intel-pt"},
    {"Icelake-Server", "Intel", "6/106", "Icelake-Client", Use::both,
     "avx512f avx512dq clflushopt clwb avx512cd avx512bw avx512vl la57 pdpe1gb ~intel-pt"},
    {"Icelake-Server-noTSX", "Intel", "6/106", "Icelake-Server", Use::hosts, "-hle -rtm ~intel-pt"},
    {"Cooperlake", "Intel", "6/85:10-11", "Cascadelake-Server", Use::both,
     "pku stibp arch-capabilities avx512-bf16 rdctl-no ibrs-all skip-l1dfl-vmentry "
     "mds-no pschange-mc-no taa-no -mpx"},
    {"Snowridge", "Intel", "6/134", "Westmere-IBRS", Use::both,
     "vme pclmuldq x2apic movbe tsc-deadline xsave rdrand arat fsgsbase smep erms rdseed "
     "smap clflushopt clwb sha-ni umip gfni cldemote movdiri movdir64b arch-capabilities "
     "core-capability ssbd xsaveopt xsavec xgetbv1 pdpe1gb rdtscp 3dnowprefetch "
     "split-lock-detect"},
    {"athlon", "AMD", "", "pentium3", Use::both, "apic sse2 mmxext 3dnowext 3dnow -mca"},
    {"phenom", "AMD", "", "athlon", Use::both,
     "mca clflush pni monitor syscall nx fxsr_opt lm svm -vme"},
    {"Opteron_G1", "AMD", "15/6", "cpu64-rhel5", Use::both, ""},
    {"Opteron_G2", "AMD", "15/6", "Opteron_G1", Use::both, "cx16 rdtscp lahf_lm svm"},
    {"Opteron_G3", "AMD", "15/6", "Opteron_G2", Use::both, "popcnt abm sse4a misalignsse ~monitor"},
    {"Opteron_G4", "AMD", "21/1", "Opteron_G3", Use::both,
     "pclmuldq ssse3 sse4.1 sse4.2 aes xsave avx pdpe1gb 3dnowprefetch xop fma4"},
    {"Opteron_G5", "AMD", "21/2", "Opteron_G4", Use::both, "fma f16c tbm"},
    {"EPYC", "AMD", "23/1", "Opteron_G5", Use::both,
     "vme movbe rdrand arat fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt "
     "sha-ni xsaveopt xsavec xgetbv1 mmxext fxsr_opt cr8legacy osvw -xop -fma4 -tbm "
     "~monitor"},
    {"EPYC-IBPB", "AMD", "23/1", "EPYC", Use::both, "ibpb ~monitor"},
    {"EPYC-Rome", "AMD", "23/49", "EPYC-IBPB", Use::both,
     "clwb umip rdpid perfctr_core clzero xsaveerptr wbnoinvd amd-stibp npt nrip-save"},
    {"EPYC-Milan", "AMD", "25/1", "EPYC-Rome", Use::both,
     "pcid erms invpcid pku fsrm xsaves ibrs amd-ssbd svme-addr-chk"},
    {"Dhyana", "Hygon", "24/0", "EPYC-IBPB", Use::both, "-pclmuldq -aes -sha-ni ~monitor"},
};

} // namespace polyvirt::sdk::cpu::tables
