#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: each login goes with each transfer, each fault and each command; all
# pairs of them are met here, and all rows by `make matrix`.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfsmultipart.partSize 100k
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.stallTimeout 2
# Git and git-lfs are most of it; a sanitizer has seen our code in half of them.
case $BUILD in
*/address*|*/thread*) rows=half ;;
*) rows= ;;
esac
# shellcheck disable=SC2086 # names of rows
exec /usr/bin/python3 "$LIB/matrix.py" ${MATRIX:-$rows}
