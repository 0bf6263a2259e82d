/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/access.h"

#include <stdlib.h>

#include "lfs/base/mem.h"
#include "lfs/mode/mode.h"
#include "lfs/net/link.h"
#include "lfs/net/url.h"
#include "lfs/server/remoteurl.h"

/* The one with the URL's host, or NULL. */
static struct session *find_session(const struct access *access,
				    const char *url)
{
	if (session_is_with(access->session, url))
		return access->session;
	for (size_t i = 0; i < access->nothers; i++)
		if (session_is_with(access->others[i], url))
			return access->others[i];
	return NULL;
}

static struct session *add_session(struct access *access, const char *url)
{
	const struct session_options options = {
		.config = access->config,
		.credentials = access->credentials,
		.api_url = url,
	};
	struct session *session = session_new(&options);

	access->others = xreallocarray(access->others, access->nothers + 1,
				       sizeof(struct session *));
	access->others[access->nothers++] = session;
	return session;
}

int access_headers(const struct access *access,
		   const struct batch_object *object,
		   const struct action *action, struct headers *headers,
		   struct err *err)
{
	const struct session *session = find_session(access, action->href);

	for (size_t i = 0; i < action->nheaders; i++)
		if (headers_add(headers, action->headers[i].name,
				action->headers[i].value, err))
			return -1;
	if (session_extra_headers(access->session, action->href, headers, err))
		return -1;
	if (object->authenticated || headers_get(headers, "Authorization") ||
	    !session || !session_gives_login(session, action->href))
		return 0;
	return session_add_login(session, headers, err);
}

/* As git-lfs does if the user wants it: take it for one of the user's URLs. */
static char *rewrite_href(const struct access *access, const char *href)
{
	const struct gitconfig_entry *entry =
		gitconfig_find(access->config,
			       "lfs.transfer.enablehrefrewrite");
	struct err ignored = ERR_INIT;
	struct remoteurl url;
	bool is_wanted = false;
	char *rewritten;

	if (!entry || gitconfig_parse_bool(entry, &is_wanted, &ignored) ||
	    !is_wanted)
		return NULL;
	remoteurl_from_lfs(&url, access->config, href, access->is_upload);
	rewritten = url.url ? xstrdup(url.url) : NULL;
	remoteurl_release(&url);
	return rewritten;
}

/* All that a request by the action has, with the body's type, as git-lfs. */
static int add_all(const struct access *access,
		   const struct batch_object *object, struct action *action,
		   struct headers *headers, struct err *err)
{
	static const char type[] = "Content-Type";

	if (action_headers(action, err) ||
	    access_headers(access, object, action, headers, err))
		return -1;
	if (!access->is_upload || headers_get(headers, type))
		return 0;
	return headers_add(headers, type, "application/octet-stream", err);
}

int access_complete(const struct access *access, struct batch_object *object,
		    struct err *err)
{
	enum direction direction = access->is_upload ? UPLOAD : DOWNLOAD;
	const json_t *tree = mode_action(object->actions, direction);
	struct action action = { 0 };
	const char *href;
	int ret;

	if (!tree || tree == object->actions)
		return 0;
	href = json_string_value(json_object_get(tree, "href"));
	object->href = href ? rewrite_href(access, href) : NULL;
	ret = action_parse_at(&action, tree, object->href, err);
	if (!ret && mode_is_plain(object->actions, direction))
		ret = add_all(access, object, &action, &object->headers, err);
	action_release(&action);
	return ret;
}

int access_log_in(struct access *access, const struct batch_object *object,
		  const char *href, const char *sent, struct err *err)
{
	struct session *session;
	struct err why = *err;
	int ret;

	if (object->authenticated || link_is_signed(href))
		return 0;
	session = find_session(access, href);
	if (!session && sent)
		return 0;
	if (!session)
		session = add_session(access, href);
	ret = session_log_in(session, sent, &why);
	if (ret < 0)
		*err = why;
	return ret;
}

void access_settle(struct access *access, const char *href, const char *sent,
		   const struct err *err)
{
	const struct session *session = href ? find_session(access, href) :
					       NULL;

	session_settle(access->session,
		       session == access->session ? sent : NULL, err);
	for (size_t i = 0; i < access->nothers; i++)
		session_settle(access->others[i],
			       session == access->others[i] ? sent : NULL, err);
}

void access_release(struct access *access)
{
	for (size_t i = 0; i < access->nothers; i++)
		session_free(access->others[i]);
	free(access->others);
}
