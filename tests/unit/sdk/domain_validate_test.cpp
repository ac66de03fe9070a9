// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// passes/validate.cpp: each rule with a document that breaks it, and a neighbour of it that doesn't.
#include "sdk/domain/passes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/domain/domain.h"
#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

using testing::HasSubstr;

std::string document(std::string_view inner) {
    return "<domain type='qemu'><name>x</name><memory>1</memory>" + std::string(inner) + "</domain>";
}
std::string devices(std::string_view inner) {
    return document("<os><type>hvm</type></os><devices>" + std::string(inner) + "</devices>");
}

struct Rule {
    const char* name;
    std::string broken;
    ErrorCode code;
    const char* told;
    std::string kept; // what is nearly the same, and allowed
};

std::vector<Rule> rules() {
    const ErrorCode unsupported = ErrorCode::config_unsupported, wrong = ErrorCode::xml_error, detail = ErrorCode::xml_detail;
    const std::string disk = "<disk type='network'><source protocol='rbd' name='a'>";
    return {
        {"primary videos", devices("<video><model type='vga' primary='yes'/></video><video><model type='qxl' primary='yes'/></video>"),
         unsupported, "Only one primary video", devices("<video><model type='vga' primary='yes'/></video><video><model type='qxl'/></video>")},
        {"two auths", devices("<disk type='network'><auth username='a'/><source protocol='rbd' name='a'><auth username='b'/></source>"
                              "<target dev='vda'/></disk>"),
         unsupported, "<auth>", devices(disk + "<auth username='b'/></source><target dev='vda'/></disk>")},
        {"two encryptions", devices("<disk><source file='/a'><encryption format='luks'/></source><target dev='vda'/><encryption format='luks'/></disk>"),
         unsupported, "<encryption>", devices("<disk><source file='/a'/><target dev='vda'/><encryption format='luks'/></disk>")},
        {"drive addresses", devices("<disk><target dev='sda' bus='scsi'/><address type='pci' slot='3'/></disk>"), unsupported,
         "Invalid address type 'pci' for the disk 'sda'", devices("<disk><target dev='sda' bus='scsi'/><address type='drive' unit='3'/></disk>")},
        {"mediated devices have a uuid", devices("<hostdev mode='subsystem' type='mdev'><source/></hostdev>"), unsupported, "uuid",
         devices("<hostdev mode='subsystem' type='mdev'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>")},
        {"static NUMA placement", document("<numatune><memory mode='strict' placement='static'/></numatune>"), unsupported, "nodeset",
         document("<numatune><memory mode='strict' placement='static' nodeset='0'/></numatune>")},
        {"sockets of displays", devices("<graphics type='vnc' socket='/a'><listen type='socket' socket='/b'/></graphics>"), unsupported,
         "must match", devices("<graphics type='vnc' socket='/a'><listen type='socket' socket='/a'/></graphics>")},
        {"memnode", document("<numatune><memnode cellid='0' mode='strict' nodeset='0'/></numatune>"), wrong, "without any guest NUMA cells",
         document("<numatune><memnode cellid='0' mode='strict' nodeset='0'/></numatune><cpu><numa><cell id='0' cpus='0' memory='1'/></numa></cpu>")},
        {"a host device twice",
         devices("<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='2' function='3'/></source></hostdev>"
                 "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='2' function='3'/></source></hostdev>"),
         wrong, "already exists",
         devices("<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='2' function='3'/></source></hostdev>"
                 "<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='2' function='4'/></source></hostdev>")},
        {"three sources", devices("<serial type='udp'><source/><source/><source/></serial>"), wrong, "only two source elements",
         devices("<serial type='udp'><source/><source/></serial>")},
        {"a device of the host's", devices("<interface type='direct'><source mode='bridge'/></interface>"), wrong, "No <source> 'dev' attribute",
         devices("<interface type='direct'><source dev='eth9' mode='bridge'/></interface>")},
        {"how to stand on it", devices("<interface type='direct'><source dev='eth9' mode='passthru'/></interface>"), wrong, "'passthru'",
         devices("<interface type='direct'><source dev='eth9' mode='passthrough'/></interface>")},
        {"networks to listen on", devices("<graphics type='vnc'><listen type='network'/></graphics>"), wrong, "'network' attribute",
         devices("<graphics type='vnc'><listen type='network' network='n'/></graphics>")},
        {"reconnect", devices("<serial type='tcp'><source host='h'><reconnect enabled='yes'/></source></serial>"), wrong, "'timeout'",
         devices("<serial type='tcp'><source host='h'><reconnect enabled='no'/></source></serial>")},
        {"firmware is chosen or given", document("<os firmware='efi'><type>hvm</type><loader readonly='yes'/></os>"), detail, "readonly",
         document("<os><type>hvm</type><loader readonly='yes' type='rom'>/l</loader></os>")},
        {"a loader has a path", document("<os><type>hvm</type><loader type='rom'/></os>"), detail, "no loader path",
         document("<os><type>hvm</type><loader/></os>")},
        {"variables belong to flash", document("<os><type>hvm</type><loader type='rom'>/l</loader><nvram>/n</nvram></os>"), detail, "NVRAM",
         document("<os><type>hvm</type><loader type='pflash'>/l</loader><nvram>/n</nvram></os>")},
        {"companions of USB", devices("<controller type='usb' index='1' model='ich9-uhci1'/>"), detail, "No master USB controller",
         devices("<controller type='usb' index='1' model='ich9-uhci1'/><controller type='usb' index='1' model='ich9-ehci1'/>")},
        {"dates of a BIOS", document("<sysinfo type='smbios'><bios><entry name='date'>2030-01-01</entry></bios></sysinfo>"), detail, "date",
         document("<sysinfo type='smbios'><bios><entry name='date'>01/31/2030</entry></bios></sysinfo>")},
        {"nodes of modules",
         document("<cpu><numa><cell id='0' cpus='0' memory='1'/></numa></cpu><devices><memory model='dimm'><target><size>1</size><node>1</node>"
                  "</target></memory></devices>"),
         detail, "guest node '1'",
         document("<cpu><numa><cell id='0' cpus='0' memory='1'/></numa></cpu><devices><memory model='dimm'><target><size>1</size><node>0</node>"
                  "</target></memory></devices>")},
        {"paths of redirected devices", devices("<redirdev bus='usb' type='unix'><source/></redirdev>"), ErrorCode::internal_error, "Missing source path",
         devices("<redirdev bus='usb' type='unix'><source path='/p'/></redirdev>")},
        {"sources of file systems", devices("<filesystem type='block'><source dir='/s'/><target dir='t'/></filesystem>"), ErrorCode::no_source,
         "missing source information for device t", devices("<filesystem type='block'><source dev='/s'/><target dir='t'/></filesystem>")},
        {"targets of file systems", devices("<filesystem><source dir='/s'/></filesystem>"), ErrorCode::no_target,
         "missing target information for device /s", devices("<filesystem type='ram'><source usage='1'/><target dir='t'/></filesystem>")},
        {"file systems to boot from", devices("<filesystem><source dir='/a'/><target dir='t'/><boot order='1'/></filesystem>"), unsupported, "only supported for virtiofs",
         devices("<filesystem><driver type='virtiofs'/><source dir='/a'/><target dir='t'/><boot order='1'/></filesystem>")},
    };
}

TEST(DomainValidate, a_target_of_file_systems_is_there_once) {
    const auto with = [](const char* second) {
        return parse_domain(devices("<filesystem><source dir='/a'/><target dir='t'/></filesystem><filesystem><source dir='/a'/><target dir='" + std::string(second) +
                                    "'/></filesystem>"));
    };
    const Status refused = check_filesystem_targets(with("t")->domain);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::config_unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("'t' specified twice"));
    EXPECT_TRUE(check_filesystem_targets(with("u")->domain));
}

TEST(DomainValidate, each_rule_refuses_what_breaks_it_and_nothing_near) {
    for (const Rule& rule : rules()) {
        SCOPED_TRACE(rule.name);
        const auto broken = parse_domain(rule.broken);
        ASSERT_TRUE(broken) << broken.error().message;
        const Status refused = validate(broken->domain);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, rule.code);
        EXPECT_THAT(refused.error().message, HasSubstr(rule.told));
        const auto kept = parse_domain(rule.kept);
        ASSERT_TRUE(kept) << kept.error().message;
        const Status allowed = validate(kept->domain);
        EXPECT_TRUE(allowed) << allowed.error().message;
    }
}

} // namespace
} // namespace polyvirt::sdk::domain
