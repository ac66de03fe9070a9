# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Real containers: console, file systems, network, limits as seen from inside, life, and a daemon that dies."""

import subprocess
import xml.etree.ElementTree as ElementTree

import libvirt

from harness import processes, settings, wait
from harness.container import ContainerCase, init_of
from harness.python_client import RESUMED, STARTED, STOPPED_DESTROYED, STOPPED_SHUTDOWN, SUSPENDED, Recorder

_LOOP = "trap 'exit 0' TERM\n: > /listens\nwhile :; do sleep 0.1; done\n"


class Named:
    def __init__(self, name):
        self.name = name


class Documents(ContainerCase):
    def test_what_the_hypervisor_is(self):
        connection = self.connect()
        self.assertEqual((connection.getType(), connection.getURI().split(":")[0]), ("LXC", "lxc+unix"))
        capabilities = ElementTree.fromstring(connection.getCapabilities())
        self.assertEqual({guest.findtext("os_type") for guest in capabilities.iter("guest")}, {"exe"})

    def test_a_definition_is_completed_and_kept(self):
        domain = self.connect().defineXML(self.xml())
        self.assertEqual(domain.OSType(), "exe")
        document = ElementTree.fromstring(domain.XMLDesc())
        self.assertEqual(document.find("devices/console/target").get("type"), "lxc")
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName("c1")
        self.assertEqual(ElementTree.tostring(ElementTree.fromstring(domain.XMLDesc())), ElementTree.tostring(document))
        domain.undefine()
        self.assertEqual(self.connect().listAllDomains(), [])

    def test_what_is_no_container(self):
        for xml, code in ((self.xml().replace("type='lxc'", "type='qemu'", 1), libvirt.VIR_ERR_CONFIG_UNSUPPORTED),
                          (self.xml(root="/").replace(">exe<", ">hvm<"), libvirt.VIR_ERR_CONFIG_UNSUPPORTED)):
            self.assertEqual(self.refused(lambda text=xml: self.connect().defineXML(text))[0], code)

    def test_a_configuration_of_liblxc_becomes_a_document(self):
        text = self.connect().domainXMLFromNative("lxc-tools", "lxc.uts.name = web\nlxc.rootfs.path = dir:/srv/web\nlxc.tty.max = 1\n", 0)
        document = ElementTree.fromstring(text)
        self.assertEqual((document.findtext("name"), document.find("devices/filesystem/source").get("dir")), ("web", "/srv/web"))


