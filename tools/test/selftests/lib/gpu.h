/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User-space library over the vfio uAPI, shared by the selftests and the demo.
 *
 * foo() ends the program with a message when it fails, __foo() returns
 * -errno, so that a negative test makes the same call as a positive one.
 *
 * The device comes from the environment: NVGPU_BDF names the PCI function,
 * NVGPU_SIM the configfs directory of the simulated GPU behind it.
 */
#ifndef SELFTESTS_LIB_GPU_H
#define SELFTESTS_LIB_GPU_H

#include <err.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include <linux/pci_regs.h>
#include <linux/types.h>
#include <linux/vfio.h>

#define GPU_MAX_AREAS	4
#define GPU_BDF_LEN	32

/* Newer than the headers of some cross compilers. */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11
struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

struct vfio_device_feature_dma_buf {
	__u32 region_index;
	__u32 open_flags;
	__u32 flags;
	__u32 nr_ranges;
	struct vfio_region_dma_range dma_ranges[];
};
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

#define SZ_1K	0x400ULL
#define SZ_4K	0x1000ULL
#define SZ_1M	0x100000ULL
#define SZ_2M	0x200000ULL
#define SZ_1G	0x40000000ULL

/**
 * struct gpu - an open vfio device
 * @container: type1 container, or -1
 * @group: group file, or -1; a device opened by its cdev has none
 * @device: device file
 * @iommufd: what the device is attached to when opened by its cdev, or -1
 * @iommufd_id: number of the device in @iommufd
 * @ioas: I/O address space in @iommufd that it is attached to when it is opened
 * @group_id: number of the IOMMU group
 * @bdf: PCI address, as sysfs spells it
 */
struct gpu {
	int container;
	int group;
	int device;
	int iommufd;
	__u32 iommufd_id;
	__u32 ioas;
	unsigned int group_id;
	char bdf[GPU_BDF_LEN];
};

struct gpu_area {
	__u64 offset;
	__u64 size;
};

/**
 * struct gpu_region - what VFIO_DEVICE_GET_REGION_INFO says of one region
 * @index: region index
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @size: reported size
 * @offset: where the region begins in the device file
 * @is_sparse: there is a VFIO_REGION_INFO_CAP_SPARSE_MMAP
 * @nr_areas: valid entries of @areas
 * @areas: what the sparse capability lists, as it lists them
 * @mem_len: end of the mappable part: the memory that exists
 */
struct gpu_region {
	__u32 index;
	__u32 flags;
	__u64 size;
	__u64 offset;
	bool is_sparse;
	unsigned int nr_areas;
	struct gpu_area areas[GPU_MAX_AREAS];
	__u64 mem_len;
};

/**
 * struct model_region - one synthetic BAR as firmware and design define it
 * @name: "usemem" or "resmem"
 * @index: region index
 * @phys: physical address of the first byte
 * @mem_len: bytes that exist, 0 if the GPU has no such region
 * @bar_size: what the BAR has to report
 */
struct model_region {
	const char *name;
	__u32 index;
	__u64 phys;
	__u64 mem_len;
	__u64 bar_size;
};

/* The expected layout, worked out from the simulator and not from the driver. */
struct model {
	struct model_region usemem;
	struct model_region resmem;
};

/*
 * Ends the program with a TAP diagnostic that names the cause: the one way out
 * for a call that must not fail. The status is KSFT_FAIL.
 */
#define die(...) do {			\
	fputs("# ", stderr);		\
	errx(1, __VA_ARGS__);		\
} while (0)

/* env.c: the environment. */
const char *env_or_skip(const char *name);

/* What a call may take that waits for nothing, also on a slow kernel. */
__u64 at_once_us(void);

/* gpu.c: opening, closing, resetting. */
void gpu_init(struct gpu *gpu, const char *bdf);
int __gpu_open(struct gpu *gpu, const char *bdf);
void gpu_open(struct gpu *gpu);
void gpu_close(struct gpu *gpu);
int __gpu_reset(struct gpu *gpu);
void gpu_reset(struct gpu *gpu);
int __gpu_hot_reset(struct gpu *gpu);
bool gpu_has_bus_reset(struct gpu *gpu);
int __gpu_feature(struct gpu *gpu, __u32 flags, void *data, size_t len);
int __gpu_low_power(struct gpu *gpu, bool enter);
/* Have @event told of the device interrupt @index, of which there is one. */
int __gpu_set_event(struct gpu *gpu, __u32 index, int event);

/* cdev.c: opening without a group, where the kernel has device cdevs. */
int __gpu_open_cdev(struct gpu *gpu, const char *bdf);
int __gpu_open_cdev_token(struct gpu *gpu, const char *bdf, const void *token);
int __gpu_attach(struct gpu *gpu, __u32 pasid, __u32 pt_id);
int __gpu_detach(struct gpu *gpu, __u32 pasid);

