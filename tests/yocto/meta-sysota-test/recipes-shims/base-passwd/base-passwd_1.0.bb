SUMMARY = "Users and groups of the test images"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install () {
	install -d ${D}${sysconfdir}
	printf 'root::0:0:root:/root:/bin/sh\nwriter:x:990:991::/nonexistent:/bin/false\n' > ${D}${sysconfdir}/passwd
	printf 'root:x:0:\ntty:x:5:\nwriter:x:991:\n' > ${D}${sysconfdir}/group
}
