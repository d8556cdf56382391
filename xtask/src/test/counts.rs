//! Counts from what test runners print. Colours are gone already.

/// What a suite counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

/// nextest: `Summary [ 0.1s] 123 tests run: 122 passed (1 slow), 1 failed, 0 skipped`, the last one.
pub(super) fn nextest(text: &str) -> Counts {
    let mut counts = Counts::default();
    let Some(summary) = text
        .lines()
        .rfind(|line| line.trim_start().starts_with("Summary ["))
    else {
        return counts;
    };
    let Some((_, results)) = summary.split_once(" run: ") else {
        return counts;
    };
    // What is in parentheses says how they passed or failed: `910 passed (1 slow, 1 flaky), 1 failed (1 due to being leaky)`.
    let outside = results.split(['(', ')']).step_by(2);
    for part in outside.flat_map(|part| part.split(',')) {
        let mut words = part.split_whitespace();
        let (Some(Ok(number)), Some(word)) = (words.next().map(str::parse::<u64>), words.next())
        else {
            continue;
        };
        match word {
            "passed" => counts.passed += number,
            "skipped" => counts.skipped += number,
            // failed, timed out, exec failed
            _ => counts.failed += number,
        }
    }
    counts
}

/// The tests that passed only when nextest ran them again: `FLAKY 2/2 [ 0.1s] (1/9) crate module::test`. It names them at the end
/// once more.
pub(super) fn flaky(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if !line.starts_with("FLAKY ") {
            continue;
        }
        if let Some(name) = line.split_whitespace().next_back()
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// cargo test: the sum of its lines `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
pub(super) fn cargo_test(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines() {
        let Some((_, results)) = line
            .trim_start()
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            continue;
        };
        for part in results.split(';') {
            let mut words = part.split_whitespace();
            let (Some(Ok(number)), Some(word)) =
                (words.next().map(str::parse::<u64>), words.next())
            else {
                continue;
            };
            match word {
                "passed" => counts.passed += number,
                "failed" => counts.failed += number,
                "ignored" => counts.skipped += number,
                _ => {}
            }
        }
    }
    counts
}

/// Node's runner: the sum of its closing lines, `# pass 12` in TAP and `ℹ pass 12` in the spec reporter. A package may
/// run several suites one after the other.
pub(super) fn node(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) else {
            continue;
        };
        let mut words = rest.split_whitespace();
        let (Some(word), Some(Ok(number)), None) = (
            words.next(),
            words.next().map(str::parse::<u64>),
            words.next(),
        ) else {
            continue;
        };
        match word {
            "pass" => counts.passed += number,
            "fail" | "cancelled" => counts.failed += number,
            "skipped" | "todo" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

/// The reasons for which Node's runner skipped something, each once: `ok 1 - a # SKIP reason` in TAP, `﹣ a (0.1ms) # reason` in
/// the spec reporter. Other runners give no reasons.
pub(super) fn left_out(text: &str) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        let reason = if line.starts_with("ok ") {
            line.split_once(" # SKIP ").map(|(_, reason)| reason)
        } else if line.starts_with("﹣ ") {
            line.rsplit_once(" # ").map(|(_, reason)| reason)
        } else {
            None
        };
        if let Some(reason) = reason.map(str::trim)
            && !reason.is_empty()
            && reason != "SKIP"
            && !reasons.iter().any(|known| known == reason)
        {
            reasons.push(reason.to_owned());
        }
    }
    reasons
}

/// What tests have written down to be left out, each line once, with how many tests it concerns.
pub(super) fn noted(text: &str) -> Vec<String> {
    let mut counted: Vec<(&str, u64)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match counted.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => counted.push((line, 1)),
        }
    }
    counted
        .into_iter()
        .map(|(line, count)| match count {
            1 => line.to_owned(),
            _ => format!("{line}: {count} tests"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn nextest_summaries_are_read() {
        let text = "     Summary [   0.123s] 123 tests run: 123 passed, 2 skipped\n";
        assert_eq!(nextest(text), counts(123, 0, 2));
        let text = "     Summary [   1s] 9/12 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 0 skipped\n  FAIL x\n";
        assert_eq!(nextest(text), counts(6, 3, 0));
        let text = "  Summary [ 9s] 10 tests run: 9 passed (1 slow, 2 leaky, 1 flaky), 1 failed (1 due to being leaky), 0 skipped\n";
        assert_eq!(nextest(text), counts(9, 1, 0));
        assert_eq!(nextest("error: could not compile"), counts(0, 0, 0));
    }

    #[test]
    fn tests_that_passed_at_the_second_try_are_named_once() {
        let text = "  TRY 1 FAIL [   0.002s] (1/9) countersign-host a::b\n\
                      TRY 2 PASS [   0.002s] (1/9) countersign-host a::b\n\
                       FLAKY 2/2 [   0.002s] (1/9) countersign-host a::b\n\
                       FLAKY 2/2 [   0.002s] (1/9) countersign-host a::b\n";
        assert_eq!(flaky(text), ["a::b"]);
    }

    #[test]
    fn cargo_test_results_are_added_up() {
        let text = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(cargo_test(text), counts(6, 2, 1));
    }

    #[test]
    fn what_was_noted_is_named_once_and_counted() {
        let text = "PostgreSQL (none)\nschemathesis (no pip)\nPostgreSQL (none)\n";
        assert_eq!(
            noted(text),
            ["PostgreSQL (none): 2 tests", "schemathesis (no pip)"]
        );
        assert!(noted("").is_empty());
    }

    #[test]
    fn both_reporters_of_node_are_read() {
        let tap = "TAP version 13\n# tests 14\n# suites 0\n# pass 12\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n";
        assert_eq!(node(tap), counts(12, 1, 1));
        let spec = "ℹ tests 3\nℹ pass 3\nℹ fail 0\nℹ duration_ms 41.5\n";
        assert_eq!(node(&format!("{spec}\n{spec}")), counts(6, 0, 0));
        assert_eq!(node("# Subtest: pass 7 of them\n"), counts(0, 0, 0));
    }

    #[test]
    fn reasons_for_skipping_are_told_once() {
        let tap = "    ok 1 - a # SKIP there is no Chromium\nok 2 - b # SKIP there is no Chromium\nok 3 - c\n";
        assert_eq!(left_out(tap), ["there is no Chromium"]);
        let spec = "﹣ deno (0.2ms) # deno is missing\n✔ c (1ms)\n";
        assert_eq!(left_out(spec), ["deno is missing"]);
        assert!(left_out("ok 4 - d # SKIP\n").is_empty());
    }
}
