# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds for every kernel of the table that comes from packages.

matrix_kernels() {
	kernel_names always
	kernel_names demand
}

# Names of the products that only the matrix needs.
matrix_products() {
	local kernel

	for kernel in $(kernel_names demand); do
		[ -d "$(kernel_dir "$kernel")" ] || printf 'headers-%s\n' "$kernel"
	done
}

# matrix_cell MODULE KERNEL: what static_builds said.
matrix_cell() {
	if grep -qF "ok - $1, W=1 C=2, kernel $2 (" "$LAB_RUN/output.log"; then
		echo ok
	else
		echo FAILED
	fi
}

matrix_table() {
	local format='%-14s %-26s %-8s %-10s %s\n' kernel

	# shellcheck disable=SC2059 # the format of every line
	printf "\n$format" kernel release driver simulator hot-ram
	for kernel in "$@"; do
		# shellcheck disable=SC2059
		printf "$format" "$kernel" "$(kernel_release "$kernel")" \
			"$(matrix_cell driver "$kernel")" "$(matrix_cell simulator "$kernel")" \
			"$(matrix_cell hot-ram "$kernel")"
	done
}

# In two lanes: half of a build's time is one process that others wait for.
matrix_all() {
	local kernels first half

	mapfile -t kernels < <(matrix_kernels)
	half=$((${#kernels[@]} / 2))
	static_begin
	group_start static_lane static_builds "${kernels[@]:0:half}"
	first=$!
	static_lane static_builds "${kernels[@]:half}"
	wait "$first"
	group_remove "$first"
	matrix_table "${kernels[@]}" | tee "$LAB_RUN/table"
	static_end $((${#kernels[@]} * LAB_BUILD_CHECKS)) && ! grep -q FAILED "$LAB_RUN/table"
}
