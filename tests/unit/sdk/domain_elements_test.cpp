// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Each element with every attribute it has, as it is printed: read and printed again it is the same, and nothing in
// it is unknown. Then the bounds: what each value may not be.
#include "sdk/domain/domain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::sdk::domain {
namespace {

using testing::HasSubstr;

// Without the white space between elements.
std::string squeezed_text(std::string_view text) {
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

// `path` names where the element stands below <domain>: "", "os", "devices", "devices/disk type='file'" ...
std::string document_with(std::string_view path, std::string_view element) {
    std::string head = "<domain type='qemu'><name>x</name>", tail = "</domain>";
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view step = path.substr(0, slash);
        head += "<" + std::string(step) + ">";
        tail = "</" + std::string(step.substr(0, step.find(' '))) + ">" + tail;
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    return head + std::string(element) + tail;
}

struct Element {
    const char* path;
    const char* text;
};

void expect_kept(const Element& e) {
    SCOPED_TRACE(e.text);
    auto parsed = parse_domain(document_with(e.path, e.text), {.inactive = false, .limits = {}});
    ASSERT_TRUE(parsed) << parsed.error().message;
    for (const auto& m : parsed->messages.list) ADD_FAILURE() << m.text;
    const std::string once = format_domain(parsed->domain, {.inactive = false, .secure = true, .migratable = false});
    EXPECT_THAT(squeezed_text(once), HasSubstr(e.text));
    auto again = parse_domain(once, {.inactive = false, .limits = {}});
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(format_domain(again->domain, {.inactive = false, .secure = true, .migratable = false}), once);
}

constexpr const char* kDisk = "devices/disk type='file'";
constexpr const char* kNic = "devices/interface type='network'";

// The machine.
constexpr Element kMachine[] = {
    {"", "<bootloader>/b</bootloader><bootloader_args>-x</bootloader_args>"},
    {"", "<idmap><uid start='0' target='1000' count='10'/><gid start='0' target='1000' count='10'/></idmap>"},
    {"", "<keywrap><cipher name='aes' state='on'/></keywrap>"},
    {"", "<launchSecurity type='sev' kernelHashes='yes'><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>0x0003</policy>"
         "<dhCert>a</dhCert><session>b</session></launchSecurity>"},
    {"", "<cputune><cachetune vcpus='0-1'><cache id='0' level='3' type='both' size='3' unit='KiB'/><monitor level='3' vcpus='0'/></cachetune>"
         "<memorytune vcpus='0'><node id='0' bandwidth='30'/><monitor vcpus='0'/></memorytune></cputune>"},
    {"os", "<loader type='pflash'>/l</loader><nvram type='file'><source file='/n'/></nvram>"},
    {"features", "<gic version='2'/>"},
    {"features", "<capabilities policy='deny'><mknod state='on'/><chown state='off'/></capabilities>"},
    {"features", "<hpt resizing='required'><maxpagesize unit='KiB'>1048576</maxpagesize></hpt><htm state='on'/><nested-hv state='off'/>"},
    {"features", "<ccf-assist state='on'/><cfpc value='fixed'/><sbbc value='broken'/><ibs value='workaround'/>"},
    {"", "<genid>5d1a6b0e-1111-4222-8333-444455556666</genid>"},
    {"", "<maxMemory slots='4' unit='KiB'>4194304</maxMemory>"},
    {"", "<memory dumpCore='off' unit='KiB'>1024</memory>"},
    {"", "<blkiotune><weight>500</weight><device><path>/dev/sda</path><weight>100</weight><read_iops_sec>1</read_iops_sec>"
         "<write_iops_sec>2</write_iops_sec><read_bytes_sec>3</read_bytes_sec><write_bytes_sec>4</write_bytes_sec></device></blkiotune>"},
    {"", "<memtune><hard_limit unit='KiB'>4</hard_limit><soft_limit unit='KiB'>3</soft_limit><min_guarantee unit='KiB'>1</min_guarantee>"
         "<swap_hard_limit unit='KiB'>5</swap_hard_limit></memtune>"},
    {"", "<memoryBacking><hugepages><page size='2048' unit='KiB' nodeset='0-1'/></hugepages><nosharepages/><locked/>"
         "<source type='memfd'/><access mode='shared'/><allocation mode='immediate' threads='4'/><discard/></memoryBacking>"},
    {"", "<memoryBacking><hugepages/></memoryBacking>"},
    {"", "<vcpu placement='auto' cpuset='0-3' current='1'>2</vcpu>"},
    {"", "<vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/></vcpus>"},
    {"", "<iothreads>2</iothreads>"},
    {"", "<iothreadids><iothread id='2' thread_pool_min='1' thread_pool_max='8'><poll max='5' grow='2' shrink='1'/></iothread></iothreadids>"},
    {"", "<defaultiothread thread_pool_min='1' thread_pool_max='8'/>"},
    {"", "<cputune><shares>2048</shares><period>1000000</period><quota>-1</quota><global_period>1000000</global_period>"
         "<global_quota>5000</global_quota><emulator_period>1000</emulator_period><emulator_quota>1000</emulator_quota>"
         "<iothread_period>1000</iothread_period><iothread_quota>-1</iothread_quota><vcpupin vcpu='0' cpuset='1,3-4'/>"
         "</cputune>"},
    {"", "<cputune><emulatorpin cpuset='1'/><iothreadpin iothread='1' cpuset='2'/><emulatorsched scheduler='rr' priority='2'/>"
         "<vcpusched vcpus='0-1' scheduler='fifo' priority='1'/><iothreadsched iothreads='1' scheduler='batch'/></cputune>"},
    {"", "<numatune><memory mode='strict' nodeset='0' placement='static'/><memnode cellid='0' mode='preferred' nodeset='1'/></numatune>"},
    {"", "<resource><partition>/machine</partition><fibrechannel appid='a'/></resource>"},
    {"", "<sysinfo type='smbios'><bios><entry name='vendor'>V</entry></bios><system><entry name='serial'>S</entry></system>"
         "<baseBoard><entry name='manufacturer'>M</entry></baseBoard><chassis><entry name='sku'>K</entry></chassis>"
         "<oemStrings><entry>a:b</entry></oemStrings></sysinfo>"},
    {"", "<sysinfo type='fwcfg'><entry name='opt/a'>v</entry><entry name='opt/b' file='/f'/></sysinfo>"},
    {"", "<clock offset='variable' adjustment='-5' basis='localtime'><timer name='rtc' present='yes' tickpolicy='catchup' track='guest'>"
         "<catchup threshold='1' slew='2' limit='3'/></timer><timer name='tsc' frequency='3500000000' mode='native'/></clock>"},
    {"", "<clock offset='timezone' timezone='Europe/Rome'/>"},
    {"", "<clock offset='absolute' start='1234567890'/>"},
    {"", "<on_poweroff>preserve</on_poweroff><on_reboot>rename-restart</on_reboot><on_crash>coredump-restart</on_crash>"
         "<on_lockfailure>pause</on_lockfailure>"},
    {"", "<perf><event name='cmt' enabled='yes'/><event name='cpu_clock' enabled='no'/></perf>"},
    {"", "<seclabel type='dynamic' model='selinux' relabel='yes'><label>a</label><imagelabel>b</imagelabel><baselabel>c</baselabel></seclabel>"},
    {"os firmware='efi'", "<firmware><feature enabled='yes' name='secure-boot'/><feature enabled='no' name='enrolled-keys'/></firmware>"},
    {"os", "<init>/bin/sh</init><initarg>-c</initarg><initenv name='A'>b</initenv><initdir>/d</initdir><inituser>u</inituser>"
           "<initgroup>g</initgroup>"},
    {"os", "<loader readonly='yes' type='pflash' secure='yes' stateless='no' format='qcow2'>/l</loader>"
           "<nvram template='/t' templateFormat='raw' format='qcow2'>/n</nvram>"},
    {"os", "<kernel>/k</kernel><initrd>/i</initrd><cmdline>c</cmdline><dtb>/d</dtb><acpi><table type='slic'>/t</table></acpi>"
           "<boot dev='fd'/><bootmenu enable='yes' timeout='10'/><bios useserial='no' rebootTimeout='-1'/><smbios mode='sysinfo'/>"},
    {"features", "<acpi/><apic eoi='on'/><pae/><hap state='on'/><viridian/><privnet/><pvspinlock state='off'/><pmu state='on'/>"
                 "<vmport state='off'/>"},
    {"features", "<smm state='on'><tseg unit='MiB'>48</tseg></smm>"},
    {"features", "<hyperv mode='custom'><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='4095'/><vpindex state='on'/>"
                 "<runtime state='on'/><synic state='on'/><stimer state='on'><direct state='on'/></stimer><reset state='on'/>"
                 "<vendor_id state='on' value='KVM Hv'/><frequencies state='on'/><reenlightenment state='on'/><tlbflush state='on'/>"
                 "<ipi state='on'/><evmcs state='on'/><avic state='on'/></hyperv>"},
    {"features", "<kvm><hidden state='on'/><hint-dedicated state='on'/><poll-control state='on'/><pv-ipi state='off'/>"
                 "<dirty-ring state='on' size='4096'/></kvm>"},
    {"features", "<xen><e820_host state='on'/><passthrough state='on' mode='share_pt'/></xen>"},
    {"features", "<ioapic driver='qemu'/><vmcoreinfo state='on'/><msrs unknown='ignore'/><tcg><tb-cache unit='KiB'>131072</tb-cache></tcg>"
                 "<async-teardown state='on'/>"},
    {"", "<cpu mode='custom' match='exact' check='partial' migratable='off'><model fallback='forbid' vendor_id='GenuineIntel'>Haswell</model>"
         "<vendor>Intel</vendor><topology sockets='1' dies='2' cores='3' threads='4'/><cache level='3' mode='emulate'/>"
         "<maxphysaddr mode='emulate' bits='42'/><feature policy='require' name='vmx'/></cpu>"},
    {"cpu mode='maximum'", "<numa><cell id='0' cpus='0-1' memory='1024' unit='KiB' memAccess='shared' discard='yes'><distances>"
         "<sibling id='0' value='10'/></distances><cache level='1' associativity='direct' policy='writeback'><size value='10' unit='KiB'/>"
         "<line value='8' unit='B'/></cache></cell><interconnects><latency initiator='0' target='0' cache='1' type='access' value='5'/>"
         "<bandwidth initiator='0' target='0' type='read' value='204800' unit='KiB'/></interconnects></numa>"},
};

// Where data comes from.
constexpr Element kStorage[] = {
    {"devices", "<disk type='file' device='lun' model='virtio-transitional' rawio='yes' sgio='unfiltered' snapshot='external'>"
                "<driver name='qemu' type='qcow2' cache='none' error_policy='stop' rerror_policy='report' io='native' ioeventfd='on'"
                " event_idx='off' copy_on_read='on' discard='unmap' iothread='1' detect_zeroes='on' queues='4' queue_size='256' iommu='on'"
                " ats='on' packed='on' page_per_vq='on'><metadata_cache><max_size unit='bytes'>1024</max_size></metadata_cache></driver>"
                "<target dev='sda' bus='scsi' tray='open' removable='on' rotation_rate='7200'/></disk>"},
    {kDisk, "<auth username='u'><secret type='iscsi' usage='a'/></auth><source file='/a' startupPolicy='optional'/>"
            "<geometry cyls='1' heads='2' secs='3' trans='lba'/><blockio logical_block_size='512' physical_block_size='4096'/>"
            "<target dev='sda'/>"},
    {kDisk, "<source file='/a'><encryption format='luks' engine='qemu'><secret type='passphrase' uuid='5d1a6b0e-1111-4222-8333-444455556666'/>"
            "<cipher name='aes' size='256' mode='cbc' hash='sha256'/><ivgen name='plain64' hash='sha256'/></encryption>"
            "<reservations managed='no'><source type='unix' path='/r' mode='client'/></reservations>"
            "<seclabel model='dac' relabel='no'/><seclabel model='selinux' relabel='yes'><label>l</label></seclabel></source><target dev='sda'/>"},
    {"devices/disk type='network'",
     "<source protocol='rbd' name='p/i' query='x' tls='yes' tlsHostname='h' index='3'><host name='a' port='1'/><host transport='unix' socket='/s'/>"
     "<snapshot name='s'/><config file='/c'/><auth username='u'><secret type='ceph' usage='u'/></auth><ssl verify='no'/>"
     "<cookies><cookie name='c'>v</cookie></cookies><readahead size='64'/><timeout seconds='5'/><initiator><iqn name='i'/></initiator>"
     "<slices><slice type='storage' offset='1' size='2'/></slices><reconnect enabled='yes' timeout='3'/><identity user='u' group='g'/>"
     "</source><target dev='vda'/>"},
    {"devices/disk type='nvme'", "<source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00'"
                                 " function='0x0'/></source><target dev='vda'/>"},
    {"devices/disk type='volume'", "<source pool='p' volume='v' mode='host'/><target dev='vda'/>"},
    {kDisk, "<backingStore type='file' index='1'><format type='qcow2'/><source file='/b'/><backingStore/></backingStore><target dev='vda'/>"},
    {kDisk, "<target dev='vda'/><iotune><total_bytes_sec>1</total_bytes_sec><total_iops_sec>2</total_iops_sec><total_bytes_sec_max>3"
            "</total_bytes_sec_max><size_iops_sec>4</size_iops_sec><group_name>g</group_name><total_bytes_sec_max_length>5"
            "</total_bytes_sec_max_length></iotune><readonly/><shareable/><transient/><serial>s</serial><wwn>5000c50015ea71aa</wwn>"
            "<vendor>V</vendor><product>P</product>"},
    {"devices", "<controller type='scsi' index='0' model='virtio-scsi' ports='4' vectors='2' maxGrantFrames='64' maxEventChannels='2047'>"
                "<driver queues='1' cmd_per_lun='2' max_sectors='3' ioeventfd='on' iothread='4' iommu='on'/></controller>"},
    {"devices", "<controller type='pci' index='1' model='pci-expander-bus'><model name='pxb'/><target chassisNr='1' chassis='2' port='0x3' busNr='4'"
                " index='5' hotplug='off'><node>1</node></target><pcihole64 unit='KiB'>1048576</pcihole64></controller>"},
    {"devices", "<controller type='usb' index='0' model='ich9-uhci1'><master startport='2'/></controller>"},
    {"devices", "<lease><lockspace>l</lockspace><key>k</key><target path='/p' offset='1'/></lease>"},
    {"devices", "<filesystem type='mount' accessmode='mapped' model='virtio' multidevs='remap' fmode='644' dmode='755'><driver type='virtiofs'"
                " format='raw' name='n' wrpolicy='immediate' queue='1024' iommu='on'/><binary path='/v' xattr='on'><cache mode='always'/>"
                "<sandbox mode='chroot'/><lock posix='on' flock='off'/><thread_pool size='16'/></binary><source dir='/d'/><target dir='t'/>"
                "<readonly/><alias name='fs0'/><space_hard_limit unit='bytes'>2</space_hard_limit>"
                "<space_soft_limit unit='bytes'>1</space_soft_limit></filesystem>"},
};

// The namespaces of single drivers.
TEST(DomainElements, of_the_drivers_own_namespaces_are_read_and_printed_whole) {
    const std::string text = "<qemu:commandline><qemu:arg value='-a'/><qemu:env name='A' value='b'/></qemu:commandline><qemu:capabilities>"
                             "<qemu:add capability='x'/><qemu:del capability='y'/></qemu:capabilities><qemu:deprecation behavior='crash'/>"
                             "<qemu:override><qemu:device alias='ua-d'><qemu:frontend><qemu:property name='p' type='string' value='v'/>"
                             "</qemu:frontend></qemu:device></qemu:override>";
    const auto parsed = parse_domain("<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>x</name>" + text + "</domain>");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(parsed->messages.empty());
    EXPECT_THAT(squeezed_text(format_domain(parsed->domain)), HasSubstr(text));
    const std::string lxc = "<lxc:namespace><lxc:sharenet type='netns' value='red'/><lxc:shareuts type='name' value='c'/></lxc:namespace>";
    const auto container = parse_domain("<domain type='lxc' xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0'><name>x</name>" + lxc + "</domain>");
    ASSERT_TRUE(container) << container.error().message;
    EXPECT_TRUE(container->messages.empty());
    EXPECT_THAT(squeezed_text(format_domain(container->domain)), HasSubstr(lxc));
}

// What it is connected with.
constexpr Element kNetwork[] = {
    {"devices", "<interface type='network' managed='yes' trustGuestRxFilters='yes'><mac address='52:54:00:00:00:01' type='static' check='no'/>"
                "<source network='n' portgroup='p'/></interface>"},
    {kNic, "<source network='n'><ip address='10.0.0.1' family='ipv4' prefix='24' peer='10.0.0.2'/><route family='ipv4' address='0.0.0.0'"
           " gateway='10.0.0.9'/></source>"},
    {kNic, "<virtualport type='802.1Qbg'><parameters managerid='11' typeid='1193047' typeidversion='2'"
           " instanceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport><ip address='::1' family='ipv6' prefix='64'/>"
           "<route family='ipv4' address='1.0.0.0' netmask='255.0.0.0' gateway='1.0.0.1' metric='3'/><script path='/s'/><downscript path='/d'/>"
           "<backenddomain name='b'/>"},
    {kNic, "<target dev='tap0' managed='no'/><guest dev='g' actual='h'/><model type='virtio'/><driver name='vhost' txmode='iothread'"
           " ioeventfd='on' event_idx='off' queues='4' rx_queue_size='256' tx_queue_size='512' rss='on' rss_hash_report='off' iommu='on'>"
           "<host csum='off' gso='off' tso4='off' tso6='off' ecn='off' ufo='off' mrg_rxbuf='off'/><guest csum='on' tso4='on' tso6='on'"
           " ecn='on' ufo='on'/></driver><backend tap='/t' vhost='/v'/><filterref filter='f'><parameter name='IP' value='1.2.3.4'/>"
           "</filterref><port isolated='yes'/><tune><sndbuf>1600</sndbuf></tune><link state='down'/><mtu size='1500'/><vlan trunk='yes'>"
           "<tag id='1' nativeMode='untagged'/><tag id='2'/></vlan><bandwidth><inbound average='1' peak='2' floor='3' burst='4'/>"
           "<outbound average='5'/></bandwidth><coalesce><rx><frames max='7'/></rx></coalesce><teaming type='transient' persistent='ua-p'/>"
           "<rom enabled='no' bar='on' file='/r'/><acpi index='3'/>"},
    {"devices", "<interface type='vhostuser'><source type='unix' path='/s' mode='client'><reconnect enabled='yes' timeout='10'/></source>"
                "</interface>"},
    {"devices", "<interface type='udp'><source address='127.0.0.1' port='1'><local address='127.0.0.1' port='2'/></source></interface>"},
    {"devices", "<interface type='hostdev' managed='yes'><source><address type='pci' domain='0x0000' bus='0x03' slot='0x07' function='0x1'/>"
                "</source></interface>"},
    {"devices", "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='on' ramfb='on'><source>"
                "<address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source><rom bar='off'/></hostdev>"},
    {"devices", "<hostdev mode='subsystem' type='scsi' managed='no' sgio='filtered' rawio='yes'><source protocol='iscsi' name='iqn/1'>"
                "<host name='h' port='3260'/><auth username='u'><secret type='iscsi' usage='x'/></auth><initiator><iqn name='q'/></initiator>"
                "</source><readonly/><shareable/></hostdev>"},
    {"devices", "<hostdev mode='subsystem' type='usb' managed='yes'><source startupPolicy='optional' guestReset='off'><vendor id='0x1234'/>"
                "<product id='0xbeef'/></source></hostdev>"},
    {"devices", "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source writeFiltering='no'><address domain='0x0000'"
                " bus='0x06' slot='0x12' function='0x5'/></source><teaming type='persistent'/></hostdev>"},
    {"devices", "<hostdev mode='capabilities' type='net'><source><interface>eth0</interface></source><ip address='1.2.3.4' family='ipv4'/>"
                "</hostdev>"},
    {"devices", "<redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='1'/><protocol type='raw'/><boot order='1'/></redirdev>"
                "<redirfilter><usbdev class='0x08' vendor='0x1234' product='0xbeef' version='2.56' allow='yes'/><usbdev allow='no'/>"
                "</redirfilter>"},
    {"devices", "<vsock model='virtio'><cid auto='no' address='4'/><driver iommu='on'/></vsock>"},
};

// What stands in it.
constexpr Element kDevices[] = {
    {"devices", "<smartcard mode='host-certificates'><certificate>a</certificate><certificate>b</certificate><certificate>c</certificate>"
                "<database>/d</database><address type='ccid' controller='0' slot='1'/></smartcard>"},
    {"devices", "<smartcard mode='passthrough' type='tcp'><source mode='bind' host='h' service='1'/><protocol type='raw'/></smartcard>"},
    {"devices", "<serial type='tcp'><source mode='connect' host='h' service='1' tls='yes'><reconnect enabled='yes' timeout='5'/></source>"
                "<protocol type='telnet'/><log file='/l' append='off'/><target type='isa-serial' port='1'><model name='isa-serial'/></target>"
                "<address type='isa' iobase='0x3f8' irq='0x4'/></serial>"},
    {"devices", "<serial type='udp'><source mode='connect' host='h' service='1'/><source mode='bind' host='i' service='2'/></serial>"},
    {"devices", "<serial type='nmdm'><source master='/m' slave='/s'/></serial>"},
    {"devices", "<parallel type='dev'><source path='/dev/p'/><target port='0'/></parallel>"},
    {"devices", "<channel type='spicevmc'><target type='virtio' name='n' state='connected'/></channel>"},
    {"devices", "<channel type='qemu-vdagent'><source><clipboard copypaste='yes'/><mouse mode='client'/></source><target type='virtio'/></channel>"},
    {"devices", "<channel type='spiceport'><source channel='c'/><target type='guestfwd' address='1.2.3.4' port='5'/></channel>"},
    {"devices", "<input type='passthrough' bus='virtio' model='virtio-non-transitional'><driver iommu='on'/><source evdev='/e'/></input>"},
    {"devices", "<input type='evdev'><source dev='/e' grab='all' grabToggle='ctrl-ctrl' repeat='on'/></input>"},
    {"devices", "<tpm model='tpm-crb'><backend type='emulator' version='2.0' persistent_state='yes'><encryption"
                " secret='5d1a6b0e-1111-4222-8333-444455556666'/><active_pcr_banks><sha1/><sha256/><sha384/><sha512/></active_pcr_banks>"
                "</backend></tpm>"},
    {"devices", "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"},
    {"devices", "<tpm model='tpm-tis'><backend type='external'><source type='unix' mode='connect' path='/s'/></backend></tpm>"},
    {"devices", "<graphics type='vnc' port='5900' autoport='no' websocket='5700' listen='1.2.3.4' keymap='de' passwd='p'"
                " passwdValidTo='2030-01-01T00:00:00' connected='keep' sharePolicy='force-shared' powerControl='yes'>"
                "<listen type='address' address='1.2.3.4'/><listen type='network' network='n'/></graphics>"},
    {"devices", "<graphics type='spice' port='5900' tlsPort='5901' autoport='no' defaultMode='secure'><listen type='none'/>"
                "<gl enable='yes' rendernode='/r'/><channel name='main' mode='secure'/><image compression='auto_glz'/><jpeg compression='auto'/>"
                "<zlib compression='never'/><playback compression='on'/><streaming mode='filter'/><clipboard copypaste='no'/>"
                "<mouse mode='client'/><filetransfer enable='no'/></graphics>"},
    {"devices", "<graphics type='sdl' display=':0' xauth='/x' fullscreen='yes'/>"},
    {"devices", "<graphics type='dbus' p2p='no' address='unix:path=/b'><audio id='1'/></graphics>"},
    {"devices", "<sound model='ich6' multichannel='on'><codec type='micro'/><audio id='1'/></sound>"},
    {"devices", "<audio id='1' type='alsa' timerPeriod='5'><input mixingEngine='no' fixedSettings='yes' voices='1' bufferLength='2' dev='/d'"
                " tryPoll='no'><settings frequency='44100' channels='2' format='s16'/></input><output bufferLength='3'/></audio>"},
    {"devices", "<audio id='2' type='pulseaudio' serverName='s'><input name='n' streamName='s' latency='4'/></audio>"},
    {"devices", "<audio id='3' type='oss' tryMMap='yes' exclusive='no' dspPolicy='4'><output dev='/d' bufferCount='5'/></audio>"},
    {"devices", "<audio id='4' type='jack'><input serverName='s' clientName='c' connectPorts='p' exactName='yes'/></audio>"},
    {"devices", "<video><driver name='qemu' vgaconf='io' iommu='on'/><model type='qxl' ram='65536' vram='65536' vram64='1' vgamem='16384'"
                " heads='1' primary='yes' blob='on'><acceleration accel2d='no' accel3d='yes' rendernode='/r'/><resolution x='800' y='600'/>"
                "</model></video>"},
    {"devices", "<hub type='usb'><address type='usb' bus='0' port='1.2'/></hub>"},
    {"devices", "<watchdog model='i6300esb' action='inject-nmi'/>"},
    {"devices", "<memballoon model='virtio' autodeflate='on' freePageReporting='off'><stats period='5'/><driver iommu='on'/></memballoon>"},
    {"devices", "<rng model='virtio'><rate bytes='123' period='1234'/><backend model='egd' type='udp'><source mode='bind' service='1'/>"
                "<source mode='connect' host='h' service='2'/></backend><driver iommu='on'/></rng>"},
    {"devices", "<nvram><address type='spapr-vio'/></nvram>"},
    {"devices", "<panic model='isa'><address type='isa' iobase='0x505'/></panic>"},
    {"devices", "<shmem name='s' role='peer'><model type='ivshmem-doorbell'/><size unit='M'>4</size><server path='/s'/>"
                "<msi vectors='2' ioeventfd='on'/></shmem>"},
    {"devices", "<memory model='nvdimm' access='shared' discard='yes'><uuid>5d1a6b0e-1111-4222-8333-444455556666</uuid><source><path>/p</path>"
                "<alignsize unit='KiB'>2048</alignsize><pmem/></source><target><size unit='KiB'>4096</size><node>0</node><label>"
                "<size unit='KiB'>128</size></label><readonly/></target><address type='dimm' slot='0' base='0x100000000'/></memory>"},
    {"devices", "<memory model='virtio-mem'><source><nodemask>1-3</nodemask><pagesize unit='KiB'>2048</pagesize></source><target>"
                "<size unit='KiB'>4096</size><node>0</node><block unit='KiB'>2048</block><requested unit='KiB'>2048</requested></target></memory>"},
    {"devices", "<crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/><driver iommu='on'/></crypto>"},
    {"devices", "<iommu model='intel'><driver intremap='on' caching_mode='on' eim='on' iotlb='on' aw_bits='48'/></iommu>"},
};

TEST(DomainElements, of_the_machine_are_read_and_printed_whole) {
    for (const Element& e : kMachine) expect_kept(e);
}
TEST(DomainElements, of_storage_are_read_and_printed_whole) {
    for (const Element& e : kStorage) expect_kept(e);
}
TEST(DomainElements, of_networks_and_the_host_are_read_and_printed_whole) {
    for (const Element& e : kNetwork) expect_kept(e);
}
TEST(DomainElements, of_devices_are_read_and_printed_whole) {
    for (const Element& e : kDevices) expect_kept(e);
}

struct Wrong {
    const char* path;
    const char* text;
    const char* told;
};

TEST(DomainElements, values_out_of_their_bounds_are_refused_and_named) {
    const Wrong wrongs[] = {
        {"", "<vcpu>0</vcpu>", "from 1 to 65535"},
        {"", "<iothreadids><iothread id='0'/></iothreadids>", "'0'"},
        {"", "<cputune><period>999</period></cputune>", "from 1000 to 1000000"},
        {"", "<cputune><quota>-2</quota></cputune>", "'-2'"},
        {"", "<cputune><vcpupin vcpu='0'/></cputune>", "no attribute 'cpuset'"},
        {"", "<perf><event name='cmt'/></perf>", "no attribute 'enabled'"},
        {"", "<genid>x</genid>", "found 'x'"},
        {"cpu", "<topology sockets='1' cores='1'/>", "needs sockets, cores and threads"},
        {"cpu", "<numa><cell><distances><sibling id='0' value='9'/></distances></cell></numa>", "from 10 to 255"},
        {kDisk, "<target dev='a'/><driver iothread='0'/>", "'0'"},
        {kNic, "<mac address='x'/>", "found 'x'"},
        {kNic, "<vlan><tag id='4096'/></vlan>", "from 0 to 4095"},
        {kNic, "<bandwidth><outbound peak='1'/></bandwidth>", "needs an attribute 'average'"},
        {kNic, "<route address='1.2.3.4'/>", "no attribute 'gateway'"},
        {"devices", "<audio id='0' type='none'/>", "'0'"},
        {"devices", "<vsock><cid address='2'/></vsock>", "from 3 "},
        {"devices", "<hostdev mode='subsystem' type='usb'><source><vendor id='0'/></source></hostdev>", "'0'"},
        {"devices", "<controller type='pci' model='pci-bridge'><target chassisNr='256'/></controller>", "from 0 to 255"},
    };
    for (const Wrong& w : wrongs) {
        const auto parsed = parse_domain(document_with(w.path, w.text));
        ASSERT_FALSE(parsed) << w.text;
        EXPECT_THAT(parsed.error().message, HasSubstr(w.told)) << w.text;
    }
}

} // namespace
} // namespace polyvirt::sdk::domain
