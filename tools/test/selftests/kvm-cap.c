// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-cap - print whether KVM maps device memory cacheable for a guest
 *
 * Prints "cacheable-pfnmap: N" as KVM_CHECK_EXTENSION answers: 1 where a
 * cacheable mapping of the host stays cacheable in stage 2, 0 where KVM
 * makes it uncached (before Linux 6.17, or a CPU without FWB and DIC).
 *
 * Exit status: 0 KVM answered, 1 there is no KVM.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

/* Header packages older than Linux 6.17 lack it. */
#ifndef KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
#define KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED 243
#endif

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm, answer;

	if (kvm < 0) {
		fprintf(stderr, "/dev/kvm: %s: load kvm, or boot at EL2\n",
			strerror(errno));
		return 1;
	}
	/* The capability is one of a VM: /dev/kvm itself answers with an error. */
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0) {
		fprintf(stderr, "KVM_CREATE_VM: %s\n", strerror(errno));
		return 1;
	}
	answer = ioctl(vm, KVM_CHECK_EXTENSION,
		       KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED);
	printf("cacheable-pfnmap: %d\n", answer > 0 ? answer : 0);
	return 0;
}
