// SPDX-License-Identifier: GPL-2.0-only
/* One memory of a GPU, ready to be used: what most fixtures start from. */
#include <unistd.h>

#include "gpu.h"

/* Return: false, with @want told and nothing open, if the GPU has no such memory. */
bool mem_open(struct mem *mem, bool is_resmem)
{
	model_from_sim(&mem->model);
	mem->want = is_resmem ? &mem->model.resmem : &mem->model.usemem;
	if (!mem->want->mem_len)
		return false;
	mem->page = (__u64)sysconf(_SC_PAGESIZE);
	gpu_open(&mem->gpu);
	config_set_memory(&mem->gpu, true);
	gpu_region(&mem->gpu, mem->want->index, &mem->region);
	return true;
}

/* Without faults of the simulator, for tests that make some. */
void usemem_open(struct gpu *gpu, struct model *model, struct gpu_region *usemem)
{
	model_from_sim(model);
	sim_calm();
	gpu_open(gpu);
	config_set_memory(gpu, true);
	gpu_region(gpu, model->usemem.index, usemem);
}
