# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds a copy of the checkout for one kernel: the driver, the simulator, the
# in-tree driver that they are compared with, the test programs, the guest.

build_dir() {
	printf '%s/build/%s/%s' "$LAB_STATE" "$LAB_KEY" "$(basename "$(kernel_dir "$1")")"
}

# One line for each source file that tells whether it changed.
mirror_list() {
	checkout_names "$LAB_TOP" |
		(cd "$LAB_TOP" && xargs -0 stat --printf '%n\t%s\t%a\t%.Y\n' --) | sort
}

# A copy of the checkout.
checkout_copy() {
	mkdir -p "$1"
	mirror_list | cut -f1 | (cd "$LAB_TOP" && xargs -d '\n' cp --parents --preserve=mode -t "$1")
}

# Brings DIRECTORY/src up to the checkout. A changed file gets the time of the copy:
# its own may be older than the objects (a file that was put back, say).
mirror_checkout() {
	local dir=$1

	mkdir -p "$dir/src"
	touch "$dir/mirror"
	mirror_list >"$dir/mirror.new"
	# The lab before this one may have sorted as its user's language does.
	sort -o "$dir/mirror" "$dir/mirror"
	comm -23 "$dir/mirror" "$dir/mirror.new" | cut -f1 >"$dir/mirror.stale"
	comm -13 "$dir/mirror" "$dir/mirror.new" | cut -f1 >"$dir/mirror.fresh"
	(cd "$dir/src" && xargs -r -d '\n' -a "$dir/mirror.stale" rm -f)
	: >"$dir/mirror"
	(cd "$LAB_TOP" && xargs -r -d '\n' -a "$dir/mirror.fresh" \
		cp --parents --preserve=mode -t "$dir/src")
	mv "$dir/mirror.new" "$dir/mirror"
}

# What make needs to know to build for a kernel, one argument a line. The headers of
# another suite name its compiler, are configured for its attributes, and know the
# version of its pahole; the toolchain has others.
module_arguments() {
	local arch

	arch=$(kernel_arch "$1")
	printf '%s\n' "ARCH=${ARCH_KBUILD[$arch]}" "CROSS_COMPILE=${ARCH_CROSS[$arch]}"
	# shellcheck disable=SC2016 # make expands it
	! is_foreign "$1" || printf '%s\n' "CC=${ARCH_CROSS[$arch]}gcc" KCFLAGS=-Wno-attributes \
		'PAHOLE_VERSION=$(CONFIG_PAHOLE_VERSION)'
}

# copy_newer DIRECTORY FILE...: those that are newer there. Renamed into place: a copy that
# was cut short would be newer for ever.
copy_newer() {
	local dir=$1 file

	shift
	for file in "$@"; do
		[ "$file" -nt "$dir/${file##*/}" ] || continue
		cp "$file" "$dir/.copy.$BASHPID"
		mv -f "$dir/.copy.$BASHPID" "$dir/${file##*/}"
	done
}

# What make expects of a machine and the toolchain has not. objtool of amd64 asks for
# the place of its own stack, to explain an overflow of it. The headers lack the
# program that decides whether sparse is good enough, without which C=2 does nothing.
module_make_needs() {
	local headers

	if [ ! -e "$LAB_TOOLS/proc/self/maps" ]; then
		mkdir -p "$LAB_TOOLS/proc/self"
		echo '7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]' \
			>"$LAB_TOOLS/proc/self/maps"
	fi
	for headers in "$LAB_TOOLS"/usr/src/linux-headers-*-common; do
		copy_newer "$headers/scripts" "$LAB_LINUX/scripts/checker-valid.sh"
	done
}

# module_make KERNEL SOURCE ARGUMENT...: make of modules outside of the kernel's tree.
module_make() {
	local kernel=$1 source=$2 arguments

	shift 2
	module_make_needs
	mapfile -t arguments < <(module_arguments "$kernel")
	tools_locked shared in_tools make -j"$(nproc)" -C "$(kernel_build_dir "$kernel")" M="$(inside "$source")" \
		"${arguments[@]}" "$@"
}

# build_module BUILD KERNEL LABEL SOURCE [MAKE ARGUMENT...]
build_module() {
	local build=$1 kernel=$2 log=$1/logs/$3.log source=$4 modules

	shift 4
	module_make "$kernel" "$source" "$@" modules >"$log" 2>&1 || build_failed "$log"
	mapfile -t modules < <(find "$source" -path "$source/tools" -prune -o -name '*.ko' -print)
	copy_newer "$build/out/modules" "${modules[@]}"
}

has_kunit() {
	in_tools grep -qx 'CONFIG_KUNIT=[ym]' "$(kernel_build_dir "$1")/.config"
}

# build_programs BUILD KERNEL LABEL SOURCE OUT [MAKE ARGUMENT...]
build_programs() {
	local cross log=$1/logs/$3.log source=$4 out=$5

	cross=${ARCH_CROSS[$(kernel_arch "$2")]}
	shift 5
	mkdir -p "$out"
	tools_locked shared in_tools make -j"$(nproc)" -C "$(inside "$source")" O="$(inside "$out")" \
		CROSS_COMPILE="$cross" "$@" >"$log" 2>&1 || build_failed "$log"
}

build_failed() {
	grep -E -m 15 'error:|ERROR:|\*\*\*' "$1" >&2 || tail -n 15 "$1" >&2
	die "the build failed; the whole log is $1"
}

