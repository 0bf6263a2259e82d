/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_PRINTABLE_H
#define LFS_BASE_PRINTABLE_H

/*
 * Foreign text for people: the words of a server, the names of files.
 *
 * A terminal obeys more than the bytes below ' ': the C1 controls (U+0080 to
 * U+009F, raw or as UTF-8) drive it as ESC does, bidi controls show the letters
 * in another order, and others cannot be seen at all.
 */

/*
 * Replace, in place, each of these by a '?', and what breaks or moves on the
 * line by a blank.  A byte that is not of UTF-8 is a '?', too; so the result is
 * one line of valid UTF-8, and no longer than it was.
 */
void printable(char *text);

#endif
