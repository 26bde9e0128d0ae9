# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The commands of the lab, as its user types them.

# The kernel of commands that need one that checks itself.
LAB_DEBUG_KERNEL=debug

lab_help() {
	cat <<-END
		Usage: $LAB_NAME COMMAND [OPTION...] [ARGUMENT...]

		Emulated hosts with a simulated GPU, on any amd64 Debian 12 or 13, as root.

		  prepare            download and unpack what the lab needs (other commands do it too)
		  build              build the checkout for one kernel, warnings on
		  demo -- [OPTION...]  boot a host, show the driver in it (tools/demo)
		  test [NAME...]     boot a host, run all selftests or these, judge the run
		  kunit              the driver's KUnit tests, on a kernel that has KUnit (default: $LAB_DEBUG_KERNEL)
		  fuzz [OPTION...]   boot a host, compare GPUs with a model under random operations
		                     (tools/test/fuzz; --seconds N, --ops N, --seed N, --variant NAME, --replay FILE)
		  stress             boot a host, do everything at once to simulated GPUs
		                     (tools/test/stress; --seconds N, --seed N, --workers N)
		  sim-random         boot a host, do random sequences of what configfs offers
		                     (--sequences N, --seed N)
		  static             W=1 and sparse builds for $(kernel_names always | xargs), checkpatch, kernel-doc, shellcheck
		  matrix             W=1 and sparse builds for all kernels that come from packages, as a table
		  intree             the driver inside a kernel tree: patches, arm64 and amd64 builds, coccicheck
		  patch [DIRECTORY]  write the patch series for the kernel's lists (default: patches/)
		  verdict            prove that the lab's verdict sees hangs, panics, splats, missing tests
		  nvgpuctl           test nvgpuctl, with sanitizers, on machines made of files
		  readme             follow README's "On a Grace host" word by word, on a simulated GPU
		  nvgpuctl-host      nvgpuctl doctor and bind on simulated GPUs with faults
		  deb [DIRECTORY]    build Debian and RPM packages, test them in bare systems, leave them
		                     in DIRECTORY (default: packages/)
		  rpm [DIRECTORY]    the same for RPM packages only
		  shell              boot a host and give a shell in it (exit, or Ctrl-A x, ends it)
		  exec -- COMMAND    boot a host, run COMMAND in it, exit with its status
		  tools -- COMMAND   run COMMAND in the toolchain's chroot, with its files only
		  status             what is prepared, and where it is
		  clean              remove builds and logs of this checkout
		  clean --all        remove the whole cache

		  --kernel NAME      default: $(default_kernel); what "prepare" has ready: $(kernel_names always | xargs);
		                     when asked for: $(kernel_names demand | xargs);
		                     built from source, a quarter of an hour: $(kernel_names rebuilt | xargs) $(kernel_names built | xargs)
		  --acpi             boot an arm64 host with UEFI and ACPI, not with a device tree
		  --timeout SECONDS  end the host after that time (default: test 1800, exec 600, shell a day)
		  --boot-timeout SECONDS  boot once more, and again, a kernel that needs longer to PID 1
		                     (default: $LAB_BOOT_TIMEOUT, twice that for those built from source)
		  --memory GIB       give the host that much (default: $LAB_MEMORY, all but 2 of it for simulated
		                     GPUs); what is never written costs this machine nothing
		  --append ARGUMENTS more for the kernel's command line
		  --icount           let the clock of the host count instructions, 1 ns each
		  --hosts N          test: spread the tests over N hosts at once (as memory allows; default: 1)
		  --repeat N         test: each test N times, until one fails
		  --load             test: meanwhile keep all CPUs of the hosts and one of this machine busy
		  --brief            test: show whole tests and failures, not each result

		Cache: $LAB_CACHE
		(NVGPU_LAB_CACHE moves it; NVGPU_LAB_MIRROR overrides the Debian mirror of this machine's apt)

		Exit status: 0 success, 1 failure, 2 wrong usage; exec: that of COMMAND.
	END
}

# default_options COMMAND: what holds where no option says otherwise.
default_options() {
	LAB_KERNEL=$(default_kernel)
	[ "$1" != kunit ] || LAB_KERNEL=$LAB_DEBUG_KERNEL
	LAB_TIMEOUT=
	LAB_HOSTS=1
	LAB_REPEAT=1
	LAB_LOAD=
	LAB_FILTER="cat"
	LAB_ALL=
	LAB_ACPI=
	LAB_ARGS=()
}

# parse_options COMMAND ARGUMENT...: sets what default_options() names.
parse_options() {
	local command=$1

	shift
	default_options "$command"
	while [ $# -gt 0 ]; do
		case $1 in
		--kernel | --timeout | --boot-timeout | --hosts | --repeat | --memory | --append)
			[ $# -ge 2 ] || usage_error "$1 needs a value"
			set_option "$1" "$2"
			shift
			;;
		--seconds | --ops | --seed | --variant | --replay | --workers | --sequences)
			has_option "$command" "$1" || usage_error "$1 is no option of $command"
			[ $# -ge 2 ] || usage_error "$1 needs a value"
			require_value "$1" "$2"
			LAB_ARGS+=("$1" "$2")
			shift
			;;
		--icount | --brief | --load | --all | --acpi)
			set_flag "$1"
			;;
		-h | --help)
			lab_help
			exit 0
			;;
		--)
			shift
			break
			;;
		-*)
			usage_error "there is no option $1"
			;;
		*)
			# What follows the command to run is for that command.
			[[ $command != exec && $command != tools ]] || break
			add_arguments "$command" "$1"
			;;
		esac
		shift
	done
	add_arguments "$command" "$@"
	[ -n "${MACHINE_ARGUMENTS[$(machine_of "$LAB_KERNEL")]:-}" ] ||
		usage_error "--acpi is for arm64: kernel '$LAB_KERNEL' boots with ACPI anyway"
}

