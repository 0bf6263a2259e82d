#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: the files of a checkout that want their object are those that git-lfs
# would write, by the attribute and never by shape alone; patterns match as for
# `git lfs ls-files`; what a person did to a file is respected.
. "${0%/*}/lib.sh"

# wanted DIR OPTION...: state and path of each file that wants its object.
wanted () {
	(
		cd "$1" || exit 1
		shift
		"$BUILD/test/tool/selection" "$@"
	) | sed 's/ [0-9a-f]\{64\} [0-9]* / /'
}

# point FILE SIZE: a pointer to an object that exists nowhere.
point () {
	printf 'version https://git-lfs.github.com/spec/v1\n%s%064d\nsize %d\n' \
		'oid sha256:' "$2" "$2" >"$1"
}

# index REPO PATH POINTER [MODE]: the pointer as it is, past every filter.
index () {
	id=$(git -C "$1" hash-object -w --no-filters "$TEST_TMP/$3") &&
		git -C "$1" update-index --add --cacheinfo "${4:-100644},$id,$2"
}

commit () {
	git -C "$1" add -A && git -C "$1" commit -q -m more
}

export GIT_LFS_SKIP_SMUDGE=1
git init -q -b main repo
cat >repo/.gitattributes <<END
*.bin filter=lfs -text
*.crlf filter=lfs text
*.id filter=lfs -text ident
*.utf filter=lfs -text working-tree-encoding=ISO-8859-1
other.bin filter=other
END
mkdir -p repo/dir/sub
n=0
for name in a.bin dir/b.bin dir/sub/c.bin other.bin shape.txt t.crlf i.id u.utf
do
	n=$((n + 1))
	point "repo/$name" $n
done
point repo/empty.bin 0
cp repo/empty.bin none && rm repo/empty.bin
point "repo/$(printf 'new\nline "\377.bin')" 20
echo content >repo/real.bin
point x 30
{ sed 1q x; echo "ext-0-case sha256:$(printf '%064d' 1)"; sed 1d x; } >ext
{ cat x; echo; } >odd
commit repo
git -C repo rm -q -f u.utf
index repo ext.bin ext && index repo odd.bin odd && index repo none.bin none &&
	index repo u.utf x && index repo exec.bin x 100755 &&
	index repo shape.link x 120000
git -C repo commit -q -m pointers
rm -f repo/shape.link

cat >expected <<END
pointer a.bin
pointer dir/b.bin
pointer dir/sub/c.bin
absent exec.bin
absent* ext.bin
pointer* i.id
$(printf 'pointer new\nline "\377.bin')
absent* none.bin
absent* odd.bin
pointer* t.crlf
absent* u.utf
END
wanted repo >got
check 'by attribute, pointer and state' diff expected got
cp -R repo plain

cd repo || exit 1
git lfs checkout 2>/dev/null
point a.bin 99
echo changed >dir/b.bin
: >i.id
rm t.crlf
git rm -q --cached odd.bin
ln -sf ../a.bin exec.bin
rm ext.bin
mkdir ext.bin
rm -r dir/sub
ln -s /nowhere dir/sub
rm 'new
line "'*
mkfifo "$(printf 'new\nline "\377.bin')"
cd ..
cat >expected <<END
absent dir/sub/c.bin
absent* t.crlf
END
wanted repo | grep -v -e none.bin -e u.utf >got
check 'what a person did is respected' cmp expected got
rm -rf repo
mv plain repo

check 'paths are from the current directory' equal \
	"$(wanted repo/dir . ../a.bin)" "pointer a.bin
pointer dir/b.bin
pointer dir/sub/c.bin"
check 'pathspecs are those of git' equal "$(wanted repo/dir ':/*.bin' ':!sub' \
	':(exclude,top)[!d]*')" 'pointer dir/b.bin'
check 'paths and patterns both hold' equal \
	"$(wanted repo/dir -I 'b.bin,a.bin' -X /dir/sub .)" 'pointer dir/b.bin'
check 'patterns are from the top' equal "$(wanted repo/dir -I sub)" \
	'pointer dir/sub/c.bin'
