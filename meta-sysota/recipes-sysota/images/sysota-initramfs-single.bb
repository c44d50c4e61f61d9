SUMMARY = "Initramfs of one file: stated, started as init"
DESCRIPTION = "stated finds and mounts root and data partition by itself, makes the state, and starts the system. For kernels that have their drivers built in: modules go to /modules, under names in the order in which they are loaded."
LICENSE = "MIT"

PACKAGE_INSTALL = "stated-init"

IMAGE_FEATURES = ""
IMAGE_LINGUAS = ""
PACKAGE_EXCLUDE = "kernel-image-*"

IMAGE_FSTYPES = "${INITRAMFS_FSTYPES}"
IMAGE_NAME_SUFFIX ?= ""
IMAGE_ROOTFS_SIZE = "1024"
IMAGE_ROOTFS_EXTRA_SPACE = "0"

inherit image
