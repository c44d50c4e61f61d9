SUMMARY = "The host's RAUC, to make bundles with"
LICENSE = "LGPL-2.1-or-later"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/files/common-licenses/LGPL-2.1-or-later;md5=2a4f4fd2128ea2f65047ee63fbca9f68"

inherit native

INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install () {
	install -d ${D}${bindir}
	ln -s "$(realpath "$(command -v rauc)")" ${D}${bindir}/rauc
}
