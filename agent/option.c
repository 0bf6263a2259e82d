/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/option.h"

#include <getopt.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Is that letter one of such as "-xyz"? */
static bool has_letter(const char *word, int letter)
{
	return word && word[0] == '-' && word[1] != '-' && letter &&
	       strchr(word, letter);
}

int option_refuse(int option, char *const argv[], struct err *err)
{
	const char *word = argv[optind - 1];

	if (option == ':')
		return err_set(err, ERR_USAGE, "%s needs a value", word);
	/* While letters follow in the same word, that is the next one. */
	if (has_letter(argv[optind], optopt) || has_letter(word, optopt))
		return err_set(err, ERR_USAGE, "unknown option '-%c'", optopt);
	return err_set(err, ERR_USAGE, "unknown option '%s'", word);
}
