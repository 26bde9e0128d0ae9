# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Options of what a command runs in the host. The program there checks them as well, but
# minutes later; here a wrong one ends the lab before anything is prepared.

# has_option COMMAND OPTION: is it for what the command runs in the host?
has_option() {
	case $1 in
	fuzz) [[ " --seconds --ops --seed --variant --replay " = *" $2 "* ]] ;;
	stress) [[ " --seconds --seed --workers " = *" $2 "* ]] ;;
	sim-random) [[ " --sequences --seed " = *" $2 "* ]] ;;
	*) return 1 ;;
	esac
}

# require_number OPTION VALUE FIRST LAST: without a sign and zeros in front, which
# programs read in different ways.
require_number() {
	[[ $2 =~ ^(0|[1-9][0-9]{0,17})$ && $2 -ge $3 && $2 -le $4 ]] ||
		usage_error "$1 $2: not a number from $3 to $4"
}

# require_value OPTION VALUE
require_value() {
	case $1 in
	--seconds)
		require_number "$1" "$2" 1 86400
		;;
	--ops)
		require_number "$1" "$2" 1 999999999999
		;;
	--seed)
		require_number "$1" "$2" 0 999999999999999999
		;;
	--workers)
		require_number "$1" "$2" 1 8
		;;
	--sequences)
		require_number "$1" "$2" 1 1000000
		;;
	--variant)
		"$LAB_TOP/tools/test/fuzz/run-fuzz" --list | grep -qxF -- "$2" ||
			usage_error "--variant $2: tools/test/fuzz/VARIANTS has: $("$LAB_TOP/tools/test/fuzz/run-fuzz" --list | xargs)"
		;;
	--replay)
		[[ -r $2 && ! -d $2 ]] || usage_error "--replay $2: no file that can be read"
		;;
	esac
}

# takes_arguments COMMAND: may there be words that are no options?
takes_arguments() {
	[[ " exec demo tools test patch nvgpuctl deb rpm " = *" $1 "* ]]
}
