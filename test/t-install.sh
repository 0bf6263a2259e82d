#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: `install` writes exactly the keys that git-lfs needs, replaces what
# other agents left and says so; `uninstall` takes them away again.
. "$(dirname "$0")/lib.sh"

keys () {
	git "$@" config --get-regexp '^lfs\.customtransfer\.' | sort
}

wanted () {
	printf '%s\n' "lfs.customtransfer.multipart.args agent" \
		"lfs.customtransfer.multipart.concurrent true" \
		"lfs.customtransfer.multipart.direction $1" \
		"lfs.customtransfer.multipart.path $AGENT"
}

start_server --chunk-size 262144 --pick-download
new_repo r
check 'install in a repository' sh -c 'cd r && git lfs-multipart install'
check 'it writes the four keys' equal "$(keys -C r)" "$(wanted upload)"
check 'again' sh -c 'cd r && git lfs-multipart install'
check 'changes nothing' equal "$(keys -C r)" "$(wanted upload)"
check 'they are the repository'"'"'s own' equal '' "$(keys)"
add_file r a.bin 1M
check 'and a push uses the agent' git -C r push -q origin main
check 'in parts' equal "$(server_count requests.part)" 4

check 'another direction, by path' git lfs-multipart install \
	--direction both r
check 'is written' equal "$(keys -C r)" "$(wanted both)"
check 'not into the repository of a hook' sh -c '
	git init -q hook && GIT_DIR=hook/.git git lfs-multipart install r'
check 'which is left alone' equal '' "$(keys -C hook)"
git -C r config lfs.customtransfer.multipart.direction both
check 'uninstall' git lfs-multipart uninstall r
check 'takes all of it' equal '' "$(keys -C r)"
check 'and is content with nothing' git lfs-multipart uninstall r

git -C r config lfs.customtransfer.multipart.path huggingface-cli
git -C r config lfs.customtransfer.multipart.args lfs-multipart-upload
check 'install over that of huggingface-cli' sh -c \
	'git lfs-multipart install r >said 2>&1'
check 'says what it replaced' grep 'huggingface-cli' said
check 'and replaces it' equal "$(keys -C r)" "$(wanted upload)"
check 'uninstall' git lfs-multipart uninstall r

git -C r config lfs.customTransfer.multipart.path hf
git -C r config lfs.customTransfer.multipart.args lfs-multipart-upload
check 'install over a camel-cased leftover' sh -c \
	'git lfs-multipart install r >said 2>&1'
check 'names it' grep 'hf' said
check 'and it is gone' equal "$(keys -C r)" "$(wanted upload)"

git -C r config --add lfs.customtransfer.multipart.path one
check 'two values of a key' git lfs-multipart install r
check 'become one' equal "$(keys -C r)" "$(wanted upload)"
check 'uninstall' git lfs-multipart uninstall r

check 'install --global' git lfs-multipart install --global
check 'is the configuration of the user' equal "$(wanted upload)" \
	"$(git config --global --get-regexp '^lfs\.customtransfer' | sort)"
check 'uninstall --global' git lfs-multipart uninstall --global
check 'takes it' equal '' "$(keys)"
check 'the keys of others stay' equal tester@example.org \
	"$(git config --global user.email)"

mkdir plain
check 'no repository is an error' sh -c '
	git lfs-multipart install plain 2>said; test $? -eq 1'
check 'that says so' grep -i 'repository' said
check 'no such folder is one' fails git lfs-multipart install nowhere
check 'an unknown direction is the wrong usage' sh -c '
	git lfs-multipart install --direction sideways r 2>said
	test $? -eq 129'
check 'that is named' grep 'sideways' said
check 'an unknown option too' sh -c '
	git lfs-multipart install --sideways r 2>said; test $? -eq 129'

without_git_lfs () {
	PATH=$TEST_TMP/bin "$AGENT" install r >said 2>&1
	cat said
	grep 'git-lfs' said
}

mkdir bin
ln -s "$(command -v git)" "$(command -v sh)" bin/
ln -s "$(command -v cat)" "$(command -v grep)" bin/
check 'no git-lfs is said' without_git_lfs

# A message names settings that keep git-lfs from using the agent.
said () {
	git lfs-multipart install "$@" >said 2>&1
	cat said
}

check 'install says where it writes' sh -c '
	cd r && git lfs-multipart install | grep "this repository"'
check 'the second time it says so' sh -c '
	git lfs-multipart install r | grep "^Already set up"'
git -C r config lfs.basictransfersonly true
git -C r config lfs.standalonetransferagent other
said r >/dev/null
check 'a rule against all agents is said' grep 'lfs.basictransfersonly' said
check 'a rule for another one is said' grep \
	'lfs.standalonetransferagent is .other. in file:.git/config' said
