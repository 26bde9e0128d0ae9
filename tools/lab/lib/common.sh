# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Names and places that every part of the lab uses.

# What sort has written, comm reads, now or in another run.
export LC_ALL=C.UTF-8

LAB_CACHE=$(realpath -m -- "${NVGPU_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nvgpu-lab}")
LAB_TOP=$(cd "$LAB_DIR/../.." && pwd)
# What a command needs: "demo", what shows the driver; "all", what tests it as well.
LAB_SCOPE=all
# Set by lab_paths: the chroot with the toolchain, and what the lab keeps. That is
# inside the chroot, so that nothing has to be mounted to work on it: mounts need a
# private namespace, and a plain chroot without a mounted root has none.
LAB_TOOLS=
LAB_STATE=
# One build tree for each checkout that shares the cache, in a name that make can work
# with: blanks and colons are its own.
LAB_KEY=${LAB_TOP##*/}
LAB_KEY=${LAB_KEY//[^a-zA-Z0-9._+-]/_}-$(printf '%s' "$LAB_TOP" | sha256sum | cut -c1-8)

# Entries of list files in packages/ without comments.
list_entries() {
	(cd "$LAB_DIR/packages" && sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$@")
}

# Runs a command inside the toolchain chroot, with nothing of the caller's
# environment but the name of its terminal.
in_tools() {
	in_tools_at / "$@"
}

# The same in a directory, named as outside.
in_tools_at() {
	local dir

	dir=$(inside "$1")
	shift
	chroot "$LAB_TOOLS" /usr/bin/env -i --chdir="${dir:-/}" HOME=/root LC_ALL=C.UTF-8 \
		TERM="${TERM:-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# tools_locked shared|exclusive COMMAND...: files of the toolchain stay as they are, or
# nobody who wants that is at work: installing replaces one after the other.
tools_locked() {
	local lock status=0

	exec {lock}<"$LAB_TOOLS/usr"
	flock "--$1" "$lock"
	shift
	"$@" || status=$?
	exec {lock}<&-
	return "$status"
}

# Name of a place below LAB_TOOLS as the chroot sees it.
inside() {
	printf '%s' "${1#"$LAB_TOOLS"}"
}

# Process groups that must not outlive this program. Background jobs are groups
# of their own: without job control they would ignore the interrupt key.
declare -A LAB_GROUPS=()

group_add() {
	LAB_GROUPS[$1]=1
	trap groups_end EXIT
	trap 'exit 130' INT TERM HUP
}

# group_start COMMAND...: in the background, as such a group; $! is its number.
group_start() {
	set -m
	"$@" </dev/null &
	set +m
	group_add $!
}

group_remove() {
	unset "LAB_GROUPS[$1]"
}

groups_end() {
	local pid

	for pid in "${!LAB_GROUPS[@]}"; do
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
}

elapsed() {
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}
