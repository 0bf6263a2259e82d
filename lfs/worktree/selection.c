/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/worktree/selection.h"

#include <stdlib.h>

int selection_find(struct selection *selection,
		   const struct selection_request *request, struct err *err)
{
	(void)request;
	*selection = (struct selection)SELECTION_INIT;
	return err_set(err, ERR_LOCAL, "cannot list the work tree's files yet");
}

void selection_release(struct selection *selection)
{
	for (size_t i = 0; i < selection->n; i++)
		free(selection->files[i].path);
	free(selection->files);
	*selection = (struct selection)SELECTION_INIT;
}

static bool is_set(const struct gitconfig *config, const char *key)
{
	const char *value = gitconfig_get(config, key);

	return value && *value;
}

bool selection_has_filter(const struct gitconfig *config)
{
	return is_set(config, "filter.lfs.process") ||
	       (is_set(config, "filter.lfs.clean") &&
		is_set(config, "filter.lfs.smudge"));
}
