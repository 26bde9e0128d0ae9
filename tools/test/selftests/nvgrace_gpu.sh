#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The unmodified in-tree driver on the simulated GPU: if it finds its memory
# here as on hardware, the simulation is faithful.

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

PEER=nvgrace_gpu_vfio_pci
GiB=$((1 << 30))
MiB=$((1 << 20))

value() {
	sed -n "s/^$1=//p" <<<"$PLAIN"
}

modinfo nvgrace-gpu-vfio-pci >/dev/null 2>&1 || tap_skip_all "no nvgrace-gpu-vfio-pci for this kernel"
tap_plan 9
check "make a GPU" make_gpu nvgrace
BDF=$(gpu_bdf nvgrace)
check "nvgrace-gpu binds" bind_gpu "$BDF" $PEER
PLAIN=$("$BIN/gpu-layout" --plain "$BDF")
check_is "driver" "$(value driver)" $PEER
check_is "usemem: memory behind BAR4" "$(value bar4.memory)" $((2560 * MiB))
check_is "usemem: size of BAR4" "$(value bar4.size)" $((4 * GiB))
check_is "resmem: memory behind BAR2" "$(value bar2.memory)" $((1152 * MiB))
check_is "resmem: size of BAR2" "$(value bar2.size)" $((2 * GiB))
check "unbind" unbind_gpu "$BDF"
check "remove the GPU" remove_gpu nvgrace
tap_end
