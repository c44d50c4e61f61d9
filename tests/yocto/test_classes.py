"""What the layer's classes do in Python, on a real root file system, and how the initramfs's module reads partition tables.

Run by `cargo xtask test layer`, under fakeroot: `statec` on PATH, and ROOTFS names a Debian root that may be changed.
BitBake's own modules are not there. What the library uses of them is small enough to be written down here, by their
documentation; `cargo xtask yocto` runs the same in BitBake.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import types
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Fatal(Exception):
    """What bb.fatal() ends a task with."""


def fatal(message):
    raise Fatal(message)


def remove(path):
    if os.path.lexists(path):
        os.remove(path)


def which(path, item):
    places = [os.path.join(directory, item) for directory in path.split(':')]
    return next(filter(os.path.exists, places), '')


bb = types.ModuleType('bb')
bb.fatal = fatal
bb.note = lambda message: None
bb.utils = types.SimpleNamespace(remove=remove, which=which, to_boolean=lambda value: value in ('1', 'yes', 'true'))
bb.parse = types.SimpleNamespace(mark_dependency=lambda d, path: d.setdefault('dependencies', set()).add(path))
sys.modules['bb'] = bb
sys.path.insert(0, os.path.join(TOP, 'meta-sysota/lib'))

from sysota import accounts, fragments, image  # noqa: E402


UNNEEDED = {'bin', 'dev', 'info', 'lists', 'modules', 'proc', 'python3', 'sbin', 'share', 'udev', 'x86_64-linux-gnu'}


class Variables(dict):
    """A recipe's variables, without overrides and expansion."""

    def getVar(self, name, expand=True):
        return self.get(name)


class RootTest(unittest.TestCase):
    """What is done to a root, `rootfs`."""

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.rootfs + path), exist_ok=True)
        with open(self.rootfs + path, 'w') as file:
            file.write(text)

    def read(self, path):
        with open(self.rootfs + path) as file:
            return file.read()


