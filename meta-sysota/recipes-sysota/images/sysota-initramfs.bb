SUMMARY = "Initramfs that mounts a slot's root file system and makes its state"
DESCRIPTION = "The modular initramfs of OE-Core with the module that calls stated: the INITRAMFS_IMAGE of a kernel."
LICENSE = "MIT"

INITRAMFS_SCRIPTS ?= "\
    initramfs-framework-base \
    ${@bb.utils.contains('VIRTUAL-RUNTIME_dev_manager', 'busybox-mdev', 'initramfs-module-mdev', 'initramfs-module-udev', d)} \
    initramfs-module-sysota \
"

PACKAGE_INSTALL = "${INITRAMFS_SCRIPTS} ${VIRTUAL-RUNTIME_base-utils} base-passwd"

# Nothing of the image's features belongs in here.
IMAGE_FEATURES = ""
IMAGE_LINGUAS = ""
# Kernel modules would bring the kernel along.
PACKAGE_EXCLUDE = "kernel-image-*"

IMAGE_FSTYPES = "${INITRAMFS_FSTYPES}"
IMAGE_NAME_SUFFIX ?= ""
IMAGE_ROOTFS_SIZE = "8192"
IMAGE_ROOTFS_EXTRA_SPACE = "0"

inherit image
