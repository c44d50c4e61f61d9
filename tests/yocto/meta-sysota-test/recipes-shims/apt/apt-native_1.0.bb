SUMMARY = "The host's apt and dpkg, for a tree that is not the host"
LICENSE = "GPL-2.0-or-later"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/files/common-licenses/GPL-2.0-or-later;md5=fed54355545ffd980b814dab4a3b312c"

SRC_URI = "file://apt.conf.sample file://dpkg"

inherit native

INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install () {
	install -d ${D}${sysconfdir}/apt ${D}${localstatedir}/cache/apt/archives/partial ${D}${localstatedir}/lib/apt ${D}${localstatedir}/log/apt
	sed 's|@SYSROOT@|${STAGING_DIR_NATIVE}|' ${S}/apt.conf.sample > ${D}${sysconfdir}/apt/apt.conf.sample
	install -D -m 0755 ${S}/dpkg ${D}${bindir}/dpkg
}
