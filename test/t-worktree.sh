#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Objects are placed in the work tree, and git's index is told: git status is clean
# and git runs no clean filter, for any form of index; what a person changed stays.

. "$(dirname "$0")/lib.sh"

PLACE=$BUILD/test/tool/place
COUNT=$TEST_TMP/cleaned
NEWLINE='d/e/a
b.bin'

# A clean filter that counts its calls, and works like git-lfs's.
cat >"$TEST_TMP/clean" <<EOF
#!/bin/sh
echo "\$1" >>"$COUNT"
exec git lfs clean -- "\$1"
EOF
chmod +x "$TEST_TMP/clean"
git config --global filter.lfs.clean "$TEST_TMP/clean %f"
git config --global --unset filter.lfs.process
git config --global filter.lfs.smudge cat
git config --global filter.lfs.required true
git config --global user.name t
git config --global user.email t@example.com

# pointer OBJECT: the pointer of that file
pointer () {
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n' \
		"$(sha256sum <"$1" | cut -d' ' -f1)" "$(wc -c <"$1")"
}

# pointers_repo NAME [OPTION...]: a repository of committed pointers to objects/N
pointers_repo () {
	repo=$TEST_TMP/$1
	shift
	git init -q "$@" "$repo" && cd "$repo" &&
	echo '*.bin filter=lfs diff=lfs merge=lfs -text' >.gitattributes &&
	mkdir -p d/e && pointer "$OBJECTS/1" >a.bin &&
	pointer "$OBJECTS/2" >d/b.bin && pointer "$OBJECTS/3" >"$NEWLINE" &&
	pointer "$OBJECTS/4" >x.bin && chmod +x x.bin && chmod 444 a.bin &&
	pointer "$OBJECTS/5" >gone.bin && chmod +x gone.bin &&
	git -c filter.lfs.clean=cat add . && git commit -qm pointers &&
	rm gone.bin && rm -f "$COUNT"
}

place () {
	"$PLACE" -p "$AGENT" "$@"
}

place_all () {
	place "$@" a.bin "$OBJECTS/1" d/b.bin "$OBJECTS/2" \
		"$NEWLINE" "$OBJECTS/3" x.bin "$OBJECTS/4" gone.bin "$OBJECTS/5"
}

bytes_are_right () {
	cmp a.bin "$OBJECTS/1" && cmp d/b.bin "$OBJECTS/2" &&
	cmp "$NEWLINE" "$OBJECTS/3" && cmp x.bin "$OBJECTS/4" &&
	cmp gone.bin "$OBJECTS/5"
}

modes_are_right () {
	equal "$(stat -c %A a.bin)" -r--r--r-- &&
	equal "$(stat -c %A d/b.bin)" "$(stat -c %A .gitattributes)" &&
	equal "$(stat -c %A x.bin gone.bin | uniq)" -rwxr-xr-x
}

# Git finds nothing to do, twice, and does not read a file to know it.
is_clean () {
	equal "$(git status --porcelain)" "" &&
	equal "$(git status --porcelain)" "" && test ! -e "$COUNT"
}

nothing_is_left () {
	equal "$(ls "$(git rev-parse --git-common-dir)/lfs/multipart")" "" &&
	test ! -e "$(git rev-parse --git-path index).lock"
}

git_agrees () {
	git fsck --strict && git diff-index --exit-code HEAD &&
	git ls-files --debug -- a.bin | grep "size: $(wc -c <a.bin)"
}

all_is_well () {
	bytes_are_right && modes_are_right && is_clean && nothing_is_left &&
	git_agrees
}

try_index () {
	what=$1
	shift
	rm -f "$COUNT"
	check "$what: placed" place_all "$@"
	check "$what: clean, and no filter has run" all_is_well
}

OBJECTS=$TEST_TMP/objects
mkdir "$OBJECTS"
for i in 1 2 3 4 5
do
	make_file "$OBJECTS/$i" $((i * 50000)) "$i"
done

pointers_repo plain
try_index "an index of version 2"

pointers_repo v4
git update-index --index-version 4
try_index "version 4"

pointers_repo sha256 --object-format=sha256
try_index "SHA-256"

pointers_repo untracked
git update-index --force-untracked-cache
git status --porcelain >/dev/null
try_index "an untracked cache"

# We do not know it, so git update-index is asked, with our filter.
pointers_repo split
git update-index --split-index
try_index "a split index"

