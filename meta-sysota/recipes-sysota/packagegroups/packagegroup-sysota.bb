SUMMARY = "What an image with state needs"
DESCRIPTION = "The program that takes over state after an update, and whose commands are for the running system."
HOMEPAGE = "https://git.example.org/sysota/state"

inherit packagegroup

RDEPENDS:${PN} = "stated"
