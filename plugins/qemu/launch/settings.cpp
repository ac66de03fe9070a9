// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "launch/settings.h"

#include <utility>

#include <unistd.h>

#include "sdk/settings.h"

namespace polyvirt::qemu {
namespace {

struct ProtectionKeys {
    Protection Protections::*of;
    const char *tls, *verify, *certificates, *sasl, *sasl_folder; // null: it cannot be had, or the document alone says
    const char* usual; // folder of certificates
};
constexpr ProtectionKeys kProtections[] = {
    {&Protections::vnc, "vnc.tls", "vnc.tls_verify", "vnc.tls_certificates", "vnc.sasl", "vnc.sasl_folder", "/etc/pki/libvirt-vnc"},
    {&Protections::spice, "spice.tls", nullptr, "spice.tls_certificates", "spice.sasl", "spice.sasl_folder", "/etc/pki/libvirt-spice"},
    {&Protections::chardev, "chardev.tls", "chardev.tls_verify", "chardev.tls_certificates", nullptr, nullptr, "/etc/pki/libvirt-chardev"},
    {&Protections::nbd, nullptr, nullptr, "nbd.tls_certificates", nullptr, nullptr, "/etc/pki/libvirt-nbd"},
};
constexpr const char* kUsualCertificates = "/etc/pki/qemu"; // of all that has none of its own

Status read_protection(const sdk::SettingsReader& reader, const ProtectionKeys& keys, Protection& p) {
    const std::pair<const char*, bool*> flags[] = {{keys.tls, &p.tls}, {keys.verify, &p.verify}, {keys.sasl, &p.sasl}};
    for (const auto& [key, to] : flags)
        if (key != nullptr) PV_TRY(reader.take(key, *to));
    const std::pair<const char*, std::string*> folders[] = {{keys.certificates, &p.certificates}, {keys.sasl_folder, &p.sasl_folder}};
    for (const auto& [key, to] : folders)
        if (key != nullptr) PV_TRY(reader.take(key, *to));
    if (p.certificates.empty()) p.certificates = ::access(keys.usual, F_OK) == 0 ? keys.usual : kUsualCertificates;
    return {};
}

} // namespace

Result<Settings> read_settings(const plugin::Services& s) {
    Settings r;
    const sdk::SettingsReader reader(s, "qemu");
    PV_TRY(reader.take("user", r.user));
    PV_TRY(reader.take("group", r.group));
    PV_TRY(reader.take("tpm.user", r.tpm_user));
    PV_TRY(reader.take("tpm.group", r.tpm_group));
    PV_TRY(reader.take("dynamic_ownership", r.dynamic_ownership));
    PV_TRY(reader.take("cgroups", r.cgroups));
    PV_TRY(reader.take("seccomp", r.seccomp));
    PV_TRY(reader.take("monitor.timeout", r.monitor_timeout_ns));
    PV_TRY(reader.take("autostart.delay", r.autostart_delay_ns));
    PV_TRY(reader.take("hook_timeout", r.hook_timeout_ns));
    for (const ProtectionKeys& keys : kProtections) PV_TRY(read_protection(reader, keys, r.protections.*keys.of));
    PV_TRY(reader.take("dump_folder", r.dump_folder));
    return r;
}

} // namespace polyvirt::qemu
