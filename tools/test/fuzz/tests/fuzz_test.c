// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the fuzzer, on a pretended device: it finds nothing where nothing is wrong,
 * finds each way to be wrong, and shrinks what it finds to what a human sees at once.
 */
#include <string.h>

#include <kselftest_harness.h>

#include "fake.h"
#include "sequence.h"

#define SEQUENCE_LEN	20000
#define SEQUENCES	50
#define SMALL		3

/* Return: operations until target and model differ, 0 if they never do. */
static size_t find(struct sequence *seq, struct target *target)
{
	__u64 seed;

	for (seed = 0; seed < SEQUENCES; seed++)
		if (!sequence_generate(seq, target, seed))
			return seed * SEQUENCE_LEN + seq->nr;
	return 0;
}

/* The text of each operation makes the same operation again, and shows the same. */
static bool replays_from_text(const struct sequence *seq, struct target *target)
{
	struct sequence again;
	char text[OP_TEXT_LEN];
	struct op ops[SMALL];
	bool same = false;
	size_t i;

	if (seq->nr > SMALL)
		return false;
	for (i = 0; i < seq->nr; i++) {
		op_print(&seq->op[i], text, sizeof(text));
		if (op_parse(&ops[i], text))
			return false;
	}
	sequence_init(&again, seq->nr);
	if (!sequence_replay(&again, target, ops, seq->nr))
		same = !strcmp(again.why, seq->why);
	sequence_free(&again);
	return same;
}

FIXTURE(fuzz) {
	struct sequence seq;
};

FIXTURE_SETUP(fuzz)
{
	sequence_init(&self->seq, SEQUENCE_LEN);
}

FIXTURE_TEARDOWN(fuzz)
{
	sequence_free(&self->seq);
}

TEST_F(fuzz, finds_nothing_in_a_device_that_is_right)
{
	struct target *target = fake_new(DEFECT_NONE);
	size_t after = find(&self->seq, target);
	char text[OP_TEXT_LEN] = "";

	if (after)
		op_print(&self->seq.op[self->seq.nr - 1], text, sizeof(text));
	EXPECT_EQ(after, 0)
		TH_LOG("after %zu operations: %s: %s", after, text, self->seq.why);
	fake_free(target);
}

TEST_F(fuzz, finds_a_model_that_is_wrong)
{
	struct target *target = fake_new(DEFECT_NONE);

	/* The model takes its layout from here, the pretended device does not. */
	target->layout.bar[2].mem_len = target->layout.bar[2].size;
	ASSERT_GT(find(&self->seq, target), 0);
	EXPECT_TRUE(sequence_shrink(&self->seq, target));
	EXPECT_LE(self->seq.nr, SMALL);
	fake_free(target);
}

TEST_F(fuzz, same_seed_same_operations)
{
	struct target *target = fake_new(DEFECT_NONE);
	char first[OP_TEXT_LEN], second[OP_TEXT_LEN];

	EXPECT_TRUE(sequence_generate(&self->seq, target, 7));
	op_print(&self->seq.op[SEQUENCE_LEN - 1], first, sizeof(first));
	EXPECT_TRUE(sequence_generate(&self->seq, target, 7));
	op_print(&self->seq.op[SEQUENCE_LEN - 1], second, sizeof(second));
	EXPECT_STREQ(first, second);
	fake_free(target);
}

TEST_F(fuzz, text_of_operations_is_parsed_again)
{
	struct target *target = fake_new(DEFECT_NONE);
	char text[OP_TEXT_LEN], again[OP_TEXT_LEN];
	struct op op;
	size_t i;

	sequence_generate(&self->seq, target, 1);
	for (i = 0; i < self->seq.nr; i++) {
		op_print(&self->seq.op[i], text, sizeof(text));
		ASSERT_EQ(op_parse(&op, text), NULL)
			TH_LOG("not parsed: %s", text);
		op_print(&op, again, sizeof(again));
		ASSERT_STREQ(text, again);
	}
	fake_free(target);
}

