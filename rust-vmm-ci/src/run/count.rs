// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Tests in the output of a step.
//!
//! | runner | what is read |
//! |---|---|
//! | libtest (`cargo test`) | `test result: ok. 5 passed; 0 failed; 1 ignored; ..; 2 filtered out; ..` |
//! | nextest | `Summary [ 0.3s] 6 tests run: 4 passed (1 slow), 1 failed, 1 timed out, 3 skipped` |
//! | criterion (`cargo bench -- --test`) | `Testing NAME`, and `Success` after it |

use std::collections::BTreeSet;

/// Tests by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
    /// Left out by arguments of the test program.
    pub filtered: u64,
}

impl Count {
    pub(crate) fn ran(self) -> u64 {
        self.passed + self.failed
    }
}

/// Adds up the results that test programs print.
pub(crate) fn count(text: &str) -> Count {
    let mut sum = Count::default();
    let mut testing = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(results) = line.strip_prefix("test result: ") {
            let number = |what| sum_of(results.split([';', '.']), what);
            sum.passed += number("passed");
            sum.failed += number("failed");
            sum.ignored += number("ignored");
            sum.filtered += number("filtered out");
        } else if let Some((head, results)) = line.split_once(" run: ")
            && head.starts_with("Summary [")
        {
            // `(1 slow, 1 flaky)` stands behind the number that it is a part of.
            let parts = results.split(',').map(|part| {
                let end = part.find('(').unwrap_or(part.len());
                &part[..end]
            });
            let parts: Vec<_> = parts.collect();
            let number = |what| sum_of(parts.iter().copied(), what);
            sum.passed += number("passed");
            sum.failed += number("failed") + number("timed out") + number("exec failed");
            sum.ignored += number("skipped");
        } else if line == "Success" && testing {
            sum.passed += 1;
        }
        testing = line.starts_with("Testing ");
    }
    sum
}

fn sum_of<'a>(parts: impl Iterator<Item = &'a str>, what: &str) -> u64 {
    parts
        .filter_map(|part| part.trim().strip_suffix(what)?.trim().parse::<u64>().ok())
        .sum()
}

/// Names of all tests that libtest ran or ignored, each with the program that holds it.
pub(crate) fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut program = String::new();
    for line in text.lines().map(str::trim) {
        if let Some((_, file)) = line
            .strip_prefix("Running ")
            .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(" ("))
        {
            let name = file.rsplit('/').next().unwrap_or(file);
            let name = name.rsplit_once('-').map_or(name, |(name, _hash)| name);
            program = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("Doc-tests ") {
            program = format!("{rest} (doc)");
        } else if let Some((name, _)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
        {
            names.insert(format!("{program}::{name}"));
        }
    }
    names
}

/// Whether `script` asks cargo to run tests: if none runs then, something is wrong.
pub(crate) fn expects_tests(script: &str) -> bool {
    let words: Vec<_> = script.split_whitespace().collect();
    words.iter().enumerate().any(|(at, &word)| {
        if word != "cargo" {
            return false;
        }
        let rest = words[at + 1..]
            .iter()
            .copied()
            .take_while(|word| !matches!(*word, "&&" | "||" | "|" | ";" | "--"));
        let rest: Vec<_> = rest.collect();
        let mut commands = rest.iter().filter(|word| !word.starts_with(['-', '+']));
        let tests = match commands.next() {
            Some(&"test" | &"t") => true,
            Some(&"nextest") => rest.contains(&"run"),
            Some(&"llvm-cov") => rest.contains(&"test") || rest.contains(&"nextest"),
            _ => false,
        };
        tests && !rest.contains(&"--no-run")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_test_programs_are_added_up() {
        let text = "\
            test a ... ok\n\
            test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished\n\
            test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out\n";

        assert_eq!(
            count(text),
            Count {
                passed: 7,
                failed: 3,
                ignored: 1,
                filtered: 9,
            }
        );
    }

    #[test]
    fn a_summary_of_nextest_counts_timeouts_as_failures() {
        let text = "     Summary [   0.312s] 7 tests run: 4 passed (1 slow, 1 flaky), 2 failed, \
                    1 timed out, 3 skipped\n        PASS [   0.1s] a b\n";

        assert_eq!(
            count(text),
            Count {
                passed: 4,
                failed: 3,
                ignored: 3,
                filtered: 0,
            }
        );
    }

    #[test]
    fn benches_in_test_mode_count_when_they_succeed() {
        let text = "Testing ring/pop\nSuccess\n\nTesting ring/push\nSuccess\n\nSuccess\n";

        assert_eq!(count(text).passed, 2);
    }

    #[test]
    fn names_are_told_apart_by_their_program() {
        let text = "     Running unittests src/lib.rs (target/debug/deps/rng-0123abcd)\n\
                    test tests::a ... ok\n\
                    \x20    Running tests/socket.rs (target/debug/deps/socket-4567)\n\
                    test a ... FAILED\n\
                    \x20  Doc-tests rng\n\
                    test src/lib.rs - A (line 3) ... ignored\n";

        let names: Vec<_> = names(text).into_iter().collect();

        assert_eq!(
            names,
            [
                "rng (doc)::src/lib.rs - A (line 3)",
                "rng::tests::a",
                "socket::a"
            ]
        );
    }

    #[test]
    fn commands_that_run_tests_are_known_from_those_that_do_not() {
        let with = [
            "cargo test --workspace",
            "RUST_BACKTRACE=1 cargo +nightly test -p a",
            "cd staging && cargo nextest run",
            "cargo llvm-cov --no-report test --workspace",
        ];
        let without = [
            "cargo build --tests",
            "cargo test --no-run",
            "cargo xtask test",
            "cargo run -- test",
            "cargo nextest list",
            "cargo fmt && echo test",
        ];
        for script in with {
            assert!(expects_tests(script), "{script}");
        }
        for script in without {
            assert!(!expects_tests(script), "{script}");
        }
    }
}
