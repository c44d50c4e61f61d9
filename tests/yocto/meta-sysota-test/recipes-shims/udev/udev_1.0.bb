SUMMARY = "Nothing: the kernel makes device nodes in the test images"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"
ALLOW_EMPTY:${PN} = "1"
