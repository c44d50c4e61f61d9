SUMMARY = "Makes the state of an image, and tells of it on the running system"
DESCRIPTION = "The whole of stated, which images carry: the program of the initramfs becomes this one where a slot has to \
take over state, and its commands are for the running system and for updaters."

require stated.inc

CARGO_PROFILE = "system"
SYSOTA_CARGO_FLAGS = "--package stated --features initrd"

RCONFLICTS:${PN} = "stated-initramfs"