/* region.c: region info, mappings and access by file offset. */
int __gpu_region(struct gpu *gpu, __u32 index, struct gpu_region *region);
void gpu_region(struct gpu *gpu, __u32 index, struct gpu_region *region);
void *__gpu_map(struct gpu *gpu, const struct gpu_region *region, __u64 offset,
		__u64 len, int prot, int flags, void *addr);
void *gpu_map(struct gpu *gpu, const struct gpu_region *region, __u64 offset,
	      __u64 len);
void *gpu_map_aligned(struct gpu *gpu, const struct gpu_region *region,
		      __u64 offset, __u64 len, __u64 align, __u64 skew);
ssize_t __gpu_pread(struct gpu *gpu, const struct gpu_region *region, void *buf,
		    size_t len, __u64 offset);
ssize_t __gpu_pwrite(struct gpu *gpu, const struct gpu_region *region,
		     const void *buf, size_t len, __u64 offset);
void gpu_pread(struct gpu *gpu, const struct gpu_region *region, void *buf,
	       size_t len, __u64 offset);
void gpu_pwrite(struct gpu *gpu, const struct gpu_region *region,
		const void *buf, size_t len, __u64 offset);

/* config.c: configuration space. */
ssize_t __config_read(struct gpu *gpu, unsigned int pos, void *buf, size_t len);
ssize_t __config_write(struct gpu *gpu, unsigned int pos, const void *buf,
		       size_t len);
void config_read(struct gpu *gpu, unsigned int pos, void *buf, size_t len);
void config_write(struct gpu *gpu, unsigned int pos, const void *buf, size_t len);
__u8 config_read8(struct gpu *gpu, unsigned int pos);
__u16 config_read16(struct gpu *gpu, unsigned int pos);
__u32 config_read32(struct gpu *gpu, unsigned int pos);
__u64 config_read64(struct gpu *gpu, unsigned int pos);
void config_write8(struct gpu *gpu, unsigned int pos, __u8 val);
void config_write16(struct gpu *gpu, unsigned int pos, __u16 val);
void config_write32(struct gpu *gpu, unsigned int pos, __u32 val);
void config_write64(struct gpu *gpu, unsigned int pos, __u64 val);
unsigned int config_find_cap(struct gpu *gpu, __u8 id);
unsigned int config_find_ecap(struct gpu *gpu, __u16 id);
void config_set_memory(struct gpu *gpu, bool enable);
void config_set_power(struct gpu *gpu, unsigned int state);

/* dma.c: type1 mappings. */
int __dma_map(struct gpu *gpu, void *vaddr, __u64 iova, __u64 len);
void dma_map(struct gpu *gpu, void *vaddr, __u64 iova, __u64 len);
void dma_unmap(struct gpu *gpu, __u64 iova, __u64 len);

/* ioas.c: what such a device can be attached to. */
int __ioas_alloc(struct gpu *gpu, __u32 *ioas);
int __ioas_map(struct gpu *gpu, __u32 ioas, void *vaddr, __u64 iova, __u64 len);
int __ioas_map_dmabuf(struct gpu *gpu, __u32 ioas, int fd, __u64 iova, __u64 len);
int __hwpt_alloc(struct gpu *gpu, __u32 ioas, bool for_pasid, __u32 *hwpt);
int __iommufd_destroy(struct gpu *gpu, __u32 id);

/* dmabuf.c */
bool gpu_has_dmabuf(struct gpu *gpu);
int __gpu_dmabuf(struct gpu *gpu, __u32 index, unsigned int nr,
		 const struct vfio_region_dma_range *ranges);

/* sim.c: the simulator's side of the story. */
void sim_read(const char *attr, char *buf, size_t len);
__u64 sim_read_u64(const char *attr);
int __sim_write_text(const char *attr, const char *text);
void sim_write_text(const char *attr, const char *text);
int __sim_write(const char *attr, __u64 val);
void sim_write(const char *attr, __u64 val);
bool sim_dma_lookup(__u64 iova, __u64 *phys);
void model_from_sim(struct model *model);
__u64 model_bar_mask(const struct model_region *region);

/**
 * struct mem - one memory of a GPU: open, with memory enable on
 * @gpu: the device
 * @model: the expected layout of both memories
 * @want: which memory, in @model
 * @region: what region info says of it
 * @page: size of a page
 */
struct mem {
	struct gpu gpu;
	struct model model;
	const struct model_region *want;
	struct gpu_region region;
	__u64 page;
};

/* mem.c: what most fixtures start from; gpu_close() ends it. */
bool mem_open(struct mem *mem, bool is_resmem);
void usemem_open(struct gpu *gpu, struct model *model, struct gpu_region *usemem);

