// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read-only facts for administrators without a VFIO fd, as a group of attributes on
 * the PCI device: tools/upstream/Documentation/ABI describes each.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "nvgpu.h"

static struct nvgpu_device *nvgpu_from_dev(struct device *dev)
{
	return nvgpu_from_pdev(to_pci_dev(dev));
}

static ssize_t base_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct nvgpu_device *nvdev = nvgpu_from_dev(dev);

	return sysfs_emit(buf, "%#llx\n",
			  (u64)nvdev->bars.region[NVGPU_USEMEM].mem_base);
}
static DEVICE_ATTR_ADMIN_RO(base);

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct nvgpu_device *nvdev = nvgpu_from_dev(dev);

	return sysfs_emit(buf, "%llu\n", nvdev->bars.region[NVGPU_USEMEM].mem_len +
					 nvdev->bars.region[NVGPU_RESMEM].mem_len);
}
static DEVICE_ATTR_RO(size);

static ssize_t ready_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct nvgpu_device *nvdev = nvgpu_from_dev(dev);

	if (nvgpu_ready_is_known(nvdev))
		return sysfs_emit(buf, "ready\n");
	if (nvgpu_ready_timed_out(nvdev))
		return sysfs_emit(buf, "failed\n");
	return sysfs_emit(buf, "unknown\n");
}
static DEVICE_ATTR_RO(ready);

static ssize_t resets_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct nvgpu_device *nvdev = nvgpu_from_dev(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(nvdev->resets));
}
static DEVICE_ATTR_RO(resets);

static ssize_t poisoned_pages_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  nvgpu_poison_count(nvgpu_from_dev(dev)));
}
static DEVICE_ATTR_RO(poisoned_pages);

#define NVGPU_REGION_ATTR(_file, _id, _field)				\
static ssize_t _file##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%llu\n",				\
			  (u64)nvgpu_from_dev(dev)->bars.region[_id]._field);\
}									\
static DEVICE_ATTR_RO(_file)

NVGPU_REGION_ATTR(usemem_size, NVGPU_USEMEM, mem_len);
NVGPU_REGION_ATTR(usemem_bar, NVGPU_USEMEM, bar_index);
NVGPU_REGION_ATTR(usemem_bar_size, NVGPU_USEMEM, bar_size);
NVGPU_REGION_ATTR(resmem_size, NVGPU_RESMEM, mem_len);
NVGPU_REGION_ATTR(resmem_bar, NVGPU_RESMEM, bar_index);
NVGPU_REGION_ATTR(resmem_bar_size, NVGPU_RESMEM, bar_size);

static struct attribute *nvgpu_attrs[] = {
	&dev_attr_base.attr,
	&dev_attr_size.attr,
	&dev_attr_usemem_size.attr,
	&dev_attr_usemem_bar.attr,
	&dev_attr_usemem_bar_size.attr,
	&dev_attr_resmem_size.attr,
	&dev_attr_resmem_bar.attr,
	&dev_attr_resmem_bar_size.attr,
	&dev_attr_ready.attr,
	&dev_attr_resets.attr,
	&dev_attr_poisoned_pages.attr,
	NULL
};

/* Hide the resmem attributes on devices without resmem. */
static umode_t nvgpu_attr_visible(struct kobject *kobj, struct attribute *attr,
				  int n)
{
	struct nvgpu_device *nvdev = nvgpu_from_dev(kobj_to_dev(kobj));

	if (nvdev->bars.nr > NVGPU_RESMEM)
		return attr->mode;
	if (attr == &dev_attr_resmem_size.attr ||
	    attr == &dev_attr_resmem_bar.attr ||
	    attr == &dev_attr_resmem_bar_size.attr)
		return 0;
	return attr->mode;
}

static bool nvgpu_group_visible(struct kobject *kobj)
{
	return nvgpu_from_dev(kobj_to_dev(kobj))->bars.nr;
}

DEFINE_SYSFS_GROUP_VISIBLE(nvgpu);

static const struct attribute_group nvgpu_group = {
	.name = "coherent_memory",
	.attrs = nvgpu_attrs,
	.is_visible = SYSFS_GROUP_VISIBLE(nvgpu),
};

const struct attribute_group *nvgpu_sysfs_groups[] = {
	&nvgpu_group,
	NULL
};
