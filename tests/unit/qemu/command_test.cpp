// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "command/command.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "monitor/monitor.h"
#include "sdk/domain/passes.h"

namespace polyvirt::qemu {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::string document(const std::string& devices, const std::string& more = "", const std::string& machine = "pc-i440fx-7.2") {
    return "<domain type='qemu'><name>small</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"
           "<memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='" +
           machine + "'>hvm</type>" + (more.empty() ? "" : more) + "</os><features><acpi/></features><devices>" + devices +
           "</devices></domain>";
}

Result<CommandLine> build(const std::string& text) {
    auto parsed = sdk::domain::parse_domain(text);
    if (!parsed) return parsed.error();
    sdk::domain::HostContext host;
    host.default_machine = "pc-i440fx-7.2";
    host.emulator = [](std::string_view) { return std::string("/bin/emulator"); };
    host.canonical_machine = [](std::string_view, std::string_view machine) { return std::string(machine); };
    if (const Status done = complete(parsed->domain, host); !done) return done.error();
    assign_aliases(parsed->domain);
    CommandContext context;
    context.monitor_fd = 3;
    context.folder = "/run/guest";
    return build_command(parsed->domain, context);
}

// The value after each occurrence of an option.
std::vector<std::string> values(const Result<CommandLine>& line, const std::string& option) {
    std::vector<std::string> list;
    if (!line) return list;
    for (std::size_t i = 0; i + 1 < line->args.size(); i++) {
        if (line->args[i] == option) list.push_back(line->args[i + 1]);
    }
    return list;
}

Json device(const Result<CommandLine>& line, const std::string& id) {
    for (const std::string& text : values(line, "-device")) {
        const Json j = Json::parse(text);
        if (j.value("id", "") == id) return j;
    }
    return {};
}

TEST(Command, smallest_guest) {
    const auto line = build(document("", "<kernel>/boot/k</kernel><initrd>/boot/i</initrd><cmdline>a=1,b 'c'</cmdline>"));
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->args.front(), "/bin/emulator");
    EXPECT_THAT(values(line, "-name"), ElementsAre("guest=small,debug-threads=on"));
    EXPECT_THAT(values(line, "-m"), ElementsAre("64"));
    EXPECT_THAT(values(line, "-smp"), ElementsAre("2,sockets=2,cores=1,threads=1"));
    EXPECT_THAT(values(line, "-accel"), ElementsAre("tcg"));
    EXPECT_THAT(values(line, "-append"), ElementsAre("a=1,b 'c'"));
    EXPECT_THAT(values(line, "-chardev"), ElementsAre("socket,id=charmonitor,fd=3,server=on,wait=off"));
    EXPECT_THAT(line->args, Contains("-S"));
    EXPECT_THAT(line->args, Contains("-no-shutdown"));
    EXPECT_THAT(values(line, "-sandbox"), ElementsAre(HasSubstr("spawn=deny")));
}

TEST(Command, disks_get_a_storage_and_a_format_node_each) {
    const auto line = build(document("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/d/a,b.img'/>"
                                     "<target dev='vda' bus='virtio'/></disk>"
                                     "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>"));
    ASSERT_TRUE(line) << line.error().message;
    const auto nodes = values(line, "-blockdev");
    ASSERT_EQ(nodes.size(), 2U); // the empty drive has none
    EXPECT_EQ(Json::parse(nodes[0])["filename"], "/d/a,b.img");
    EXPECT_EQ(Json::parse(nodes[1])["driver"], "qcow2");
    EXPECT_EQ(Json::parse(nodes[1])["file"], Json::parse(nodes[0])["node-name"]);
    EXPECT_EQ(device(line, "virtio-disk0")["drive"], Json::parse(nodes[1])["node-name"]);
    EXPECT_EQ(device(line, "virtio-disk0")["bootindex"], 1);
    EXPECT_EQ(device(line, "ide0-0-0")["driver"], "ide-cd");
    EXPECT_FALSE(device(line, "ide0-0-0").contains("drive"));
}

