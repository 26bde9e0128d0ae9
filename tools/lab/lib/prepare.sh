# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What is downloaded once: the toolchain chroot, the emulated host's system, its
# kernels, the kernel source. Each is a directory named after the hash of its
# recipe and renamed into place when it is complete: what was interrupted is made
# again, and checkouts whose recipes differ share a cache in peace.

# Versions of a product that stay when a new one is made.
LAB_KEEP=2

# recipe_hash FUNCTIONS FILE...: of the text that decides what a product contains.
recipe_hash() {
	local functions=$1

	shift
	# shellcheck disable=SC2086 # a list of names
	{ declare -f $functions; cat -- "$@"; } | sha256sum | cut -c1-12
}

# What each product in LAB_STATE is called without the hash of its recipe:
# root-ARCHITECTURE, extra-NAME, source (parts of it), tree-SUITE (all of it), kernel-NAME,
# headers-NAME, herd, packaging.
product_recipe() {
	case $1 in
	root-*)
		recipe_hash "bootstrap fetch_root make_root make_erofs root_lists" "$LAB_DIR/packages/root" \
			"$LAB_DIR/packages/$1"
		;;
	extra-*)
		recipe_hash "bootstrap make_extra make_erofs" "$LAB_DIR/packages/$1"
		;;
	source)
		recipe_hash "make_source fetch_source unpack_source" "$LAB_DIR/packages/source"
		;;
	tree-*)
		recipe_hash "make_tree fetch_source unpack_source" /dev/null
		;;
	kernel-*)
		kernel_product_recipe "${1#kernel-}"
		;;
	headers-*)
		recipe_hash "make_headers fetch_kernel kernel_packages" <(kernel_recipe "${1#headers-}")
		;;
	herd)
		recipe_hash "make_herd apt_other_suite" "$LAB_DIR/packages/herd"
		;;
	packaging)
		recipe_hash "bootstrap make_packaging" "$LAB_DIR/packages/packaging"
		;;
	esac
}

kernel_product_recipe() {
	local base

	if is_built "$1"; then
		base=$(built_base "$1")
		recipe_hash "make_built_kernel built_make built_configure built_checks built_strip kernel_modules modules_listed modules_named modules_needed" \
			"$LAB_DIR/packages/modules" <(built_requests "$1") \
			<(product_recipe "tree-$(kernel_suite "$1")") <([ -z "$base" ] || base_recipe "$base")
	else
		recipe_hash "make_kernel fetch_kernel kernel_packages kernel_modules modules_listed modules_named modules_needed" \
			"$LAB_DIR/packages/modules" <(kernel_recipe "$1")
	fi
}

product_dir() {
	printf '%s/%s-%s' "$LAB_STATE" "$1" "$(product_recipe "$1")"
}

lab_paths() {
	LAB_TOOLS=$LAB_CACHE/tools-$(recipe_hash "bootstrap apt_options tools_apt_config make_tools" \
		"$LAB_DIR/packages/tools")
	LAB_STATE=$LAB_TOOLS/lab
	LAB_LINUX=$(product_dir source)
}

root_dir() {
	product_dir "root-$1"
}

tree_dir() {
	product_dir "tree-$1"
}

kernel_dir() {
	product_dir "kernel-$1"
}

make_tools() {
	local new=$LAB_TOOLS.new

	rm -rf "$new"
	bootstrap essential amd64,arm64 tools "$new"
	: >"$new/dev/null" ||
		die "$LAB_CACHE is on a file system without device files (nodev): set NVGPU_LAB_CACHE to another place"
	tools_apt_config "$new"
	mkdir -p "$new/lab/runs" "$new/lab/build"
	mv "$new" "$LAB_TOOLS"
	ln -sfn "${LAB_TOOLS##*/}" "$LAB_CACHE/tools"
}

# For what is started together with make_tools and cannot do without.
await_tools() {
	[ -d "$LAB_TOOLS" ] || echo "waits for the toolchain"
	while [ ! -d "$LAB_TOOLS" ]; do
		sleep 0.2
	done
}

after_tools() {
	await_tools
	"$@"
}

# The lists of packages of a host's system.
root_lists() {
	printf '%s ' root "root-$1"
}

