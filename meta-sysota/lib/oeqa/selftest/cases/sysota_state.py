# What builds with the layer accept, make and refuse. Run in a build directory that has it: oe-selftest -r sysota_state
#
# SPDX-License-Identifier: MIT

import json
import os

from oeqa.selftest.case import OESelftestTestCase
from oeqa.utils.commands import bitbake, get_bb_vars, runCmd

IMAGE = 'sysota-image-minimal'

# Tests write recipes into a layer of their own, which is gone afterwards.
RECIPE = '''
SUMMARY = "A package with a fragment"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"
INHIBIT_DEFAULT_DEPS = "1"
SRC_URI = ""
S = "${UNPACKDIR}"
ALLOW_EMPTY:${PN} = "1"

inherit sysota-state
'''


class SysotaTests(OESelftestTestCase):
    """Fragments, images, and what becomes of them."""

    def setUpLocal(self):
        super().setUpLocal()
        self.layer = os.path.join(self.builddir, 'sysota-selftest')
        # Not expanded when layers are compared with it.
        series = get_bb_vars(['LAYERSERIES_CORENAMES'])['LAYERSERIES_CORENAMES']
        self.write('conf/layer.conf', '''
BBFILES += "${LAYERDIR}/recipes-*/*/*.bb"
BBFILE_COLLECTIONS += "sysota-selftest"
BBFILE_PATTERN_sysota-selftest = "^${LAYERDIR}/"
LAYERSERIES_COMPAT_sysota-selftest = "%s"
''' % series)
        self.track_for_cleanup(self.layer)
        self.append_bblayers_config('BBLAYERS += "%s"\n' % self.layer)

    def write(self, path, text):
        path = os.path.join(self.layer, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(text)

    def write_package(self, name, state):
        """A recipe with a fragment that has these entries."""
        self.write('recipes-test/%s/%s_1.0.bb' % (name, name), RECIPE)
        self.write('recipes-test/%s/files/%s.state.yaml' % (name, name),
                   'version: 1\npackage: %s\nstate:\n%s' % (name, state))

    def write_image_config(self, packages, *lines):
        # What the image is made of must not depend on the distribution's choice of an init.
        self.write_config('\n'.join(('IMAGE_INSTALL:append:pn-%s = " %s"' % (IMAGE, packages),
                                     'VOLATILE_BINDS:pn-volatile-binds = ""') + lines) + '\n')

    def plan(self):
        values = get_bb_vars(['DEPLOY_DIR_IMAGE', 'IMAGE_LINK_NAME'], IMAGE)
        with open('%(DEPLOY_DIR_IMAGE)s/%(IMAGE_LINK_NAME)s.state.json' % values) as file:
            return json.load(file)

    def entry(self, path):
        return next(entry for entry in self.plan()['entries'] if entry['path'] == path)

    def assert_fails(self, target, *words):
        result = bitbake(target, ignore_status=True)
        self.assertNotEqual(result.status, 0, msg=result.output)
        for word in words:
            self.assertIn(word, result.output)

    def test_bad_fragment_fails_its_recipe(self):
        """A finding fails the task sysota_lint, and names file and line."""
        self.write_package('sysota-bad', '  /var/lib/bad: {lifetime: persistant}\n')
        self.assert_fails('sysota-bad', 'do_sysota_lint', 'sysota-bad.state.yaml:4', 'persistent')

    def test_image_has_blob_and_mount_points(self):
        """The blob is in the image and beside it, mount points are made, fragments are gone."""
        self.write_package('sysota-good', '  /var/lib/good: {lifetime: persistent, mode: "0700"}\n')
        self.write_image_config('sysota-good')
        bitbake(IMAGE)
        self.assertEqual(self.entry('/var/lib/good')['mode'], '0700')
        rootfs = get_bb_vars(['IMAGE_ROOTFS'], IMAGE)['IMAGE_ROOTFS']
        self.assertTrue(os.path.isfile(rootfs + '/usr/lib/sysota/state.blob'))
        self.assertTrue(os.path.isdir(rootfs + '/var/lib/good'))
        self.assertFalse(os.path.exists(rootfs + '/usr/share/sysota/state.d'))

    def test_conflict_fails_the_image(self):
        """Two fragments that disagree fail do_rootfs, with both places."""
        self.write_package('sysota-one', '  /var/lib/shared: persistent\n')
        self.write_package('sysota-two', '  /var/lib/shared: ephemeral\n')
        self.write_image_config('sysota-one sysota-two')
        self.assert_fails(IMAGE, 'do_rootfs', 'sysota-one.yaml:4', 'sysota-two.yaml:4')

    def test_policy_decides_a_conflict(self):
        """What the policy overrides is no conflict any more."""
        self.write_package('sysota-one', '  /var/lib/shared: persistent\n')
        self.write_package('sysota-two', '  /var/lib/shared: ephemeral\n')
        self.write('policy.yaml', 'version: 1\noverride:\n  /var/lib/shared: {lifetime: ephemeral}\n')
        self.write_image_config('sysota-one sysota-two', 'SYSOTA_POLICY = "%s/policy.yaml"' % self.layer)
        bitbake(IMAGE)
        self.assertEqual(self.entry('/var/lib/shared')['lifetime'], 'ephemeral')

    def test_policy_with_another_partition_is_refused(self):
        """The initramfs would mount another data partition."""
        self.write_package('sysota-good', '  /var/lib/good: persistent\n')
        self.write('policy.yaml', 'version: 1\nimage:\n  sys-data: {device: PARTLABEL=elsewhere, fstype: ext4, '
                                  'options: [noatime], mount-point: /run/mount/sysdata}\n')
        self.write_image_config('sysota-good', 'SYSOTA_POLICY = "%s/policy.yaml"' % self.layer)
        self.assert_fails(IMAGE, 'PARTLABEL=elsewhere', 'SYSOTA_SYS_DATA_*')

    def test_changed_fragment_changes_the_image(self):
        """A fragment that changes is packaged and compiled again."""
        self.write_package('sysota-good', '  /var/lib/good: persistent\n')
        self.write_image_config('sysota-good')
        bitbake(IMAGE)
        before = self.plan()['image']
        self.write_package('sysota-good', '  /var/lib/good: ephemeral\n')
        bitbake(IMAGE)
        self.assertEqual(self.entry('/var/lib/good')['lifetime'], 'ephemeral')
        self.assertNotEqual(self.plan()['image'], before)

    def test_all_of_etc(self):
        """A distribution that lets all of /etc be written to has no links into another directory."""
        self.write_package('sysota-good', '  /var/lib/good: persistent\n')
        self.write_image_config('sysota-good', 'SYSOTA_ETC = "whole"')
        bitbake(IMAGE)
        self.assertEqual(self.entry('/etc')['on-update'], 'merge')
        paths = [entry['path'] for entry in self.plan()['entries']]
        self.assertNotIn('/etcrw', paths)
        self.assertNotIn('/etc/hostname', paths)
        # Nor do systemd's programs look for them there.
        files = runCmd('oe-pkgdata-util list-pkg-files systemd-sysota-state').output
        self.assertIn('sysota-accounts.service', files)
        self.assertNotIn('systemd-hostnamed.service.d', files)
        self.write_image_config('sysota-good', 'SYSOTA_ETC = "hole"')
        self.assert_fails(IMAGE, "SYSOTA_ETC is 'hole'", "'paths' or 'whole'")

    def test_features_that_exclude_each_other(self):
        """Only one of them can make /etc writable."""
        self.write_image_config('', 'IMAGE_FEATURES:append:pn-%s = " overlayfs-etc"' % IMAGE)
        self.assert_fails(IMAGE, 'conflicting IMAGE_FEATURES')

    def test_missing_distro_feature(self):
        """The units for an initramfs with systemd need systemd."""
        self.write_config('DISTRO_FEATURES:remove = "systemd"\n')
        self.assert_fails('sysota-initrd', 'sysota-initrd was skipped', 'missing required', "'systemd'")
