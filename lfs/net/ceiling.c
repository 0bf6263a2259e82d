/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/net/ceiling.h"

void ceiling_init(struct ceiling *ceiling, unsigned most)
{
	*ceiling = (struct ceiling){ .most = most, .now = most };
}

void ceiling_lower(struct ceiling *ceiling, unsigned others)
{
	unsigned least = others ? others : 1;

	if (ceiling->now > least)
		ceiling->now = least;
	ceiling->went_well = 0;
}

bool ceiling_raise(struct ceiling *ceiling)
{
	if (ceiling->now == ceiling->most ||
	    ++ceiling->went_well < ceiling->now)
		return false;
	ceiling->now++;
	ceiling->went_well = 0;
	return true;
}
