#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Inside the emulated host: zeroing of extended GPU memory.

set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../test/selftests/lib/gpu.sh
. "$HERE/../test/selftests/lib/gpu.sh"

load_sim
modprobe nvgpu-egm
make_gpu egm memory_size=0 egm_pxm=4 egm_size="${1:-4G}"
export NVGPU_SIM=$SIM_ROOT/egm
while [ ! -c /dev/egm4 ]; do
	sleep 0.1
done
"${NVGPU_BIN:-/lab/bin}/bench/egm"
remove_gpu egm
modprobe -r nvgpu-egm
