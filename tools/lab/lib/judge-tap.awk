# SPDX-License-Identifier: GPL-2.0-only
# Judges a TAP 14 stream of one subtest per line of the manifest. Variables: names,
# the file with the names that must report; counts, the file for "passed failed skipped"
# of the results inside the subtests. Prints a line for each thing that is wrong.

function finding(text)
{
	print text
	findings++
}

# The end of one subtest: its own plan against its own results.
function close_subtest(name)
{
	if (plan == "")
		finding(name ": printed no plan")
	else if (plan != results)
		finding(name ": planned " plan " results, gave " results)
	else if (plan == 0 && !empty_skip)
		finding(name ": ran nothing and gave no reason")
	passed += sub_passed
	failed += sub_failed
	skipped += sub_skipped
	plan = ""
	results = sub_passed = sub_failed = sub_skipped = empty_skip = 0
	bad = ""
}

function skip_reason(line)
{
	sub(/.*# *SKIP[[:space:]]*/, "", line)
	return line
}

function count_result(line)
{
	results++
	if (line ~ /# *SKIP/) {
		sub_skipped++
		if (skip_reason(line) == "")
			finding(current ": skips without a reason: " line)
	} else if (line ~ /^not ok/) {
		sub_failed++
		bad = bad current ": " line "\n"
	} else {
		sub_passed++
	}
}

BEGIN {
	while ((getline line < names) > 0)
		if (line != "")
			wanted[++total] = line
	current = "before the first test"
}

/^1\.\.[0-9]+$/ {
	top_plans++
	top_plan = substr($0, 4) + 0
}

/^# Subtest: / {
	current = substr($0, 12)
}

/^    1\.\.[0-9]+/ {
	if (plan != "")
		finding(current ": printed two plans")
	plan = substr($1, 4) + 0
	if (plan == 0 && /# *SKIP/ && skip_reason($0) != "") {
		empty_skip = 1
		sub_skipped++
	}
}

/^    (not )?ok [0-9]+/ {
	count_result(substr($0, 5))
}

/^(not )?ok [0-9]+/ {
	name = $0
	sub(/^(not )?ok [0-9]+ (- )?/, "", name)
	sub(/ *#.*/, "", name)
	top_results++
	seen[name]++
	# A test that failed names its first bad result itself.
	if (/^not ok/)
		finding($0)
	else if (bad != "")
		finding(substr(bad, 1, length(bad) - 1))
	blamed = sub_failed
	close_subtest(name)
	if (/^not ok/ && !blamed)
		failed++
}

/^Bail out!/ {
	finding($0)
}

END {
	if (top_plans != 1)
		finding("the run printed " top_plans + 0 " plans instead of one: it ended early")
	else if (top_plan != top_results)
		finding("the run planned " top_plan " tests and reported " top_results + 0 ": it ended early")
	for (i = 1; i <= total; i++)
		if (seen[wanted[i]] != 1)
			finding(wanted[i] ": reported " seen[wanted[i]] + 0 " times instead of once")
	if (top_results > total)
		finding("more tests reported than the manifest names")
	if (passed + 0 == 0)
		finding("nothing passed")
	if (findings && !failed)
		failed = 1
	print passed + 0, failed + 0, skipped + 0 > counts
}
