// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contents of large regions of which little is ever touched: a hash table of pages
 * of bytes, and of the bytes that are known.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define PAGE	4096U
#define BUCKETS	4096U

struct page {
	struct page *next;
	__u32 region;
	__u64 start;
	bool is_all_known;
	bool is_known[PAGE];
	__u8 data[PAGE];
};

struct store {
	struct page *bucket[BUCKETS];
};

struct store *store_new(void)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		abort();
	return store;
}

void store_free(struct store *store)
{
	struct page *page, *next;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (page = store->bucket[i]; page; page = next) {
			next = page->next;
			free(page);
		}
	}
	free(store);
}

static struct page *find_page(struct store *store, __u32 region, __u64 start)
{
	struct page **bucket = &store->bucket[(start / PAGE * 7 + region) % BUCKETS];
	struct page *page;

	for (page = *bucket; page; page = page->next)
		if (page->region == region && page->start == start)
			return page;

	page = calloc(1, sizeof(*page));
	if (!page)
		abort();
	page->region = region;
	page->start = start;
	page->next = *bucket;
	*bucket = page;
	return page;
}

static void mark_known(struct page *page, size_t at, size_t len)
{
	memset(page->is_known + at, true, len);
	page->is_all_known = page->is_all_known || len == PAGE;
}

static void mark_unknown(struct page *page, size_t at, size_t len)
{
	memset(page->is_known + at, false, len);
	page->is_all_known = false;
}

/* The page of @pos, and how many of @len bytes from there it has. */
static struct page *find_part(struct store *store, __u32 region, __u64 pos,
			      size_t *len)
{
	size_t left = PAGE - pos % PAGE;

	if (*len > left)
		*len = left;
	return find_page(store, region, pos - pos % PAGE);
}

void store_write(struct store *store, __u32 region, __u64 pos, const __u8 *data,
		 size_t len)
{
	struct page *page;
	size_t part;

	for (; len; pos += part, data += part, len -= part) {
		part = len;
		page = find_part(store, region, pos, &part);
		memcpy(page->data + pos % PAGE, data, part);
		mark_known(page, pos % PAGE, part);
	}
}

/* Copies what is there, as far as it is known; the two must not overlap. */
void store_copy(struct store *store, __u32 from, __u64 from_pos, __u32 to, __u64 to_pos,
		size_t len)
{
	struct page *source, *page;
	size_t part;

	for (; len; from_pos += part, to_pos += part, len -= part) {
		part = len;
		source = find_part(store, from, from_pos, &part);
		page = find_part(store, to, to_pos, &part);
		memcpy(page->data + to_pos % PAGE, source->data + from_pos % PAGE, part);
		memcpy(page->is_known + to_pos % PAGE, source->is_known + from_pos % PAGE,
		       part);
		page->is_all_known = source->is_all_known && part == PAGE;
	}
}

void store_forget(struct store *store, __u32 region, __u64 pos, size_t len)
{
	struct page *page;
	size_t part;

	for (; len; pos += part, len -= part) {
		part = len;
		page = find_part(store, region, pos, &part);
		mark_unknown(page, pos % PAGE, part);
	}
}

void store_forget_region(struct store *store, __u32 region)
{
	struct page *page;
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		for (page = store->bucket[i]; page; page = page->next)
			if (page->region == region)
				mark_unknown(page, 0, PAGE);
}

/* Forgets the first @len bytes of each @stride, a multiple of a page. */
void store_forget_heads(struct store *store, __u32 region, __u64 stride, size_t len)
{
	struct page *page;
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		for (page = store->bucket[i]; page; page = page->next)
			if (page->region == region && page->start % stride == 0)
				mark_unknown(page, 0, len);
}

/**
 * store_check() - compare with what is known, and learn the rest
 * @store: the store
 * @region: region index
 * @pos: offset in the region
 * @data: what was read there
 * @len: bytes of it
 * @expected: set to the byte that should have been there, if one differs
 *
 * Return: index of the first byte that differs, @len if none does.
 */
size_t store_check(struct store *store, __u32 region, __u64 pos, const __u8 *data,
		   size_t len, __u8 *expected)
{
	size_t done = 0, part, at, i;
	struct page *page;

	for (; done < len; done += part) {
		part = len - done;
		page = find_part(store, region, pos + done, &part);
		at = (pos + done) % PAGE;
		if (page->is_all_known && !memcmp(page->data + at, data + done, part))
			continue;
		for (i = 0; i < part; i++) {
			if (!page->is_known[at + i] || page->data[at + i] == data[done + i])
				continue;
			*expected = page->data[at + i];
			return done + i;
		}
		memcpy(page->data + at, data + done, part);
		mark_known(page, at, part);
	}
	return len;
}
