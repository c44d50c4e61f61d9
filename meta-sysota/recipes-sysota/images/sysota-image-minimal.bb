SUMMARY = "A small image with a read-only root and declared state"
DESCRIPTION = "What core-image-minimal is, with a control blob: an example to build on, and to try an initramfs with."
LICENSE = "MIT"

IMAGE_INSTALL = "packagegroup-core-boot packagegroup-sysota ${CORE_IMAGE_EXTRA_INSTALL}"
IMAGE_LINGUAS = ""

inherit core-image sysota-image