# The in-tree driver is built from the prepared source, for kernels of that version; for
# amd64 the kernel builds it to test that it compiles, and the simulator lets it run.
has_peer_source() {
	[ "$(kernel_suite "$1")" = "$LAB_SUITE-backports" ] &&
		! is_debug "$1"
}

build_peer() {
	local build=$1 kernel=$2

	if [ ! -d "$build/peer" ]; then
		rm -rf "$build/peer.new"
		cp -a "$LAB_LINUX/drivers/vfio" "$build/peer.new"
		mv "$build/peer.new" "$build/peer"
	fi
	build_module "$build" "$kernel" nvgrace-gpu "$build/peer/pci/nvgrace-gpu" \
		CONFIG_NVGRACE_GPU_VFIO_PCI=m
}

# The module that hot-adds memory, for the inner guest.
build_guest_module() {
	local build=$1 kernel

	kernel=$(guest_kernel "$2")
	if [ "$kernel" != "$2" ]; then
		build=$1/guest-kernel
		mkdir -p "$build/src" "$build/logs" "$build/out/modules"
		copy_newer "$build/src" "$1/src/tools/test/selftests/hot-ram/"{Makefile,*.c}
		build_module "$build" "$kernel" hot-ram "$build/src" W=1
	fi
	copy_newer "$1/out/guest" "$build/out/modules/nvgpu-hot-ram.ko"
}

# The inner guest's accesses are arm64 instructions.
build_guest() {
	mkdir -p "$1/out/guest"
	build_guest_module "$1" "$2"
	build_programs "$1" "$2" guest "$1/src/tools/lab/guest" "$1/guest"
	[ ! "$1/out/guest/initrd" -nt "$1/guest/init" ] || return 0
	make_cpio "$1/guest" >"$1/initrd.new"
	mv "$1/initrd.new" "$1/out/guest/initrd"
}

# With KUnit in the kernel, its tests are modules beside the driver.
build_driver() {
	local kunit=()

	! has_kunit "$2" || kunit=(CONFIG_NVGPU_VFIO_PCI_KUNIT_TEST=m)
	build_module "$1" "$2" driver "$1/src" W=1 "${kunit[@]}"
}

# build_shown BUILD KERNEL: what tools/demo needs besides the driver.
build_shown() {
	local build=$1 kernel=$2 src=$1/src

	build_module "$build" "$kernel" sim "$src/tools/sim" W=1
	build_module "$build" "$kernel" hot-ram "$src/tools/test/selftests/hot-ram" W=1
	build_programs "$build" "$kernel" lib "$src/tools/test/selftests/lib" "$build/lib"
	build_programs "$build" "$kernel" show "$src/tools/test/selftests" "$build/out/bin" \
		LIB="$(inside "$build/lib")/libgpu.a" show
	[ "$(kernel_arch "$kernel")" != arm64 ] || build_guest "$build" "$kernel"
}

# build_tests BUILD KERNEL: what tests the driver, and what it is compared with.
build_tests() {
	local build=$1 kernel=$2 src=$1/src lib

	lib=$(inside "$build/lib")/libgpu.a
	[ -z "$(kernel_checks "$kernel")" ] ||
		build_module "$build" "$kernel" faulty "$src/tools/lab/verdict/faulty" W=1
	! has_peer_source "$kernel" || build_peer "$build" "$kernel"
	build_programs "$build" "$kernel" selftests "$src/tools/test/selftests" "$build/out/bin" \
		LIB="$lib" KSELFTEST="$(inside "$LAB_LINUX")/tools/testing/selftests"
	build_programs "$build" "$kernel" stress "$src/tools/test/stress" "$build/out/bin" LIB="$lib"
	build_programs "$build" "$kernel" kernel-vfio "$src/tools/test/selftests/kernel-vfio" "$build/kernel-vfio" \
		BIN="$(inside "$build/out/bin/kernel-vfio")" KERNEL="$(inside "$LAB_LINUX")"
	build_programs "$build" "$kernel" bench "$src/tools/bench" "$build/out/bin/bench" LIB="$lib"
	build_programs "$build" "$kernel" fuzz "$src/tools/test/fuzz" "$build/out/bin" LIB="$lib"
}

# The driver and what shows it at once: neither make keeps two CPUs busy all the time.
build_all() {
	local kernel=$1 build=$2 driver

	mirror_checkout "$build"
	group_start build_driver "$build" "$kernel"
	driver=$!
	build_shown "$build" "$kernel"
	wait "$driver" || exit 1
	group_remove "$driver"
	[ "$LAB_SCOPE" = demo ] || build_tests "$build" "$kernel"
	make_initramfs "$kernel" "$build"
	make_payload "$kernel" "$build"
}

# Builds under a lock of its own: several people may test one checkout at once.
build() {
	local kernel=$1 build begin=$SECONDS

	build=$(build_dir "$kernel")
	[ "$(kernel_arch "$kernel")" != amd64 ] || tools_add native
	mkdir -p "$build/out/modules" "$build/out/bin" "$build/logs"
	exec {LAB_BUILD_LOCK}>"$build/lock"
	flock --exclusive "$LAB_BUILD_LOCK"
	say "building for kernel '$kernel' ($(kernel_release "$kernel"))"
	build_all "$kernel" "$build"
	say "built in $(elapsed $((SECONDS - begin)))"
}
