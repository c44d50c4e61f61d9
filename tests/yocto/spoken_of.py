#!/usr/bin/env python3
"""Whether there are the packages that the layer's fragments speak of: a fragment without would never be installed.

Run by `cargo xtask yocto` in a build directory with the layer, and those that have the packages.
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(shutil.which('bitbake')), '../lib'))

import bb.tinfoil  # noqa: E402


def main():
    with bb.tinfoil.Tinfoil() as tinfoil:
        tinfoil.prepare(quiet=2)
        cache = tinfoil.cooker.recipecaches['']
        packages = set(cache.packages)
        recipes = sorted(name for name in cache.pkg_pn if name.startswith('sysota-fragments'))
        missing = []
        for recipe in recipes:
            spoken_of = tinfoil.parse_recipe(recipe).getVar('SYSOTA_SPOKEN_OF').split()
            print('%s: %s' % (recipe, ' '.join(spoken_of)))
            missing += ['%s: no recipe has a package %s' % (recipe, name) for name in spoken_of if name not in packages]
    print('\n'.join(missing))
    return 1 if missing or not recipes else 0


sys.exit(main())
