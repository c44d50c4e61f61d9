# What BitBake alone knows: which fragments a recipe has. What they mean, statec knows.
#
# SPDX-License-Identifier: MIT

BBIMPORTS = ["accounts", "fragments", "image"]
