SUMMARY = "A file in place of a kernel, for boot partitions that nobody boots from"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_deploy () {
	echo 'no kernel' > ${DEPLOYDIR}/bzImage
}
addtask deploy after do_compile before do_build
