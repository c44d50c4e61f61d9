SUMMARY = "Update of an image with its control blob, for RAUC"
DESCRIPTION = "The blob lets the device tell, before anything is written, whether its state fits the new image: rauc-pre-install calls stated check. RAUC_KEY_FILE and RAUC_CERT_FILE name who signs."
HOMEPAGE = "https://git.example.org/sysota/state"
LICENSE = "MIT"

SYSOTA_BUNDLE_IMAGE ?= "sysota-image-minimal"
SYSOTA_BUNDLE_IMAGE[doc] = "The image that the bundle installs."

# Nothing of its own.
SRC_URI = ""

inherit bundle

RAUC_BUNDLE_FORMAT = "verity"
RAUC_BUNDLE_COMPATIBLE ?= "${DISTRO}-${MACHINE}"
RAUC_BUNDLE_SLOTS ?= "rootfs"
RAUC_SLOT_rootfs ?= "${SYSOTA_BUNDLE_IMAGE}"
RAUC_SLOT_rootfs[fstype] ?= "ext4"

RAUC_BUNDLE_EXTRA_FILES += "state.blob"

do_unpack[depends] += "${SYSOTA_BUNDLE_IMAGE}:do_image_complete"

# The blob is unpacked like a source, and packed by the class.
python do_unpack:append () {
    import glob
    import shutil

    # Series before wrynose leave out `.rootfs`.
    names = '%s-%s*.state.blob' % (d.getVar('SYSOTA_BUNDLE_IMAGE'), d.getVar('MACHINE'))
    blobs = [path for path in glob.glob(os.path.join(d.getVar('DEPLOY_DIR_IMAGE'), names)) if os.path.islink(path)]
    if len(blobs) != 1:
        bb.fatal('%s does not have one %s: does the image inherit sysota-image?' % (d.getVar('DEPLOY_DIR_IMAGE'), names))
    shutil.copyfile(blobs[0], os.path.join(d.getVar('UNPACKDIR'), 'state.blob'))
}