class Inside(ContainerCase):
    def test_console_and_surroundings(self):
        domain = self.started(extra="<metadata/>")
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        shell = self.shell(domain)
        self.assertEqual(shell.run("echo $((6*7))"), "42")
        self.assertEqual(shell.run("hostname"), "c1")
        self.assertEqual(shell.run("echo $$"), "1")
        self.assertEqual(shell.run("echo $container $LIBVIRT_LXC_NAME"), "lxc c1")
        self.assertEqual(shell.run("ls / | grep -c ."), "7")
        tty = ElementTree.fromstring(domain.XMLDesc()).find("devices/console").get("tty")
        self.assertTrue(tty.startswith("/dev/pts/"))

    def test_a_console_is_one_clients_and_keeps_what_nobody_reads(self):
        root = self.make_root()
        self.write_init(root, "echo first words\n" + _LOOP)
        domain = self.started(root=root, init="/init")
        first = self.shell(domain)
        first.expect("first words")
        self.assertEqual(self.refused(lambda: self.shell(domain))[0], libvirt.VIR_ERR_OPERATION_FAILED)
        first.close()
        self.shell(domain)

    def test_file_systems(self):
        other = self.folder / "other"
        other.mkdir()
        (other / "file").write_text("of the host\n")
        devices = (f"<filesystem type='mount'><source dir='{other}'/><target dir='/srv'/><readonly/></filesystem>"
                   "<filesystem type='ram'><source usage='4096' units='KiB'/><target dir='/ram'/></filesystem>"
                   "<filesystem type='bind'><source dir='/etc'/><target dir='/also'/></filesystem>")
        domain = self.started(devices=devices)
        shell = self.shell(domain)
        self.assertEqual(shell.run("cat /srv/file"), "of the host")
        self.assertIn("Read-only", shell.run("touch /srv/x 2>&1"))
        self.assertIn("size=4096k", shell.run("grep ' /ram ' /proc/mounts"))
        shell.run("touch /etc/mark")
        self.assertEqual(shell.run("ls /also"), "mark")

    def test_limits(self):
        domain = self.started(memory=48, extra="<vcpu cpuset='0'>1</vcpu><cputune><shares>256</shares><period>100000</period>"
                                               "<quota>20000</quota></cputune>")
        shell = self.shell(domain)
        self.assertEqual(shell.run("grep Cpus_allowed_list /proc/self/status").split()[-1], "0")
        self.assertIn("Killed", shell.run("dd if=/dev/zero of=/dev/null bs=120M count=1 2>&1 | cat; echo; (dd if=/dev/zero of=/dev/null "
                                          "bs=120M count=1); echo"))
        self.assertEqual(shell.run("dd if=/dev/zero of=/dev/null bs=8M count=1 2>/dev/null && echo fits"), "fits")
        self.assertEqual(domain.memoryParameters()["hard_limit"], 48 * 1024)
        self.assertEqual(domain.schedulerParameters(), {"cpu_shares": 256, "vcpu_period": 100000, "vcpu_quota": 20000})
        domain.setMemoryParameters({"hard_limit": 200 * 1024}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        self.assertEqual(shell.run("dd if=/dev/zero of=/dev/null bs=120M count=1 2>/dev/null && echo fits"), "fits")
        self.assertGreater(domain.info()[4], 0)
        self.assertGreater(domain.memoryStats()["rss"], 0)

    def test_users_of_its_own(self):
        root = self.make_root()
        subprocess.run(["chown", "-R", "-h", "100000:100000", str(root)], check=True)
        self.folder.chmod(0o755)
        domain = self.started(root=root, extra="<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' "
                                               "count='65536'/></idmap>")
        shell = self.shell(domain)
        self.assertEqual(shell.run("cat /proc/self/uid_map").split(), ["0", "100000", "65536"])
        self.assertIn("uid=0", shell.run("id"))

    def test_network(self):
        interface = ("<interface type='bridge'><mac address='02:00:00:00:00:07'/><source bridge='pvbr0'/>"
                     "<ip address='192.0.2.7' family='ipv4' prefix='24'/><link state='up'/></interface>")
        domain = self.started(devices=interface)
        shell = self.shell(domain)
        self.assertIn("02:00:00:00:00:07", shell.run("ip link show eth0"))
        self.assertIn("1 packets received", shell.run("ping -c 1 -W 5 192.0.2.1"))
        end = ElementTree.fromstring(domain.XMLDesc()).find("devices/interface/target").get("dev")
        self.assertIn("pvbr0", self.in_space("ip", "link", "show", end))
        self.assertGreater(domain.interfaceStats(end)[1], 0)
        domain.destroy()
        self.assertNotIn(end, self.in_space("ip", "link"))

    def test_a_port_of_our_network(self):
        if not (settings.BUILD / "plugins" / "network.so").exists():
            self.skipTest("the network driver is not built")
        network = self.connect().networkDefineXML("<network><name>inner</name><bridge name='pvin0' stp='off'/><ip address='192.0.2.65' "
                                                  "netmask='255.255.255.224'/></network>")
        network.create()
        domain = self.started(devices="<interface type='network'><source network='inner'/><ip address='192.0.2.66' family='ipv4' "
                                      "prefix='27'/></interface>")
        self.assertEqual(len(network.listAllPorts()), 1)
        shell = self.shell(domain)
        self.assertIn("1 packets received", shell.run("ping -c 1 -W 5 192.0.2.65"))
        network.destroy()
        network.create()
        wait.until(lambda: "pvin0" in self.in_space("ip", "link", "show", "type", "veth"), "the container to be on its network again")
        self.assertRegex(shell.run("ping -c 3 -W 5 192.0.2.65"), "[1-3] packets received")
        self.assertEqual(len(network.listAllPorts()), 1)
        domain.destroy()
        self.assertEqual(network.listAllPorts(), [])
        network.destroy()

    def test_a_network_of_its_own_and_none(self):
        domain = self.started(extra="<features><privnet/></features>")
        self.assertEqual(self.shell(domain).run("ls /sys/class/net"), "lo")

    def test_namespaces_are_opened(self):
        domain = self.started()
        done = subprocess.run(["virsh", "-c", self.uri(), "lxc-enter-namespace", "c1", "--noseclabel", "/bin/hostname"],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "c1")


class Life(ContainerCase):
    def events(self):
        return Recorder(self.connect())

    def test_stop_and_go(self):
        recorder = self.events()
        domain = self.started()
        domain.suspend()
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED)
        domain.resume()
        self.assertEqual(self.shell(domain).run("echo on"), "on")
        domain.suspend()
        domain.destroy() # what is frozen ends too
        recorder.expect(Named("c1"), STOPPED_DESTROYED)
        self.assertEqual(recorder.of(Named("c1"))[1:], [STARTED, SUSPENDED, RESUMED, SUSPENDED, STOPPED_DESTROYED])
        self.assertEqual((domain.isActive(), domain.ID()), (0, -1))
        domain.create()
        self.assertEqual(domain.isActive(), 1)

    def test_an_init_is_asked_to_end(self):
        recorder, root = self.events(), self.make_root()
        self.write_init(root, _LOOP)
        domain = self.started(root=root, init="/init")
        self.assertEqual(self.refused(lambda: domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_INITCTL))[0], libvirt.VIR_ERR_INTERNAL_ERROR)
        wait.until((root / "listens").exists, "an init that hears signals")  # an earlier one is lost
        domain.shutdown()
        recorder.expect(Named("c1"), STOPPED_SHUTDOWN)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN])

    def test_reboot_from_inside(self):
        told = []
        connection = self.connect()
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, lambda *_: told.append(1), None)
        domain = self.started()
        before = init_of("c1", self.folder)
        shell = self.shell(domain)
        shell.run("echo on")
        shell.stream.send(b"reboot -f\n")
        wait.until(lambda: told, "the reboot event")
        wait.until(lambda: init_of("c1", self.folder) != before, "the next init")
        self.assertEqual(domain.isActive(), 1)

    def test_what_cannot_start_leaves_nothing(self):
        domain = self.connect().defineXML(self.xml(init="/nosuch"))
        code, _, text = self.refused(domain.create)
        self.assertEqual(code, libvirt.VIR_ERR_INTERNAL_ERROR, text)
        self.assertIn("guest failed to start", text)
        self.assertEqual(domain.isActive(), 0)
        missing = self.connect().defineXML(self.xml("c2", root="/nosuch"))
        self.assertIn("/nosuch", self.refused(missing.create)[2])
        self.assertEqual([path.name for path in (self.folder / "root").rglob("domain-*")], [])

    def test_a_transient_one_goes_with_its_end_or_its_client(self):
        connection = self.connect()
        connection.createXML(self.xml(), libvirt.VIR_DOMAIN_START_AUTODESTROY)
        self.assertEqual(len(self.connect().listAllDomains()), 1)
        connection.close()
        watcher = self.connect()
        wait.until(lambda: not watcher.listAllDomains(), "the container to go with its client")


