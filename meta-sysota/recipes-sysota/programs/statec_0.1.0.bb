SUMMARY = "Compiles state fragments of an image's packages into its control blob"
DESCRIPTION = "statec checks the state fragments of an image's packages, prepares the image's tree, and compiles them into the control blob that stated applies at boot. It also explains, compares and tries blobs."

require sysota-programs.inc

CARGO_PROFILE = "release"
SYSOTA_CARGO_FLAGS = "--package statec"

do_install () {
    install -D -m 0755 "${B}/target/${CARGO_TARGET_SUBDIR}/statec" "${D}${bindir}/statec"
}

BBCLASSEXTEND = "native nativesdk"