# fetch_root ARCHITECTURE DIRECTORY: needs no toolchain, which may be in the making.
fetch_root() {
	local early=$LAB_CACHE/${2##*/}

	rm -rf "$early" "$2"
	mkdir -p "$early"
	bootstrap extract "$1" "$(root_lists "$1")" "$early/tree"
	await_tools
	mv "$early" "$2"
}

# Nothing is configured in the tree: maintainer scripts would need a processor of
# that architecture. What they would have written and the host needs is written here.
make_root() {
	local arch=$1 dir new tree

	dir=$(root_dir "$arch")
	new=$dir.new
	tree=$new/tree
	fetch_root "$arch" "$new"
	cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
	cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
	ln -sf dash "$tree/usr/bin/sh"
	ln -sf gawk "$tree/usr/bin/awk"
	mkdir -p "$tree/lab"
	rm -rf "$tree/var/lib/apt/lists" "$tree/var/cache/apt"
	rm -rf "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/locale"
	# Of the guest firmware one variant is enough, each is padded to 64 MiB.
	rm -f "$tree"/usr/share/AAVMF/*.{secboot,ms,snakeoil}*
	cp "$tree/usr/bin/busybox" "$new/busybox"
	make_erofs "$new/root.erofs" "$tree"
	rm -rf "$tree"
	mv "$new" "$dir"
}

# What only some arm64 hosts have: LAB_EXTRA lays it over their system.
make_extra() {
	local dir new

	dir=$(product_dir "extra-$1")
	new=$dir.new
	rm -rf "$new"
	mkdir -p "$new"
	bootstrap extract arm64 "extra-$1" "$new/tree"
	rm -rf "$new/tree"/var/lib/{apt,dpkg} "$new/tree/var/cache" "$new/tree"/usr/share/{doc,man,locale}
	make_erofs "$new/extra.erofs" "$new/tree"
	rm -rf "$new/tree"
	mv "$new" "$dir"
}

# bin/herd7 runs the program with the libraries beside it, and not the toolchain's.
make_herd() {
	local dir new package lib

	dir=$(product_dir herd)
	new=$dir.new
	rm -rf "$new"
	apt_other_suite sid "$new/apt"
	mkdir "$new/bin" "$new/debs"
	list_entries herd >"$new/packages"
	(cd "$new/debs" && LAB_APT_CONFIG=$new/apt/apt.conf tools_apt xargs -a "$new/packages" apt-get -q download)
	for package in "$new"/debs/*.deb; do
		unpack_deb "$package" "$new"
	done
	find "$new/usr/bin" -type f ! -name herd7 -delete
	rm -rf "$new/debs" "$new/apt" "$new/usr/share/doc"
	lib=$(inside "$dir")/usr/lib/x86_64-linux-gnu
	cat >"$new/bin/herd7" <<-END
		#!/bin/sh
		exec $lib/ld-linux-x86-64.so.2 --library-path $lib $(inside "$dir")/usr/bin/herd7 \\
			-set-libdir $(inside "$dir")/usr/share/herdtools7/herd "\$@"
	END
	chmod +x "$new/bin/herd7"
	mv "$new" "$dir"
}

# Debian 12, where packages are built: newer systems have what a program from there needs.
make_packaging() {
	local dir LAB_SUITE=bookworm

	dir=$(product_dir packaging)
	rm -rf "$dir.new"
	bootstrap essential amd64,arm64 packaging "$dir.new"
	rm -rf "$dir.new/var/lib/apt/lists"
	mv "$dir.new" "$dir"
}

host_packages_missing() {
	local package

	while read -r package; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null |
			grep -q ' installed$' || printf '%s\n' "$package"
	done < <(list_entries host)
}

# Waits for others who install on this machine: a new one updates itself.
host_install() {
	DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends \
		-o DPkg::Lock::Timeout=600 install "$@"
}

# Of the machine's own lists some may be out of reach that the lab has no use for.
host_update_install() {
	apt-get -q update || true
	host_install "$@"
}

install_host_packages() {
	attempt host_install "$@"
	[ "$LAB_STATUS" -eq 0 ] || retry host_update_install "$@"
}

# Installs on this machine what is missing; the only thing the lab changes on it.
prepare_host() {
	local missing

	mapfile -t missing < <(host_packages_missing)
	[ ${#missing[@]} -gt 0 ] || return 0
	steps_begin 1
	step_start host "on this machine: apt-get install ${missing[*]}" \
		install_host_packages "${missing[@]}"
	steps_wait
}

# The products that a run on a kernel needs, in an order in which they can be made.
products_needed() {
	local kernel

	[ "$LAB_SCOPE" = demo ] || echo source
	printf 'root-%s\n' "$(kernel_arch "$1")"
	for kernel in $(printf '%s\n' "$(guest_kernel "$1")" "$(built_base "$1")" "$1" | sort -u); do
		! is_built "$kernel" || printf 'tree-%s\n' "$(kernel_suite "$kernel")"
		printf 'kernel-%s\n' "$kernel"
	done
}

# headers_products KERNEL...: for those who build for these kernels and boot none.
headers_products() {
	local kernel

	for kernel in "$@"; do
		[ -d "$(kernel_dir "$kernel")" ] || printf 'headers-%s\n' "$kernel"
	done
}

# products_wanted KERNEL [PRODUCT...]: those of them that are not there.
products_wanted() {
	local kernel=$1 product

	shift
	[ -d "$LAB_TOOLS" ] || echo tools
	for product in $({ printf '%s\n' "$@"; products_needed "$kernel"; } | awk 'NF && !seen[$0]++'); do
		[ -d "$(product_dir "$product")" ] || echo "$product"
	done
}

start_product() {
	case $1 in
	tools)
		step_start tools "toolchain (amd64 chroot with compilers and QEMU)" retry make_tools
		;;
	root-*)
		step_start "$1" "system of the emulated host (${1#root-})" retry make_root "${1#root-}"
		;;
	extra-*)
		step_start "$1" "more of the emulated host (${1#extra-})" retry after_tools make_extra "${1#extra-}"
		;;
	source)
		step_start source "kernel source: nvgrace-gpu, checkpatch, selftests" retry after_tools make_source
		;;
	tree-*)
		step_start "$1" "the whole kernel source (${1#tree-})" retry after_tools make_tree "${1#tree-}"
		;;
	kernel-*)
		step_start "$1" "kernel '${1#kernel-}' with modules and headers" \
			retry after_tools make_kernel "${1#kernel-}"
		;;
	headers-*)
		step_start "$1" "headers of kernel '${1#headers-}'" \
			after_tools make_headers_if_any "${1#headers-}"
		;;
	herd)
		step_start herd "herd7, for litmus tests" retry after_tools make_herd
		;;
	packaging)
		step_start packaging "Debian 12, to build packages in" retry after_tools make_packaging
		;;
	esac
}

is_built_product() {
	[ "${1#kernel-}" != "$1" ] && is_built "${1#kernel-}"
}

# Built from a product, so after those; one at a time: each uses every processor.
make_built_product() {
	tools_add_locked native kernel-build
	step_start "$1" "kernel '${1#kernel-}' built from source (a quarter of an hour on 2 processors)" \
		make_built_kernel "${1#kernel-}"
	steps_wait
}

# Everything else lives in the chroot, and waits for it as late as it can.
make_products() {
	local product

	if [ "$1" = tools ]; then
		steps_begin $#
	else
		steps_begin $(($# + 1))
		# Lists of another day name packages that the mirror has replaced.
		step_start lists "lists of packages" retry tools_update
		steps_wait
	fi
	for product in "$@"; do
		is_built_product "$product" || start_product "$product"
	done
	steps_wait
	for product in "$@"; do
		! is_built_product "$product" || make_built_product "$product"
	done
}

# Removes all but the newest versions of each product, and what was interrupted, unless
# somebody is at work.
prune_products() {
	local kind

	flock --exclusive --nonblock "$LAB_LOCK" || return 0
	find "$LAB_CACHE" "$LAB_STATE" -mindepth 1 -maxdepth 1 -regextype egrep \
		-regex '.*-[0-9a-f]{12}\.new' -exec rm -rf {} +
	for kind in $(find "$LAB_CACHE" "$LAB_STATE" -mindepth 1 -maxdepth 1 -type d -regextype egrep \
		-regex '.*-[0-9a-f]{12}' | sed 's/-[0-9a-f]\{12\}$//' | sort -u); do
		find "${kind%/*}" -mindepth 1 -maxdepth 1 -regextype egrep \
			-regex ".*/${kind##*/}-[0-9a-f]{12}" -printf '%T@ %p\n' |
			sort -rn | sed -e "1,${LAB_KEEP}d" -e 's/^[^ ]* //' | xargs -r -d '\n' rm -rf
	done
}

# prepare KERNEL [PRODUCT...]: makes what is missing of what a run on the kernel needs,
# and of other products (tree-SUITE, headers-NAME). Everybody who uses the cache
# holds its lock shared, so that nothing is removed under a build or a boot; one at a
# time makes products.
prepare() {
	local wanted making

	[ "$(id -u)" -eq 0 ] || die "must run as root: it makes a chroot and installs packages"
	[ -e /proc/self/fd ] || die "/proc is not mounted; run: mount -t proc proc /proc"
	require_writable_place
	exec {LAB_LOCK}>"$LAB_CACHE/lock"
	flock --shared "$LAB_LOCK"
	[ -n "$(products_wanted "$@")" ] || return 0
	exec {making}>"$LAB_CACHE/lock.prepare"
	if ! flock --nonblock "$making"; then
		say "waiting for another lab that prepares $LAB_CACHE"
		flock "$making"
	fi
	mapfile -t wanted < <(products_wanted "$@")
	if [ ${#wanted[@]} -gt 0 ]; then
		say "preparing $LAB_CACHE from Debian packages (about 2 GB of disk)"
		require_space "${wanted[@]}"
		require_device_files
		prepare_host
		# Without a mirror each try would end the same way.
		apt_mirror >/dev/null
		make_products "${wanted[@]}"
		prune_products
		flock --shared "$LAB_LOCK"
	fi
	exec {making}>&-
}