/* knob.c: all faults of the simulator off, files of sysfs. */
void sim_calm(void);
int __file_read(const char *path, char *buf, size_t len);
int __file_write(const char *path, const char *val);
int __sysfs_read(const char *bdf, const char *file, char *buf, size_t len);
__u64 sysfs_read_u64(const char *bdf, const char *file);
int __sysfs_write(const char *bdf, const char *file, const char *val);
void sysfs_driver(const char *bdf, char *name, size_t len);
bool driver_is_ours(const char *bdf);
int __gpu_replug(const char *bdf, const char *driver);

/* tracefs.c: what the kernel traces, by the names of files below /sys/kernel/tracing. */
bool tracefs_has(const char *file);
void tracefs_write(const char *file, const char *val);
size_t tracefs_log(char *log, size_t size);

/* kmsg.c: the kernel's log from a moment on. */
int kernel_log_open(void);
unsigned int kernel_log_count(int log, char *first, size_t len);
bool kernel_log_wait(int log, const char *text, int ms);

/**
 * struct hardware - is the memory ready, by the hardware's own word
 * @config: sysfs config space
 * @cxl: offset of the CXL device DVSEC, 0 if the GPU has none
 * @bar0: mapping of the registers, through vfio
 * @watcher: thread of hardware_watch()
 * @last_busy_us: last moment at which the watcher knows it was not ready, or 0
 * @first_ready_us: first moment at which the watcher knows it was ready
 */
struct hardware {
	int config;
	unsigned int cxl;
	__u8 *bar0;
	pthread_t watcher;
	__u64 last_busy_us;
	__u64 first_ready_us;
};

enum access_way {
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_TOUCH,
	NR_ACCESS_WAYS,
};

/**
 * struct access - one access to the memory
 * @gpu: the device
 * @region: region that is read or written
 * @map: mapping that is touched
 * @way: how
 * @result: see access_now()
 * @began_us: before the access
 * @ended_us: after it
 * @thread: of access_start()
 */
struct access {
	struct gpu *gpu;
	const struct gpu_region *region;
	void *map;
	enum access_way way;
	int result;
	__u64 began_us;
	__u64 ended_us;
	pthread_t thread;
};

/* access.c */
extern const char * const access_name[NR_ACCESS_WAYS];
int access_now(struct access *access);
void access_start(struct access *access);
int access_wait(struct access *access);
bool access_waits_until_ready(struct access *access);
pid_t access_fork(struct access *access);

/* hardware.c */
__u64 now_us(void);
void hardware_open(struct hardware *hw, struct gpu *gpu);
bool hardware_is_ready(const struct hardware *hw);
/* What the hardware may take after a reset: 30 s, or what the CXL DVSEC says. */
__u64 hardware_limit_us(void);
void hardware_watch(struct hardware *hw);
void hardware_watched(struct hardware *hw);

/**
 * struct best - the shortest of the times that a scenario takes
 * @us: the shortest so far
 * @enough_us: what it may take: no try follows one that took no longer
 * @left: tries that may follow
 *
 * A CPU with other work to do makes times longer and never shorter, and a driver that
 * waits where it must not does so each time. So an upper bound is judged by the best of a
 * few tries; what must never be is judged by each of them.
 */
struct best {
	__u64 us;
	__u64 enough_us;
	unsigned int left;
};

/* best.c: while (best_again(&best)) best_took(&best, ...); then @us is what counts. */
struct best best_of(unsigned int tries, __u64 enough_us);
bool best_again(const struct best *best);
void best_took(struct best *best, __u64 us);

/* failnth.c: the kernel's fault injection, for the calling thread. */
bool fail_nth_available(void);
bool fail_nth_spare(const char *function);
void fail_nth_arm(unsigned int nth);
bool fail_nth_disarm(void);

/* Device memory is shared: one access for each of these, never more or less. */
static inline __u32 load32(const void *p)
{
	return __atomic_load_n((const __u32 *)p, __ATOMIC_RELAXED);
}

static inline __u64 load64(const void *p)
{
	return __atomic_load_n((const __u64 *)p, __ATOMIC_RELAXED);
}

static inline void store32(void *p, __u32 val)
{
	__atomic_store_n((__u32 *)p, val, __ATOMIC_RELAXED);
}

static inline void store64(void *p, __u64 val)
{
	__atomic_store_n((__u64 *)p, val, __ATOMIC_RELAXED);
}

/* touch.c: accesses that may end in SIGBUS. */
void touch_install(void);
int touch_read(const void *p, __u32 *val);
int touch_write(void *p, __u32 val);
__u64 now_ms(void);
void pattern_fill(void *buf, size_t len, __u64 seed);
size_t pattern_check(const void *buf, size_t len, __u64 seed);
long minor_faults(void);
__u64 page_table_bytes(void);
__u64 pmd_size(void);

#endif
