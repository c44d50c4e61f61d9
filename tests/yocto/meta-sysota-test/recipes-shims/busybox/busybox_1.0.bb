SUMMARY = "The host's static busybox, for init, a shell and tools"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/files/common-licenses/GPL-2.0-only;md5=801f80980d171dd6425610833a22dbe6"

SRC_URI = "file://mountpoint"
INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install () {
	install -D -m 0755 "$(realpath "$(command -v busybox)")" ${D}${base_bindir}/busybox
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox ${D}${base_bindir}/$applet
	done
	install -m 0755 ${S}/mountpoint ${D}${base_bindir}/mountpoint
	install -d ${D}${base_sbindir}
	for applet in init switch_root reboot poweroff; do
		ln -sf ../bin/busybox ${D}${base_sbindir}/$applet
	done
}

# The host built it.
INSANE_SKIP:${PN} = "already-stripped ldflags"
RPROVIDES:${PN} = "/bin/sh busybox-mdev"
