SUMMARY = "Makes the paths of an image's control blob writable, from an initramfs"
DESCRIPTION = "The part of stated that nearly every boot needs, in less than 64 KiB. For anything else it becomes the image's own, which the package stated has."

require stated.inc

CARGO_PROFILE = "initrd"
SYSOTA_CARGO_FLAGS = "--package stated --no-default-features --features initrd"

RCONFLICTS:${PN} = "stated"
