// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// passes/default_*.cpp: each default, as what a user leaves out and what stands there then.
#include "sdk/domain/passes.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/domain/domain.h"

namespace polyvirt::sdk::domain {
namespace {

using testing::HasSubstr;

HostContext host() {
    HostContext c;
    c.arch = "x86_64";
    c.default_machine = "pc";
    c.emulator = [](std::string_view) { return std::string("/bin/emulator"); };
    c.canonical_machine = [](std::string_view, std::string_view m) { return std::string(m == "pc" ? "pc-i440fx-7.2" : m); };
    c.default_cpu = [](std::string_view, std::string_view) { return std::string("qemu64"); };
    return c;
}

std::string squeezed(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\n') {
            while (i + 1 < text.size() && text[i + 1] == ' ') i++;
            continue;
        }
        out += text[i];
    }
    return out;
}

// `more` stands in <domain>, `devices` in <devices>.
Result<std::string> completed(std::string_view more, std::string_view devices) {
    PV_ASSIGN_OR_RETURN(Parsed p, parse_domain(fmt::format("<domain type='qemu'><name>x</name><memory unit='MiB'>128</memory>{}<os><type>hvm</type>"
                                                           "</os><devices>{}</devices></domain>",
                                                           more, devices)));
    PV_TRY(complete(p.domain, host()));
    return squeezed(format_domain(p.domain));
}

struct Default {
    const char* more;
    const char* devices;
    const char* becomes;
};

