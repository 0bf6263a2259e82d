/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/server/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfs/base/mem.h"
#include "lfs/net/status.h"
#include "lfs/net/url.h"

enum { VERIFY_DOUBLINGS = 6 };	/* of the pause: at most 32 s */

#define MEDIA_TYPE "application/vnd.git-lfs+json"

static json_t *pack_objects(const struct batch *batch)
{
	json_t *list = json_array();

	for (size_t i = 0; i < batch->nobjects; i++) {
		json_int_t size = (json_int_t)batch->objects[i].size;

		json_array_append_new(list, json_pack("{s:s, s:I}", "oid",
						      batch->objects[i].oid,
						      "size", size));
	}
	return list;
}

static json_t *pack_transfers(const struct batch *batch)
{
	json_t *list = json_array();

	for (const char *const *name = batch->transfers; *name; name++)
		json_array_append_new(list, json_string(*name));
	return list;
}

static char *format_and_free(json_t *tree)
{
	struct buf out = BUF_INIT(BATCH_ANSWER_MAX);

	json_format(tree, &out);
	json_decref(tree);
	return buf_take(&out);
}

char *batch_format(const struct batch *batch)
{
	json_t *tree = json_pack("{s:s, s:o, s:o, s:s}", "operation",
				 batch->direction == UPLOAD ? "upload" :
							      "download",
				 "transfers", pack_transfers(batch), "objects",
				 pack_objects(batch), "hash_algo", "sha256");

	if (batch->ref)
		json_object_set_new(tree, "ref",
				    json_pack("{s:s}", "name", batch->ref));
	return format_and_free(tree);
}

/*
 * jansson takes 200 bytes for an empty object, so a few MiB of text could
 * become some GiB.  Every value but the first follows one of these characters.
 */
static int check_values(const char *text, size_t len, struct err *err)
{
	size_t n = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && in_string)
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && strchr("{[,", text[i]))
			n++;
	}
	if (n > BATCH_VALUES_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "the answer has over %d JSON values",
			       BATCH_VALUES_MAX);
	return 0;
}

static struct batch_object *find_object(const struct batch *batch,
					const char *oid)
{
	for (size_t i = 0; i < batch->nobjects; i++)
		if (!strcmp(batch->objects[i].oid, oid))
			return &batch->objects[i];
	return NULL;
}

/* The meanings of the `code` in an object's error; the last is for any other. */
static const struct refusal {
	int code;
	enum err_kind kind;
	const char *sentence;
} refusals[] = {
	{ 401, ERR_AUTH, "the server does not let you have this object" },
	{ 403, ERR_REFUSED, "the server does not let you have this object" },
	{ 404, ERR_REFUSED, "the server does not have this object" },
	{ 410, ERR_REFUSED,
	  "the owner has removed this object from the server" },
	{ 422, ERR_REFUSED, "the server finds this object invalid" },
	{ 507, ERR_REFUSED, "the server has no room for this object" },
	{ 408, ERR_BUSY, "the server refuses this object" },
	{ 429, ERR_BUSY, "the server refuses this object" },
	{ 500, ERR_BUSY, "the server refuses this object" },
	{ 502, ERR_BUSY, "the server refuses this object" },
	{ 503, ERR_BUSY, "the server refuses this object" },
	{ 504, ERR_BUSY, "the server refuses this object" },
	{ 0, ERR_REFUSED, "the server refuses this object" },
};

/* Parse the `error` of one object. */
static int parse_error(struct batch_object *object, const json_t *error,
		       struct err *err)
{
	const json_t *code = json_object_get(error, "code");
	const struct refusal *refusal = refusals;
	const char *message;
	char number[16] = "";
	int n;

	if (!json_is_object(error))
		return err_set(err, ERR_PROTOCOL, "'error' is not an object");
	if (code && !json_is_integer(code))
		return err_set(err, ERR_PROTOCOL, "'code' is not an integer");
	if (json_get_optional_string(error, "message", &message, err))
		return -1;
	n = (int)json_integer_value(code);
	if (n || !message)
		snprintf(number, sizeof(number), "%d", n);
	while (refusal->code && refusal->code != n)
		refusal++;
	err_set(&object->err, refusal->kind, "%s (%s%s%.300s)",
		refusal->sentence, number,
		*number && message && *message ? ": " : "",
		message ? message : "");
	object->err.code = n;
	return 0;
}

