# Only for distributions that want it: a layer changes no recipe just by being there.
require ${@bb.utils.contains('DISTRO_FEATURES', 'sysota', 'rauc-conf-sysota.inc', '', d)}
