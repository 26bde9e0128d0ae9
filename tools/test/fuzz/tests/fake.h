/* SPDX-License-Identifier: GPL-2.0-only */
/* A pretended GPU, right or wrong in one way, to test the fuzzer on. */
#ifndef FUZZ_TESTS_FAKE_H
#define FUZZ_TESTS_FAKE_H

#include "target.h"

enum defect {
	DEFECT_NONE,
	DEFECT_SECOND_BAR_LOST,		/* a write over two BARs reaches the first */
	DEFECT_BAR_SURVIVES_RESET,
	DEFECT_COMMAND_LOST_IN_RESET,
	DEFECT_PADDING_READS_0,
	DEFECT_SHORT_AT_PADDING,	/* accesses end where the memory ends */
	DEFECT_NO_END,			/* a read at the end of the BAR succeeds */
	DEFECT_ENABLE_IGNORED,
	DEFECT_D3HOT_IGNORED,
	DEFECT_EFAULT_CHANGES,		/* config writes up to a bad byte have effect */
	DEFECT_SIZE_IS_MEM_LEN,
	DEFECT_AREA_MISSING,		/* the sparse areas leave out the last page */
	DEFECT_MAPS_PADDING,
	DEFECT_BYTE_4096,		/* memory there cannot be written */
	DEFECT_WRONG_HUGE_PAGE,		/* loads from any one give what is in the first */
	DEFECT_SECOND_CHUNK_WRONG,	/* a long write writes its first MiB twice */
	DEFECT_RESET_IS_OFFERED,	/* a way that the device does not have */
	DEFECT_BUS_RESET_UNSEEN,	/* a reset of the bus leaves the BARs */
	DEFECT_LOW_POWER_IGNORED,	/* mappings work in low power */
	DEFECT_SELF_READ_FAULTS,	/* a read into a mapping of the device fails */
	DEFECTS,
};

struct target *fake_new(enum defect defect);
void fake_free(struct target *target);

#endif
