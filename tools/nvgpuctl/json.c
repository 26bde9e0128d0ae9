// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON for programs. Every document has a schema with a version, which changes when
 * a key is removed or changes its meaning; keys may be added at any time. Sizes are
 * integers in bytes, addresses hexadecimal strings, as many parsers store integers
 * as doubles. What is unknown is null.
 */
#include <json-c/json.h>

#include "nvgpuctl.h"

struct json_object *json_document(const char *schema)
{
	struct json_object *document = json_object_new_object();

	json_add_string(document, "schema", schema);
	return document;
}

void json_add_string(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, value && *value ? json_object_new_string(value) : NULL);
}

/* Keys separated by blanks, of what may be unknown. */
void json_add_null(struct json_object *to, const char *keys)
{
	char *copy __free(pointer) = strdup(keys), *rest = copy, *key;

	while ((key = strsep(&rest, " ")))
		json_object_object_add(to, key, NULL);
}

/* A negative number, the kernel's for none, is null. */
void json_add_int(struct json_object *to, const char *key, __s64 value)
{
	json_object_object_add(to, key, value < 0 ? NULL : json_object_new_int64(value));
}

void json_add_u64(struct json_object *to, const char *key, __u64 value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

void json_add_hex(struct json_object *to, const char *key, __u64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", value);
	json_add_string(to, key, text);
}

void json_add_bool(struct json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

/* Prints a document and frees it. */
void json_put_out(struct json_object *document)
{
	int style = opts.is_compact ? JSON_C_TO_STRING_PLAIN :
				      JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;

	printf("%s\n", json_object_to_json_string_ext(document,
						      style | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
}

/**
 * json_put_gpus() - Print a document of GPUs
 * @schema: its schema
 * @gpus: the GPUs
 * @one: makes the object of a GPU
 *
 * Return: ST_OK.
 */
enum status json_put_gpus(const char *schema, const struct gpus *gpus,
			  struct json_object *(*one)(const struct gpu *gpu))
{
	struct json_object *document = json_document(schema), *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < gpus->nr; i++)
		json_object_array_add(array, one(&gpus->v[i]));
	json_object_object_add(document, "gpus", array);
	json_put_out(document);
	return ST_OK;
}
