SUMMARY = "initramfs support for the state of read-only images"
DESCRIPTION = "Between the module that mounts the root file system and the one that switches to it: mounts the data partition, calls stated, and refuses to boot a slot whose state cannot be made."
HOMEPAGE = "https://git.example.org/sysota/state"
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

SRC_URI = "file://sysota"

S = "${UNPACKDIR}"

inherit sysota-partitions

# Partitions may be named in the machine's configuration.
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install () {
    install -d ${D}/init.d
    sed -e 's|@DEVICE@|${SYSOTA_SYS_DATA_DEVICE}|g' \
        -e 's|@FSTYPE@|${SYSOTA_SYS_DATA_FSTYPE}|g' \
        -e 's|@OPTIONS@|${SYSOTA_SYS_DATA_OPTIONS}|g' \
        -e 's|@MOUNT_POINT@|${SYSOTA_SYS_DATA_MOUNT_POINT}|g' \
        ${S}/sysota > ${D}/init.d/95-sysota
    chmod 0755 ${D}/init.d/95-sysota
}

FILES:${PN} += "/init.d/95-sysota"

RDEPENDS:${PN} = "initramfs-framework-base stated-initramfs"