class ImageTest(RootTest):
    """The end of do_rootfs."""

    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        rootfs = os.path.join(self.directory, 'rootfs')
        # What statec looks at: accounts, units, packages, directories. Programs and their data are many files, and no help.
        shutil.copytree(os.environ['ROOTFS'], rootfs, symlinks=True, ignore=lambda path, names: UNNEEDED & set(names))
        self.d = Variables(
            IMAGE_ROOTFS=rootfs, IMGDEPLOYDIR=self.directory, IMAGE_NAME='image-1', IMAGE_LINK_NAME='image',
            SYSOTA_FRAGMENT_DIR='/usr/share/sysota/state.d', SYSOTA_BLOB='/usr/lib/sysota/state.blob',
            SYSOTA_IMAGE_ID='image-1', SYSOTA_STATEC_FLAGS='--prepare', SYSOTA_KEEP_FRAGMENTS='0', SYSOTA_POLICY='',
            SYSOTA_PREVIOUS_BLOB='', SYSOTA_SYS_DATA_DEVICE='PARTLABEL=x-sys-data',
            SYSOTA_SYS_DATA_MOUNT_POINT='/run/mount/sysdata')
        self.rootfs = rootfs
        self.add_fragment('/var/lib/example')

    def add_fragment(self, path, name='example'):
        directory = image.fragment_dir(self.d)
        os.makedirs(directory, exist_ok=True)
        with open('%s/%s.yaml' % (directory, name), 'w') as file:
            file.write('version: 1\nstate:\n  %s: persistent\n' % path)

    def refused(self, *words):
        with self.assertRaises(Fatal) as refusal:
            image.make_state(self.d)
        for word in words:
            self.assertIn(word, str(refusal.exception))

    def test_blob_in_the_image_and_beside_it(self):
        image.make_state(self.d)
        with open(self.rootfs + '/usr/lib/sysota/state.blob', 'rb') as inside, \
                open(self.directory + '/image.state.blob', 'rb') as beside:
            self.assertEqual(inside.read(), beside.read())
        self.assertEqual(os.readlink(self.directory + '/image.state.json'), 'image-1.state.json')
        self.assertFalse(os.path.exists(self.rootfs + '/usr/share/sysota'))
        mount_point = os.stat(self.rootfs + '/var/lib/example')
        self.assertEqual((mount_point.st_uid, mount_point.st_gid, mount_point.st_mode & 0o7777), (0, 0, 0o755))

    def test_fragments_are_kept(self):
        self.d['SYSOTA_KEEP_FRAGMENTS'] = '1'
        image.make_state(self.d)
        self.assertTrue(os.path.exists(image.fragment_dir(self.d) + '/example.yaml'))

    def test_image_without_fragments_is_refused(self):
        shutil.rmtree(image.fragment_dir(self.d))
        self.refused('none of its packages has a state fragment')

    def test_finding_names_file_and_line(self):
        self.add_fragment('/etc/passwd/x', 'wrong')
        self.refused('wrong.yaml:3', 'error[')

    def test_another_data_partition_is_refused(self):
        self.d['SYSOTA_SYS_DATA_DEVICE'] = 'PARTUUID=73797341-04'
        self.refused('PARTLABEL=x-sys-data', 'PARTUUID=73797341-04', 'SYSOTA_SYS_DATA_*')

    def test_volatile_bind_above_state_is_refused(self):
        unit = '/usr/lib/systemd/system/var-volatile-lib.service'
        self.write(unit, '[Service]\nExecStart=/sbin/mount-copybind /var/volatile/lib /var/lib\n')
        self.refused('var-volatile-lib.service', '/var/lib/example', 'VOLATILE_BINDS:pn-volatile-binds')

    def test_volatile_bind_elsewhere_is_none_of_our_business(self):
        unit = '/usr/lib/systemd/system/var-volatile-spool.service'
        self.write(unit, '[Service]\nExecStart=/sbin/mount-copybind /var/volatile/spool /var/spool\n')
        image.make_state(self.d)

    def test_update_that_loses_state_is_refused(self):
        image.make_state(self.d)
        self.d['SYSOTA_PREVIOUS_BLOB'] = self.directory + '/image-1.state.blob'
        self.d['IMAGE_NAME'] = 'image-2'
        self.add_fragment('/var/lib/other')
        self.refused('would lose state', '/var/lib/example', 'orphaned')

    def test_host_keys_are_where_the_fragment_says(self):
        self.write('/etc/ssh/sshd_config_readonly', 'Port 22\nHostKey /var/run/ssh/ssh_host_ed25519_key\n')
        self.write('/etc/default/ssh', "SYSCONFDIR=${SYSCONFDIR:-/var/run/ssh}\nSSHD_OPTS='-f /etc/ssh/sshd_config_readonly'\nX=1\n")
        image.redirect_host_keys(self.d)
        self.assertIn('/var/run/ssh', self.read('/etc/default/ssh'), 'nothing is redirected without the fragment')
        self.add_fragment('/etc/ssh/keys', 'openssh-sshd')
        image.redirect_host_keys(self.d)
        self.assertEqual(self.read('/etc/ssh/sshd_config_readonly'), 'Port 22\nHostKey /etc/ssh/keys/ssh_host_ed25519_key\n')
        self.assertEqual(self.read('/etc/default/ssh'), 'X=1\n')


class AccountsTest(RootTest):
    """What systemd-sysusers is told of the accounts of services."""

    PLAN = {'entries': [{'path': '/etc', 'lifetime': 'persistent'}]}

    def setUp(self):
        self.rootfs = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.rootfs)
        self.write(accounts.MAKER, '')
        self.write('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nbroker:x:100:102:100% "b":/var/lib/broker:/bin/false\n'
                                  'bare:x:101:0:::\nadmin:x:1000:1000::/home/admin:/bin/sh\n+::::::\n')
        self.write('/etc/group', 'root:x:0:\nbroker:x:102:\nkeys:x:103:broker,admin\nusers:x:1001:broker\n')

    def declared(self, plan=PLAN):
        accounts.declare(self.rootfs, plan)
        if not os.path.exists(self.rootfs + accounts.DECLARED):
            return None
        return self.read(accounts.DECLARED).splitlines()[1:]

    def test_services_with_their_numbers(self):
        self.assertEqual(self.declared(), [
            'g broker 102', 'g keys 103',
            'u broker 100:102 "100%% b" /var/lib/broker /bin/false', 'u bare 101:0 "-" - -',
            'm broker keys'])

    def test_only_where_etc_is_state(self):
        self.assertIsNone(self.declared({'entries': [{'path': '/etc/ssh', 'lifetime': 'persistent'}]}))
        self.assertIsNone(self.declared({'entries': [{'path': '/etc', 'lifetime': 'ephemeral'}]}))

    def test_only_where_somebody_reads_it(self):
        os.remove(self.rootfs + accounts.MAKER)
        self.assertIsNone(self.declared())