check 'all but some, from a folder' equal \
	"$(wanted repo/dir -X '*.bin,*.id,*.utf')" 'pointer* t.crlf'
unmatched () {
	equal "$(wanted repo a.bin nothing.bin 2>err)" '' &&
		shows err "pathspec 'nothing.bin' did not match" &&
		shows err '^git cannot find the paths'
}
check 'a path that names nothing is an error' unmatched
check 'a path with nothing of LFS is none' equal "$(wanted repo shape.txt)" ''

git -C repo config lfs.extension.case.clean cat
check 'an extension that is configured' equal \
	"$(wanted repo dir)" 'pointer* dir/b.bin
pointer* dir/sub/c.bin'
git -C repo config --remove-section lfs.extension.case

git -C repo worktree add -q ../tree 2>/dev/null
check 'another work tree' equal "$(wanted tree dir/sub)" 'pointer dir/sub/c.bin'

git init -q super && git -C super -c protocol.file.allow=always \
	submodule --quiet add "$TEST_TMP/repo" mod 2>/dev/null
check 'a submodule' equal "$(wanted super/mod/dir .)" 'pointer dir/b.bin
pointer dir/sub/c.bin'
check 'not from outside' equal "$(wanted super)" ''

conflict () {
	git -C repo checkout -q -b other && point repo/a.bin 50 && commit repo &&
		git -C repo checkout -q main && point repo/a.bin 51 &&
		commit repo && fails git -C repo merge -q other &&
		equal "$(wanted repo a.bin)" ''
}
check 'a file in conflict is left' conflict
git -C repo merge --abort

git init -q --object-format=sha256 sha && cp repo/.gitattributes sha &&
	point sha/a.bin 7 && commit sha
check 'a SHA-256 repository' equal "$(wanted sha)" 'pointer a.bin'

# Outside a sparse checkout nothing is wanted, though it is absent.
git clone -q --no-checkout repo flat &&
	git -C flat sparse-checkout set --no-cone /dir/sub &&
	git -C flat checkout -q 2>err
check 'sparse, without cone' equal "$(wanted flat)" 'pointer dir/sub/c.bin'
rm -f flat/dir/sub/c.bin
check 'sparse, without cone, absent' equal "$(wanted flat)" \
	'absent dir/sub/c.bin'

git clone -q repo cone && mkdir -p cone/far/deep && point cone/far/f.bin 60 &&
	point cone/far/deep/g.bin 61 && commit cone
git -C cone sparse-checkout set --cone --sparse-index dir/sub
check 'sparse, with cone and a sparse index' equal \
	"$(wanted cone dir far/deep far)" 'pointer dir/b.bin
pointer dir/sub/c.bin'
check 'a sparse index stays one' shows - '^040000.*far/' <<END
$(git -C cone ls-files --sparse --stage)
END

# One fetch brings what a partial clone lacks of pointers, and nothing else.
cat >upload-pack <<END
#!/bin/sh
echo >>"$TEST_TMP/fetches"
exec git-upload-pack "\$@"
END
chmod +x upload-pack
git -C repo config uploadpack.allowFilter true
partial () {
	git clone -q --no-checkout --filter=blob:none \
		-c "remote.origin.uploadpack=$TEST_TMP/upload-pack" \
		"file://$TEST_TMP/repo" partial &&
		git -C partial read-tree HEAD &&
		git -C partial checkout -q -- .gitattributes && : >fetches &&
		wanted partial >got && equal "$(wc -l <fetches)" 1 &&
		equal "$(grep -c ^absent got)" 11 || return 1
	git -C partial rev-list --objects --missing=print HEAD >listed &&
		shows listed "^[?]$(git -C repo rev-parse :shape.txt)" &&
		shows listed "^$(git -C repo rev-parse :dir/b.bin)"
}
check 'a partial clone is asked once' partial

# Where nothing is odd, git-lfs agrees: what it lists as a pointer is wanted, and
# what it writes is not wanted any more.
git init -q -b main true && echo '*.bin filter=lfs -text' >true/.gitattributes
mkdir true/dir
for name in a.bin dir/b.bin "$(printf 'dir/\303\244 c.bin')" d.bin e.bin f.bin
do
	make_file "true/$name" 2000 "$(printf %s "$name" | cksum | cut -c 1-5)"
