SUMMARY = "The host's pseudo"
LICENSE = "LGPL-2.1-only"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/files/common-licenses/LGPL-2.1-only;md5=1a6d268fd218675ffea8be556788b780"

inherit native

INHIBIT_DEFAULT_DEPS = "1"
INHIBIT_SYSROOT_STRIP = "1"
PROVIDES = "pseudo-native virtual/fakeroot-native"
S = "${UNPACKDIR}"

do_install () {
	install -D -m 0755 "$(realpath "$(command -v pseudo)")" ${D}${bindir}/pseudo
	for name in pseudodb pseudolog; do
		install -m 0755 "$(dirname "$(realpath "$(command -v pseudo)")")/$name" ${D}${bindir}/
	done
	install -D -m 0755 /usr/lib/x86_64-linux-gnu/pseudo/libpseudo.so ${D}${prefix}/lib/pseudo/lib/libpseudo.so
	for table in passwd group; do
		install -D -m 0644 ${COREBASE}/meta/recipes-devtools/pseudo/files/fallback-$table ${D}${sysconfdir}/$table
	done
}
