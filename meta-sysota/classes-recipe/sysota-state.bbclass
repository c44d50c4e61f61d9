# Packages a recipe's state fragments: what its programs write to on a read-only root, and how long that is to last.
#
# SPDX-License-Identifier: MIT
#
# In the simplest case, put the fragment beside the recipe's other files and inherit the class:
#
#   recipes-example/example/files/example.state.yaml
#
#   inherit sysota-state
#
# The class finds `${PN}.state.yaml` along FILESPATH. Fragments with other names, or of other packages of the recipe, are
# named:
#
#   SYSOTA_STATE:${PN} = "daemon.state.yaml cache.state.yaml"
#   SYSOTA_STATE:${PN}-tools = "tools.state.yaml"
#
# `NAME.state.yaml` is installed as ${datadir}/sysota/state.d/NAME.yaml, so a name must differ from those of all other
# packages of an image; the package's own is the best choice.
#
# The task sysota_lint checks all fragments of the recipe together. What it finds is shown with file and line, and fails
# the build; warnings do as well, unless SYSOTA_LINT_FLAGS is empty.
#
# What belongs to another layer's recipe needs no bbappend: see recipes-sysota/sysota-fragments, whose packages are
# installed beside those that they speak of.

SYSOTA_STATE[doc] = "Fragments of a package (SYSOTA_STATE:<package>), as files found along FILESPATH. Of the package ${PN}: ${PN}.state.yaml if that is there."
SYSOTA_LINT_FLAGS ?= "--deny-warnings"
SYSOTA_LINT_FLAGS[doc] = "Options of statec lint when a recipe's fragments are checked. Without --deny-warnings, warnings are only shown."

SYSOTA_FRAGMENT_DIR = "${datadir}/sysota/state.d"

DEPENDS:append = " statec-native"

python () {
    for package, names in sysota.fragments.fragments_of(d).items():
        for name in names:
            d.appendVar('SRC_URI', ' file://%s' % name)
            d.appendVar('SYSOTA_FRAGMENTS', ' %s' % name)
            installed = '${SYSOTA_FRAGMENT_DIR}/%s.yaml' % name.removesuffix('.state.yaml')
            d.appendVar('FILES:' + package, ' ' + installed)
}

SYSOTA_FRAGMENTS ?= ""

do_sysota_lint[doc] = "Checks the state fragments of the recipe"
do_sysota_lint[dirs] = "${UNPACKDIR}"
do_sysota_lint () {
    [ -z "${SYSOTA_FRAGMENTS}" ] || statec lint ${SYSOTA_LINT_FLAGS} ${SYSOTA_FRAGMENTS} ||
        bbfatal_log "the state fragments are not as they have to be"
}
addtask sysota_lint after do_patch do_prepare_recipe_sysroot before do_install

do_install:append () {
    for fragment in ${SYSOTA_FRAGMENTS}; do
        install -D -m 0644 "${UNPACKDIR}/$fragment" \
            "${D}${SYSOTA_FRAGMENT_DIR}/$(basename "$fragment" .state.yaml).yaml"
    done
}
