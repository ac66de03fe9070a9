// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the emulator cannot do: each rule with a document that breaks it and one near it that doesn't.
#include "validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/domain/domain.h"

namespace polyvirt::qemu {
namespace {

using testing::HasSubstr;

std::string document(std::string_view machine, std::string_view inner, std::string_view devices = "") {
    return "<domain type='qemu'><name>x</name><memory>1</memory>" + std::string(inner) + "<os><type arch='x86_64' machine='" +
           std::string(machine) + "'>hvm</type></os><devices>" + std::string(devices) + "</devices></domain>";
}
std::string pc(std::string_view inner) { return document("pc-i440fx-7.2", inner); }
std::string with(std::string_view devices) { return document("pc-i440fx-7.2", "", devices); }
std::string q35(std::string_view inner, std::string_view devices = "") { return document("pc-q35-7.2", inner, devices); }

// With the defaults that a reader fills in.
std::string share(std::string_view attributes, std::string_view driver = "type='virtiofs'", std::string_view inner = "") {
    return document("pc-i440fx-7.2", "<memoryBacking><access mode='shared'/></memoryBacking>",
                    "<filesystem type='mount' " + std::string(attributes) + "><driver " + std::string(driver) +
                        "/><source dir='/s'/><target dir='t'/>" + std::string(inner) + "</filesystem>");
}

struct Rule {
    std::string broken;
    const char* told;
    std::string kept;
};

std::vector<Rule> rules() {
    return {
        {pc("<vcpu>5</vcpu><cpu><topology sockets='1' cores='2' threads='2'/></cpu>"), "CPU topology doesn't match",
         pc("<vcpu>4</vcpu><cpu><topology sockets='1' cores='2' threads='2'/></cpu>")},
        {pc("<cpu mode='custom'><model>Haswell</model><cache mode='passthrough'/></cpu>"), "CPU cache mode 'passthrough'",
         pc("<cpu mode='maximum'><cache mode='passthrough'/></cpu>")},
        {pc("<cpu mode='maximum'><maxphysaddr mode='emulate'/></cpu>"), "bits= must be specified", pc("<cpu mode='maximum'><maxphysaddr mode='emulate' bits='42'/></cpu>")},
        {pc("<cpu mode='maximum'><maxphysaddr mode='passthrough' bits='42'/></cpu>"), "cannot be used with mode='passthrough'",
         pc("<cpu mode='maximum'><maxphysaddr mode='passthrough'/></cpu>")},
        {with("<disk><driver type='cow'/><target dev='vda'/></disk>"), "'cow' storage format", with("<disk><driver type='qcow2'/><target dev='vda'/></disk>")},
        {with("<disk><driver type='dir'/><target dev='vda'/></disk>"), "use 'dir' disk type", with("<disk><driver type='raw'/><target dev='vda'/></disk>")},
        {with("<graphics type='egl-headless'/>"), "'egl-headless'", with("<graphics type='egl-headless'/><graphics type='vnc'/>")},
        {with("<graphics type='vnc'/><graphics type='vnc'/>"), "only 1 graphics device", with("<graphics type='vnc'/><graphics type='spice'/>")},
        {with("<graphics type='spice' tlsPort='5901'/>"), "TLS is disabled", with("<graphics type='spice' port='5901'/>")},
        {with("<graphics type='spice' defaultMode='secure'/>"), "secure channels", with("<graphics type='spice' defaultMode='insecure'/>")},
        {with("<hostdev mode='subsystem' type='mdev' display='on'/>"), "graphics device is needed",
         with("<hostdev mode='subsystem' type='mdev' display='on'/><graphics type='vnc'/>")},
        {with("<iommu model='intel'/>"), "only supported with Q35", q35("", "<iommu model='intel'/>")},
        {pc("<features><smm state='on'><tseg unit='MiB'>48</tseg></smm></features>"), "only supported with q35",
         q35("<features><smm state='on'><tseg unit='MiB'>48</tseg></smm></features>")},
        {q35("<features><smm state='on'><tseg unit='KiB'>48</tseg></smm></features>"), "divisible by 1 MiB",
         q35("<features><smm state='on'><tseg unit='KiB'>1024</tseg></smm></features>")},
        {with("<serial type='pty'><target type='sclp-serial'/></serial>"), "not compatible with guest architecture",
         with("<serial type='pty'><target type='isa-serial'/></serial>")},
        {with("<controller type='usb' model='nec-xhci' ports='16'/>"), "up to '15' ports", with("<controller type='usb' model='nec-xhci' ports='15'/>")},
        {q35("", "<controller type='ide'/>"), "IDE controllers are unsupported", with("<controller type='ide'/>")},
        {pc("<maxMemory slots='2'>4096</maxMemory>"), "At least one numa node", pc("")},
        {with("<shmem name='s'/>"), "ivshmem device", with("<shmem name='s'><model type='ivshmem-plain'/></shmem>")},
        {with("<interface type='user'><driver rx_queue_size='3'/></interface>"), "power of two", with("<interface type='user'><driver rx_queue_size='256'/></interface>")},
        {with("<filesystem type='bind'><source dir='/s'/><target dir='t'/></filesystem>"), "only supports mount",
         with("<filesystem type='mount'><source dir='/s'/><target dir='t'/></filesystem>")},
        {share("accessmode='squash' fmode='0600'", "type='path'"), "accessmode=mapped", share("accessmode='mapped' fmode='0600'", "type='path'")},
        {share("accessmode='mapped'", "type='handle'"), "only supports passthrough", share("accessmode='passthrough'", "type='handle'")},
        {share("", "type='loop'"), "driver type not supported", share("", "type='path'")},
        {share("accessmode='passthrough'", "type='virtiofs'", "<readonly/>"), "read-only mode", share("accessmode='passthrough'", "type='path'", "<readonly/>")},
        {share("accessmode='mapped'"), "virtiofs only supports passthrough", share("accessmode='passthrough'")},
        {share("accessmode='passthrough'", "type='virtiofs' wrpolicy='immediate'"), "wrpolicy", share("accessmode='passthrough'", "type='path' wrpolicy='immediate'")},
        {share("accessmode='passthrough' model='virtio'"), "support model", share("accessmode='passthrough' model='virtio'", "type='path'")},
        {share("accessmode='passthrough'", "type='virtiofs' format='raw'"), "support format", share("accessmode='passthrough'", "type='virtiofs' queue='4'")},
        {share("accessmode='passthrough' multidevs='remap'"), "multidevs", share("accessmode='passthrough' multidevs='default'")},
        {with("<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs'/><source dir='/s'/><target dir='t'/></filesystem>"),
         "requires shared memory", share("accessmode='passthrough'")},
        {pc("<cputune><cachetune vcpus='0'/></cputune>"), "only supported for KVM", pc("<cputune><shares>2</shares></cputune>")},
        {with("<serial type='tcp'><source><reconnect enabled='yes' timeout='0'/></source></serial>"), "cannot be '0'",
         with("<serial type='tcp'><source><reconnect enabled='yes' timeout='1'/></source></serial>")},
    };
}

TEST(Validate, each_rule_refuses_what_breaks_it_and_nothing_near) {
    for (const Rule& rule : rules()) {
        const auto broken = sdk::domain::parse_domain(rule.broken);
        ASSERT_TRUE(broken) << broken.error().message;
        const Status refused = validate(broken->domain, false);
        ASSERT_FALSE(refused) << rule.broken;
        EXPECT_THAT(refused.error().message, HasSubstr(rule.told));
        const auto kept = sdk::domain::parse_domain(rule.kept);
        ASSERT_TRUE(kept) << kept.error().message;
        const Status allowed = validate(kept->domain, false);
        EXPECT_TRUE(allowed) << rule.kept << ": " << allowed.error().message;
    }
}

} // namespace
} // namespace polyvirt::qemu
