// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// One rule a row: a document of ours, and what of the command line follows from it.
#include "command/command.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/domain/passes.h"

namespace polyvirt::qemu {
namespace {

using sdk::domain::Domain;
using testing::HasSubstr;
using testing::Not;

struct Guest {
    std::string devices, os, more; // inside of <devices>, <os>, <domain>
    const char* machine = "pc-i440fx-7.2";
};

HostResources machine_room() {
    HostResources r;
    r.nodes = {0, 1};
    r.huge_pages = {{"/huge", 2048}, {"/giant", 1048576}};
    r.render_nodes = {"/dev/dri/renderD128"};
    r.exists = [](const std::string& path) { return path == "/dev/tpm0"; };
    return r;
}

Result<Domain> prepared(const Guest& g) {
    PV_ASSIGN_OR_RETURN(auto parsed, sdk::domain::parse_domain(fmt::format(
        "<domain type='qemu'><name>small</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory unit='MiB'>64</memory>"
        "<vcpu>1</vcpu>{}<os><type arch='x86_64' machine='{}'>hvm</type>{}</os><devices><controller type='usb' model='none'/>"
        "<memballoon model='none'/>{}</devices></domain>",
        g.more, g.machine, g.os, g.devices)));
    sdk::domain::HostContext host;
    host.emulator = [](std::string_view) { return std::string("/bin/emulator"); };
    host.canonical_machine = [](std::string_view, std::string_view machine) { return std::string(machine); };
    host.nvram_folder = "/state/nvram";
    PV_TRY(complete(parsed.domain, host));
    return std::move(parsed.domain);
}

Result<CommandLine> line_of(const Guest& g, const HostResources& host, bool shown) {
    PV_ASSIGN_OR_RETURN(Domain d, prepared(g));
    if (shown) PV_TRY(sketch(d));
    assign_aliases(d);
    return build_command(d, {.folder = "/run/guest", .state = "/state/qemu", .host = &host, .sketch = shown});
}

// Options and values, a line each.
std::string text_of(const Guest& g, const HostResources& host, bool shown) {
    const auto line = line_of(g, host, shown);
    if (!line) return "refused: " + line.error().message;
    std::string out;
    for (const std::string& a : line->args) out += a + "\n";
    return out;
}

struct Row {
    const char* what;
    Guest guest;
    std::vector<std::string> has;
    std::vector<std::string> lacks = {};
};

void expect(const std::vector<Row>& rows, const HostResources& host = machine_room(), bool shown = false) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        const std::string text = text_of(row.guest, host, shown);
        for (const std::string& part : row.has) EXPECT_THAT(text, HasSubstr(part));
        for (const std::string& part : row.lacks) EXPECT_THAT(text, Not(HasSubstr(part)));
    }
}

constexpr const char* kCells = "<cpu><numa><cell id='0' cpus='0' memory='32' unit='MiB'/><cell id='1' memory='32' unit='MiB'/></numa></cpu>";

TEST(CommandRules, processor) {
    expect({
        {"features have the emulator's names, and an optional one is its choice",
         {"", "", "<cpu><model>Conroe</model><feature name='ds_cpl'/><feature name='pclmuldq' policy='force'/>"
                  "<feature name='sse4.1' policy='forbid'/><feature name='ht' policy='optional'/></cpu>"},
         {"-cpu\nConroe,ds-cpl=on,pclmulqdq=on,sse4.1=off\n"}},
        {"no cache", {"", "", "<cpu><model>Conroe</model><cache mode='disable'/></cpu>"}, {"Conroe,l3-cache=off\n"}},
        {"an emulated cache", {"", "", "<cpu><model>Conroe</model><cache level='3' mode='emulate'/></cpu>"}, {"Conroe,l3-cache=on\n"}},
        {"the host's cache", {"", "", "<cpu mode='maximum'><cache mode='passthrough'/></cpu>"}, {"max,host-cache-info=on,l3-cache=off\n"}},
        {"not the host's cache", {"", "", "<cpu mode='maximum'><cache level='3' mode='emulate'/></cpu>"}, {"max,host-cache-info=off,l3-cache=on\n"}},
    });
}

