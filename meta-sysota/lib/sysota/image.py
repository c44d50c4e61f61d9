# The end of do_rootfs: calls statec, and compares its plan with what only the build knows.
#
# SPDX-License-Identifier: MIT

import json
import os
import re
import shutil
import subprocess

import bb

# Where openssh-sshd's fragment keeps keys: this directory is written, and not all of /etc/ssh.
HOST_KEYS = '/etc/ssh/keys'


def fragment_depends(d):
    """The tasks that package the fragments which are installed beside other packages."""
    tasks = ['do_packagedata', 'do_package_write_' + (d.getVar('IMAGE_PKGTYPE') or '')]
    recipes = (d.getVar('SYSOTA_FRAGMENT_RECIPES') or '').split()
    return ' '.join('%s:%s' % (recipe, task) for recipe in recipes for task in tasks)


def redirect_host_keys(d):
    """Undoes what read_only_rootfs_hook did for an image whose ssh keys would be lost at each boot."""
    rootfs = d.getVar('IMAGE_ROOTFS')
    if not os.path.exists(fragment_dir(d) + '/openssh-sshd.yaml'):
        return
    for name in ('sshd_config', 'sshd_config_readonly'):
        rewrite(rootfs + '/etc/ssh/' + name, r'^(HostKey\s+)\S*/(\S+)$', r'\1%s/\2' % HOST_KEYS)
    # The hook chose the other file and a directory in /run.
    rewrite(rootfs + '/etc/default/ssh', r'^(SYSCONFDIR|SSHD_OPTS)=.*\n', '')


def make_state(d):
    """Compiles, deploys and checks the blob of the image. Returns the plan."""
    rootfs = d.getVar('IMAGE_ROOTFS')
    fragments = fragment_dir(d)
    if not os.path.isdir(fragments):
        bb.fatal('%s is not in the image: none of its packages has a state fragment' % d.getVar('SYSOTA_FRAGMENT_DIR'))
    blob = rootfs + d.getVar('SYSOTA_BLOB')
    os.makedirs(os.path.dirname(blob), exist_ok=True)
    command = ['statec', 'compile', fragments, '--rootfs', rootfs, '--output', blob,
               '--image-id', d.getVar('SYSOTA_IMAGE_ID')]
    if d.getVar('SYSOTA_POLICY'):
        command += ['--image', d.getVar('SYSOTA_POLICY')]
    run(command + (d.getVar('SYSOTA_STATEC_FLAGS') or '').split(), 'the state of the image cannot be compiled')

    text = run(['statec', 'inspect', '--format', 'json', blob], 'the blob cannot be read')
    plan = json.loads(text)
    check_plan(d, plan)
    deploy(d, blob, text)
    previous = d.getVar('SYSOTA_PREVIOUS_BLOB')
    if previous:
        run(['statec', 'diff', previous, blob], 'an update from SYSOTA_PREVIOUS_BLOB would lose state')
    if not bb.utils.to_boolean(d.getVar('SYSOTA_KEEP_FRAGMENTS')):
        shutil.rmtree(fragments)
        # Made for the fragments; with other files in it, it stays.
        if not os.listdir(os.path.dirname(fragments)):
            os.rmdir(os.path.dirname(fragments))
    return plan


def check_plan(d, plan):
    """Refuses a plan that the initramfs, or the image's own units, would not let come true."""
    wanted = d.getVar('SYSOTA_SYS_DATA_DEVICE'), d.getVar('SYSOTA_SYS_DATA_MOUNT_POINT')
    planned = plan['sys-data']['device'], plan['sys-data']['mount-point']
    if planned != wanted:
        bb.fatal('the image has its data partition %s at %s, and the initramfs mounts %s at %s: let SYSOTA_SYS_DATA_* agree '
                 'with the policy' % (planned + wanted))
    binds = volatile_binds(d.getVar('IMAGE_ROOTFS'))
    for entry in plan['entries']:
        for unit, where in binds:
            if entry['path'] == where or entry['path'].startswith(where + '/'):
                bb.fatal('%s mounts something volatile at %s, which would hide the state at %s: set '
                         'VOLATILE_BINDS:pn-volatile-binds without it' % (unit, where, entry['path']))


def volatile_binds(rootfs):
    """Units of volatile-binds, each with what it mounts over if that is read-only."""
    found = []
    for directory in ('usr/lib/systemd/system', 'lib/systemd/system'):
        path = os.path.join(rootfs, directory)
        for unit in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            if unit.endswith('.service'):
                with open(os.path.join(path, unit), errors='replace') as file:
                    binds = re.findall(r'^ExecStart=\S*/mount-copybind \S+ (\S+)$', file.read(), re.MULTILINE)
                found += [(unit, where) for where in binds]
    return found


def deploy(d, blob, plan):
    """Puts blob and plan beside the image."""
    directory = d.getVar('IMGDEPLOYDIR')
    for suffix in ('blob', 'json'):
        name = '%s.state.%s' % (d.getVar('IMAGE_NAME'), suffix)
        path = os.path.join(directory, name)
        if suffix == 'blob':
            shutil.copyfile(blob, path)
        else:
            with open(path, 'w') as file:
                file.write(plan)
        link = os.path.join(directory, '%s.state.%s' % (d.getVar('IMAGE_LINK_NAME'), suffix))
        if link != path:
            bb.utils.remove(link)
            os.symlink(name, link)


def fragment_dir(d):
    return d.getVar('IMAGE_ROOTFS') + d.getVar('SYSOTA_FRAGMENT_DIR')


def rewrite(path, pattern, replacement):
    """Replaces lines of a file, if it is there."""
    if os.path.exists(path):
        with open(path) as file:
            text = file.read()
        with open(path, 'w') as file:
            file.write(re.sub(pattern, replacement, text, flags=re.MULTILINE))


def run(command, failure):
    """Runs a command, puts what it finds into the log, and returns what it prints."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        bb.fatal('%s:\n%s%s' % (failure, result.stderr, result.stdout))
    if result.stderr:
        bb.note(result.stderr)
    return result.stdout
