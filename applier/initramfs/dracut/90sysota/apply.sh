#!/bin/sh
# Makes the paths of the image's control blob writable. What is to be done, stated knows; here is only what its exit status
# means for a boot.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

sysota_apply() {
    stated apply --root "$NEWROOT"
    _status=$?
    # 3: the system can run with degraded entries.
    [ "$_status" -eq 0 ] || [ "$_status" -eq 3 ]
}

# Who leaves the shell wants another try. With rd.shell=0 there is none, and rd.emergency= says what is done.
until sysota_apply; do
    emergency_shell "sysota: stated ended with status $_status: this slot is not booted"
done
