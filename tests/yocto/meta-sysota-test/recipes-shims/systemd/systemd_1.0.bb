SUMMARY = "Nothing: sysota-initrd wants it beside its units, and no image here has these"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"
ALLOW_EMPTY:${PN} = "1"
