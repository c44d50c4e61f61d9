SUMMARY = "A package that disagrees with `writer` about its path"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

inherit sysota-state
