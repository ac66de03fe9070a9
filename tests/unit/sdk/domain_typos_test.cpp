// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// A hundred ways to misspell a document: each is told, with its line and with what was meant.
#include "sdk/domain/domain.h"

#include <gtest/gtest.h>

namespace polyvirt::sdk::domain {
namespace {

// `path` is where it stands ("devices/disk"), `text` what is written there, `meant` the name that is suggested.
struct Typo {
    const char* path;
    const char* text;
    const char* meant;
};

constexpr Typo kTypos[] = {
    {"", "<vcpus>4</vcpus>", "vcpu"},
    {"", "<vpcu>4</vpcu>", "vcpu"},
    {"", "<Vcpu>4</Vcpu>", "vcpu"},
    {"", "<memroy>4</memroy>", "memory"},
    {"", "<maxmemory>4</maxmemory>", "maxMemory"},
    {"", "<currentmemory>4</currentmemory>", "currentMemory"},
    {"", "<memorybacking/>", "memoryBacking"},
    {"", "<descripton>x</descripton>", "description"},
    {"", "<titel>x</titel>", "title"},
    {"", "<metdata/>", "metadata"},
    {"", "<feature><acpi/></feature>", "features"},
    {"", "<clok offset='utc'/>", "clock"},
    {"", "<device/>", "devices"},
    {"", "<iothread>1</iothread>", "iothreads"},
    {"", "<iothreadid/>", "iothreadids"},
    {"", "<cputunes/>", "cputune"},
    {"", "<numatunes/>", "numatune"},
    {"", "<memtunes/>", "memtune"},
    {"", "<blkiotunes/>", "blkiotune"},
    {"", "<ressource/>", "resource"},
    {"", "<sysInfo/>", "sysinfo"},
    {"", "<seclable/>", "seclabel"},
    {"", "<genID/>", "genid"},
    {"", "<on_powerof>destroy</on_powerof>", "on_poweroff"},
    {"", "<onreboot>destroy</onreboot>", "on_reboot"},
    {"", "<on_crashed>destroy</on_crashed>", "on_crash"},
    {"", "<launchsecurity type='sev'/>", "launchSecurity"},
    {"features", "<api/>", "acpi"},
    {"features", "<apci/>", "acpi"},
    {"features", "<hyperV/>", "hyperv"},
    {"features", "<vmcoreInfo/>", "vmcoreinfo"},
    {"features", "<vmPort state='on'/>", "vmport"},
    {"features", "<pmus state='on'/>", "pmu"},
    {"features/hyperv", "<spinlocks state='on' retrys='1'/>", "retries"},
    {"os", "<kernal>/k</kernal>", "kernel"},
    {"os", "<initrds>/i</initrds>", "initrd"},
    {"os", "<cmd_line>x</cmd_line>", "cmdline"},
    {"os", "<bootMenu enable='yes'/>", "bootmenu"},
    {"os", "<lodaer>/l</lodaer>", "loader"},
    {"os", "<nvarm>/n</nvarm>", "nvram"},
    {"os", "<type arc='x86_64'>hvm</type>", "arch"},
    {"os", "<type machin='pc'>hvm</type>", "machine"},
    {"os", "<boot dev='hd' devs='x'/>", "dev"},
    {"os", "<smbios modes='host'/>", "mode"},
    {"cpu", "<modle>x</modle>", "model"},
    {"cpu", "<topolgy sockets='1'/>", "topology"},
    {"cpu", "<features name='x'/>", "feature"},
    {"cpu", "<feature policys='require' name='x'/>", "policy"},
    {"cpu/numa", "<cel id='0' cpus='0'/>", "cell"},
    {"clock offset='utc'", "<timers name='rtc'/>", "timer"},
    {"clock offset='utc'", "<timer name='rtc' tickPolicy='delay'/>", "tickpolicy"},
    {"pm", "<suspend-to-ram enabled='no'/>", "suspend-to-mem"},
    {"cputune", "<share>1</share>", "shares"},
    {"cputune", "<vcpu_pin vcpu='0' cpuset='0'/>", "vcpupin"},
    {"memtune", "<hardlimit>1</hardlimit>", "hard_limit"},
    {"memoryBacking", "<hugepage/>", "hugepages"},
    {"memoryBacking", "<lockd/>", "locked"},
    {"devices", "<dissk type='file'/>", "disk"},
    {"devices", "<interfaces type='user'/>", "interface"},
    {"devices", "<grapics type='vnc'/>", "graphics"},
    {"devices", "<graphic type='vnc'/>", "graphics"},
    {"devices", "<Console type='pty'/>", "console"},
    {"devices", "<chanel type='unix'/>", "channel"},
    {"devices", "<inputs type='mouse'/>", "input"},
    {"devices", "<vidoe/>", "video"},
    {"devices", "<whatchdog model='ib700'/>", "watchdog"},
    {"devices", "<memballon model='virtio'/>", "memballoon"},
    {"devices", "<hostDev mode='subsystem'/>", "hostdev"},
    {"devices", "<filesytem type='mount'/>", "filesystem"},
    {"devices", "<controler type='usb'/>", "controller"},
    {"devices", "<redirdevs bus='usb'/>", "redirdev"},
    {"devices", "<smartCard mode='host'/>", "smartcard"},
    {"devices", "<emulater>/e</emulater>", "emulator"},
    {"devices/disk", "<target dev='vda' buss='virtio'/>", "bus"},
    {"devices/disk", "<target dev='vda'/><read-only/>", "readonly"},
    {"devices/disk", "<target dev='vda'/><sharable/>", "shareable"},
    {"devices/disk", "<target dev='vda'/><serail>s</serail>", "serial"},
    {"devices/disk", "<target dev='vda'/><drivers name='qemu'/>", "driver"},
    {"devices/disk", "<target dev='vda'/><driver nme='qemu'/>", "name"},
    {"devices/disk", "<target dev='vda'/><driver caches='none'/>", "cache"},
    {"devices/disk", "<target dev='vda'/><driver discrad='unmap'/>", "discard"},
    {"devices/disk", "<target dev='vda'/><sorce file='/a'/>", "source"},
    {"devices/disk", "<target dev='vda'/><source fil='/a'/>", "file"},
    {"devices/disk", "<target dev='vda'/><backingstore/>", "backingStore"},
    {"devices/disk", "<target dev='vda'/><ioTune/>", "iotune"},
    {"devices/disk", "<target dev='vda'/><iotune><total_byte_sec>1</total_byte_sec></iotune>", "total_bytes_sec"},
    {"devices/interface type='user'", "<mtuu size='1'/>", "mtu"},
    {"devices/interface type='user'", "<mac adress='1'/>", "address"},
    {"devices/interface type='user'", "<sources network='n'/>", "source"},
    {"devices/interface type='user'", "<source netwrok='n'/>", "network"},
    {"devices/interface type='user'", "<models type='virtio'/>", "model"},
    {"devices/interface type='user'", "<model typ='virtio'/>", "type"},
    {"devices/interface type='user'", "<bandwith/>", "bandwidth"},
    {"devices/interface type='user'", "<virtualPort/>", "virtualport"},
    {"devices/interface type='user'", "<filterreff filter='f'/>", "filterref"},
    {"devices/interface type='user'", "<links state='up'/>", "link"},
    {"devices/graphics type='vnc'", "<listn type='address'/>", "listen"},
    {"devices/graphics type='vnc' paswd='x'", "", "passwd"},
    {"devices/graphics type='vnc' autoPort='yes'", "", "autoport"},
    {"devices/video", "<model type='vga' head='1'/>", "heads"},
    {"devices/serial type='pty'", "<targets port='0'/>", "target"},
    {"devices/serial type='pty'", "<target prot='0'/>", "port"},
    {"devices/rng model='virtio'", "<backends/>", "backend"},
    {"devices/memballoon model='virtio'", "<stat period='1'/>", "stats"},
    {"devices/hostdev mode='subsystem' type='pci'", "<source><adress slot='1'/></source>", "address"},
};
static_assert(std::size(kTypos) >= 100);

TEST(DomainTypos, are_told_with_line_and_suggestion) {
    for (const Typo& typo : kTypos) {
        std::string head = "<domain type='qemu'>\n<name>x</name>\n", tail = "</domain>";
        std::string_view path = typo.path;
        while (!path.empty()) {
            const std::size_t slash = path.find('/');
            const std::string_view step = path.substr(0, slash);
            head += "<" + std::string(step) + ">";
            tail = "</" + std::string(step.substr(0, step.find(' '))) + ">" + tail;
            path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        }
        const std::string text = head + typo.text + tail;
        SCOPED_TRACE(text);
        const auto parsed = parse_domain(text);
        if (!parsed) {
            ADD_FAILURE() << parsed.error().message;
            continue;
        }
        const auto& list = parsed->messages.list;
        if (list.size() != 1) {
            ADD_FAILURE() << list.size() << " messages";
            for (const auto& m : list) ADD_FAILURE() << m.text;
            continue;
        }
        EXPECT_EQ(list[0].line, 3);
        EXPECT_EQ(list[0].suggestion, typo.meant) << list[0].text;
    }
}

TEST(DomainTypos, of_switches_are_refused) {
    for (const char* text : {"<hyperv><relaxd state='on'/></hyperv>", "<kvm><hiden state='on'/></kvm>", "<xen><passtrough state='on'/></xen>"}) {
        const auto parsed = parse_domain("<domain type='qemu'><name>x</name><features>" + std::string(text) + "</features></domain>");
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::config_unsupported);
        EXPECT_NE(parsed.error().message.find("did you mean"), std::string::npos) << parsed.error().message;
    }
}

TEST(DomainTypos, a_path_that_is_relative_is_doubtful) {
    const std::string text = "<domain type='qemu'><name>x</name><devices><disk><source file='a.img'/><target dev='vda'/></disk></devices></domain>";
    const auto parsed = parse_domain(text);
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->messages.list.size(), 1U);
    EXPECT_EQ(parsed->messages.list[0].kind, xml::Message::Kind::doubtful);
    EXPECT_FALSE(parse_domain(text, {.inactive = true, .limits = {}, .validate = true}));
}

} // namespace
} // namespace polyvirt::sdk::domain