class Restart(ContainerCase):
    def restart(self):
        self.subject.kill()
        self.subject.start()

    def test_containers_outlive_the_daemon(self):
        domains = [self.started(f"c{number}") for number in (1, 2)]
        self.shell(domains[0]).run("echo kept > /tmp/mark")
        domains[1].suspend()
        before = {name: init_of(name, self.folder) for name in ("c1", "c2")}
        identity = domains[0].ID()
        self.restart()
        for pid in before.values():
            self.assertTrue(processes.is_running(pid))
        connection = self.connect()
        recorder = Recorder(connection)
        first, second = (connection.lookupByName(name) for name in ("c1", "c2"))
        self.assertEqual((first.ID(), first.state()[0], second.state()[0]),
                         (identity, libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED))
        self.assertEqual({name: init_of(name, self.folder) for name in before}, before)
        self.assertEqual(self.shell(first).run("cat /tmp/mark"), "kept")
        second.resume()
        self.assertEqual(self.shell(second).run("echo on"), "on")
        first.destroy()
        recorder.expect(Named("c1"), STOPPED_DESTROYED)
        self.assertFalse(processes.is_running(before["c1"]))

    def test_one_that_ended_meanwhile_is_off(self):
        domain = self.started()
        init = init_of("c1", self.folder)
        self.subject.kill()
        processes.end(init)
        wait.until(lambda: not processes.is_running(init), "its end")
        self.subject.start()
        domain = self.connect().lookupByName("c1")
        wait.until(lambda: not domain.isActive(), "it to be off")
        domain.create()
        self.assertEqual(self.shell(domain).run("echo again"), "again")

    def test_its_end_is_noticed_at_once(self):
        recorder = Recorder(self.connect())
        self.started()
        processes.end(init_of("c1", self.folder))
        recorder.expect(Named("c1"), STOPPED_SHUTDOWN)

    def test_autostart(self):
        self.connect().defineXML(self.xml()).setAutostart(1)
        self.subject.kill()
        self.subject.empty_run_folder()
        self.subject.start()
        domain = self.connect().lookupByName("c1")
        wait.until(domain.isActive, "the autostarted container")
