#!/bin/sh
# dracut waits for the root alone, and fstab-sys does not wait for what it mounts.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

sysota_wait() {
    read -r _device _ < /usr/lib/sysota/sys-data.fstab
    _device=$(label_uuid_to_dev "$_device")
    _seconds=30
    until [ -e "$_device" ] || [ "$_seconds" -eq 0 ]; do
        _seconds=$((_seconds - 1))
        sleep 1
    done
}

sysota_wait