TEST(CommandRules, firmware) {
    expect({
        {"a ROM", {"", "<loader type='rom'>/fw/a.bin</loader>", ""}, {"-bios\n/fw/a.bin\n"}, {"pflash"}},
        {"flash with variables beside it",
         {"", "<loader type='pflash' readonly='yes'>/fw/a,b.fd</loader>", ""},
         {R"({"driver":"file","filename":"/fw/a,b.fd","node-name":"libvirt-pflash0-storage","auto-read-only":true,"discard":"unmap"})",
          R"({"node-name":"libvirt-pflash0-format","read-only":true,"driver":"raw","file":"libvirt-pflash0-storage"})",
          R"("filename":"/state/nvram/small_VARS.fd")", R"({"node-name":"libvirt-pflash1-format","read-only":false)",
          ",pflash0=libvirt-pflash0-format,pflash1=libvirt-pflash1-format\n"},
         {"-bios", "secure"}},
        {"flash that the guest writes to", {"", "<loader type='pflash' readonly='no'>/fw/a.fd</loader>", ""},
         {R"("read-only":false)", ",pflash0=libvirt-pflash0-format\n"}, {"pflash1"}},
        {"variables elsewhere",
         {"", "<loader type='pflash' readonly='yes'>/fw/a.fd</loader><nvram type='network'><source protocol='nbd' name='e'>"
              "<host name='h' port='7'/></source></nvram>", ""},
         {R"({"driver":"nbd","server":{"type":"inet","host":"h","port":"7"},"export":"e","node-name":"libvirt-pflash1-storage")"}},
        {"written in system management mode alone",
         {"", "<loader type='pflash' readonly='yes' secure='yes'>/fw/a.fd</loader>", "<features><smm state='on'/></features>", "pc-q35-7.2"},
         {"-global\ndriver=cfi.pflash01,property=secure,value=on\n", ",smm=on"}},
    });
}

TEST(CommandRules, memory_and_where_it_is) {
    const char* memfd = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>";
    const auto pages = [](const char* inner) { return fmt::format("<memoryBacking><hugepages>{}</hugepages></memoryBacking>", inner); };
    expect({
        {"RAM of the board", {}, {R"({"qom-type":"memory-backend-ram","id":"pc.ram","size":67108864})"}, {"canonical"}},
        {"the board's in a file descriptor", {"", "", memfd},
         {R"({"qom-type":"memory-backend-memfd","id":"pc.ram","share":true,"x-use-canonical-path-for-ramblock-id":false,"size":67108864})"}},
        {"a cell's in a file descriptor", {"", "", std::string(kCells) + memfd},
         {R"("qom-type":"memory-backend-memfd","id":"ram-node1")"}, {"canonical"}},
        {"pages of the host's first size", {"", "", pages("")}, {R"("mem-path":"/huge")", R"("prealloc":true)"}},
        {"pages of a size", {"", "", pages("<page size='1' unit='GiB'/>")}, {R"("mem-path":"/giant")"}},
        {"pages of a size that no mount has", {"", "", pages("<page size='4' unit='MiB'/>")}, {"refused: ", "4096 KiB"}},
        {"ordinary pages by their size", {"", "", pages("<page size='4' unit='KiB'/>")}, {"memory-backend-ram"}, {"mem-path"}},
        {"pages for one cell alone", {"", "", kCells + pages("<page size='2' unit='MiB' nodeset='1'/>")},
         {R"({"qom-type":"memory-backend-ram","id":"ram-node0")", R"("id":"ram-node1","mem-path":"/huge")"}},
        {"nodes of this host", {"", "", "<numatune><memory mode='strict' nodeset='0-1'/></numatune>"}, {"-S\n"}},
        {"nodes that it has not", {"", "", "<numatune><memory mode='strict' nodeset='0-2'/></numatune>"}, {"refused: ", "NUMA node 2"}},
        {"advice that nobody gives", {"", "", "<numatune><memory mode='strict' placement='auto'/></numatune>"}, {"refused: ", "numad"}},
        {"threads of the main loop", {"", "", "<defaultiothread thread_pool_min='2' thread_pool_max='9'/>"},
         {R"({"qom-type":"main-loop","id":"main-loop","thread-pool-min":2,"thread-pool-max":9})"}},
    });
    HostResources bare = machine_room();
    bare.huge_pages.clear();
    expect({{"no huge pages on this host", {"", "", pages("")}, {"refused: ", "hugetlbfs filesystem is not mounted"}}}, bare);
}

