SUMMARY = "State fragments for packages of OE-Core"
DESCRIPTION = "Each package PACKAGE-sysota-state holds the fragment of PACKAGE. Images that inherit sysota-image install those of the packages that they have. So no recipe has to be changed, and none is rebuilt because of this layer."

SYSOTA_ETC ?= "paths"
SYSOTA_ETC[doc] = "What of /etc can be written to, for the distribution: 'paths', what packages name; 'whole', all of it, merged file by file with that of a new image."
python () {
    if d.getVar('SYSOTA_ETC') not in ('paths', 'whole'):
        bb.fatal("SYSOTA_ETC is '%s', and has to be 'paths' or 'whole'" % d.getVar('SYSOTA_ETC'))
}

# How a distribution lays out /etc, /tmp, logs and root's home decides what has to be said about them.
SYSOTA_PARTS[base-files] = "\
    base-files-etc-${SYSOTA_ETC} \
    ${@'' if sysota.fragments.is_volatile(d, 'tmp') else 'base-files-tmp'} \
    ${@'' if sysota.fragments.is_volatile(d, 'log') else 'base-files-log'} \
    ${@'base-files-root' if d.getVar('ROOT_HOME') == '/root' else ''} \
"
SYSOTA_PARTS[systemd] = "\
    systemd-etc-${SYSOTA_ETC} \
    ${@'' if sysota.fragments.is_volatile(d, 'log') else 'systemd-journal'} \
    ${SYSOTA_WITHIN_SYSTEMD} \
"

require sysota-fragments.inc

# Scarthgap has networkd in systemd's own package, later series have it beside that.
SYSOTA_WITHIN_SYSTEMD = "${@'systemd-networkd' if 'scarthgap' in d.getVar('LAYERSERIES_CORENAMES').split() else ''}"
SYSOTA_SPOKEN_OF:remove = "${SYSOTA_WITHIN_SYSTEMD}"

# The link to the time zone is then a file of /etc like any other.
SYSOTA_SPOKEN_OF:remove = "${@'tzdata-core' if d.getVar('SYSOTA_ETC') == 'whole' else ''}"
