# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The commands of the lab, as its user types them.

lab_help() {
	cat <<-END
		Usage: $LAB_NAME COMMAND [--kernel NAME] [--timeout SECONDS] [ARGUMENT...]

		Emulated arm64 hosts with a simulated GPU, on any amd64 Debian 12 or 13, as root.

		  prepare            download and unpack what the lab needs (other commands do it too)
		  build              build the checkout for one kernel
		  test [NAME...]     boot a host, run all selftests or these, judge the run
		  shell              boot a host and give a shell in it (poweroff, or Ctrl-A x, ends it)
		  exec -- COMMAND    boot a host, run COMMAND in it, exit with its status
		  status             what is prepared, and where it is
		  clean              remove builds and logs of this checkout
		  clean --all        remove the whole cache

		  --kernel NAME      one of: $(kernel_names | xargs) (default: $(default_kernel))
		  --timeout SECONDS  end the host after that time (default: 600; a shell: none)

		Cache: $LAB_CACHE
		(NVGPU_LAB_CACHE moves it; NVGPU_LAB_MIRROR overrides the Debian mirror of this machine's apt)

		Exit status: 0 success, 1 failure, 2 wrong usage; exec: that of COMMAND.
	END
}

cmd_exec() {
	[ "${1:-}" != -- ] || shift
	[ $# -gt 0 ] || usage_error "exec needs a command"
	prepare
	build "$LAB_KERNEL"
	boot_exec "$LAB_KERNEL" "$@"
}

lab_main() {
	local command=${1:-}

	LAB_KERNEL=$(default_kernel)
	LAB_TIMEOUT=600
	case $command in
	"" | -h | --help | help)
		lab_help
		[ -n "$command" ] || exit 2
		return
		;;
	prepare | build | test | shell | exec | status | clean)
		shift
		;;
	*)
		usage_error "no command is called '$command'"
		;;
	esac
	while true; do
		case ${1:-} in
		--kernel)
			LAB_KERNEL=${2:-}
			require_kernel "$LAB_KERNEL"
			shift 2
			;;
		--timeout)
			LAB_TIMEOUT=${2:-}
			shift 2
			;;
		-h | --help)
			lab_help
			return
			;;
		*)
			break
			;;
		esac
	done
	"cmd_$command" "$@"
}

cmd_prepare() {
	prepare
	say "ready: $LAB_CACHE"
}

cmd_build() {
	prepare
	build "$LAB_KERNEL"
}
