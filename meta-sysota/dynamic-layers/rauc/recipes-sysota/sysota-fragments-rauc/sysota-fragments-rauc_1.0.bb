SUMMARY = "State fragments for packages of meta-rauc"
DESCRIPTION = "As those of sysota-fragments, for packages of another layer: installed by images that have these packages."

require recipes-sysota/sysota-fragments/sysota-fragments.inc

# The one that docs/ota-daemon.md explains and the gateway example has.
FILESEXTRAPATHS:prepend := "${THISDIR}/../../../../../examples/gateway/image/files/usr/lib/sysota:"
SRC_URI += "file://mark-good"
# The package is one that sysota-fragments.inc makes.
# nooelint: oelint.vars.specific,oelint.vars.pkgspecific.FILES
FILES:rauc-sysota-state += "${nonarch_libdir}/sysota/mark-good"

do_install:append () {
    install -D -m 0755 ${UNPACKDIR}/mark-good ${D}${nonarch_libdir}/sysota/mark-good
}
