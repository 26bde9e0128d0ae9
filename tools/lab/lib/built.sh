# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Kernels that no distribution ships: built from its source package with the
# configurations that the table names.

is_built() {
	[[ $(kernel_made "$1") = *built ]]
}

# Is it one that checks itself, slow, and with all that the tests want?
is_debug() {
	[ "$(kernel_made "$1")" = built ]
}

# The kernel from packages whose configuration a kernel starts with; or nothing.
built_base() {
	[ "$(kernel_made "$1")" != rebuilt ] || kernel_parts "$1" | head -n 1
}

# What is asked of a kernel's configuration: its fragments, in order, without comments.
built_requests() {
	local part

	for part in $(kernel_parts "$1" | grep -vxF -- "$(built_base "$1")"); do
		grep '^CONFIG_' "$LAB_DIR/config/$part"
	done
}

# The configuration of kernel BASE without its modules: the fragments ask for those that
# the lab loads. The line at its end separates it from the requests.
base_config() {
	in_tools grep '^CONFIG_' "$(kernel_build_dir "$1")/.config" | grep -v '=m$'
	echo "# end of $1"
}

# What of a kernel's recipe is about the one that it starts with.
base_recipe() {
	declare -f base_config
	kernel_recipe "$1"
}

built_config() {
	local base

	base=$(built_base "$1")
	[ -z "$base" ] || base_config "$base"
	built_requests "$1"
}

# built_make NAME BUILD ARGUMENT...: make in the kernel's source, into BUILD.
built_make() {
	local arch build=$2 tree

	arch=$(kernel_arch "$1")
	tree=$(tree_dir "$(kernel_suite "$1")")
	shift 2
	in_tools make -j"$(nproc)" -C "$(inside "$tree")" O="$(inside "$build")" \
		ARCH="${ARCH_KBUILD[$arch]}" CROSS_COMPILE="${ARCH_CROSS[$arch]}" \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab "$@"
}

# config_unmet FRAGMENT CONFIG: the requests that kconfig did not follow: it drops
# whatever has an unmet dependency without a word.
config_unmet() {
	awk -F= '
		NR == FNR && /^# end of/ { delete want }
		!/^CONFIG_/ { next }
		{ value = substr($0, length($1) + 2) }
		NR == FNR { want[$1] = value; next }
		{ have[$1] = value }
		END {
			for (name in want) {
				got = name in have ? have[name] : "n"
				if (got != want[name])
					print name ": wanted " want[name] ", got " got
			}
		}
	' "$1" "$2" | sort
}

built_configure() {
	local name=$1 build=$2 unmet

	built_config "$name" >"$build/fragment"
	built_make "$name" "$build" KCONFIG_ALLCONFIG="$(inside "$build/fragment")" allnoconfig
	unmet=$(config_unmet "$build/fragment" "$build/.config")
	[ -z "$unmet" ] || die "kconfig did not follow $LAB_DIR/config ($(kernel_parts "$name" | xargs)):"$'\n'"$unmet"
}

# Of a build tree, what modules are not built with: nine tenths of it.
built_strip() {
	find "$1" -path "$1/scripts" -prune -o -path "$1/tools" -prune -o -type f \
		\( -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name '.*.cmd' -o -name 'vmlinux*' \
		-o -path "$1/arch/*/boot/*" \) -exec rm -f {} +
}

# What the end of each run on a kernel has to check, see host/checks.sh.
built_checks() {
	! grep -qx CONFIG_DEBUG_KMEMLEAK=y "$1" || echo kmemleak
	! grep -qx CONFIG_PROVE_LOCKING=y "$1" || echo lockdep
}

make_built_kernel() {
	local name=$1 dir new build image release

	dir=$(kernel_dir "$name")
	new=$dir.new
	build=$new/build
	image=${ARCH_IMAGE[$(kernel_arch "$name")]}
	rm -rf "$new"
	mkdir -p "$build" "$new/tree/usr" "$new/modules"
	built_configure "$name" "$build"
	built_make "$name" "$build" "${image##*/}" modules
	built_make "$name" "$build" INSTALL_MOD_PATH="$(inside "$new/tree/usr")" modules_install
	release=$(cat "$build/include/config/kernel.release")
	printf '%s\n' "$release" >"$new/release"
	built_checks "$build/.config" >"$new/checks"
	cp "$build/$image" "$new/Image"
	kernel_modules "$new/tree" "$new/modules" "$release"
	built_strip "$build"
	rm -rf "$new/tree"
	# make has written down where it was called for.
	sed -i "s#$(inside "$new")/#$(inside "$dir")/#" "$build/Makefile"
	mv "$new" "$dir"
}
