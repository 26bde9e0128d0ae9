// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended GPU memory: device files, and which GPUs there are.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "egm.h"

/* Over what exists and who owns it, see egm.h. */
DEFINE_MUTEX(egm_lock);
int egm_major;

static ssize_t egm_size_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	const struct egm_region *region = dev_get_drvdata(dev);

	return sysfs_emit(buf, "0x%llx\n", region->props.size);
}
static DEVICE_ATTR_RO(egm_size);

static ssize_t egm_retired_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	return sysfs_emit(buf, "%u\n", egm_retired_count(dev_get_drvdata(dev)));
}
static DEVICE_ATTR_RO(egm_retired);

static struct attribute *egm_attrs[] = {
	&dev_attr_egm_size.attr,
	&dev_attr_egm_retired.attr,
	NULL
};
ATTRIBUTE_GROUPS(egm);

static char *egm_devnode(const struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return NULL;
}

const struct class egm_class = {
	.name = "egm",
	.dev_groups = egm_groups,
	.devnode = egm_devnode,
};

static int egm_open(struct inode *inode, struct file *file)
{
	struct egm_region *region;
	int ret;

	region = egm_region_own(iminor(inode), file->f_mapping);
	if (IS_ERR(region))
		return PTR_ERR(region);

	ret = egm_zero_finish(region);
	if (!ret)
		ret = egm_poison_open(region);
	if (ret) {
		egm_region_disown(region, false);
		return ret;
	}
	file->private_data = region;
	return 0;
}

/* The last descriptor and the last mapping are gone. */
static int egm_release(struct inode *inode, struct file *file)
{
	struct egm_region *region = file->private_data;

	egm_poison_close(region);
	egm_region_disown(region, true);
	return 0;
}

static const struct file_operations egm_fops = {
	.owner = THIS_MODULE,
	.open = egm_open,
	.release = egm_release,
	.unlocked_ioctl = egm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = egm_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
};

static bool egm_is_gpu(const struct pci_dev *pdev)
{
	return pdev->vendor == PCI_VENDOR_ID_NVIDIA &&
	       pdev->class >> 16 == PCI_BASE_CLASS_DISPLAY;
}

/* The lock waits for a bus scan to end, as properties may come after a function. */
static void egm_scan(struct work_struct *work)
{
	struct pci_dev *pdev = NULL;

	pci_lock_rescan_remove();
	for_each_pci_dev(pdev)
		if (egm_is_gpu(pdev))
			egm_gpu_add(pdev);
	pci_unlock_rescan_remove();
}

static DECLARE_WORK(egm_scan_work, egm_scan);

static int egm_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (!egm_is_gpu(pdev))
		return NOTIFY_DONE;
	if (action == BUS_NOTIFY_ADD_DEVICE)
		schedule_work(&egm_scan_work);
	else if (action == BUS_NOTIFY_DEL_DEVICE)
		egm_gpu_remove(pdev);
	return NOTIFY_OK;
}

static struct notifier_block egm_notifier = {
	.notifier_call = egm_notify,
};

static int __init egm_init(void)
{
	int ret;

	ret = class_register(&egm_class);
	if (ret)
		return ret;
	egm_major = __register_chrdev(0, 0, EGM_MINORS, "egm", &egm_fops);
	if (egm_major < 0) {
		ret = egm_major;
		goto err_class;
	}
	ret = bus_register_notifier(&pci_bus_type, &egm_notifier);
	if (ret)
		goto err_chrdev;
	egm_scan(NULL);
	return 0;

err_chrdev:
	__unregister_chrdev(egm_major, 0, EGM_MINORS, "egm");
err_class:
	class_unregister(&egm_class);
	return ret;
}

static void __exit egm_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &egm_notifier);
	cancel_work_sync(&egm_scan_work);
	egm_gpu_remove_all();
	__unregister_chrdev(egm_major, 0, EGM_MINORS, "egm");
	class_unregister(&egm_class);
}

module_init(egm_init);
module_exit(egm_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Extended GPU memory as the RAM of virtual machines");
