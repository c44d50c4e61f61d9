SUMMARY = "The same for a disk whose partitions have no labels"
LICENSE = "MIT"

require sysota-test-image.inc

SYSOTA_POLICY = "${FILE_DIRNAME}/files/policy-mbr.yaml"
WKS_FILE = "sysota-mbr.wks.in"
IMAGE_BOOT_FILES = "bzImage"
