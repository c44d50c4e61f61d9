SUMMARY = "Units that make the state of read-only images in an initramfs with systemd"
DESCRIPTION = "When the root file system is mounted at /sysroot and before it is switched to: mounts the data partition, calls stated, and restarts the device if the state cannot be made."
HOMEPAGE = "https://git.example.org/sysota/state"
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COREBASE}/meta/COPYING.MIT;md5=3da9cfbcb788c80a0384361b4de20420"

# The unit is the one that the repository tests in an initramfs of systemd.
FILESEXTRAPATHS:prepend := "${THISDIR}/../../../applier/initramfs/systemd:"

SRC_URI = "\
    file://sysota-state.service \
    file://sysota-state.service.d/reboot.conf \
    file://sys-data.mount \
"

S = "${UNPACKDIR}"

inherit sysota-partitions features_check

REQUIRED_DISTRO_FEATURES = "systemd"

# Partitions may be named in the machine's configuration.
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# A mount unit is called after its mount point.
SYS_DATA_UNIT = "${@d.getVar('SYSOTA_SYS_DATA_MOUNT_POINT').strip('/').replace('-', r'\x2d').replace('/', '-')}.mount"
SYS_DATA_PATH = "${@d.getVar('SYSOTA_SYS_DATA_DEVICE').replace('PARTLABEL=', '/dev/disk/by-partlabel/').replace('PARTUUID=', '/dev/disk/by-partuuid/')}"

do_install () {
    units=${D}${systemd_system_unitdir}
    install -d $units/initrd-root-fs.target.requires $units/sysota-state.service.wants $units/sysota-state.service.d
    install -m 0644 ${S}/sysota-state.service $units/
    install -m 0644 ${S}/sysota-state.service.d/reboot.conf $units/sysota-state.service.d/
    ln -s ../sysota-state.service $units/initrd-root-fs.target.requires/
    # Wanted, and not required: whether the system starts without it, the image's policy says.
    sed -e 's|@DEVICE@|${SYS_DATA_PATH}|g' \
        -e 's|@FSTYPE@|${SYSOTA_SYS_DATA_FSTYPE}|g' \
        -e 's|@OPTIONS@|${SYSOTA_SYS_DATA_OPTIONS}|g' \
        -e 's|@MOUNT_POINT@|${SYSOTA_SYS_DATA_MOUNT_POINT}|g' \
        ${S}/sys-data.mount > "$units/${SYS_DATA_UNIT}"
    ln -s "../${SYS_DATA_UNIT}" $units/sysota-state.service.wants/
}

FILES:${PN} += "${systemd_system_unitdir}"

RDEPENDS:${PN} = "stated-initramfs systemd"
