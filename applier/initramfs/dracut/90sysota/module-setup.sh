#!/bin/bash
# Makes the paths of the image's control blob writable, after the root is mounted and before it is switched to.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

check() {
    # Only where it is asked for: 50-sysota.conf.
    return 255
}

depends() {
    # Mounts sys-data where systemd does not; there only with 50-sysota.conf.
    echo fstab-sys
}

installkernel() {
    local type
    read -r _ _ type _ < "${dracutsysrootdir-}/usr/lib/sysota/sys-data.fstab"
    # Whatever the machine has on which the initramfs is made. Entries may be overlays.
    hostonly='' instmods overlay "$type"
}

install() {
    # Without these, an initramfs would start a system that cannot write what it has to: making it fails.
    if ! inst_simple /usr/lib/sysota/sys-data.fstab || ! inst_binary /usr/lib/sysota/stated-initramfs /usr/sbin/stated; then
        dfatal "sysota: /usr/lib/sysota of the image lacks sys-data.fstab or stated-initramfs"
        exit 1
    fi
    if dracut_module_included systemd; then
        inst_simple "${systemdsystemunitdir:?}/sysota-state.service" || exit 1
        inst_multiple -o "$systemdsystemunitdir"/sysota-state.service.d/*.conf
        ${SYSTEMCTL:?} -q --root "${initdir:?}" enable sysota-state.service || exit 1
    else
        inst_hook pre-mount 90 "${moddir:?}/wait.sh"
        # After fstab-sys, which is the first one there.
        inst_hook pre-pivot 10 "${moddir:?}/apply.sh"
    fi
}
