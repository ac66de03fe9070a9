// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "documents/settle.h"

#include <gtest/gtest.h>

#include "native/from_native.h"

namespace polyvirt::lxc {
namespace {

using namespace sdk::domain;

Domain parsed(const std::string& inside) {
    auto domain =
        parse_domain("<domain type='lxc'><name>c</name><memory unit='MiB'>64</memory><os><type>exe</type></os>" +
                     inside + "</domain>");
    EXPECT_TRUE(domain) << domain.error().message;
    return std::move(domain->domain);
}

TEST(LxcDocument, what_is_not_said_is_filled_in_once) {
    Domain d = parsed("<devices><console type='pty'/><console type='pty'/></devices>");
    ASSERT_TRUE(complete(d));
    EXPECT_EQ(d.os.init, "/sbin/init");
    EXPECT_EQ(d.devices.emulator, kEmulator);
    ASSERT_EQ(d.devices.consoles.size(), 2U);
    EXPECT_EQ(d.devices.consoles[1].target.type, "lxc");
    EXPECT_EQ(d.devices.consoles[1].target.port, 1U);
    EXPECT_TRUE(d.devices.serials.empty());
    const std::string before = format_domain(d);
    ASSERT_TRUE(complete(d));
    EXPECT_EQ(format_domain(d), before);
}

TEST(LxcDocument, another_hypervisors_is_refused) {
    Domain d = parsed("");
    d.type = "qemu";
    EXPECT_EQ(check_type(d).error().code, ErrorCode::config_unsupported);
    d.type = "lxc";
    d.os.type.type = "hvm";
    EXPECT_FALSE(check_type(d));
}

TEST(LxcNative, both_spellings_say_the_same) {
    const auto old = from_native("lxc.utsname = web\nlxc.rootfs = /srv/web\nlxc.network.type = veth\nlxc.network.link "
                                 "= br0\nlxc.network.ipv4 = 192.0.2.2/24\n");
    const auto now = from_native("lxc.uts.name = web\nlxc.rootfs.path = dir:/srv/web\nlxc.net.0.type = "
                                 "veth\nlxc.net.0.link = br0\nlxc.net.0.ipv4.address = 192.0.2.2/24\n");
    ASSERT_TRUE(old && now);
    for (const Domain* d : {&*old, &*now}) {
        EXPECT_EQ(d->name, "web");
        EXPECT_EQ(d->devices.filesystems.at(0).source.dir, "/srv/web");
        ASSERT_EQ(d->devices.interfaces.size(), 1U);
        EXPECT_EQ(d->devices.interfaces[0].type, InterfaceType::bridge);
        EXPECT_EQ(d->devices.interfaces[0].ips.at(0).prefix, 24U);
        EXPECT_FALSE(d->features.privnet);
    }
}

TEST(LxcNative, what_it_says_nothing_of_is_as_liblxc_has_it) {
    const auto d = from_native("# a comment\nlxc.rootfs.path = /dev/vg/web\nlxc.cap.drop = sys_time  "
                               "mknod\nlxc.mount.entry = tmpfs run tmpfs size=8m,mode=0755 0 0\n");
    ASSERT_TRUE(d);
    EXPECT_TRUE(d->features.privnet);
    EXPECT_EQ(d->devices.filesystems.at(0).type, "block");
    EXPECT_EQ(d->devices.filesystems.at(1).source.usage, 8192U);
    EXPECT_EQ(d->features.capabilities->list.size(), 2U);
}

TEST(LxcNative, what_is_no_configuration_is_refused) {
    EXPECT_FALSE(from_native("lxc.uts.name = web\n"));
    EXPECT_FALSE(from_native("not a line\n"));
    EXPECT_FALSE(from_native("lxc.rootfs.path = /r\nlxc.mount.entry = too short\n"));
}

} // namespace
} // namespace polyvirt::lxc
