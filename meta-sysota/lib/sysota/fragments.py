# The fragments that a recipe packages.
#
# SPDX-License-Identifier: MIT

import os

import bb

SUFFIX = '.state.yaml'


def fragments_of(d):
    """The fragments of each package of the recipe, in the order in which they are named."""
    fragments = {}
    for package in d.getVar('PACKAGES').split():
        named = d.getVar('SYSOTA_STATE:' + package)
        if named is None and package == d.getVar('PN'):
            named = fragment_of(d, package)
        for name in (named or '').split():
            if not name.endswith(SUFFIX) or '/' in name:
                bb.fatal('SYSOTA_STATE:%s: %s is not the name of a file that ends in %s' % (package, name, SUFFIX))
            fragments.setdefault(package, []).append(name)
    return fragments


def spoken_of(d):
    """The packages, of any recipe, for which the directory `files` beside this recipe has a fragment."""
    directory = os.path.join(d.getVar('FILE_DIRNAME'), 'files')
    # So that a fragment which is added is seen.
    bb.parse.mark_dependency(d, directory)
    names = sorted(os.listdir(directory))
    return ' '.join(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def parts_of(d, package):
    """The names of what is said of a package: its own, and those that SYSOTA_PARTS has for it."""
    return [package] + (d.getVarFlag('SYSOTA_PARTS', package) or '').split()


def fragment_of(d, name):
    """The file with the fragment of that name; empty if there is none."""
    return name + SUFFIX if bb.utils.which(d.getVar('FILESPATH'), name + SUFFIX) else ''


def files_for(d, name):
    """What the directory `rootfs/NAME` beside this recipe has for the image, as paths of the image."""
    top = os.path.join(d.getVar('FILE_DIRNAME'), 'rootfs', name)
    # So that what is added is seen: BitBake keeps what a recipe says until something that it depends on has changed.
    bb.parse.mark_dependency(d, os.path.dirname(top))
    found = []
    for directory, _, names in sorted(os.walk(top)):
        bb.parse.mark_dependency(d, directory)
        found += ['/' + os.path.relpath(os.path.join(directory, name), top) for name in sorted(names)]
    return found


def is_volatile(d, name):
    """Whether images have /var/tmp (`tmp`) or /var/log (`log`) as a symlink into a tmpfs."""
    tables = (d.getVar('FILESYSTEM_PERMS_TABLES') or '').split()
    if 'files/fs-perms-persistent-log.txt' in tables:
        # Scarthgap: only the logs can be told to stay.
        return name == 'tmp'
    if d.getVar('VOLATILE_LOG_DIR'):
        return True
    return 'files/fs-perms-volatile-%s.txt' % name in tables
