#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: standalone mode goes where git-lfs goes.  The table has a repository a
# row; the real git-lfs and we must both agree with it.
. "$(dirname "$0")/lib.sh"

openssl version >/dev/null || die 'no openssl'
# A sanitizer sees only us, and git-lfs has said the same to the plain build.
case $BUILD in
*/address*|*/thread*) ours=--ours ;;
*) ours= ;;
esac
/usr/bin/python3 "$LIB/endpoints.py" $ours "$LIB/endpoints.table" \
	"$BUILD/test/tool/endpoint"
