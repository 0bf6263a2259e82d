#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: nothing that a work tree holds is run, whatever PATH says: neither by
# the agent nor by the programs that it runs.
. "$(dirname "$0")/lib.sh"

use_standalone
start_server --chunk-size 262144
new_repo r
add_file r a.bin 600K
check 'push' git -C r push -q origin main

mkdir -p r/bin
for program in git sh env ssh askpass git-lfs git-credential git-config \
	git-credential-planted git-credential-cache
do
	printf '#!/bin/sh\necho "$0" >>"%s/ran"\nexit 1\n' "$TEST_TMP" \
		>r/$program
	chmod +x r/$program
	cp r/$program r/bin
done

# As git and git-lfs run us: in the work tree.
in_tree () {
	(cd r && PATH=$path "$@")
}

nothing_ran () {
	test ! -e ran || {
		cat ran
		return 1
	}
}

# The shell that runs these would itself find what was planted.
python=$(command -v python3)
fetch () {
	in_tree "$python" "$LIB/drive.py" download "$(oid_of r/a.bin)" 614400 \
		>out
	test "$(said out complete)"
}

# No login can be found; what counts is who is asked.
ask_login () {
	in_tree "$BUILD/test/tool/credential" https://h.example/r.git/info/lfs \
		2>/dev/null
}

for path in ":$PATH" "$PATH:" ".:bin:$PATH" "$PATH::./bin"
do
	shown=$(echo "$path" | sed "s|$PATH|P|")
	check "PATH=$shown: status" in_tree "$AGENT" status
	rm -rf r/.git/lfs/objects
	check "$shown: a download" fetch
	lfs_config credential.helper planted
	ask_login
	git config --global --unset credential.helper
	lfs_config core.askPass askpass
	ask_login
	git config --global --unset core.askPass
	check "$shown: nothing of the work tree ran" nothing_ran
	rm -f ran
done
path=:.:bin
check 'with nothing left it says so' sh -c "
	cd r && PATH=:.:bin '$AGENT' status 2>&1 | /bin/grep \
		\"cannot run 'git': PATH names no absolute folder\""
check 'and runs nothing' nothing_ran
finish
