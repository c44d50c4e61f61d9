"""A target of testimage without a network: a machine whose console has a shell, and nothing that echoes."""

import os
import re
import select
import subprocess
import time

from oeqa.core.target import OETarget

READY = 'test: ready'
# More than a boot or a command takes on a slow machine, in seconds.
LIMIT = 300


class ConsoleTarget(OETarget):
    """TEST_SERIALCONTROL_CMD starts the machine, with its console as standard input and output."""

    def __init__(self, logger, target_ip, server_ip, **kwargs):
        super().__init__(logger)
        self.command = kwargs['serialcontrol_cmd']
        self.machine = None
        self.count = 0

    def start(self, params=None, runqemuparams=None, extra_bootparams=None):
        self.machine = subprocess.Popen('exec ' + self.command, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.read_to(READY + '\n', LIMIT)

    def stop(self):
        if self.machine:
            self.machine.kill()
            self.machine.wait()

    def run(self, cmd, timeout=None, **kwargs):
        self.count += 1
        end = 'test: end of %d with ' % self.count
        line = '{ %s\n} </dev/null 2>&1; echo "%s$?."\n' % (cmd, end)
        self.machine.stdin.write(line.encode())
        self.machine.stdin.flush()
        output = self.read_to(end + r'(\d+)\.\n', timeout or LIMIT)
        return int(output.group(1)), output.string[:output.start()].strip()

    def read_to(self, pattern, seconds):
        """What the console shows up to the pattern, as a match of that."""
        shown, deadline = '', time.monotonic() + seconds
        while time.monotonic() < deadline:
            readable, _, _ = select.select([self.machine.stdout], [], [], 1)
            if readable:
                piece = os.read(self.machine.stdout.fileno(), 65536)
                shown += piece.decode(errors='replace').replace('\r', '')
                found = re.search(pattern, shown)
                if found:
                    return found
                if not piece:
                    break
        raise RuntimeError('the console does not show %s: %s' % (pattern, shown))
