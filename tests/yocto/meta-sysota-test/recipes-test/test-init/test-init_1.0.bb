SUMMARY = "Says on the console what a boot came to, and ends it"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

SRC_URI = "file://inittab file://rcS"
S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

do_install () {
	install -D -m 0644 ${S}/inittab ${D}${sysconfdir}/inittab
	install -D -m 0755 ${S}/rcS ${D}${sysconfdir}/init.d/rcS
}
