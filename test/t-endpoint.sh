#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: standalone mode goes where git-lfs goes.  The table has a repository a
# row; the real git-lfs and we must both agree with it.
. "$(dirname "$0")/lib.sh"

openssl version >/dev/null || die 'no openssl'
# git-lfs's answer to a row changes only with the row, and takes thirty
# processes: `make test` asks it about some rows, .ci/run and `make endpoints`
# about all.
case $BUILD in
*/address*|*/thread*) step=0 ;;
*) step=5 ;;
esac
/usr/bin/python3 "$LIB/endpoints.py" "$LIB/endpoints.table" \
	"$BUILD/test/tool/endpoint" "${ENDPOINTS:-$step}"
