SUMMARY = "Makes the state of an image, and tells of it on the running system"
SUMMARY:${PN}-init = "The same as the init of an initramfs that has nothing else"
DESCRIPTION = "The whole of stated, which images carry: the program of the initramfs becomes this one where a slot has to take over state, and its commands are for the running system and for updaters."

require stated.inc

CARGO_PROFILE = "system"
SYSOTA_CARGO_FLAGS = "--package stated --features initrd"

do_install:append () {
    install -m 0755 "${B}/target/${CARGO_TARGET_SUBDIR}/stated" "${D}/init"
}

# An initramfs of one file, for sysota-initramfs-single.
PACKAGES =+ "${PN}-init"
FILES:${PN}-init += "/init"

RCONFLICTS:${PN} = "stated-initramfs"
