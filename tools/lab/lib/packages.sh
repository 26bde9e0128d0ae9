# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian packages: built in the chroot, tested in a bare Debian of their own.

# The kernels for which the module must be built there: no emulation, so amd64.
DEB_KERNELS="newest-amd64 stable-amd64"

# build_debs DIRECTORY VERSION: both packages, into DIRECTORY/VERSION.
# The chroot has no C++ compiler, which build-essential would ask for.
build_debs() {
	local tree=$1/tree out=$1/$2

	rm -rf "$tree"
	checkout_copy "$tree"
	cp -r "$tree/tools/packaging/debian" "$tree/"
	chmod +x "$tree/debian/rules"
	sed -i "1s/(.*)/($2)/" "$tree/debian/changelog"
	in_tools_at "$tree" dpkg-buildpackage --build=binary --no-sign --no-check-builddeps || return
	mkdir -p "$out"
	mv "$1"/*.deb "$1"/*.changes "$1"/*.buildinfo "$out/"
	rm -rf "$tree"
}

check_lintian() {
	in_tools_at "$1" sh -c 'lintian --fail-on warning,error --suppress-tags bad-distribution-in-changes-file *.changes'
}

# The bare Debian: a copy for this run, with the machine's apt working on it.
make_bare() {
	bootstrap apt amd64 bare "$1"
	LAB_TOOLS=$1 tools_apt_config "$1"
}

# Without the configuration apt would work on the machine itself. objtool of newer
# kernels, and so a module's build, wants /proc.
bare_apt() {
	[ -s "$LAB_BARE/etc/apt/lab.conf" ] || { echo "there is no bare Debian"; return 1; }
	# shellcheck disable=SC2016 # the inner shell expands them
	DEBIAN_FRONTEND=noninteractive LAB_TOOLS=$LAB_BARE tools_apt unshare --mount \
		--propagation "$(mount_propagation)" sh -c 'mount -t proc proc "$0/proc" && exec "$@"' "$LAB_BARE" \
		apt-get -qy --no-install-recommends -o APT::Sandbox::User=root \
		-o DPkg::Chroot-Directory="$LAB_BARE" "$@" </dev/null
}

in_bare() {
	LAB_TOOLS=$LAB_BARE in_tools "$@"
}

# bare_install VERSION PACKAGE...: of the packages that were built.
bare_install() {
	local version=$1

	shift
	cp "$LAB_RUN/debs/$version"/*.deb "$LAB_BARE/tmp/"
	bare_apt install "${@/#/$LAB_BARE/tmp/}"
	rm "$LAB_BARE"/tmp/*.deb
}

# Names of all files but for those of dpkg and logs.
bare_files() {
	(cd "$LAB_BARE" && find . -path ./proc -prune -o -path ./var/lib/dpkg -prune -o -path ./var/log -prune \
		-o -path ./var/cache -prune -o -path ./tmp -prune -o -print | sort)
}

bare_headers() {
	local kernel

	for kernel in $DEB_KERNELS; do
		kernel_packages "$kernel" | grep '^linux-headers-.*:amd64$'
	done
}

# The module of the given version for both kernels. By its file: for a kernel of which
# only the headers are installed, depmod makes no index.
check_modules() {
	local version=$1 file release found=0

	for file in "$LAB_BARE"/usr/lib/modules/*/updates/dkms/nvgpu-vfio-pci.ko*; do
		file=${file#"$LAB_BARE"}
		release=${file#/usr/lib/modules/}
		release=${release%%/*}
		in_bare modinfo -F vermagic "$file" | grep "^$release " || return
		in_bare modinfo -F alias "$file" | grep -qxF 'vfio_pci:v000010DEd00002342sv*sd*bc03sc02i*' || return
		found=$((found + 1))
	done
	[ "$found" -eq 2 ] || { echo "modules for $found kernels"; return 1; }
	in_bare dkms status | tee "$LAB_RUN/status"
	[ "$(grep -c "^nvgpu-vfio-pci/$version, .*: installed" "$LAB_RUN/status")" -eq 2 ] &&
		[ "$(wc -l <"$LAB_RUN/status")" -eq 2 ]
}

check_utils() {
	bare_install 0.1.0 "nvgpu-utils_0.1.0_amd64.deb"
	in_bare nvgpuctl --version || return
	in_bare nvgpuctl doctor || [ $? -eq 77 ]
}

# deb_check TITLE COMMAND...: one result. Not in a condition: there "set -e" is off.
deb_check() {
	local title=$1 log=$LAB_RUN/deb-$((DEB_PASSED + DEB_FAILED)).log status

	shift
	set +e
	(set -e; "$@") >"$log" 2>&1
	status=$?
	set -e
	if [ "$status" -eq 0 ]; then
		DEB_PASSED=$((DEB_PASSED + 1))
		printf 'ok - %s\n' "$title"
	else
		DEB_FAILED=$((DEB_FAILED + 1))
		printf 'not ok - %s\n' "$title"
		tail -n 20 "$log" | sed 's/^/    /'
	fi
}

bare_install_headers() {
	local headers

	mapfile -t headers < <(bare_headers)
	bare_apt install "${headers[@]}"
}

bare_purge() {
	bare_apt purge --auto-remove nvgpu-vfio-pci-dkms nvgpu-utils
	bare_files >"$LAB_RUN/files.after"
	diff "$LAB_RUN/files.before" "$LAB_RUN/files.after"
}

# dkms and all that it needs stay; what they and the headers leave is not ours.
bare_prepare() {
	make_bare "$LAB_BARE"
	bare_apt install dkms gcc make
	bare_install_headers
	bare_files >"$LAB_RUN/files.before"
}

cmd_deb() {
	prepare "$LAB_KERNEL"
	tools_add packaging
	LAB_RUN=$(new_run deb)
	LAB_BARE=$LAB_RUN/bare
	DEB_PASSED=0 DEB_FAILED=0
	say "building and testing Debian packages; logs: $LAB_RUN"
	deb_check "build both packages" build_debs "$LAB_RUN/debs" 0.1.0
	deb_check "lintian" check_lintian "$LAB_RUN/debs/0.1.0"
	deb_check "build the next version" build_debs "$LAB_RUN/debs" 0.1.1
	deb_check "a bare Debian with dkms and the headers of two kernels" bare_prepare
	deb_check "install nvgpu-vfio-pci-dkms" bare_install 0.1.0 nvgpu-vfio-pci-dkms_0.1.0_all.deb
	deb_check "modules for both kernels" check_modules 0.1.0
	deb_check "install nvgpu-utils, run nvgpuctl" check_utils
	deb_check "upgrade" bare_install 0.1.1 nvgpu-vfio-pci-dkms_0.1.1_all.deb
	deb_check "modules of the new version, none of the old" check_modules 0.1.1
	deb_check "purge leaves nothing" bare_purge
	rm -rf "$LAB_BARE"
	say "packages: $LAB_RUN/debs/0.1.0"
	printf '%d passed, %d failed, 0 skipped\n' "$DEB_PASSED" "$DEB_FAILED"
	[ "$DEB_FAILED" -eq 0 ]
}
