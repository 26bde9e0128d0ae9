# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The table of kernels, and what depends on the architecture of one.

# Field COLUMN (2 architecture, 3 suite, 4 how it is made) of kernel NAME.
kernel_field() {
	awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$LAB_DIR/kernels"
}

kernel_arch() {
	kernel_field "$1" 2
}

kernel_suite() {
	kernel_field "$1" 3
}

# always, demand, ahead or built.
kernel_made() {
	kernel_field "$1" 4
}

# The packages that kernel NAME comes from, or the configurations it is built with.
kernel_parts() {
	awk -v name="$1" '$1 == name { for (i = 5; i <= NF; i++) print $i }' "$LAB_DIR/kernels"
}

# Does the kernel come from a suite whose packages the toolchain does not use?
is_foreign() {
	local suite

	suite=$(kernel_suite "$1")
	[ "${suite%-backports}" != "$LAB_SUITE" ]
}

# kernel_names [MADE]: all kernels, or those that are made so.
kernel_names() {
	awk -v made="${1:-}" '!/^#/ && NF && (made == "" || $4 == made) { print $1 }' "$LAB_DIR/kernels"
}

default_kernel() {
	kernel_names | head -n 1
}

require_kernel() {
	[ -n "$(kernel_arch "$1")" ] ||
		usage_error "no kernel is called '$1'; there are: $(kernel_names | xargs)"
}

# What Debian calls an architecture is the key of these. The toolchain is amd64.
declare -A ARCH_KBUILD=([arm64]=arm64 [amd64]=x86)
declare -A ARCH_CROSS=([arm64]=aarch64-linux-gnu- [amd64]='')
declare -A ARCH_QEMU=([arm64]=qemu-system-aarch64 [amd64]=qemu-system-x86_64)
# Where make leaves the image of a kernel, called like the target that makes it.
declare -A ARCH_IMAGE=([arm64]=arch/arm64/boot/Image [amd64]=arch/x86/boot/bzImage)

# machine_of KERNEL: what is emulated for it, the key of what follows. LAB_ACPI asks for
# an arm64 machine that boots with UEFI and ACPI, as Grace does, instead of a device tree.
machine_of() {
	printf '%s%s' "$(kernel_arch "$1")" "${LAB_ACPI:+-acpi}"
}

# Packages to add to the toolchain before it can boot a host, a list in packages/.
declare -A MACHINE_TOOLS=([arm64]='' [arm64-acpi]=tools-acpi [amd64]=tools-amd64)

# Linux is told of 2 GiB of the host's memory: the rest, which boot.sh puts in place of
# POOL, is the memory of simulated GPUs. An older QEMU, or a CPU without DIC, makes KVM
# refuse a cacheable mapping of it, hence "max". What else "max" has costs time under TCG:
# SVE and SME; signed pointers, which the kernel makes and checks in each of its functions;
# LPA2, a fifth level of page tables. The last two take a quarter of a run.
MACHINE_VIRT="-M virt,virtualization=on,gic-version=3 -cpu max,sve=off,sme=off,pauth=off,lpa2=off"
declare -A MACHINE_ARGUMENTS=(
	[arm64]="$MACHINE_VIRT"
	[arm64-acpi]="$MACHINE_VIRT -bios /usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
	[amd64]="-M q35 -cpu max"
)
# q35 has a hole from 2 GiB to 4 GiB, where the rest of its memory begins. UEFI puts the
# kernel at the end of the first 4 GiB, the initrd and its tables at the end of the memory:
# it gets as many GiB more as MACHINE_EXTRA says, on both sides of the pool. With KASLR
# the kernel's EFI stub would move it to anywhere in the memory, the pool included.
declare -A MACHINE_EXTRA=([arm64]=0 [arm64-acpi]=2 [amd64]=0)
declare -A MACHINE_CMDLINE=(
	[arm64]="console=ttyAMA0 nvgpu_sim.pool=POOL@0xc0000000"
	[arm64-acpi]="console=ttyAMA0 acpi=force nokaslr nvgpu_sim.pool=POOL@0x100000000"
	[amd64]="console=ttyS0 nvgpu_sim.pool=POOL@0x100000000"
)
