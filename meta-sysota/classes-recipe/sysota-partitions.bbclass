# Names of the partitions that wks files make, the initramfs looks for, and an image's policy speaks of.
#
# SPDX-License-Identifier: MIT
#
# Set them in a distro or machine configuration, where all recipes see them. A policy that names other partitions, in
# `slot-from` or `sys-data`, is refused by sysota-image.

SYSOTA_LABEL_BOOT ?= "x-boot"
SYSOTA_LABEL_BOOT[doc] = "Label of the boot partition."
SYSOTA_LABEL_SYS_A ?= "x-sys-a"
SYSOTA_LABEL_SYS_A[doc] = "Label of the partition of slot A."
SYSOTA_LABEL_SYS_B ?= "x-sys-b"
SYSOTA_LABEL_SYS_B[doc] = "Label of the partition of slot B."
SYSOTA_LABEL_SYS_DATA ?= "x-sys-data"
SYSOTA_LABEL_SYS_DATA[doc] = "Label of the partition that holds all state."

SYSOTA_SYS_DATA_DEVICE ?= "PARTLABEL=${SYSOTA_LABEL_SYS_DATA}"
SYSOTA_SYS_DATA_DEVICE[doc] = "The partition that holds all state: PARTLABEL=..., PARTUUID=... or a path below /dev. MBR has no labels: there it is a PARTUUID or a path."
SYSOTA_SYS_DATA_FSTYPE ?= "ext4"
SYSOTA_SYS_DATA_FSTYPE[doc] = "Its file system."
SYSOTA_SYS_DATA_OPTIONS ?= "noatime"
SYSOTA_SYS_DATA_OPTIONS[doc] = "Its mount options, separated by commas."
SYSOTA_SYS_DATA_MOUNT_POINT ?= "/run/mount/sysdata"
SYSOTA_SYS_DATA_MOUNT_POINT[doc] = "Where it is mounted, below /run."

SYSOTA_BOOT_SIZE ?= "64M"
SYSOTA_BOOT_SIZE[doc] = "Size of the boot partition, for wks files: boot loader, kernel and initramfs of each slot."
SYSOTA_SLOT_SIZE ?= "512M"
SYSOTA_SLOT_SIZE[doc] = "Size of each slot's partition, for wks files: the largest image that an update will bring."
SYSOTA_SYS_DATA_SIZE ?= "256M"
SYSOTA_SYS_DATA_SIZE[doc] = "Size of the partition that holds all state, for wks files."
SYSOTA_DISK_ID ?= "73797341"
SYSOTA_DISK_ID[doc] = "Of a disk with MBR, eight hexadecimal digits: its partitions' PARTUUIDs begin with it. Scarthgap's wic makes one up: there, sfdisk --disk-id sets it afterwards."

WICVARS:append = " SYSOTA_LABEL_BOOT SYSOTA_LABEL_SYS_A SYSOTA_LABEL_SYS_B SYSOTA_LABEL_SYS_DATA"

# Series after scarthgap write the sources of boot partitions with an underscore, and know how to set a disk's signature.
SYSOTA_WIC_DISK_ID = "${@'' if 'scarthgap' in d.getVar('LAYERSERIES_CORENAMES').split() else '--diskid 0x${SYSOTA_DISK_ID}'}"
SYSOTA_WIC_SEPARATOR = "${@'-' if 'scarthgap' in d.getVar('LAYERSERIES_CORENAMES').split() else '_'}"
