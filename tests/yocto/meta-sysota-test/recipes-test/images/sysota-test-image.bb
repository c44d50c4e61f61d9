SUMMARY = "An image to look at, and to boot"
LICENSE = "MIT"

require sysota-test-image.inc

WKS_FILE = "sysota-gpt.wks.in"