constexpr Default kDefaults[] = {
    // The machine.
    {"<iothreads>2</iothreads><iothreadids><iothread id='2'/></iothreadids>", "", "<iothread id='2'/><iothread id='1'/>"},
    {"<iothreadids><iothread id='7'/></iothreadids>", "", "<iothreads>1</iothreads>"},
    {"<cputune><vcpusched vcpus='0-1' scheduler='fifo' priority='1'/></cputune>", "", "<vcpusched vcpus='1' scheduler='fifo' priority='1'/>"},
    {"<cpu mode='maximum'><numa><cell cpus='0' memory='1' unit='MiB'/><cell cpus='1' memory='2' unit='MiB'/></numa></cpu>", "",
     "<memory unit='KiB'>3072</memory>"},
    {"<cpu mode='maximum'><numa><cell cpus='0' memory='1'><distances><sibling id='1' value='30'/></distances></cell><cell cpus='1' memory='1'/>"
     "</numa></cpu>",
     "", "<cell id='1' cpus='1' memory='1' unit='KiB'><distances><sibling id='0' value='30'/><sibling id='1' value='10'/></distances></cell>"},
    {"<cpu mode='host-passthrough'/>", "", "<cpu mode='host-passthrough' check='none' migratable='on'/>"},
    {"<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", "", "<topology sockets='1' dies='1' cores='1' threads='1'/>"},
    {"<cpu><model>Haswell</model><feature name='vmx'/></cpu>", "", "<feature policy='require' name='vmx'/>"},
    {"<features><pmu/><smm/><hyperv><relaxed state='on'/></hyperv></features>", "", "<pmu state='on'/><smm state='on'/><hyperv mode='custom'>"},
    {"<clock offset='variable'/>", "", "<clock offset='variable' adjustment='0' basis='utc'/>"},
    {"<genid>5d1a6b0e-1111-4222-8333-444455556666</genid>", "", "<genid>5d1a6b0e"},
    {"<vcpu>1</vcpu><numatune><memory mode='interleave' placement='auto' nodeset='0'/></numatune>", "", "<vcpu placement='auto'>1</vcpu>"},
    {"<vcpu placement='auto'>1</vcpu><numatune><memory mode='strict'/></numatune>", "", "<memory mode='strict' placement='auto'/>"},
    {"<memtune><hard_limit>9007199254740991</hard_limit><soft_limit>5</soft_limit></memtune>", "", "<memtune><soft_limit unit='KiB'>5</soft_limit></memtune>"},
    {"<seclabel type='dynamic' model='none' relabel='yes'/>", "", "<seclabel type='none' model='none'/>"},
    // Sources of disks.
    {"", "<disk><driver cache='default' error_policy='default'/><source file='/a'/><target dev='vda'/></disk>", "<driver name='qemu' type='raw'/>"},
    {"", "<disk type='network'><source protocol='nbd'><host name='h'/></source><target dev='vda'/></disk>", "<host name='h' port='10809'/>"},
    {"", "<disk type='network'><source protocol='rbd' name='p/i'><host name='h'/></source><target dev='vda'/></disk>", "<host name='h'/>"},
    {"", "<disk type='network'><source protocol='iscsi' name='iqn'><host name='h' transport='tcp'/></source><target dev='vda'/></disk>",
     "<source protocol='iscsi' name='iqn/0'><host name='h' port='3260'/>"},
    {"", "<disk><source file='/a'><encryption format='luks'/></source><target dev='vda'/></disk>", "<encryption format='luks' engine='qemu'/>"},
    // Devices of the host, and those that few have.
    {"", "<hostdev mode='subsystem' type='usb'><source><vendor id='1'/><product id='2'/></source></hostdev>",
     "<hostdev mode='subsystem' type='usb' managed='no'>"},
    {"", "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host2'/><address bus='0' target='0' unit='1'/></source></hostdev>",
     "<address type='drive' controller='0' bus='0' target='0' unit='0'/>"},
    {"", "<disk type='block' device='lun'><source dev='/x'/><target dev='sda' bus='scsi'/></disk>"
         "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host2'/><address bus='0' target='0' unit='1'/></source></hostdev>",
     "<address type='drive' controller='0' bus='0' target='0' unit='1'/>"},
    {"", "<filesystem><source dir='/d'/><target dir='t'/></filesystem>", "<filesystem type='mount' accessmode='passthrough'>"},
    {"", "<smartcard mode='host'/>", "<smartcard mode='host'><address type='ccid' controller='0' slot='0'/>"},
    {"", "<vsock model='virtio'/>", "<vsock model='virtio'><cid auto='yes'/>"},
    {"", "<vsock model='virtio'><cid address='5'/></vsock>", "<vsock model='virtio'><cid auto='no' address='5'/>"},
    {"", "<tpm><backend type='emulator'/></tpm>", "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>"},
    {"", "<redirdev type='spicevmc'/><graphics type='spice'/>", "<redirdev bus='usb' type='spicevmc'>"},
    {"", "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>",
     "model='vfio-pci' display='off'>"},
    {"", "<filesystem accessmode='mapped' fmode='644'><source dir='/d'/><target dir='t'/></filesystem>", "fmode='0644'"},
    {"", "<filesystem><driver type='virtiofs'/><source socket='/s'/><target dir='t'/></filesystem>", "<filesystem type='mount'>"},
    {"", "<filesystem multidevs='default'><driver type='default' wrpolicy='immediate'/><binary path='/b'/><source dir='/d'/><target dir='t'/></filesystem>",
     "<filesystem type='mount' accessmode='passthrough'><source dir='/d'/>"},
    {"", "<filesystem><driver type='virtiofs' queue='0'/><binary path='/b'><thread_pool size='-1'/></binary><source socket='/s' dir='/d'/><target dir='t'/></filesystem>",
     "<driver type='virtiofs'/><binary path='/b'/><source socket='/s'/>"},
    {"", "<redirfilter><usbdev version='9.4' allow='yes'/></redirfilter>", "version='9.40'"},
    {"", "<interface type='user'><model type='ViRtIo'/><driver queues='1'/></interface>", "<model type='virtio'/>"},
    {"", "<interface type='user'><model type='E1000'/><driver queues='4'/></interface>", "<model type='e1000'/><address"},
    {"", "<rng model='virtio'><backend model='random'/></rng>", "<backend model='random'>/dev/random</backend>"},
    // Displays and sound.
    {"", "<graphics type='vnc' autoport='no'/>", "<graphics type='vnc' autoport='no'>"},
    {"", "<graphics type='vnc' socket='/s'><listen type='address' address='1.2.3.4'/></graphics>", "<listen type='socket' socket='/s'/>"},
    {"", "<graphics type='vnc'/>", "<graphics type='vnc' port='-1' autoport='yes'><listen type='address'/></graphics>"},
    {"", "<graphics type='vnc' port='5901'/>", "<graphics type='vnc' port='5901' autoport='no'>"},
    {"", "<graphics type='vnc' socket='/s'/>", "<graphics type='vnc' socket='/s'><listen type='socket' socket='/s'/></graphics>"},
    {"", "<graphics type='spice'/>", "<graphics type='spice'><listen type='none'/></graphics>"},
    {"", "<graphics type='spice' autoport='yes'/>", "<audio id='1' type='spice'/>"},
    {"", "", "<audio id='1' type='none'/>"},
    {"", "<video><model type='qxl'/></video>", "<model type='qxl' ram='65536' vram='65536' vgamem='16384' heads='1' primary='yes'/>"},
    {"", "<video><model type='vga'/></video><video><model type='qxl' primary='yes'/></video>", "primary='yes'/><address type='pci' domain='0x0000' bus='0x00' slot='0x02'"},
    // Lines.
    {"", "<console type='tcp'><source mode='bind' service='1'/></console>", "<protocol type='raw'/><target type='isa-serial' port='0'>"},
    {"", "<serial type='pty'><address type='usb'/></serial>", "<target type='usb-serial' port='0'><model name='usb-serial'/></target>"},
    {"", "<serial type='pty'/><serial type='pty'><target port='0'/></serial>", "<serial type='pty'><target type='isa-serial' port='1'>"},
    {"", "<serial type='dev'><source path='/d'/></serial><serial type='pty'><target port='0'/></serial>",
     "<console type='dev'><source path='/d'/><target type='serial' port='1'/>"},
    {"", "<serial type='tcp'><source host='h' service='1'/></serial>", "<source mode='connect' host='h' service='1'/>"},
    {"", "<input type='tablet'/>", "<input type='tablet' bus='usb'>"},
    {"", "<input type='passthrough'><source evdev='/e'/></input>", "<input type='passthrough' bus='virtio'>"},
    {"", "<watchdog model='ib700'/>", "<watchdog model='ib700' action='reset'/>"},
};