# add_arguments COMMAND ARGUMENT...
add_arguments() {
	[ $# -eq 1 ] || takes_arguments "$1" || usage_error "$1 takes no arguments: $2"
	LAB_ARGS+=("${@:2}")
}

set_flag() {
	case $1 in
	--icount) LAB_ACCEL=$LAB_ACCEL_ICOUNT ;;
	--brief) LAB_FILTER=brief ;;
	--load) LAB_LOAD=1 ;;
	--all) LAB_ALL=1 ;;
	--acpi) LAB_ACPI=1 ;;
	esac
}

set_option() {
	case $1 in
	--kernel)
		require_kernel "$2"
		LAB_KERNEL=$2
		;;
	--timeout)
		[[ $2 =~ ^[1-9][0-9]*$ ]] || usage_error "--timeout $2: not a number of seconds"
		LAB_TIMEOUT=$2
		;;
	--boot-timeout)
		[[ $2 =~ ^[1-9][0-9]*$ ]] || usage_error "--boot-timeout $2: not a number of seconds"
		LAB_BOOT_TIMEOUT=$2
		;;
	--memory)
		[[ $2 =~ ^[1-9][0-9]*$ && $2 -gt 2 ]] ||
			usage_error "--memory $2: not a number of GiB above 2"
		LAB_MEMORY=$2
		;;
	--append)
		LAB_APPEND=$2
		;;
	--hosts)
		[[ $2 =~ ^[1-9]$ ]] || usage_error "--hosts $2: not a number from 1 to 9"
		LAB_HOSTS=$2
		;;
	--repeat)
		require_number "$1" "$2" 1 100000
		LAB_REPEAT=$2
		;;
	esac
}

cmd_prepare() {
	local products

	mapfile -t products < <(kernel_names always | sed 's/^/kernel-/')
	prepare "$LAB_KERNEL" "${products[@]}"
	say "ready: $LAB_CACHE"
}

cmd_build() {
	prepare "$LAB_KERNEL"
	build "$LAB_KERNEL"
	say "modules and programs: $(build_dir "$LAB_KERNEL")/out"
}

