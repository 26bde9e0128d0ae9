# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian packages: the machine's own mirror and apt options, used for suites
# that the machine itself need not run.

LAB_SUITE=trixie

# The options of the machine's apt that decide whether a download works: its
# proxy, its clock checks, its retries. Prints one "Key "value"" a line.
apt_options() {
	apt-config dump Acquire |
		grep -E '^Acquire::[A-Za-z:_.-]+ "' |
		grep -vE '^Acquire::(IndexTargets|Changelogs|CompressionTypes|cdrom|Languages)' |
		grep -v ' "";$' | sed 's/;$//'
}

# Repositories of Debian's main archive that the machine reads, best first.
# Backports, updates and security are told apart by their labels and suites.
apt_known_mirrors() {
	# shellcheck disable=SC2016 # apt expands them
	apt-get indextargets \
		--format '$(ORIGIN)|$(LABEL)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' \
		'Created-By: Packages' |
		awk -F'|' '$1 == "Debian" && $2 == "Debian" && $4 == "main" && $3 !~ /-/ { print $5 }'
}

# A "mirror+file:LIST" source stands for the first repository in LIST.
apt_resolve_mirror() {
	local uri=$1

	case $uri in
	mirror+file:*)
		uri=$(awk '!/^#/ && NF { print $1; exit }' "${uri#mirror+file:}")
		;;
	esac
	printf '%s\n' "${uri%/}"
}

apt_mirror() {
	local uri

	uri=${NVGPU_LAB_MIRROR:-$(apt_known_mirrors | head -n 1)}
	[ -n "$uri" ] ||
		die "apt on this machine reads no main archive of Debian;" \
		    "add one to /etc/apt and run apt-get update, or set NVGPU_LAB_MIRROR to its address"
	apt_resolve_mirror "$uri"
}

# Package names of lists for --include, "@" turned into the backports suite.
apt_include() {
	# shellcheck disable=SC2086 # names of lists
	list_entries $1 | sed "s#@\$#/$LAB_SUITE-backports#" | paste -sd,
}

# bootstrap VARIANT ARCHITECTURES LISTS DIRECTORY: a Debian tree from lists. Nothing of it is
# in its place before all is there, so dpkg need not wait for the disk.
bootstrap() {
	local mirror options=() option

	mirror=$(apt_mirror)
	while IFS= read -r option; do
		options+=(--aptopt="$option")
	done < <(apt_options)
	mmdebstrap --mode=root --variant="$1" --architectures="$2" "${options[@]}" \
		--aptopt='Apt::Install-Recommends "false"' \
		--aptopt='APT::Sandbox::User "root"' \
		--aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
		--skip=cleanup/apt/lists --include="$(apt_include "$3")" \
		"$LAB_SUITE" "$4" "deb $mirror $LAB_SUITE main" "deb $mirror $LAB_SUITE-backports main"
}

# The machine's apt working on the chroot's sources and lists: it has the
# machine's certificates and name resolution, which the chroot has not.
# LAB_APT_CONFIG replaces the configuration.
tools_apt() {
	APT_CONFIG=${LAB_APT_CONFIG:-$LAB_TOOLS/etc/apt/lab.conf} "$@"
}

# Fails where a list could not be had: by itself apt then goes on with those it has.
tools_update() {
	tools_apt apt-get -q -o APT::Update::Error-Mode=any update
}

tools_apt_config() {
	cat >"$1/etc/apt/lab.conf" <<-END
		Dir "$LAB_TOOLS";
		Dir::State::Status "$LAB_TOOLS/var/lib/dpkg/status";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; "arm64"; };
	END
}

# apt_other_suite SUITE DIRECTORY: the lists of a suite that the chroot does not read, so
# that nothing else is ever taken from it, and the configuration to use them.
apt_other_suite() {
	mkdir -p "$2/lists/partial" "$2/cache/archives/partial"
	printf 'deb %s %s main\n' "$(apt_mirror)" "$1" >"$2/sources.list"
	cat - "$LAB_TOOLS/etc/apt/lab.conf" >"$2/apt.conf" <<-END
		Dir::Etc::SourceList "$2/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::Lists "$2/lists";
		Dir::Cache "$2/cache";
	END
	LAB_APT_CONFIG=$2/apt.conf tools_update
}

# Direct dependencies of PACKAGE in SUITE whose names match the pattern.
apt_depends() {
	local package=$1 suite=$2 pattern=$3 record

	record=$(tools_apt apt-cache show "$package/$suite")
	sed -n -e '/^$/q' -e 's/^\(Pre-\)\{0,1\}Depends: //p' <<<"$record" |
		tr '|' ',' | tr ',' '\n' | awk -v pattern="$pattern" '$1 ~ pattern { print $1 }'
}

# tools_add LIST...: installs the packages of lists into the chroot, unless they are
# there. For what only some commands need: a chroot that is made anew for everybody
# would cost everybody the time. Call it after prepare.
tools_add() {
	local adding

	[ -n "$(tools_missing "$@")" ] || return 0
	exec {adding}>"$LAB_CACHE/lock.prepare"
	flock "$adding"
	tools_add_locked "$@"
	exec {adding}>&-
}

# tools_install PACKAGE...: into the chroot. What was interrupted may have left packages
# that are half configured, with which apt would do nothing.
tools_install() {
	in_tools mkdir -p /var/cache/apt/archives/partial
	tools_locked exclusive in_tools dpkg --configure -a
	DEBIAN_FRONTEND=noninteractive tools_locked exclusive tools_apt apt-get -qy --no-install-recommends \
		-o APT::Sandbox::User=root -o DPkg::Chroot-Directory="$LAB_TOOLS" \
		install "$@" </dev/null
}

# Lists of another day name packages that the mirror has replaced.
tools_update_install() {
	tools_update
	tools_install "$@"
}

# tools_try_install PACKAGE...: without the time for the lists, where they will do.
tools_try_install() {
	attempt tools_install "$@"
	[ "$LAB_STATUS" -eq 0 ] || retry tools_update_install "$@"
}

# tools_add for those who hold the lock of prepare.
tools_add_locked() {
	local log=$LAB_CACHE/logs/${*: -1}.log missing

	mapfile -t missing < <(tools_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "adding to the toolchain: ${missing[*]}"
	attempt tools_try_install "${missing[@]}" >"$log" 2>&1
	[ "$LAB_STATUS" -eq 0 ] || die "installing ${missing[*]} failed; the whole log is $log"
	rm -f "$LAB_TOOLS"/var/cache/apt/archives/*.deb
}

# The packages of lists that the chroot lacks, as apt-get wants their names.
tools_missing() {
	local entry

	for entry in $(list_entries "$@" | sort -u); do
		# shellcheck disable=SC2016 # dpkg-query expands it
		chroot "$LAB_TOOLS" dpkg-query -W -f '${Status}\n' "${entry%@}" 2>/dev/null |
			grep -q ' installed$' || printf '%s\n' "${entry/%@//$LAB_SUITE-backports}"
	done
}
