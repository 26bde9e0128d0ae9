# bash completion for nvgpuctl				-*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0-only

_nvgpuctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word command=
	local commands="list show map bind unbind doctor gen alias report"
	local options="--json --dry-run --columns --quiet --sysroot --color --ascii --noheadings --raw --pairs --help --version"

	COMPREPLY=()
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case " $commands " in
		*" $word "*)
			command=$word
			break
			;;
		esac
	done
	case $prev in
	--sysroot | --svg | --output | --disk | --firmware | --emulator)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--columns | -o)
		mapfile -t COMPREPLY < <(compgen -W "$(nvgpuctl list --help | sed -n 's/^  \([A-Z][A-Z]*\)  .*/\L\1/p')" -- "$cur")
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
	# A colon ends a word in bash: give the rest only.
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _nvgpuctl nvgpuctl