TEST(CommandRules, processors_to_be_plugged_in_start_out_absent) {
    const char* vcpus = "<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='yes' hotpluggable='yes'/>"
                        "<vcpu id='2' enabled='no' hotpluggable='yes'/></vcpus>";
    const std::string text = fmt::format("<domain type='qemu'><name>v</name><memory>65536</memory><vcpu current='2'>3</vcpu>{}<os><type "
                                         "arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os></domain>", vcpus);
    auto parsed = sdk::domain::parse_domain(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    const auto line = build_command(parsed->domain, {.folder = "/f"});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_THAT(line->to_string(), HasSubstr("-smp 1,maxcpus=3"));
}

TEST(CommandRules, devices) {
    expect({
        {"a bus of the board keeps its name", {"<controller type='pci' index='0' model='pcie-root'><alias name='ua-mine'/></controller>"
                                              "<controller type='pci' index='1' model='pcie-root-port'><alias name='ua-port'/></controller>"
                                              "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>", "", "", "pc-q35-7.2"},
         {R"("id":"ua-port","bus":"pcie.0")", R"("id":"rng0","bus":"ua-port")"}},
        {"readers may hang on hubs", {"<controller type='usb' index='1' model='piix3-uhci'/><hub type='usb'/><controller type='ccid' index='0'/>", "", ""},
         {"\"driver\":\"usb-hub\""}},
        {"plain shared memory", {"<shmem name='s' role='master'><model type='ivshmem-plain'/><size unit='M'>8</size></shmem>", "", ""},
         {R"({"qom-type":"memory-backend-file","id":"shmmem-shmem0","mem-path":"/dev/shm/s","size":8388608,"share":true})",
          R"({"driver":"ivshmem-plain","id":"shmem0","memdev":"shmmem-shmem0","master":"on","bus":"pci.0","addr":"0x2"})"}},
        {"shared memory of a server", {"<shmem name='s'><model type='ivshmem-doorbell'/><server path='/s.sock'/><msi vectors='4' ioeventfd='off'/></shmem>", "", ""},
         {"socket,id=charshmem0,path=/s.sock\n", R"("chardev":"charshmem0","vectors":4,"ioeventfd":false)"}},
        {"a server's own place", {"<shmem name='s'><model type='ivshmem-doorbell'/></shmem>", "", ""}, {"path=/state/shmem-s-sock"}},
        {"the board's speaker", {"<sound model='pcspk'/><audio id='3' type='none'/>", "", ""}, {",pcspk-audiodev=audio3"}, {"soundhw"}},
        {"a generation", {"", "", "<genid>01020304-0506-4708-890a-0b0c0d0e0f10</genid>"},
         {R"({"driver":"vmgenid","guid":"01020304-0506-4708-890a-0b0c0d0e0f10","id":"vmgenid0"})"}},
        {"a panic that the CPU tells", {"<panic model='hyperv'/>", "", ""}, {"hv-crash"}, {"pvpanic"}},
        {"no window, but a GPU", {"<graphics type='vnc'/><graphics type='egl-headless'/>", "", ""},
         {"-display\negl-headless,rendernode=/dev/dri/renderD128\n"}},
        {"a display on a bus", {"<graphics type='dbus' address='unix:path=/b'/>", "", ""}, {"-display\ndbus,addr=unix:path=/b"}},
        {"credentials of a line", {"<serial type='tcp'><source mode='connect' host='h' service='1' tls='yes'/></serial>", "", ""},
         {R"({"qom-type":"tls-creds-x509","id":"objcharserial0_tls0")", R"("endpoint":"client","verify-peer":true)", ",tls-creds=objcharserial0_tls0\n"}},
        {"credentials of a disk", {"<disk type='network'><source protocol='nbd' name='x' tls='yes' tlsHostname='n'><host name='h' port='1'/></source>"
                                   "<target dev='vda' bus='virtio'/></disk>", "", ""},
         {R"("id":"libvirt-1-storage_tls0")", R"("tls-creds":"libvirt-1-storage_tls0","tls-hostname":"n")"}},
        {"a folder as a disk", {"<disk type='dir'><driver type='fat'/><source dir='/d'/><target dev='vda' bus='virtio'/><readonly/></disk>", "", ""},
         {R"({"driver":"vvfat","dir":"/d")", R"("driver":"raw","file")"}},
        {"a crypto device", {"<crypto model='virtio' type='qemu'><backend model='builtin' queues='2'/></crypto>", "", ""},
         {R"({"qom-type":"cryptodev-backend-builtin","id":"objcrypto0","queues":2})", R"({"driver":"virtio-crypto-pci","cryptodev":"objcrypto0","id":"crypto0")"}},
        {"a TPM of somebody else's", {"<tpm model='tpm-tis'><backend type='external'><source type='unix' mode='connect' path='/t'/></backend></tpm>", "", ""},
         {"socket,id=chrtpm,path=/t\n", "emulator,id=tpm-tpm0,chardev=chrtpm\n"}},
        {"a display of another process", {"<video><driver name='vhostuser'/><model type='virtio'/></video>", "", ""}, {"refused: "}},
    });
    HostResources bare = machine_room();
    bare.render_nodes.clear();
    expect({{"no GPU", {"<graphics type='vnc'/><graphics type='egl-headless'/>", "", ""}, {"refused: ", "/dev/dri"}}}, bare);
}

// What the settings and the daemon add to what the document says.
std::string with_tls(std::string_view graphics) {
    const HostResources host = machine_room();
    auto d = prepared({std::string(graphics), "", ""});
    if (!d) return "refused: " + d.error().message;
    assign_aliases(*d);
    CommandContext context{.folder = "/run/guest", .host = &host};
    context.protections.vnc = {.tls = true, .verify = true, .sasl = true, .certificates = "/c", .sasl_folder = "/sasl"};
    context.protections.spice.tls = true;
    context.protections.spice.certificates = "/c";
    context.tpm_fd = 7;
    context.tpm_cancel_fd = 8;
    const auto line = build_command(*d, context);
    return line ? line->to_string() : "refused: " + line.error().message;
}

TEST(CommandRules, displays_have_the_protection_of_the_settings) {
    const std::string vnc = with_tls("<graphics type='vnc' listen='127.0.0.1'/>");
    EXPECT_THAT(vnc, HasSubstr(R"("id":"vnc-tls-creds0","dir":"/c","endpoint":"server","verify-peer":true})"));
    EXPECT_THAT(vnc, HasSubstr(",tls-creds=vnc-tls-creds0,sasl=on"));
    EXPECT_THAT(vnc, HasSubstr("SASL_CONF_PATH=/sasl "));
    const std::string spice = with_tls("<graphics type='spice' tlsPort='5999' autoport='no' defaultMode='secure' listen='127.0.0.1'/>");
    EXPECT_THAT(spice, HasSubstr("port=0,tls-port=5999,addr=127.0.0.1,disable-ticketing=on,x509-dir=/c,tls-channel=default"));
    EXPECT_THAT(with_tls("<graphics type='spice' tlsPort='5999' autoport='no' defaultMode='insecure' listen='127.0.0.1'/>"),
                HasSubstr("spice defaultMode insecure requested"));
    EXPECT_THAT(with_tls("<graphics type='spice' port='5999' autoport='no' listen='127.0.0.1'><channel name='main' mode='secure'/></graphics>"),
                HasSubstr("spice secure channels set"));
}

TEST(CommandRules, a_tpm_that_is_passed_through_comes_as_descriptors) {
    const std::string line = with_tls("<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm7'/></backend></tpm>");
    EXPECT_THAT(line, HasSubstr("-add-fd set=1,fd=7,opaque=/dev/tpm7 -add-fd set=2,fd=8 "));
    EXPECT_THAT(line, HasSubstr("passthrough,id=tpm-tpm0,path=/dev/fdset/1,cancel-path=/dev/fdset/2"));
}

TEST(CommandRules, file_systems) {
    const char* shared = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>";
    const auto served = [](const char* queue, const char* source) {
        return fmt::format("<filesystem><driver type='virtiofs'{}/><source {}/><target dir='t'/></filesystem>", queue, source);
    };
    const std::string started = served(" queue='1024'", "dir='/s'"), elsewhere = served("", "socket='/a,b.sock'"), none = served(" queue='0'", "dir='/s'");
    expect({
        {"of the emulator", {"<filesystem accessmode='squash'><source dir='/a,b'/><target dir='t'/><readonly/></filesystem>", "", ""},
         {"-fsdev\nlocal,security_model=none,id=fsdev-fs0,path=/a,,b,readonly=on\n", R"({"driver":"virtio-9p-pci","id":"fs0","fsdev":"fsdev-fs0","mount_tag":"t")"}},
        {"of a server that is shown", {started.c_str(), "", shared},
         {"-chardev\nsocket,id=chr-vu-fs0,path=/run/guest/fs0-fs.sock\n",
          R"({"driver":"vhost-user-fs-pci","id":"fs0","chardev":"chr-vu-fs0","queue-size":1024,"tag":"t","bus":"pci.0","addr":"0x2"})"}},
        {"of a server that listens already", {elsewhere.c_str(), "", shared}, {"socket,id=chr-vu-fs0,path=/a,,b.sock\n"}, {"queue-size"}},
        {"a queue of no size is the emulator's", {none.c_str(), "", shared}, {"vhost-user-fs-pci"}, {"queue-size"}},
    });
}

TEST(CommandRules, the_emulator_gets_a_connection_to_a_server_that_a_start_has_started) {
    const auto d = prepared({"<filesystem><driver type='virtiofs'/><source dir='/s'/><target dir='t'/></filesystem>", "",
                             "<memoryBacking><access mode='shared'/></memoryBacking>"});
    ASSERT_TRUE(d) << d.error().message;
    Domain domain = *d;
    assign_aliases(domain);
    const HostResources host = machine_room();
    const auto line = build_command(domain, {.folder = "/run/guest", .state = "/state/qemu", .host = &host, .servers = {{"fs0", 7}}});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_THAT(line->args, testing::Contains("socket,id=chr-vu-fs0,fd=7"));
}

TEST(CommandRules, what_is_shown_has_stand_ins_for_what_a_start_opens) {
    expect({
        {"cards get places anew and lose what is not theirs",
         {"<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/><boot order='1'/><driver queues='4'/>"
          "<alias name='ua-x'/><address type='pci' slot='9'/></interface>", "", ""},
         {R"({"type":"tap","fd":"0","id":"hostnet0"})",
          R"({"driver":"virtio-net-pci","netdev":"hostnet0","id":"net0","mac":"52:54:00:00:00:01","bus":"pci.0","addr":"0x2"})"}},
        {"booting from the network", {"<interface type='user'/>", "<boot dev='network'/>", ""}, {R"("bootindex":1)"}},
        {"a device that is kept but not plugged in",
         {"<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source><address domain='0' bus='6' slot='2' function='0'/>"
          "</source><address type='unassigned'/></hostdev>", "", ""}, {"-S\n"}, {"vfio"}},
        {"a USB device, and what the guest may reset of it",
         {"<controller type='usb' index='1' model='qemu-xhci'/><hostdev mode='subsystem' type='usb'><source guestReset='uninitialized'><address bus='14' device='6'/></source></hostdev>", "", ""},
         {R"("hostdevice":"/dev/bus/usb/014/006")", R"("guest-reset":true,"guest-resets-all":false)"}},
        {"a USB device that is nowhere",
         {"<controller type='usb' index='1' model='qemu-xhci'/><hostdev mode='subsystem' type='usb'><source><vendor id='1'/><product id='2'/></source></hostdev>", "", ""},
         {"refused: ", "USB host device is missing bus/device information"}},
        {"a PCI device with a ROM",
         {"<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source><address domain='0' bus='6' slot='2' function='1'/>"
          "</source><boot order='1'/><rom bar='on' file='/rom'/></hostdev>", "", ""},
         {R"("driver":"vfio-pci","host":"0000:06:02.1","id":"hostdev0","bootindex":1)", R"("rombar":1,"romfile":"/rom")"}},
        {"a SCSI device",
         {"<controller type='scsi' model='virtio-scsi'/><hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host2'/>"
          "<address bus='0' target='0' unit='1'/></source><readonly/><shareable/></hostdev>", "", ""},
         {R"({"driver":"host_device","filename":"","node-name":"libvirt-hostdev0-backend","read-only":true})",
          R"({"driver":"scsi-generic","drive":"libvirt-hostdev0-backend","id":"hostdev0","bus":"scsi0.0","channel":0,"scsi-id":0,"lun":0,"share-rw":true})"}},
        {"a SCSI device by iSCSI",
         {"<controller type='scsi' model='virtio-scsi'/><hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.x:y/1'>"
          "<host name='h' port='3260'/><initiator><iqn name='iqn.me'/></initiator></source></hostdev>", "", ""},
         {R"({"driver":"iscsi","portal":"h:3260","target":"iqn.x:y","lun":1,"transport":"tcp","initiator-name":"iqn.me","node-name")"}},
        {"SCSI without the kernel's checks",
         {"<hostdev mode='subsystem' type='scsi' rawio='yes'><source><adapter name='scsi_host2'/><address bus='0' target='0' unit='1'/></source></hostdev>",
          "", ""}, {"refused: ", "rawio"}},
        {"targets of the kernel's that are not there",
         {"<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5123456789abcde0'/></hostdev>", "", ""},
         {"refused: ", "vhost-scsi device file '/dev/vhost-scsi' cannot be found"}},
        {"a TPM of this host", {"<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>", "", ""},
         {"passthrough,id=tpm-tpm0,path=/dev/tpm0"}},
        {"a TPM that is not there", {"<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm7'/></backend></tpm>", "", ""},
         {"refused: ", "/dev/tpm7"}},
    }, machine_room(), true);
}

} // namespace
} // namespace polyvirt::qemu
