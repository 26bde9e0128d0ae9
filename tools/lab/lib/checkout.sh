# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Which files a checkout consists of. For the lab.

# checkout_git TOP ARGUMENT...: git there, without what a hook has told it of another place.
checkout_git() (
	local top=$1

	shift
	# shellcheck disable=SC2046 # a list of names
	unset $(git rev-parse --local-env-vars)
	git -C "$top" "$@" 2>/dev/null
)

# Is it a work tree of its own, and does git trust its owner? What merely lies inside of
# another repository has other rules of what to ignore.
checkout_has_git() {
	[ -e "$1/.git" ] && command -v git >/dev/null && checkout_git "$1" ls-files >/dev/null
}

# What git lists of a checkout: what it tracks, and what somebody has not added yet.
CHECKOUT_LISTED=-co

# checkout_names TOP: its files, each ended by a NUL, without what git ignores; where git
# cannot tell (an unpacked archive, a copy), without what kbuild leaves. What somebody has
# deleted is still in git's index.
checkout_names() {
	local name

	if checkout_has_git "$1"; then
		checkout_git "$1" ls-files "$CHECKOUT_LISTED" -z --exclude-standard --deduplicate |
			while IFS= read -r -d '' name; do
				[ ! -f "$1/$name" ] || [ -L "$1/$name" ] || printf '%s\0' "$name"
			done
		return
	fi
	(cd "$1" && find . -name .git -prune -o -type f \
		! -name '*.o' ! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' ! -name '.*.cmd' \
		! -name modules.order ! -name Module.symvers -printf '%P\0')
}