/* git-lfs still accepts `_links`, the name from before its version 1.0. */
static int parse_actions(struct batch_object *object, const json_t *tree,
			 struct err *err)
{
	json_t *actions = json_object_get(tree, "actions");

	if (!actions || json_is_null(actions))
		actions = json_object_get(tree, "_links");
	if (!actions || json_is_null(actions))
		return 0;
	if (!json_is_object(actions))
		return err_set(err, ERR_PROTOCOL, "'actions' is not an object");
	if (json_object_size(actions))
		object->actions = json_incref(actions);
	return 0;
}

static int parse_object(const struct batch *batch, const json_t *tree,
			bool *seen, struct err *err)
{
	const char *oid = json_get_string(tree, "oid", err);
	const json_t *error = json_object_get(tree, "error"), *member;
	struct batch_object *object;

	if (!oid)
		return -1;
	object = find_object(batch, oid);
	if (!object || seen[object - batch->objects])
		return 0;
	seen[object - batch->objects] = true;
	member = json_object_get(tree, "size");
	object->is_other_size = json_is_integer(member) &&
				(uint64_t)json_integer_value(member) !=
					object->size;
	member = json_object_get(tree, "authenticated");
	object->authenticated = json_is_true(member);
	if (error && !json_is_null(error))
		return parse_error(object, error, err);
	if (parse_actions(object, tree, err))
		return -1;
	if (batch->direction == DOWNLOAD && !object->actions)
		err_set(&object->err, ERR_PROTOCOL,
			"the server's answer says neither where this object "
			"is nor what is wrong with it");
	return 0;
}

static int parse_objects(const struct batch *batch, const json_t *tree,
			 struct err *err)
{
	const json_t *list = json_object_get(tree, "objects");
	bool seen[BATCH_OBJECTS_MAX] = { false };

	if (!json_is_array(list))
		return err_set(err, ERR_PROTOCOL, "'objects' is %s",
			       list ? "not an array" : "missing");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (parse_object(batch, json_array_get(list, i), seen, err))
			return err_wrap(err, "object %zu", i + 1);
	for (size_t i = 0; i < batch->nobjects; i++)
		if (!seen[i])
			err_set(&batch->objects[i].err, ERR_PROTOCOL,
				"the server's answer does not mention this "
				"object");
	return 0;
}

static int parse_tree(struct batch *batch, const json_t *tree, struct err *err)
{
	const char *ignored, *hash;

	if (!json_is_object(tree))
		return err_set(err, ERR_PROTOCOL, "it is not a JSON object");
	if (json_get_optional_string(tree, "transfer", &ignored, err) ||
	    json_get_optional_string(tree, "hash_algo", &hash, err))
		return -1;
	if (hash && *hash && strcmp(hash, "sha256"))
		return err_set(err, ERR_PROTOCOL,
			       "'hash_algo' is '%.40s', not 'sha256'", hash);
	return parse_objects(batch, tree, err);
}

int batch_parse(struct batch *batch, const char *text, size_t len,
		struct err *err)
{
	json_t *tree = NULL;
	int ret = -1;

	batch_reset(batch);
	if (!check_values(text, len, err))
		tree = json_parse(text, len, err);
	if (tree)
		ret = parse_tree(batch, tree, err);
	/* Each object holds a reference to its actions. */
	json_decref(tree);
	if (!ret)
		return 0;
	batch_reset(batch);
	return err_wrap(err, "the answer of the LFS server");
}

void batch_object_release(struct batch_object *object)
{
	json_decref(object->actions);
	free(object->href);
	headers_release(&object->headers);
	*object = (struct batch_object){ .oid = object->oid,
					 .size = object->size };
}

void batch_reset(struct batch *batch)
{
	for (size_t i = 0; i < batch->nobjects; i++)
		batch_object_release(&batch->objects[i]);
	for (size_t i = 0; i < batch->nchallenges; i++)
		free(batch->challenges[i]);
	batch->nchallenges = 0;
}