TEST(lines_that_are_no_operation_are_refused)
{
	static const char * const lines[] = {
		"explode", "read region=x", "read region", "config-read slot=1",
		"munmap slot=4", "reset how=never", "read len=0x400001",
		"mmap align=0x3000", "load len=0x10001",
	};
	struct op op;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		EXPECT_NE(op_parse(&op, lines[i]), NULL)
			TH_LOG("line %zu was accepted", i);
}

FIXTURE(defect) {
	struct sequence seq;
	struct target *target;
};

FIXTURE_VARIANT(defect) {
	enum defect defect;
};

FIXTURE_VARIANT_ADD(defect, second_bar_lost) { .defect = DEFECT_SECOND_BAR_LOST };
FIXTURE_VARIANT_ADD(defect, bar_survives_reset) { .defect = DEFECT_BAR_SURVIVES_RESET };
FIXTURE_VARIANT_ADD(defect, command_lost_in_reset) { .defect = DEFECT_COMMAND_LOST_IN_RESET };
FIXTURE_VARIANT_ADD(defect, padding_reads_0) { .defect = DEFECT_PADDING_READS_0 };
FIXTURE_VARIANT_ADD(defect, short_at_padding) { .defect = DEFECT_SHORT_AT_PADDING };
FIXTURE_VARIANT_ADD(defect, no_end) { .defect = DEFECT_NO_END };
FIXTURE_VARIANT_ADD(defect, enable_ignored) { .defect = DEFECT_ENABLE_IGNORED };
FIXTURE_VARIANT_ADD(defect, d3hot_ignored) { .defect = DEFECT_D3HOT_IGNORED };
FIXTURE_VARIANT_ADD(defect, efault_changes) { .defect = DEFECT_EFAULT_CHANGES };
FIXTURE_VARIANT_ADD(defect, size_is_mem_len) { .defect = DEFECT_SIZE_IS_MEM_LEN };
FIXTURE_VARIANT_ADD(defect, area_missing) { .defect = DEFECT_AREA_MISSING };
FIXTURE_VARIANT_ADD(defect, maps_padding) { .defect = DEFECT_MAPS_PADDING };
FIXTURE_VARIANT_ADD(defect, byte_4096) { .defect = DEFECT_BYTE_4096 };
FIXTURE_VARIANT_ADD(defect, second_chunk_wrong) { .defect = DEFECT_SECOND_CHUNK_WRONG };
FIXTURE_VARIANT_ADD(defect, wrong_huge_page) { .defect = DEFECT_WRONG_HUGE_PAGE };
FIXTURE_VARIANT_ADD(defect, reset_is_offered) { .defect = DEFECT_RESET_IS_OFFERED };
FIXTURE_VARIANT_ADD(defect, low_power_ignored) { .defect = DEFECT_LOW_POWER_IGNORED };
FIXTURE_VARIANT_ADD(defect, self_read_faults) { .defect = DEFECT_SELF_READ_FAULTS };
FIXTURE_VARIANT_ADD(defect, bus_reset_unseen) { .defect = DEFECT_BUS_RESET_UNSEEN };

FIXTURE_SETUP(defect)
{
	sequence_init(&self->seq, SEQUENCE_LEN);
	self->target = fake_new(variant->defect);
}

FIXTURE_TEARDOWN(defect)
{
	fake_free(self->target);
	sequence_free(&self->seq);
}

TEST_F(defect, is_found_and_shrunk)
{
	char text[OP_TEXT_LEN];
	size_t after, i;

	after = find(&self->seq, self->target);
	ASSERT_GT(after, 0);
	EXPECT_TRUE(sequence_shrink(&self->seq, self->target));
	TH_LOG("found after %zu operations, %zu left:", after, self->seq.nr);
	for (i = 0; i < self->seq.nr; i++) {
		op_print(&self->seq.op[i], text, sizeof(text));
		TH_LOG("  %s", text);
	}
	EXPECT_LE(self->seq.nr, SMALL);
	EXPECT_TRUE(replays_from_text(&self->seq, self->target));
}

TEST_HARNESS_MAIN