git -C r config --unset lfs.basictransfersonly
git -C r config --unset lfs.standalonetransferagent
git config --global lfs.customTransfer.multipart.path hf
said r >/dev/null
check 'a misspelt key elsewhere is said' grep \
	'lfs.customTransfer.multipart.path.*home/.gitconfig' said
check 'install --global takes it away' git lfs-multipart install --global
check 'and leaves the right ones' equal "$(wanted upload)" \
	"$(git config --global --get-regexp '^lfs\.custom[tT]rans' | sort)"
git -C r config lfs.customtransfer.multipart.path hf
check 'a key that another file shadows is said' sh -c '
	cd r && git lfs-multipart install --global 2>&1 |
	grep "path is .hf. in file:.git/config"'
check 'uninstall leaves the agent of others' sh -c '
	git lfs-multipart uninstall r | grep hf'
check 'as it was' equal hf \
	"$(git -C r config --local lfs.customtransfer.multipart.path)"
check 'clean up' sh -c '
	git lfs-multipart uninstall --global && git lfs-multipart install r'

check 'from below the top of a worktree' sh -c '
	git lfs-multipart uninstall r &&
	git -C r worktree add -q ../tree && mkdir tree/below && cd tree/below &&
	git lfs-multipart install'
check 'all worktrees have it' equal "$(keys -C r)" "$(wanted upload)"

touch r/.git/config.lock
check 'a config that cannot be written' sh -c '
	git lfs-multipart install --direction both r >said 2>&1
	test $? -eq 1'
check 'is named' grep 'lfs.customtransfer.multipart.*--local' said
rm r/.git/config.lock
check '--global takes no path' sh -c '
	git lfs-multipart install --global r 2>said; test $? -eq 129'
check 'nor does it go with --local' sh -c '
	git lfs-multipart install --global --local 2>said; test $? -eq 129'
check 'outside of a repository' sh -c '
	cd plain && git lfs-multipart install 2>../said; test $? -eq 1'
check 'there is a hint' grep 'use --global' said

mkdir old
cat >old/git <<'END'
#!/bin/sh
echo git version 2.7.4
END
chmod +x old/git
old_git () {
	PATH=$TEST_TMP/old:$PATH "$AGENT" install r >said 2>&1
	cat said
	grep "'git version 2.7.4' is too old" said
}
check 'a git that is too old is said' old_git

# git-lfs hands the path to a shell: blanks and quotes must survive.
odd="$TEST_TMP/it's \"odd\" \$HOME"
mkdir "$odd"
ln -s "$AGENT" "$odd/git-lfs-multipart"
by_link () {
	PATH=$odd:$PATH git lfs-multipart install r
}
check 'install by an odd name' by_link
check 'the name by which PATH knows it is kept' equal \
	"$odd/git-lfs-multipart" \
	"$(git -C r config lfs.customtransfer.multipart.path)"
add_file r b.bin 1M 1
server_reset
check 'and a push uses it' git -C r push -q origin main
check 'in parts, too' equal "$(server_count requests.part)" 4
git init -q broken
echo '[broken' >>broken/.git/config
check 'a config that git cannot read' fails sh -c '
	cd broken && git-lfs-multipart install 2>../said'
check 'git says so' grep 'bad config line' said

git-lfs-multipart install --global >/dev/null
git init -q elsewhere
check 'uninstall where it is on for the user' sh -c \
	'git -C elsewhere lfs-multipart uninstall >said'
check 'says so' grep "multipart.path is set in file:$HOME/.gitconfig" said
git-lfs-multipart uninstall --global >/dev/null

check 'help of a command is its usage' sh -c \
	'git lfs-multipart help prune | grep -q "^usage: git lfs-multipart prune "'
undescribed () {
	for command in install uninstall fork status prune
	do
		git lfs-multipart help "$command"
	done | grep -o -e '--[a-z-]*' | sort -u | while read -r option
	do
		grep -q "Fl \(. , \)\?${option#-}\>" "$manual" || echo "$option"
	done
}

manual=${0%/*}/../agent/git-lfs-multipart.1
check 'the manual has the options of every usage' equal '' "$(undescribed)"
check 'help of anything else is the list' sh -c \
	'git lfs-multipart help agent | grep -q "^   prune "'
for words in version status 'help prune'
do
	check "$words that cannot be written fails" sh -c \
		"! git -C r lfs-multipart $words >/dev/full 2>full"
	check "$words that cannot be written says so" grep -q \
		'cannot write to standard output' full
done
finish