done
commit true
rm -f true/*.bin true/dir/*.bin
git -C true checkout -q .
rm true/d.bin
echo changed >true/e.bin
agrees () {
	(cd true && git -c core.quotePath=false lfs ls-files) |
		sed -n 's/^[0-9a-f]* - //p' >theirs
	wanted true | sed 's/^[a-z]* //' | sed '/^e.bin$/d' >ours
	grep -v -e '^e.bin$' theirs | diff - ours
}
check 'git lfs ls-files agrees' agrees
(cd true && git lfs checkout) >/dev/null 2>&1
check 'after git lfs checkout nothing is wanted' equal "$(wanted true)" ''
check 'but d.bin was' test -s true/d.bin
git -C true rm -q f.bin
check 'a staged deletion stays deleted' equal "$(wanted true)" ''

# The rules of patterns: git-lfs is the oracle.
git init -q names && echo '* filter=lfs -text
.gitattributes -filter' >names/.gitattributes
n=100
for name in a.bin b.dat A.BIN d/x.bin d/sub/y.bin d/sub/deep/z.bin e/d/w.bin \
	d/sub2/q.dat x/d bar/foo bar/foo2 foo.d/k.bin '[odd].bin' 'sp ace/f.bin' \
	'q?.bin' qa.bin 'star*.bin' starx.bin 'back\slash.bin' '!neg.bin' \
	'#hash.bin' .hidden dir/.hidden2 deep/a/b/c/d/e.bin 'comma,name.bin' \
	umläut.bin café/x.bin a-b.bin x1.bin x2.bin d.bin/inner.txt \
	models/v1/m.bin models/v2/m.bin other/models/v1/m.bin foo/one \
	two/foo/one.bin qux qux2/qux
do
	n=$((n + 1))
	mkdir -p "names/$(dirname "$name")"
	point "names/$name" $n
done
commit names
cd names || exit 1
patterns=0
: >../differ
while IFS= read -r pattern
do
	patterns=$((patterns + 1))
	option=-I
	test $((patterns % 3)) -ne 0 || option=-X
	git lfs ls-files -n $option "$pattern" >../theirs.list &
	"$BUILD/test/tool/selection" -z $option "$pattern" | tr '\0' '\n' |
		LC_ALL=C sort >../ours
	wait $!
	LC_ALL=C sort ../theirs.list >../theirs
	cmp -s ../theirs ../ours || {
		echo "$option '$pattern'"
		diff ../theirs ../ours
	} >>../differ
done <<'END'
*.bin
a.bin
/a.bin
d
/d
d/
/d/
d/*
/d/*
d/**
**/d
**/d/**
*
**
/
//
.
./a.bin
!a.bin
!neg.bin
#hash.bin
foo
foo/*
*/foo
**/foo
two/foo
?.bin
[a-c].bin
[!a].bin
\[odd\].bin
[odd].bin
[[:alpha:]].bin
x[0-9].bin
star\*.bin
star*.bin
q\?.bin
back\slash.bin
back\\slash.bin
sp ace
 a.bin , b.dat
a.bin,,b.dat
,
.hidden
deep/**/e.bin
deep/**/d
deep/a**
d**/x.bin
d/**z.bin
comma?name.bin
uml*
uml?ut.bin
uml??ut.bin
A.BIN
models/v1
models/*/m.bin
*/models
d//x.bin
//d
d/./x.bin
d?sub
*/*
*/
**/
/**/d
*.bin/
*.bin/*
:d
:(top)d
^d
END
cd ..
check "$patterns patterns match as for git lfs ls-files" cmp differ /dev/null
test ! -s differ || sed 's/^/# /' differ

fold () {
	git -C names config core.ignorecase true &&
		equal "$(wanted names -I /A.bin)" "$(printf \
			'pointer A.BIN\npointer a.bin')" &&
		equal "$(wanted names -X '*,!a' | wc -l)" 0
}
check 'core.ignorecase folds letters' fold

finish
