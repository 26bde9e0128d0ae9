# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For what is tested inside the emulated host.

# What "make install" or the package would have put there.
install_operator() {
	install -D -m 755 "$NVGPU_BIN/operator/nvgpuctl" /usr/sbin/nvgpuctl &&
		cp "$NVGPU_BIN"/operator/lib*.so.* /usr/lib/aarch64-linux-gnu/
}
