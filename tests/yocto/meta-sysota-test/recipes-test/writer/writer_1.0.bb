SUMMARY = "A package with a fragment of its own, and one for a package beside it"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

SRC_URI = "file://writer"
S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

inherit sysota-state

PACKAGES =+ "${PN}-tools"
SYSOTA_STATE:${PN}-tools = "writer-tools.state.yaml"
ALLOW_EMPTY:${PN}-tools = "1"

do_install () {
	install -D -m 0755 ${S}/writer ${D}${bindir}/writer
	install -d ${D}${sysconfdir}/writer
	echo 'level = 1' > ${D}${sysconfdir}/writer/writer.conf
}
