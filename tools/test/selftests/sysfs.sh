#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The sysfs group "coherent_memory" on the PCI device, file by file.

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

DRIVER=nvgpu_vfio_pci
MiB=$((1 << 20))

attr() {
	cat "$DIR/$1" 2>&1
}

tap_plan 21
make_gpu sysfs && BDF=$(gpu_bdf sysfs)
DIR=$PCI_ROOT/devices/$BDF/coherent_memory
check_is "no group before bind" "$(ls "$DIR" 2>/dev/null)" ""
check "bind" bind_gpu "$BDF" $DRIVER
check_is "base" "$(attr base)" "$(cut -d- -f1 "$SIM_ROOT/sysfs/memory_range")"
check_is "base is for root only" "$(stat -c %a "$DIR/base")" 400
check_is "size" "$(attr size)" $((3712 * MiB))
check_is "usemem_size" "$(attr usemem_size)" $((2560 * MiB))
check_is "usemem_bar" "$(attr usemem_bar)" 4
check_is "usemem_bar_size" "$(attr usemem_bar_size)" $((4096 * MiB))
check_is "resmem_size" "$(attr resmem_size)" $((1152 * MiB))
check_is "resmem_bar" "$(attr resmem_bar)" 2
check_is "resmem_bar_size" "$(attr resmem_bar_size)" $((2048 * MiB))
check_is "poisoned_pages" "$(attr poisoned_pages)" 0
check_is "no file can be written" "$(find "$DIR" -type f -perm /222)" ""
before=$(attr resets)
check "a reset" write_attr "$PCI_ROOT/devices/$BDF/reset" 1
check_is "resets counts it" "$(attr resets)" $((before + 1))
check "unbind" unbind_gpu "$BDF"
check_is "no group after unbind" "$(ls "$DIR" 2>/dev/null)" ""
remove_gpu sysfs

make_gpu sysfs mig_fixed=1 && BDF=$(gpu_bdf sysfs)
DIR=$PCI_ROOT/devices/$BDF/coherent_memory
bind_gpu "$BDF" $DRIVER
check_is "without resmem: usemem is everything" "$(attr usemem_size)" $((3712 * MiB))
check_is "without resmem: no file of it" "$(find "$DIR" -name 'resmem*')" ""
unbind_gpu "$BDF"
remove_gpu sysfs

make_gpu sysfs properties=none && BDF=$(gpu_bdf sysfs)
bind_gpu "$BDF" $DRIVER
check_is "without properties: no group" \
	"$(ls "$PCI_ROOT/devices/$BDF/coherent_memory" 2>/dev/null)" ""
unbind_gpu "$BDF"
check "remove the GPU" remove_gpu sysfs
tap_end
