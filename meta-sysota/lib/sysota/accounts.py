# Accounts of services, in images whose /etc is state as a whole.
#
# SPDX-License-Identifier: MIT

import os

# What sysota-accounts.service gives to systemd-sysusers. It comes with systemd's fragment.
DECLARED = '/usr/lib/sysota/accounts.conf'
MAKER = '/usr/lib/systemd/system/sysota-accounts.service'

# Those below belong to services, and 0 to root: SYS_UID_MAX and SYS_GID_MAX of shadow's login.defs.
FIRST_OF_PEOPLE = 1000


def declare(rootfs, plan):
    """Has the accounts of the image's services made at boot, if all of /etc is state and the image has somebody to make them.

    Once somebody has added an account on the device, /etc/passwd is the device's, and what a new image has more is not in it.
    Nobody else's is declared: people who are removed on the device stay removed.
    """
    is_whole = any(entry['path'] == '/etc' and entry['lifetime'] == 'persistent' for entry in plan['entries'])
    if not is_whole or not os.path.exists(rootfs + MAKER):
        return
    users, groups = services(rootfs + '/etc/passwd', 7), services(rootfs + '/etc/group', 4)
    names = {user[0] for user in users}
    lines = ['g %s %s' % (name, gid) for name, _, gid, _ in groups]
    lines += ['u %s %s:%s "%s" %s %s' % (name, uid, gid, word(gecos), word(home), word(shell))
              for name, _, uid, gid, gecos, home, shell in users]
    lines += ['m %s %s' % (member, name) for name, _, _, members in groups for member in members.split(',') if member in names]
    os.makedirs(os.path.dirname(rootfs + DECLARED), exist_ok=True)
    with open(rootfs + DECLARED, 'w') as file:
        file.write("# The image's accounts of services, with the numbers that they have in it: see sysusers.d(5).\n")
        file.writelines(line + '\n' for line in lines)


def services(path, count):
    """The lines of /etc/passwd or /etc/group that have `count` fields, and a number of a service in the third."""
    with open(path) as file:
        lines = [line.rstrip('\n').split(':') for line in file]
    return [fields for fields in lines
            if len(fields) == count and fields[2].isdigit() and 0 < int(fields[2]) < FIRST_OF_PEOPLE]


def word(text):
    """A field as sysusers.d(5) reads it: `-` for none, specifiers begin with a percent sign, and quotes end a word."""
    return text.replace('%', '%%').replace('\\', '').replace('"', '') or '-'