# Git also asks about pointers that are as young as its index.
pointers_repo young
git update-index --split-index
touch -d 2001-01-01T00:00:00Z .git/index
check "one of several young pointers" place a.bin "$OBJECTS/1"
check "git knows it, and no filter has run in between" git diff-files --quiet a.bin

pointers_repo main
git worktree add -q ../linked
cd ../linked || exit 1
chmod 444 a.bin
rm gone.bin
try_index "a linked worktree"
check "the main one does not know of it" equal \
	"$(cd ../main && git status --porcelain)" " D gone.bin"

pointers_repo only
try_index "the only copy, which is synced" -s

pointers_repo moved
cp -r "$OBJECTS" "$TEST_TMP/kept"
check "moved" place_all -s -m
check "each object was moved" equal "$(ls "$OBJECTS")" ""
rmdir "$OBJECTS"
mv "$TEST_TMP/kept" "$OBJECTS"
check "moved: clean, and no filter has run" all_is_well

# A storage on another file system, as far as the program can tell.
pointers_repo apart
if test "$(stat -c %d /dev/shm 2>/dev/null)" != "$(stat -c %d .)" &&
	SHM=$(mktemp -d /dev/shm/lfsmp-place.XXXXXX)
then
	git config lfs.storage "$SHM"
	check "a storage on another file system: placed" place_all
	check "clean, and no filter has run" is_clean
	check "the bytes are right" bytes_are_right
	check "nothing is left" equal "$(ls "$SHM/multipart")" ""
	rm -rf "$SHM"
else
	skip "a storage on another file system" "there is no other one"
fi

# What a person has done.
pointers_repo person
pointer "$OBJECTS/5" >a.bin.new
mv -f a.bin.new a.bin
echo mine >x.bin
mv d/b.bin "$TEST_TMP/elsewhere"
rm -r d
ln -s "$TEST_TMP" d
mkdir -p "$TEST_TMP/e"
check "what may not be placed is refused" fails place_all
cp "$CHECK_OUT" ../said
check "another pointer stays" equal "$(cat a.bin)" "$(pointer "$OBJECTS/5")"
check "a change stays" equal "$(cat x.bin)" mine
check "nothing goes through a link" equal "$(ls "$TEST_TMP/e")" ""
check "it says that a link is there" shows ../said "'d/b.bin': 'd' is a link"
check "it says that a file was changed" shows ../said "'x.bin': .*left alone"
check "the absent file is there" cmp gone.bin "$OBJECTS/5"

pointers_repo late
check "a change before git is told: the others are placed" place \
	-e "test ! -e gone.bin || echo mine >gone.bin" \
	gone.bin "$OBJECTS/5" a.bin "$OBJECTS/1"
check "git is told of the other only" equal "$(git status --porcelain)" \
	" M gone.bin"

pointers_repo staged
other=$(pointer "$OBJECTS/5" | git hash-object -w --stdin)
check "an entry that was changed before git is told" place \
	-e "git update-index --cacheinfo 100644,$other,a.bin" \
	a.bin "$OBJECTS/1"
check "the entry stays" equal "$(git rev-parse :a.bin)" "$other"

# A file changed in the second in which the index was written has its old size and
# time: git looks at its bytes only while the index is not younger.
pointers_repo racy
git config core.trustctime false
then=2001-01-01T00:00:00Z
echo one >racy.txt
touch -d $then racy.txt
git add racy.txt
git commit -qm racy
echo two >racy.txt
touch -d $then racy.txt .git/index
check "files are placed beside a racy one" place_all
check "git sees that it was changed" equal "$(git status --porcelain)" \
	" M racy.txt"

# After a kill, the next run tells git.
pointers_repo killed
check "placed, and not told" place_all -u
check "git knows nothing" equal \
	"$(git status --porcelain | cut -c2 | sort | uniq -c | tr -d ' \n')" 5M
echo mine >x.bin
check "the next run tells git" place
check "but not of what a person has changed" equal "$(git status --porcelain)" \
	" M x.bin"
pointers_repo killed-split
git update-index --split-index
rm -f "$COUNT"
place_all -u
check "the next run tells git of a split index" place
check "clean, and no filter has run" all_is_well

pointers_repo two
check "two at a time" place -e "! '$PLACE' -p '$AGENT' >../busy" \
	a.bin "$OBJECTS/1"
check "the second one is told why not" shows ../busy "another process places"

finish