TEST(DomainDefaults, each_of_them) {
    for (const Default& row : kDefaults) {
        const auto text = completed(row.more, row.devices);
        ASSERT_TRUE(text) << row.more << row.devices << ": " << text.error().message;
        EXPECT_THAT(*text, HasSubstr(row.becomes)) << row.more << row.devices;
    }
}

TEST(DomainDefaults, threads_that_nobody_numbered_are_not_shown_numbered) {
    const auto text = completed("<iothreads>2</iothreads>", "");
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(text->find("iothreadids"), std::string::npos);
    const auto parsed = parse_domain(*text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->domain.iothread_ids.size(), 2U) << "a driver needs the numbers, though the document has none";
}

TEST(DomainDefaults, refuse_numbers_that_contradict_each_other) {
    const struct {
        const char* more;
        const char* told;
    } rows[] = {
        {"<cpu mode='maximum'><numa><cell id='0' memory='1'/><cell id='0' memory='1'/></numa></cpu>", "Duplicate NUMA cell"},
        {"<cpu mode='maximum'><numa><cell id='1' memory='1'/></numa></cpu>", "not starting from 0"},
        {"<cpu mode='maximum'><numa><cell id='0'/></numa></cpu>", "@memory"},
        {"<cputune><vcpusched vcpus='0' scheduler='fifo' priority='1'/><vcpusched vcpus='0-1' scheduler='rr' priority='1'/></cputune>", "must not overlap"},
        {"<cputune><iothreadsched iothreads='3' scheduler='fifo' priority='1'/></cputune>", "'iothread' : 3"},
    };
    for (const auto& row : rows) {
        const auto text = completed(row.more, "");
        ASSERT_FALSE(text) << row.more;
        EXPECT_THAT(text.error().message, HasSubstr(row.told));
    }
}

} // namespace
} // namespace polyvirt::sdk::domain