class FragmentsTest(unittest.TestCase):
    """Which fragments a recipe packages."""

    FILES = os.path.join(TOP, 'tests/yocto/meta-sysota-test/recipes-test/writer/files')

    def recipe(self, **variables):
        return Variables({'PN': 'writer', 'PACKAGES': 'writer-tools writer', 'FILESPATH': self.FILES}, **variables)

    def test_fragment_with_the_name_of_the_recipe_is_found(self):
        self.assertEqual(fragments.fragments_of(self.recipe()), {'writer': ['writer.state.yaml']})

    def test_fragments_are_named_for_each_package(self):
        recipe = self.recipe(**{'SYSOTA_STATE:writer': '', 'SYSOTA_STATE:writer-tools': 'a.state.yaml b.state.yaml'})
        self.assertEqual(fragments.fragments_of(recipe), {'writer-tools': ['a.state.yaml', 'b.state.yaml']})

    def test_name_that_is_none_is_refused(self):
        for name in ('a.yaml', 'files/a.state.yaml'):
            with self.assertRaises(Fatal):
                fragments.fragments_of(self.recipe(**{'SYSOTA_STATE:writer': name}))

    def test_each_directory_of_files_for_the_image_is_watched(self):
        top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, top)
        os.makedirs(top + '/rootfs/writer/usr/lib')
        open(top + '/rootfs/writer/usr/lib/file', 'w').close()
        recipe = self.recipe(FILE_DIRNAME=top)
        self.assertEqual(fragments.files_for(recipe, 'writer'), ['/usr/lib/file'])
        places = ['', '/writer', '/writer/usr', '/writer/usr/lib']
        self.assertEqual(recipe['dependencies'], {top + '/rootfs' + place for place in places})

    def test_layout_decides_what_is_volatile(self):
        blacksail = Variables(FILESYSTEM_PERMS_TABLES='files/fs-perms.txt files/fs-perms-volatile-log.txt')
        self.assertTrue(fragments.is_volatile(blacksail, 'log'))
        self.assertFalse(fragments.is_volatile(blacksail, 'tmp'))
        scarthgap = Variables(FILESYSTEM_PERMS_TABLES='files/fs-perms-persistent-log.txt', VOLATILE_LOG_DIR='no')
        self.assertFalse(fragments.is_volatile(scarthgap, 'log'))
        self.assertTrue(fragments.is_volatile(scarthgap, 'tmp'))


class ModuleTest(unittest.TestCase):
    """What the module of the initramfs finds in a disk's table, where the kernel does not say it."""

    MODULE = os.path.join(TOP, 'meta-sysota/recipes-sysota/initramfs-module-sysota/files/sysota')

    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        # As the kernel shows the disk in /sys. What is beneath /dev is relative to it.
        disk = os.path.join(self.directory, 'disk.img')
        self.write('uevent', 'MAJOR=8\nDEVNAME=..%s\nDEVTYPE=disk\n' % disk)
        os.mkdir(os.path.join(self.directory, 'queue'))
        self.write('queue/logical_block_size', '512\n')
        os.mkdir(os.path.join(self.directory, 'bin'))
        os.symlink(shutil.which('busybox'), os.path.join(self.directory, 'bin/hexdump'))
        with open(disk, 'wb') as file:
            file.truncate(64 << 20)
        self.disk = disk

    def write(self, name, text):
        with open(os.path.join(self.directory, name), 'w') as file:
            file.write(text)

    def uuids(self, table, numbers):
        subprocess.run(['sfdisk', '--quiet', self.disk], input=table, text=True, check=True)
        calls = ['sysota_read_uuid "%s" %d' % (self.directory, number) for number in numbers]
        environment = {'PATH': self.directory + '/bin:/usr/bin:/bin'}
        result = subprocess.run(['busybox', 'ash', '-c', '\n'.join(['. "%s"' % self.MODULE] + calls)], env=environment,
                                capture_output=True, text=True)
        self.assertEqual(result.stderr, '')
        return result.stdout.split()

    def test_signature_and_number(self):
        table = 'label: dos\nlabel-id: 0x7379a341\n' + 4 * 'size=8M\n'
        self.assertEqual(self.uuids(table, [1, 4, 12]), ['7379a341-01', '7379a341-04', '7379a341-0c'])

    def test_entries_of_a_guid_partition_table(self):
        ids = ['12345678-9ABC-DEF0-0102-0304050607FF', '5359534F-5441-4449-534B-000000000002']
        table = 'label: gpt\n' + ''.join('size=8M, uuid=%s\n' % uuid for uuid in ids)
        self.assertEqual(self.uuids(table, [1, 2]), [uuid.lower() for uuid in ids])


if __name__ == '__main__':
    unittest.main()
