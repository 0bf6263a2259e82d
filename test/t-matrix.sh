#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: each login goes with each transfer, each fault and each command; all
# pairs of them are met in .ci/run, and all rows by `make matrix`.
. "$(dirname "$0")/lib.sh"

use_standalone
lfs_config lfsmultipart.partSize 100k
lfs_config lfsmultipart.maxRetryDelay 1
lfs_config lfsmultipart.stallTimeout 2
# Git and git-lfs are most of it, so the builds share the rows of .ci/run.
case $BUILD in
*/address*|*/thread*) rows=odd ;;
*) rows=even ;;
esac
# shellcheck disable=SC2086 # names of rows
exec /usr/bin/python3 "$LIB/matrix.py" ${MATRIX:-$rows}
