# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The driver inside a kernel tree: is the patch series sound, does what it makes build?

INTREE_DRIVER=drivers/vfio/pci/nvgpu
INTREE_MODULES=(nvgpu-vfio-pci tests/geometry_kunit tests/config_kunit)

# in_series COMMAND...: in the chroot, as somebody whom git knows.
in_series() {
	in_tools env GIT_AUTHOR_NAME=lab GIT_AUTHOR_EMAIL=lab@localhost \
		GIT_COMMITTER_NAME=lab GIT_COMMITTER_EMAIL=lab@localhost "$@"
}

intree_series() {
	in_series "$(inside "$LAB_SOURCE")/tools/upstream/series" "$(inside "$LAB_TREE")" \
		"$(inside "$LAB_RUN/patches")" >"$LAB_RUN/series.log" 2>&1 || cat "$LAB_RUN/series.log"
}

# The patches of the series without the letter.
intree_patches() {
	(cd "$LAB_RUN/patches" && find . -name '*.patch' ! -name '*cover-letter*' | sort)
}

# A patch for MAINTAINERS may only be judged by a tree that has one.
intree_checkpatch() {
	intree_patches |
		in_tools_at "$LAB_RUN/patches" xargs -n1 perl "$(inside "$LAB_TREE")/scripts/checkpatch.pl" \
			--root="$(inside "$LAB_TREE")" --strict --terse --no-summary
}

# Each patch builds by itself, and needs no function of a later one. They make the tree that
# is built later, and nothing is left for place to do but to take back the maintainer that
# the series named.
intree_apply() {
	local patch

	for patch in $(intree_patches); do
		in_tools_at "$LAB_TREE" git apply "../patches/$patch"
		tree_config arm64 arm64-m allnoconfig NVGPU_VFIO_PCI=m
		intree_modules arm64 arm64-m nvgpu-vfio-pci
		in_tools "${ARCH_CROSS[arm64]}nm" -u "$(inside "$LAB_RUN/arm64-m/$INTREE_DRIVER/nvgpu-vfio-pci.ko")" |
			grep ' nvgpu_' || true
	done
	cp -a "$LAB_TREE/$INTREE_DRIVER" "$LAB_RUN/applied"
	in_tools "$(inside "$LAB_SOURCE")/tools/upstream/place" "$(inside "$LAB_TREE")"
	diff -r "$LAB_RUN/applied" "$LAB_TREE/$INTREE_DRIVER"
}

# tree_make ARCH BUILD ARGUMENT...: prints what is wrong.
tree_make() {
	local arch=$1 build=$2

	shift 2
	tools_locked shared in_tools make -s -j"$(nproc)" -C "$(inside "$LAB_TREE")" O="$(inside "$LAB_RUN/$build")" \
		ARCH="${ARCH_KBUILD[$arch]}" CROSS_COMPILE="${ARCH_CROSS[$arch]}" "$@"
}

# tree_config ARCH BUILD TARGET [SYMBOL=VALUE...]: a configuration that has these, or
# what it lacks.
tree_config() {
	local arch=$1 build=$LAB_RUN/$2 name=$2 target=$3

	shift 3
	mkdir -p "$build"
	{
		grep '^CONFIG_' "$LAB_DIR/config/intree"
		printf 'CONFIG_%s\n' "$@"
	} >"$build/wanted"
	tree_make "$arch" "$name" KCONFIG_ALLCONFIG="$(inside "$build/wanted")" "$target" >/dev/null
	config_unmet <(printf 'CONFIG_%s\n' "$@") "$build/.config"
	tree_make "$arch" "$name" prepare
}

intree_built_in() {
	tree_config arm64 arm64-y allnoconfig NVGPU_VFIO_PCI=y NVGPU_VFIO_PCI_KUNIT_TEST=y
	tree_make arm64 arm64-y W=1 "$INTREE_DRIVER/"
	[ -s "$LAB_RUN/arm64-y/$INTREE_DRIVER/built-in.a" ] || echo "no built-in.a"
}

# intree_modules ARCH BUILD MODULE...: a single module is linked without the kernel that it
# is for: names that only the kernel has are undefined, which is no finding.
intree_modules() {
	local arch=$1 build=$2 module

	for module in "${@:3}"; do
		tree_make "$arch" "$build" W=1 KBUILD_MODPOST_WARN=1 objtool=true "$INTREE_DRIVER/$module.ko" 2>&1 |
			grep -vE 'undefined!|unresolved symbol|vmlinux.o is missing|may not have dependencies|KBUILD_MODPOST_WARN|at your own risk' || true
		[ -s "$LAB_RUN/$build/$INTREE_DRIVER/$module.ko" ] || echo "no $module.ko"
	done
}

intree_module() {
	tree_config arm64 arm64-m allnoconfig NVGPU_VFIO_PCI=m NVGPU_VFIO_PCI_KUNIT_TEST=m
	intree_modules arm64 arm64-m "${INTREE_MODULES[@]}"
}

# objtool wants /proc, which the chroot has not; what it would check is code of the
# compiler's making.
intree_compile_test() {
	tree_config amd64 amd64 allmodconfig COMPILE_TEST=y NVGPU_VFIO_PCI=m
	intree_modules amd64 amd64 "${INTREE_MODULES[@]}"
}

# coccicheck tells each command that it runs and what does not apply to the mode.
intree_coccicheck() {
	local log=$LAB_RUN/coccicheck.log

	tree_make arm64 arm64-m coccicheck MODE=report J="$(nproc)" \
		M="$(inside "$LAB_TREE/$INTREE_DRIVER")" >"$log" 2>&1 || echo "coccicheck failed: $log"
	grep -E '^[^ ]*\.[ch]:[0-9]+' "$log" || true
}

# How many results intree_checks gives.
INTREE_CHECKS=7

intree_checks() {
	static_check "the patch series can be written" intree_series
	static_check "checkpatch --strict on each patch" intree_checkpatch
	static_check "each patch builds, and all add up to the driver" intree_apply
	static_check "arm64, built in, W=1" intree_built_in
	static_check "arm64, as modules, W=1" intree_module
	static_check "amd64 allmodconfig, COMPILE_TEST, W=1" intree_compile_test
	static_check "coccicheck" intree_coccicheck
}

intree_all() {
	LAB_SOURCE=$LAB_RUN/checkout
	LAB_TREE=$LAB_RUN/linux
	checkout_copy "$LAB_SOURCE"
	say "a copy of the kernel source"
	cp -al "$(tree_dir "$LAB_SUITE-backports")" "$LAB_TREE"
	static_lane intree_checks
	rm -rf "$LAB_TREE" "$LAB_SOURCE" "$LAB_RUN"/{arm64-y,arm64-m,amd64,applied}
	static_summary "$INTREE_CHECKS"
}
