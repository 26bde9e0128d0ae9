# bash completion for nvgpuctl				-*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0-only

_nvgpuctl() {
	# Not COMP_WORDS, in which each colon of an address ends a word.
	local line=${COMP_LINE:0:COMP_POINT} cur prev word words command=
	local commands="list show map bind unbind doctor gen alias report"
	local options="--json --dry-run --columns --quiet --sysroot --color --ascii --noheadings --raw --pairs --help --version"

	COMPREPLY=()
	cur=${line##*[[:space:]]}
	read -ra words <<<"${line%"$cur"}"
	prev=${words[-1]}
	for word in "${words[@]:1}"; do
		case " $commands " in
		*" $word "*)
			command=$word
			break
			;;
		esac
	done
	case $prev in
	--sysroot | --svg | --output | --disk | --firmware | --emulator)
		compopt -o default
		return
		;;
	--driver | --wait | --memory | --cpus | --host-node | --name | --only | --ignore | --*-version)
		return
		;;
	--columns | -o)
		word=$(nvgpuctl list --help | sed -n 's/^  \([A-Z][A-Z]*\)  .*/\L\1/p')
		mapfile -t COMPREPLY < <(compgen -P "${cur%"${cur##*,}"}" -W "$word" -- "${cur##*,}")
		compopt -o nospace 2>/dev/null
		return
		;;
	--iommufd)
		mapfile -t COMPREPLY < <(compgen -W "auto on off" -- "$cur")
		return
		;;
	esac
	if [ -z "$command" ] && [[ $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		case $command in
		list) options+=" --tree" ;;
		show) options+=" --prometheus" ;;
		map) options+=" --svg" ;;
		bind) options+=" --driver --persist --persisted --wait" ;;
		unbind) options+=" --none --persist --wait" ;;
		doctor) options+=" --memory --only --ignore" ;;
		gen) options+=" --memory --cpus --host-node --hugepages --name --disk --emulator --firmware --driver --smmu --iommufd --qemu-version --libvirt-version --cloud-hypervisor-version --output" ;;
		report) options+=" --output --full" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	word="all $(nvgpuctl list --noheadings -o bdf 2>/dev/null)"
	[ "$command" != gen ] || word+=" qemu libvirt cloud-hypervisor"
	mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
	# Readline replaces only what follows the last colon.
	if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
	fi
}

complete -F _nvgpuctl nvgpuctl
