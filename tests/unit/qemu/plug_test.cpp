// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What is plugged into a running emulator is what a command line would have said.
#include "devices/plug.h"

#include <gtest/gtest.h>

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;

dom::Device device(std::string_view text) {
    auto parsed = dom::parse_device(text, false);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return *std::move(parsed);
}

Result<Plug> plug(std::string_view text) {
    dom::Domain domain;
    domain.os.type.arch = "x86_64";
    domain.os.type.machine = "pc-i440fx-7.2";
    CommandContext context;
    context.hotplug = true;
    return plug_of(domain, context, device(text));
}

std::string commands(const Plug& plug) {
    std::string text;
    for (const PlugStep& step : plug.steps) text += step.command + " ";
    return text;
}

TEST(Plug, opens_the_images_of_a_disk_before_the_device_comes) {
    const auto p = plug("<disk type='file'><driver type='qcow2'/><source file='/a' index='7'/><target dev='vdb' bus='virtio'/>"
                        "<alias name='virtio-disk1'/><address type='pci' domain='0' bus='0' slot='5' function='0'/></disk>");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(commands(*p), "blockdev-add blockdev-add device_add ");
    EXPECT_EQ(p->steps[0].undo_arguments, (Json{{"node-name", "libvirt-7-storage"}}));
    EXPECT_EQ(p->steps[2].arguments["drive"], "libvirt-7-format");
    EXPECT_EQ(p->steps[2].arguments["addr"], "0x5");
    EXPECT_EQ(p->steps[2].undo_arguments, (Json{{"id", "virtio-disk1"}}));
    EXPECT_TRUE(p->has_device());
}

TEST(Plug, names_the_descriptor_of_a_tap) {
    const auto p = plug("<interface type='bridge'><source bridge='b'/><model type='virtio'/><alias name='net1'/></interface>");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(commands(*p), "netdev_add device_add ");
    EXPECT_EQ(p->steps[0].arguments["fd"], "fd-net1");
    EXPECT_EQ(p->steps[0].descriptors, std::vector<std::string>{"fd-net1"});
}

TEST(Plug, names_a_descriptor_for_each_queue_of_a_macvtap) {
    const auto p = plug("<interface type='direct'><source dev='eth9' mode='bridge'/><model type='virtio'/><driver queues='2'/>"
                        "<alias name='net1'/></interface>");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(p->steps[0].arguments["fds"], "fd-net1-0:fd-net1-1");
    EXPECT_FALSE(p->steps[0].arguments.contains("fd"));
    EXPECT_EQ(p->steps[0].descriptors, (std::vector<std::string>{"fd-net1-0", "fd-net1-1"}));
    EXPECT_EQ(p->steps[1].arguments["mq"], true);
}

TEST(Plug, names_the_connection_to_the_server_of_a_file_system) {
    const auto p = plug("<filesystem type='mount'><driver type='virtiofs'/><source dir='/s'/><target dir='t'/><alias name='fs1'/></filesystem>");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(commands(*p), "chardev-add device_add ");
    EXPECT_EQ(p->steps[0].descriptors, (std::vector<std::string>{"socket-fs1"}));
    EXPECT_EQ(p->steps[0].undo_arguments, (Json{{"id", "chr-vu-fs1"}}));
    EXPECT_EQ(p->steps[1].arguments["chardev"], "chr-vu-fs1");
}

TEST(Plug, names_the_descriptor_of_a_vsock) {
    const auto p = plug("<vsock model='virtio'><cid auto='yes' address='7'/><alias name='vsock0'/></vsock>");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(commands(*p), "device_add ");
    EXPECT_EQ(p->steps[0].arguments["guest-cid"], 7);
    EXPECT_EQ(p->steps[0].arguments["vhostfd"], "vsockfd-vsock0");
    EXPECT_EQ(p->steps[0].descriptors, (std::vector<std::string>{"vsockfd-vsock0"}));
}

TEST(Plug, ends_with_the_device_where_an_action_is_set_beside_it) {
    const auto p = plug("<watchdog model='i6300esb' action='reset'><alias name='watchdog0'/></watchdog>");
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_EQ(commands(*p), "watchdog-set-action device_add ");
}

TEST(Plug, refuses_what_the_emulator_takes_at_its_start_alone) {
    for (const char* text : {"<filesystem><driver type='path'/><source dir='/s'/><target dir='t'/></filesystem>", "<video><model type='vga'/></video>"}) {
        const auto p = plug(text);
        ASSERT_FALSE(p) << text;
        // By the rules of the command line, or because there is no command for it.
        EXPECT_TRUE(p.error().code == ErrorCode::operation_unsupported || p.error().code == ErrorCode::config_unsupported) << text;
    }
}

struct Line {
    const char* option;
    Json arguments;
};

TEST(Plug, says_a_character_device_as_the_monitor_takes_it) {
    const Line rows[] = {
        {"pty,id=a", {{"id", "a"}, {"backend", {{"type", "pty"}, {"data", Json::object()}}}}},
        {"file,id=a,path=/x,,y,append=on", {{"id", "a"}, {"backend", {{"type", "file"}, {"data", {{"out", "/x,y"}, {"append", true}}}}}}},
        {"socket,id=a,path=/s,server=on,wait=off",
         {{"id", "a"},
          {"backend",
           {{"type", "socket"}, {"data", {{"addr", {{"type", "unix"}, {"data", {{"path", "/s"}}}}}, {"server", true}, {"wait", false}}}}}}},
        {"socket,id=a,host=h,port=1,reconnect=5",
         {{"id", "a"},
          {"backend",
           {{"type", "socket"},
            {"data", {{"addr", {{"type", "inet"}, {"data", {{"host", "h"}, {"port", "1"}}}}}, {"server", false}, {"reconnect", 5}}}}}}},
    };
    for (const Line& row : rows) {
        const auto arguments = chardev_arguments(row.option);
        ASSERT_TRUE(arguments) << row.option;
        EXPECT_EQ(*arguments, row.arguments) << row.option;
    }
    EXPECT_FALSE(chardev_arguments("ringbuf,id=a"));
}

} // namespace
} // namespace polyvirt::qemu
