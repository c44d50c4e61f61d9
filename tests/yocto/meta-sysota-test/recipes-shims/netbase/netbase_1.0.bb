SUMMARY = "The one file that the test images need of netbase"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install () {
	install -d ${D}${sysconfdir}
	echo '127.0.0.1 localhost' > ${D}${sysconfdir}/hosts.local
}
