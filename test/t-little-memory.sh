#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: what README.md says of files larger than the memory: they can be added
# and pushed, a clone of one fails in git, and there is a way around, also
# after it failed.
. "$(dirname "$0")/lib.sh"

# git and git-lfs get 200 MB, so that the file is larger; the agent is not held
# to it, since in a build for a sanitizer it could not start.
little () {
	prlimit --data=200000000: "$@"
}

clone_little () {
	little git clone -q -c lfs.url="$(lfs_url r)" r.git c
}

cat >unheld <<-EOF
	#!/bin/sh
	exec prlimit --data=unlimited: "$AGENT" "\$@"
EOF
chmod +x unheld
# Hooks where git has them: `git lfs install --local` writes its own.
git config --global --unset core.hooksPath
use_standalone
lfs_config lfs.customtransfer.lfs-multipart.path "$TEST_TMP/unheld"
start_server --dialect basic
new_repo r
make_file r/large.bin 210M
check 'add' little git -C r add .
check 'commit' git -C r commit -q -m large
check 'push' little git -C r push -q origin main

fails clone_little >refused 2>&1
check 'git cannot clone it' grep 'Clone succeeded, but checkout failed' refused
check 'as it has too little memory' grep 'Out of memory' refused
server_reset
check 'from now on, let git write pointers' \
	git -C c lfs install --skip-smudge --local
check 'and do so' little git -C c reset -q --hard
check 'then git-lfs can write the file' little git -C c lfs pull
check 'it is right' cmp r/large.bin c/large.bin
check 'git sees no change' equal '' "$(git -C c status --short)"
check 'nothing was fetched twice' equal "$(server_count requests.get)" 0

rm -rf c
GIT_LFS_SKIP_SMUDGE=1
export GIT_LFS_SKIP_SMUDGE
check 'a clone of pointers' clone_little
unset GIT_LFS_SKIP_SMUDGE
check 'leave them so' git -C c lfs install --skip-smudge --local
check 'pull' little git -C c lfs pull
check 'the file is right' cmp r/large.bin c/large.bin
make_file r/large.bin 209M 1
git -C r commit -q -a -m changed
check 'push a change' git -C r push -q origin main
check 'git brings the pointer' little git -C c pull -q origin main
check 'git-lfs the file' little git -C c lfs pull
check 'the changed file is right' cmp r/large.bin c/large.bin
finish
