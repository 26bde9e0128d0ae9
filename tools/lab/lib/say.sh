# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the lab tells its user.

say() {
	printf '%s\n' "lab: $*"
}

warn() {
	printf '%s\n' "lab: $*" >&2
}

die() {
	warn "$@"
	exit 1
}

# A wrong command line: exit status 2, as --help promises.
usage_error() {
	warn "$@"
	warn "run '$LAB_NAME --help' for the commands"
	exit 2
}
