# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests inside the emulated host.

# Installs the files of "make install" or the package.
install_operator() {
	install -D -m 755 "$NVGPU_BIN/operator/nvgpuctl" /usr/sbin/nvgpuctl &&
		cp "$NVGPU_BIN"/operator/lib*.so.* /usr/lib/aarch64-linux-gnu/ &&
		install -D -m 644 -t /usr/lib/systemd/system "$TOOLS/packaging/nvgpu-bind.service" &&
		install -D -m 644 -t /usr/lib/udev/rules.d "$TOOLS/packaging/60-nvgpu.rules"
}