/* A server that takes several kinds of login may name each in its own header. */
static void keep_challenges(struct batch *batch, struct http *http,
			    const char *name)
{
	const char *value;

	for (unsigned i = 0; batch->nchallenges < BATCH_CHALLENGES_MAX &&
			     (value = http_header_at(http, name, i));
	     i++)
		batch->challenges[batch->nchallenges++] = xstrdup(value);
}

/* Complete the request as a POST of this text, which is freed, and make it. */
static int batch_post(struct http *http, struct http_request *request,
		      enum status_proof proof, char *text, struct err *err)
{
	const struct http_body body = http_text(text, strlen(text));
	int ret = url_check(request->url, err);

	request->method = "POST";
	request->media_type = MEDIA_TYPE;
	request->body = &body;
	if (!ret)
		ret = http_perform(http, request, err);
	if (!ret)
		ret = status_of_answer(http, request, proof, err);
	free(text);
	return ret;
}

static int take_answer(struct http *http, struct batch *batch, struct err *err)
{
	const struct buf *answer = http_answer(http);
	const char *type = http_header(http, "Content-Type");

	if (!status_is_page(buf_str(answer), type))
		return batch_parse(batch, buf_str(answer), answer->len, err);
	return status_say_page(http_url(http), buf_str(answer), "JSON", err);
}

/* A server answers 404 for what it hides, and if it has no LFS. */
static void explain_missing(struct http *http, struct err *err)
{
	if (err->kind != ERR_REFUSED || err->code != 404)
		return;
	http_name_peer(http, err);
	err_append(err, "; the repository may be unknown there or hidden from "
			"you, LFS be switched off for it, or lfs.url wrong");
}

static int ask_batch(struct http *http, struct batch *batch, const char *url,
		     struct err *err)
{
	struct http_request request = {
		.url = url,
		.headers = batch->headers,
		.body_max = BATCH_ANSWER_MAX,
		.answer_ms = batch->answer_ms,
	};
	int ret = batch_post(http, &request, STATUS_ANY, batch_format(batch),
			     err);

	if (!ret) {
		ret = take_answer(http, batch, err);
	} else if (err->kind == ERR_AUTH) {
		keep_challenges(batch, http, "Lfs-Authenticate");
		keep_challenges(batch, http, "WWW-Authenticate");
	}
	return ret;
}

int batch_perform(struct http *http, struct batch *batch, struct err *err)
{
	char *url = url_join(batch->url, "objects/batch");
	char shown[URL_DISPLAY_MAX];
	int ret;

	batch_reset(batch);
	ret = ask_batch(http, batch, url, err);
	/* Connection errors already contain the URL. */
	if (ret && !strstr(err->msg, url_display(url, shown, sizeof(shown))))
		err_wrap(err, "%s", shown);
	if (ret)
		explain_missing(http, err);
	free(url);
	return ret;
}

int batch_verify(struct http *http, const struct batch_verify *verify,
		 struct err *err)
{
	json_t *tree = json_pack("{s:s, s:I}", "oid", verify->oid, "size",
				 (json_int_t)verify->size);
	struct http_request request = {
		.url = verify->action->href,
		.headers = &verify->action->headers,
		.answer_ms = verify->answer_ms,
		.expires = verify->action->expires,
	};

	if (verify->params)
		json_object_set(tree, "params", verify->params);
	return batch_post(http, &request, STATUS_TAKEN, format_and_free(tree),
			  err) ?
		       err_wrap(err, "verifying the upload") :
		       0;
}

void batch_verify_again(struct err *err, unsigned nth, unsigned most)
{
	bool is_of_link = err->code == 401 || err->code == 403 ||
			  err->code == 410;

	if (err->kind != ERR_REFUSED || is_of_link || err->code >= 500 ||
	    nth >= most)
		return;
	err->kind = ERR_NETWORK;
	err->wait_ms = 1000 << (nth < VERIFY_DOUBLINGS ? nth - 1 :
							 VERIFY_DOUBLINGS - 1);
}