TEST(Command, pci_devices_stand_where_their_address_says) {
    const auto line = build(document("<interface type='user'><mac address='52:54:00:01:02:03'/><model type='virtio'/>"
                                     "<address type='pci' bus='0' slot='9' function='1'/></interface>"));
    ASSERT_TRUE(line) << line.error().message;
    const Json nic = device(line, "net0");
    EXPECT_EQ(nic["bus"], "pci.0");
    EXPECT_EQ(nic["addr"], "0x9.0x1");
    EXPECT_EQ(nic["mac"], "52:54:00:01:02:03");
    EXPECT_EQ(nic["netdev"], "hostnet0");
}

TEST(Command, express_machines_get_their_root_ports) {
    const auto line = build(document("<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>", "", "pc-q35-7.2"));
    ASSERT_TRUE(line) << line.error().message;
    const Json port = device(line, "pci.1");
    EXPECT_EQ(port["driver"], "pcie-root-port");
    EXPECT_EQ(port["bus"], "pcie.0");
    const Json rng = device(line, "rng0");
    EXPECT_EQ(rng["rng"], "objrng0");
    EXPECT_TRUE(rng["bus"].get<std::string>().starts_with("pci."));
}

TEST(Command, serial_console_and_channel) {
    const auto line = build(document("<serial type='pty'/><console type='pty'/>"
                                     "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"));
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_THAT(values(line, "-chardev"),
                ElementsAre(HasSubstr("charmonitor"), "pty,id=charserial0",
                            "socket,id=charchannel0,path=/run/guest/org.qemu.guest_agent.0,server=on,wait=off"));
    EXPECT_EQ(device(line, "serial0")["driver"], "isa-serial");
    EXPECT_EQ(device(line, "channel0")["nr"], 1);
}

TEST(Command, vnc_looks_for_a_port_itself) {
    const auto line = build(document("<graphics type='vnc' port='-1' autoport='yes'/><video><model type='vga'/></video>"));
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_THAT(values(line, "-vnc"), ElementsAre("127.0.0.1:0,to=999,audiodev=audio1"));
    EXPECT_EQ(device(line, "video0")["driver"], "VGA");
    EXPECT_EQ(std::count(line->args.begin(), line->args.end(), "-display"), 0);
}

TEST(Command, refuses_what_it_cannot_give) {
    for (const char* devices : {"<lease><lockspace>l</lockspace><key>k</key><target path='/p'/></lease>",
                                "<crypto model='virtio' type='qemu'><backend model='lkcf'/></crypto>",
                                "<interface type='user'><script path='/s'/></interface>",
                                "<interface type='user'><filterref filter='f'/></interface>",
                                "<interface type='user'><bandwidth><inbound average='1'/></bandwidth></interface>",
                                "<disk type='file'><source file='/x'/><target dev='vda'/><transient/></disk>",
                                "<interface type='bridge'><source bridge='br0'/></interface>",
                                "<graphics type='spice' tlsPort='5999' port='5998' autoport='no' listen='127.0.0.1'/>",
                                "<disk type='block' device='lun'><source dev='/x'><reservations managed='yes'/></source>"
                                "<target dev='sda' bus='scsi'/></disk>",
                                "<disk type='file' device='disk'><source file='/x'><encryption format='luks'><secret "
                                "type='passphrase' uuid='0a81f5b2-8403-7b23-c8d6-21ccc2f80d6f'/></encryption></source>"
                                "<target dev='vda' bus='virtio'/></disk>",
                                "<hostdev mode='capabilities' type='misc'><source><char>/dev/null</char></source></hostdev>"}) {
        const auto line = build(document(devices));
        ASSERT_FALSE(line) << devices;
        EXPECT_EQ(line.error().code, ErrorCode::config_unsupported) << line.error().message;
        EXPECT_THAT(line.error().message, HasSubstr("supported")) << devices;
    }
}

TEST(Command, doubles_commas_in_names) {
    std::string text = document("");
    text.replace(text.find("<name>small"), 11, "<name>a,b");
    EXPECT_THAT(values(build(text), "-name"), ElementsAre("guest=a,,b,debug-threads=on"));
}

TEST(CommandLine, is_quoted_for_a_shell) {
    const CommandLine line{.args = {"/bin/x", "a b", "it's", ""}, .env = {"K=v"}};
    EXPECT_EQ(line.to_string(), "K=v /bin/x 'a b' 'it'\\''s' ''");
}

} // namespace
} // namespace polyvirt::qemu
