SUMMARY = "State fragments for packages of meta-mender"
DESCRIPTION = "As those of sysota-fragments, for packages of another layer: installed by images that have these packages."

require recipes-sysota/sysota-fragments/sysota-fragments.inc
