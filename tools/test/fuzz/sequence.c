// SPDX-License-Identifier: GPL-2.0-only
/* Runs operations on a target and on the model until the two differ. */
#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "sequence.h"

void sequence_init(struct sequence *seq, size_t max)
{
	memset(seq, 0, sizeof(*seq));
	seq->op = calloc(max, sizeof(*seq->op));
	if (!seq->op)
		abort();
	seq->max = max;
}

void sequence_free(struct sequence *seq)
{
	free(seq->op);
}

/* Return: false if target and model differ. */
static bool step(struct sequence *seq, struct target *target, struct model *model,
		 const struct op *op)
{
	struct outcome out = { .ret = 0 };

	seq->op[seq->nr++] = *op;
	target->perform(target, op, &out);
	return model_judge(model, op, &out, seq->why);
}

static void begin(struct sequence *seq, struct target *target, struct model *model)
{
	seq->nr = 0;
	seq->why[0] = '\0';
	target->refresh(target);
	model_init(model, &target->layout);
}

/* Fills @seq with random operations. Return: false if target and model differ. */
bool sequence_generate(struct sequence *seq, struct target *target, __u64 seed)
{
	struct model model;
	bool same = true;
	struct op op;

	begin(seq, target, &model);
	while (same && seq->nr < seq->max) {
		generate(&op, &seed, &model);
		same = step(seq, target, &model, &op);
	}
	model_free(&model);
	return same;
}

/* Fills @seq with @op as far as it goes. Return: false if target and model differ. */
bool sequence_replay(struct sequence *seq, struct target *target, const struct op *op,
		     size_t nr)
{
	struct model model;
	bool same = true;
	size_t i;

	begin(seq, target, &model);
	for (i = 0; same && i < nr; i++)
		same = step(seq, target, &model, &op[i]);
	model_free(&model);
	return same;
}
