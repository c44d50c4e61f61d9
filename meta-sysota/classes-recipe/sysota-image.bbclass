# Makes an image whose packages have state fragments: a read-only root, and one blob that says what is written where.
#
# SPDX-License-Identifier: MIT
#
#   inherit core-image sysota-image
#
# At the very end of do_rootfs, when everything else has been put into the tree, `statec compile --prepare` checks the
# fragments of all installed packages against it, makes the mount points, symlinks and factory copies that are missing, and
# writes the control blob. What it finds is in the log of do_rootfs, with file and line, and fails the task. Beside the image,
# DEPLOY_DIR_IMAGE gets
#
#   IMAGE.state.blob   the blob, for `stated check`, `statec diff`, and the next build's SYSOTA_PREVIOUS_BLOB
#   IMAGE.state.json   the plan in words, as `statec inspect` tells it
#
# Where all of /etc is state, the accounts of the image's services are written down, to be made at boot: see
# lib/sysota/accounts.py.
#
# Fragments of this layer are in packages named PACKAGE-sysota-state, which are installed for each PACKAGE that the image
# has. An image that wants none of them says IMAGE_FEATURES:remove = "sysota-state" after the class is inherited.

inherit sysota-partitions

IMAGE_FEATURES += "read-only-rootfs sysota-state"
COMPLEMENTARY_GLOB[sysota-state] = "*-sysota-state"
# Each would make the same files writable in another way. With stateless-rootfs, nothing is kept by intention.
IMAGE_FEATURES_CONFLICTS_sysota-state = "overlayfs-etc stateless-rootfs"

# Scarthgap looks for wks files in another directory of each layer. A path's separator is a colon, and no space.
# nooelint: oelint.vars.inconspaces
WKS_SEARCH_PATH:append = ":${SYSOTA_LAYERDIR}/files/wic"

SYSOTA_FRAGMENT_RECIPES ?= "sysota-fragments"
SYSOTA_FRAGMENT_RECIPES[doc] = "Recipes whose packages speak of other recipes' packages. Layers add theirs in layer.conf."

SYSOTA_POLICY ?= ""
SYSOTA_POLICY[doc] = "The image's policy: an absolute path, as ${THISDIR}/files/policy.yaml. Without one, statec's defaults hold."
SYSOTA_IMAGE_ID ?= "${IMAGE_BASENAME}-${MACHINE}-${@(d.getVar('BB_TASKHASH') or 'none')[:16]}"
SYSOTA_IMAGE_ID[doc] = "What tells this image from every other. The default changes with everything that goes into the image, and is the same again when that is built again."
SYSOTA_STATEC_FLAGS ?= "--prepare"
SYSOTA_STATEC_FLAGS[doc] = "Options of statec compile."
SYSOTA_KEEP_FRAGMENTS ?= "0"
SYSOTA_KEEP_FRAGMENTS[doc] = "Whether the fragments stay in the image. Nothing on the target reads them."
SYSOTA_PREVIOUS_BLOB ?= ""
SYSOTA_PREVIOUS_BLOB[doc] = "The blob of the image that devices have now, an absolute path. If an update to this image would lose state or leave some behind, do_rootfs fails and says which."

SYSOTA_FRAGMENT_DIR = "${datadir}/sysota/state.d"
SYSOTA_BLOB = "${nonarch_libdir}/sysota/state.blob"

do_rootfs[depends] += "statec-native:do_populate_sysroot ${@sysota.image.fragment_depends(d)}"
do_rootfs[file-checksums] += "${@' '.join(path + ':True' for path in (d.expand('${SYSOTA_POLICY} ${SYSOTA_PREVIOUS_BLOB}')).split())}"
do_rootfs[vardeps] += "SYSOTA_IMAGE_ID SYSOTA_STATEC_FLAGS SYSOTA_KEEP_FRAGMENTS SYSOTA_SYS_DATA_DEVICE"
SYSOTA_IMAGE_ID[vardepvalue] = "${IMAGE_BASENAME}-${MACHINE}"
# Their content counts, not where it lies.
sysota_image_state[vardepsexclude] += "SYSOTA_POLICY SYSOTA_PREVIOUS_BLOB"
do_rootfs[postfuncs] += "sysota_image_state"

sysota_image_state[doc] = "Compiles the fragments in the image, and checks and deploys the blob."
python sysota_image_state () {
    sysota.image.redirect_host_keys(d)
    plan = sysota.image.make_state(d)
    sysota.accounts.declare(d.getVar('IMAGE_ROOTFS'), plan)
}