cmd_exec() {
	[ ${#LAB_ARGS[@]} -gt 0 ] || usage_error "exec needs a command"
	prepare "$LAB_KERNEL"
	: "${LAB_TIMEOUT:=600}"
	start_run exec "$LAB_KERNEL" "${LAB_ARGS[@]}"
	say "booting an emulated host, at most $LAB_TIMEOUT s"
	run_host cat
	results job "$LAB_RUN"
}

# What tools/demo shows.
cmd_demo() {
	LAB_SCOPE=demo
	LAB_ARGS=(/lab/tools/lab/host/demo.sh "${LAB_ARGS[@]}")
	cmd_exec
}

# Prints what the selftests' manifest names, or the given tests.
test_names() {
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@"
	else
		"$LAB_TOP/tools/test/selftests/run-selftests" --list
	fi
}

cmd_test() {
	local name known names fit

	known=$(test_names)
	for name in "${LAB_ARGS[@]}"; do
		grep -qxF -- "$name" <<<"$known" ||
			usage_error "there is no test '$name'; there are: $(xargs <<<"$known")"
	done
	prepare "$LAB_KERNEL"
	: "${LAB_TIMEOUT:=$((1800 * LAB_REPEAT))}"
	fit=$(hosts_that_fit "$LAB_HOSTS")
	[ "$fit" -eq "$LAB_HOSTS" ] || say "memory for $fit hosts at once, not for $LAB_HOSTS"
	mapfile -t names < <(test_names "${LAB_ARGS[@]}")
	start_hosts "$fit" "${names[@]}"
	printf '%s\n' "${names[@]}" >"$LAB_RUN/names"
	say "testing in emulated hosts, ${#LAB_RUNS[@]} at once, at most $LAB_TIMEOUT s; logs:"
	printf '%s\n' "${LAB_RUNS[@]}"
	run_hosts "$LAB_RUN/names"
	results tests --names "$LAB_RUN/names" --repeat "$LAB_REPEAT" "${LAB_RUNS[@]}"
}

cmd_kunit() {
	LAB_ARGS=(kunit)
	cmd_test
}

cmd_verdict() {
	prepare "$LAB_KERNEL"
	build "$LAB_KERNEL"
	flock --unlock "$LAB_BUILD_LOCK"
	LAB_RUN=$(new_run verdict)
	"$LAB_DIR/verdict/cases.py" | tee "$LAB_RUN/cases.log" || true
	# shellcheck disable=SC2046 # a list of names
	"$LAB_DIR/verdict/boots" "$LAB_KERNEL" $(kernel_checks "$LAB_KERNEL") |
		tee "$LAB_RUN/boots.log" || true
	results flat "$LAB_RUN/cases.log" "$LAB_RUN/boots.log"
}

cmd_static() {
	local products

	# shellcheck disable=SC2046 # a list of names
	mapfile -t products < <(headers_products $(kernel_names always))
	prepare "$LAB_KERNEL" herd "${products[@]}"
	tools_add native checkers
	LAB_RUN=$(new_run static)
	say "static checks; logs: $LAB_RUN"
	static_all
}

cmd_intree() {
	prepare "$LAB_KERNEL" "tree-$LAB_SUITE-backports"
	tools_add native intree
	LAB_RUN=$(new_run intree)
	say "the driver inside a kernel tree; logs: $LAB_RUN"
	intree_all
}

# The patches are for the user's hands: made by the user's git, in the user's name.
cmd_patch() {
	prepare "$LAB_KERNEL" "tree-$LAB_SUITE-backports"
	"$LAB_TOP/tools/upstream/series" "$(tree_dir "$LAB_SUITE-backports")" "${LAB_ARGS[0]:-$LAB_TOP/patches}"
}

cmd_matrix() {
	local products

	# shellcheck disable=SC2046 # a list of names
	mapfile -t products < <(headers_products $(matrix_kernels))
	prepare "$LAB_KERNEL" "${products[@]}"
	tools_add native checkers
	LAB_RUN=$(new_run matrix)
	say "builds for all kernels; logs: $LAB_RUN"
	matrix_all
}

cmd_shell() {
	[ -t 0 ] || die "a shell needs a terminal; to run one command: $LAB_NAME exec -- COMMAND"
	prepare "$LAB_KERNEL"
	: "${LAB_TIMEOUT:=86400}"
	start_run shell "$LAB_KERNEL" env TERM="${TERM:-linux}" bash -c \
		"stty rows $(tput lines 2>/dev/null || echo 24) cols $(tput cols 2>/dev/null || echo 80)
		PS1='nvgpu-lab:\\w\\$ ' exec bash --norc"
	say "booting; 'exit' powers the host off, Ctrl-A x ends it at once"
	say "kernel log: $LAB_RUN/kernel.log"
	run_shell
	results kernel "$LAB_RUN" | sed 's/^/lab: note: /'
}

# The current directory and other files of this machine are not there.
cmd_tools() {
	[ ${#LAB_ARGS[@]} -gt 0 ] || usage_error "tools needs a command"
	prepare "$LAB_KERNEL" >&2
	in_tools "${LAB_ARGS[@]}"
}

cmd_status() {
	local wanted kernel

	wanted=$(products_wanted "$LAB_KERNEL" | xargs)
	say "cache: $LAB_CACHE"
	say "prepared for kernel '$LAB_KERNEL': ${wanted:+no, lacks }${wanted:-yes}"
	for kernel in $(kernel_names); do
		if [ -d "$(kernel_dir "$kernel")" ]; then
			say "kernel '$kernel': $(kernel_release "$kernel")"
		fi
	done
	[ ! -d "$LAB_CACHE" ] || say "disk: $(du -sh "$LAB_CACHE" 2>/dev/null | cut -f1)"
	[ ! -d "$LAB_STATE/runs" ] ||
		say "latest run: $(find "$LAB_STATE/runs" -mindepth 1 -maxdepth 1 | sort | tail -n 1)"
}

cmd_clean() {
	[ -d "$LAB_CACHE" ] || return 0
	exec {LAB_LOCK}>"$LAB_CACHE/lock"
	flock --exclusive --nonblock "$LAB_LOCK" || die "another lab is at work in $LAB_CACHE"
	rm -rf "$LAB_STATE/build/$LAB_KEY" "$LAB_STATE/runs"
	[ -z "$LAB_ALL" ] || rm -rf "$LAB_CACHE"
}

lab_main() {
	local command=${1:-}

	case $command in
	-h | --help | help)
		lab_help
		return
		;;
	esac
	declare -F "cmd_$command" >/dev/null ||
		usage_error "${command:+no command is called }${command:-which command?}"
	parse_options "$@"
	lab_paths
	"cmd_$command"
}
