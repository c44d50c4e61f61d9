SUMMARY = "The same with its fragments, to be compiled once more"
LICENSE = "MIT"

require sysota-test-image.inc

SYSOTA_KEEP_FRAGMENTS = "1"
