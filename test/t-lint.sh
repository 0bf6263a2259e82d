#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Goal: every checker of scripts/ passes what is right and finds what is wrong.
#
# A project of two modules is checked, first as it should be, then each time
# with one thing spoilt.

. "$(dirname "$0")/lib.sh"

SCRIPTS=$(dirname "$LIB")/scripts
SPDX='SPDX-License-Identifier: GPL-3.0-or-later'

write () {
	mkdir -p "$(dirname "$1")" &&
	cat >"$1"
}

make_module () {
	write lfs/base/err.h <<EOT &&
/* $SPDX */
#ifndef LFS_BASE_ERR_H
#define LFS_BASE_ERR_H

#define ERR_INIT { .kind = ERR_NONE }

enum err_kind {
	ERR_NONE = 0,
	ERR_OTHER	/* aligned with a tab */
};

int err_get(int kind, ...);

#endif
EOT
	write lfs/base/err.c <<EOT
/* $SPDX */
#include "lfs/base/err.h"

static const int table[] = {
	1, 1, 2,
	3, 5, 8
};

/* strcpy("atoi(x)") in a comment is no call of exit(1). */
int err_get(int kind, ...)
{
	return kind + table[0];
}
EOT
}

make_project () {
	rm -rf "$TEST_TMP/project" &&
	git init -q "$TEST_TMP/project" &&
	cd "$TEST_TMP/project" &&
	cp "$(dirname "$SCRIPTS")/.clang-format" . &&
	mkdir agent test &&
	write Makefile <<-EOT &&
	# $SPDX
	BASE = err mem
	NET = url http
	GIT =
	WORKTREE =
	MODE =
	SERVER =
	TRANSFER = attempts
	CARRY =
	AGENT =
	EOT
	write README.md <<-EOT &&
	## Layout

	\`\`\`
	Makefile         the build
	README.md        this
	.clang-format    the form of C
	lfs/             the library
	  base/          the floor
	    err.[ch]     errors
	    mem.c        memory
	  net/           folded
	  transfer/      folded
	\`\`\`
	EOT
	make_module &&
	write lfs/base/mem.c <<-EOT &&
	/* $SPDX */
	#include "lfs/base/err.h"
	EOT
	write lfs/net/url.c <<-EOT &&
	/* $SPDX */
	#include "lfs/base/mem.h"
	EOT
	write lfs/net/http.c <<-EOT &&
	/* $SPDX */
	#include "lfs/base/err.h"

	static void run(int *err)
	{
		while (ask_once(err))
			err_clear(err);
	}
	EOT
	write lfs/transfer/attempts.h <<-EOT
	/*
	 * $SPDX
	 *
	 *	http  a request
	 */
	#ifndef LFS_TRANSFER_ATTEMPTS_H
	#define LFS_TRANSFER_ATTEMPTS_H
	#endif
	EOT
}

# usage: without PROGRAM WHAT: skip the point, if the program is not there
without () {
	! command -v "$1" >/dev/null && skip "$2" "no $1"
}

# usage: passes SCRIPT [ARG...]
passes () {
	script=$1
	shift
	check "$script passes what is right" "$SCRIPTS/$script" "$@"
}

# usage: finds TEXT SCRIPT [ARG...]
# The script fails, and a line of what it prints begins with the text.
finds () {
	text=$1
	script=$2
	shift 2
	"$SCRIPTS/$script" "$@" >"$TEST_TMP/found" 2>&1 && {
		echo "$script found nothing"
		return 1
	}
	grep -F "$text" "$TEST_TMP/found" || {
		echo "$script printed:"
		cat "$TEST_TMP/found"
		return 1
	}
}

# usage: spoil FILE <<EOT, to append to a file of a fresh project
spoil () {
	make_project && cat >>"$1"
}

# usage: nest N, to print N ifs, one in the other
nest () {
	i=0
	while test $i -lt "$1"
	do
		printf 'if (a) { '
		i=$((i + 1))
	done
	printf 'a++;'
	printf ' }%.0s' $(seq "$1")
}

make_project
without clang-format-14 format || passes format lfs/base/err.h lfs/base/err.c
without clang headers || passes headers
passes includes
passes lengths
passes banned
passes tries
passes layout
passes text Makefile README.md lfs/base/err.c

spoil lfs/base/err.c <<EOT
int  x;
EOT
without clang-format-14 "format: blanks, --fix" || {
	check "format: blanks" \
		finds "lfs/base/err.c:14: " format lfs/base/err.c
	check "format: --fix mends it" "$SCRIPTS/format" --fix lfs/base/err.c
	check "format: and it stays so" "$SCRIPTS/format" lfs/base/err.c
}

spoil lfs/base/err.h </dev/null
sed -i 's/int err_get/size_t err_get/' lfs/base/err.h
without clang "headers: one that needs another" ||
	check "headers: one that needs another" \
		finds "lfs/base/err.h:1: does not compile alone with clang" headers
spoil lfs/base/err.h </dev/null
sed -i 's/LFS_BASE_ERR_H/ERR_H/' lfs/base/err.h
check "headers: a guard" finds "lfs/base/err.h:1: " headers

spoil lfs/base/err.c <<EOT
#include "lfs/base/mem.h"
EOT
check "includes: to the right" finds "lfs/base/err.c:14: " includes
spoil lfs/base/mem.c <<EOT
#include "lfs/net/url.h"
EOT
check "includes: upward" finds "lfs/base/mem.c:3: " includes
for loop in 'while (err) err_clear(err);' 'do a = url_try(err); while (a);' \
	'for (;;) { err_clear(err); }' 'for (int i = 0;; i++) err_clear(err);' \
	'attempts_next(err);'
do
	spoil lfs/net/url.c <<-EOT
	static void run(int *err) { $loop }
	EOT
	check "tries: $loop" finds "lfs/net/url.c:3: " tries
done
spoil lfs/net/url.c <<EOT
static void run(int *err)
{
	while (err == ERR_BUSY)
		err_clear(err);
	for (int i = 0; i < 2; i++)
		err_clear(err);
}
EOT
passes tries
spoil lfs/net/url.c </dev/null
sed -i 's/http  a/url  a/' lfs/transfer/attempts.h
check "tries: a module that does not" finds "lfs/transfer/attempts.h:1: " tries
spoil lfs/net/url.c <<EOT
static int decide(int *err) { return attempts_next(err); }
static void run(int *err) { while (decide(err)) err_clear(err); }
EOT
sed -i 's/a request/&, carried out by url/' lfs/transfer/attempts.h
passes tries
spoil lfs/net/url.c <<EOT
static int decide(int *err) { return attempts_next(err); }
static void run(int *err) { while (decide(err)) err_clear(err); }
static void other(int *err) { while (*err) err_clear(err); }
EOT
sed -i 's/a request/&, carried out by url/' lfs/transfer/attempts.h
check "tries: a loop that asks nobody" finds "lfs/net/url.c:5: " tries

spoil lfs/base/mem.c <<EOT
#include "test/lib.h"
EOT
check "includes: test/" finds "lfs/base/mem.c:3: " includes
spoil lfs/base/mem.c <<EOT
#include "err.h"
EOT
check "includes: not from the top" finds "lfs/base/mem.c:3: " includes
spoil lfs/base/other.c </dev/null
check "includes: an unlisted module" finds "lfs/base/other.c:1: " includes
for header in curl/curl.h mbedtls/sha256.h zlib.h pthread.h
do
	spoil lfs/base/mem.c <<-EOT
	#include <$header>
	EOT
	check "includes: $header has a door" \
		finds "lfs/base/mem.c:3: " includes
done
for name in fork execvp json_loads exit printf
do
	spoil lfs/net/url.c <<-EOT
	int x = $name(1);
	EOT
	check "includes: $name has a door" finds "lfs/net/url.c:3: $name" includes
done
spoil lfs/net/url.c <<EOT
#define OUT stdout
EOT
check "includes: stdout is agent/'s" finds "lfs/net/url.c:3: stdout" includes

for name in strcpy sprintf atoi localtime strtok alloca malloc
do
	spoil lfs/net/url.c <<-EOT
	#define X(y) $name(y)
	EOT
	check "banned: $name" finds "lfs/net/url.c:3: $name()" banned
done

spoil lfs/net/url.c <<EOT
static int f(int a, int (*b)(int, int), int c, int d, int e, int f)
{
}
EOT
check "lengths: six parameters" finds "f() has 6 parameters" lengths
spoil lfs/net/url.c <<EOT
static int f(int a, ...)
{
$(nest 3)
}
EOT
passes lengths
spoil lfs/net/url.c <<EOT
static int f(int a, ...)
{
$(nest 4)
}
EOT
check "lengths: four levels" finds "f() has 4 nested levels" lengths
spoil lfs/net/url.c <<EOT
static int f(int a, ...)
{
	for (;;)
		while (a)
			if (a)
				do a--; while (a);
			else if (a)
				a++;
}
EOT
check "lengths: four levels without braces" \
	finds "f() has 4 nested levels" lengths
spoil lfs/net/url.c <<EOT
static int f(int a)
{
	return $(printf 'a && %.0s' $(seq 14)) a;
}
EOT
passes lengths
spoil lfs/net/url.c <<EOT
static int f(int a)
{
	return $(printf 'a && %.0s' $(seq 15)) a;
}
EOT
make_project
rm lfs/net/http.c
check "lengths: a module of one user" \
	finds "lfs/base/err.h:1: only lfs/base/mem uses it" lengths
make_project
write lfs/server/ssh.h </dev/null
include='#include "lfs/server/ssh.h"'
echo "$include" >>lfs/net/url.c
passes lengths
echo "$include" >>lfs/net/http.c
check "lengths: a module that is alone no longer" \
	finds "lfs/server/ssh.h:1: has two users" lengths
spoil lfs/net/url.c <<EOT
static int f(int a)
{
	return $(printf 'a && %.0s' $(seq 15)) a;
}
EOT
check "lengths: complexity" finds "f() has 16 as its complexity" lengths
for extra in "" "if (a) b();"
do
	spoil lfs/net/url.c <<-EOT
	static int f(int a)
	{
		$extra
		switch (a) {
		$(seq -f 'case %.0f: return 1; ' 20 | tr -d '\n')
		}
		return 0;
	}
	EOT
	if test -z "$extra"
	then
		passes lengths
	else
		check "lengths: a switch and more" \
			finds "f() has 22 as its complexity" lengths
	fi
done
spoil lfs/net/url.c <<EOT
static int f(int a)
{
$(printf '\ta++;\n%.0s' $(seq 58))
}
EOT
check "lengths: a function" finds "f() has 61 lines" lengths
spoil lfs/net/url.c <<EOT
$(seq -f 'int a%.0f;' 799)
EOT
check "lengths: a file" finds "lfs/net/url.c:801: 801 lines" lengths

spoil lfs/base/new.c </dev/null
check "layout: a file without a line" finds "lfs/base/new.c:1: " layout
spoil README.md </dev/null
sed -i 's/^    mem.c .*/&\n    gone.c   not there/' README.md
check "layout: a line without a file" finds "README.md:11: " layout
spoil README.md </dev/null
sed -i 's/^    mem.c .*/&\n&/' README.md
check "layout: a file twice" finds "README.md:11: " layout
spoil README.md <<EOT
See \`lfs/base/err\` and \`base/gone\`.
EOT
check "layout: a module that is gone" \
	finds "lfs/base/gone.h does not exist" layout
check "layout: and only that" equal 1 "$(wc -l <"$TEST_TMP/found")"

spoil lfs/base/mem.c </dev/null
printf 'int x; \n' >>lfs/base/mem.c
check "text: a blank at the end" finds "lfs/base/mem.c:3: " text lfs/base/mem.c
spoil lfs/base/mem.c <<EOT

EOT
check "text: an empty line at the end" \
	finds "lfs/base/mem.c:" text lfs/base/mem.c
echo 'int x;' >lfs/base/mem.c
check "text: no licence" finds "lfs/base/mem.c:1: " text lfs/base/mem.c
printf '# %s\ndef f(:\n' "$SPDX" >x.py
check "text: Python that does not compile" finds "x.py:2: " text x.py

finish
