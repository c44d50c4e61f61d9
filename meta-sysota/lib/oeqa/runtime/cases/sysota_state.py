# What is so on a system whose state stated has made: TEST_SUITES:append = " sysota_state". Any target will do, also one without ssh.
#
# SPDX-License-Identifier: MIT

import json

from oeqa.core.decorator.depends import OETestDepends
from oeqa.runtime.case import OERuntimeTestCase
from oeqa.runtime.decorator.package import OEHasPackage


class SysotaTest(OERuntimeTestCase):
    """The report, and what it says, against what is mounted."""

    def run_ok(self, command):
        status, output = self.target.run(command)
        self.assertEqual(status, 0, msg='%s: %s' % (command, output))
        return output

    @OEHasPackage(['stated'])
    def test_boot_was_as_planned(self):
        report = json.loads(self.run_ok('cat /run/sysota/report.json'))
        self.assertEqual(report['status'], 0, msg=report)

    @OETestDepends(['sysota_state.SysotaTest.test_boot_was_as_planned'])
    def test_status_tells_of_this_boot(self):
        status = json.loads(self.run_ok('stated status --json'))
        report = json.loads(self.run_ok('cat /run/sysota/report.json'))
        self.assertEqual(status['boots'][0]['boot'], report['boot'], msg=status)

    @OETestDepends(['sysota_state.SysotaTest.test_boot_was_as_planned'])
    def test_declared_paths_are_mounts_and_writable(self):
        report = json.loads(self.run_ok('cat /run/sysota/report.json'))
        mounted = [entry['path'] for entry in report['entries'] if entry['outcome'] == 'mounted']
        mounts = [line.split(' ')[1] for line in self.run_ok('cat /proc/mounts').splitlines()]
        for path in mounted:
            self.assertIn(path, mounts)
            self.run_ok("test -w '%s'" % path)

    @OEHasPackage(['stated'])
    def test_all_else_is_read_only(self):
        status, _ = self.target.run('touch /usr/sysota-test')
        self.assertNotEqual(status, 0, msg='/usr is writable')
