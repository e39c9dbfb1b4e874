// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A list of commands, each with a log, a result and a time.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{Result, children, text};

/// So much of a failed step's log is shown at once.
const TAIL: usize = 40;

/// How a command's success is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// By its exit status.
    Success,
    /// By its exit status, and the tests in its output are counted.
    Tests,
    /// It must fail, and say this.
    Refusal(&'static str),
}

/// One command.
#[derive(Debug)]
pub(crate) struct Step {
    pub name: String,
    pub command: Command,
    pub expect: Expect,
}

/// Tests by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
}

/// What became of a step.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub name: String,
    pub count: Count,
    pub fault: Option<String>,
    pub time: Duration,
    pub tests: bool,
}

/// Runs `steps` to the end, whatever fails, and prints what there is to know. The last line is
/// `N passed, N failed`, over all tests; a step that failed for another reason counts as a failure.
pub(crate) fn run(steps: Vec<Step>, logs: &Path) -> Result<bool> {
    fs::create_dir_all(logs)
        .map_err(|error| format!("cannot make {} for the logs: {error}", logs.display()))?;
    let start = Instant::now();
    let width = steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    let mut outcomes = Vec::new();
    let total = steps.len();
    for (index, step) in steps.into_iter().enumerate() {
        outcomes.push(one(step, index + 1, total, width, logs)?);
    }
    print!("{}", summary(&outcomes, start.elapsed(), logs));
    Ok(outcomes.iter().all(|outcome| outcome.fault.is_none()))
}

fn one(mut step: Step, number: usize, total: usize, width: usize, logs: &Path) -> Result<Outcome> {
    let log = log_path(logs, number, &step.name);
    let output = File::create(&log)
        .map_err(|error| format!("cannot write the log {}: {error}", log.display()))?;
    let errors = output.try_clone()?;
    children::rest_if_interrupted();
    let before: HashSet<_> = children::descendants().into_iter().collect();
    let label = format!("[{number:>2}/{total}] {:width$}", step.name);
    let display = Display::start(&label);
    let start = Instant::now();
    let mut child = step
        .command
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("cannot start {:?}: {error}", step.command.get_program()))?;
    let status = child.wait()?;
    children::rest_if_interrupted();
    let time = start.elapsed();
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();

    let count = match step.expect {
        Expect::Tests => count(&text),
        Expect::Success | Expect::Refusal(_) => Count::default(),
    };
    let mut fault = match step.expect {
        Expect::Success | Expect::Tests if !status.success() => Some(match count.failed {
            0 => format!("{status}"),
            failed => format!("{failed} failed"),
        }),
        Expect::Tests if count == Count::default() => Some("ran no test".to_owned()),
        Expect::Refusal(_) if status.success() => Some("was not refused".to_owned()),
        Expect::Refusal(message) if !text.contains(message) => {
            Some(format!("refused, but not with \"{message}\""))
        }
        _ => None,
    };
    let left = || {
        let mut all = children::descendants();
        all.retain(|process| !before.contains(process));
        all
    };
    // What was asked to end may need a moment.
    let patience = Instant::now() + Duration::from_secs(2);
    while !left().is_empty() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
    }
    let stray = left();
    if !stray.is_empty() {
        let names: Vec<_> = stray
            .iter()
            .map(|process| format!("{} ({})", process.name, process.pid))
            .collect();
        fault.get_or_insert(format!("left behind {}", names.join(", ")));
        children::end(&left);
    }

    let outcome = Outcome {
        name: step.name,
        count,
        fault,
        time,
        tests: matches!(step.expect, Expect::Tests),
    };
    display.finish(&label, &outcome);
    if outcome.fault.is_some() {
        for line in text.lines().filter(|line| is_failure(line)) {
            println!("    {line}");
        }
        print!("{}", tail(&text));
        println!("    the whole log: {}", log.display());
    }
    Ok(outcome)
}

fn log_path(logs: &Path, number: usize, name: &str) -> PathBuf {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    logs.join(format!("{number:02}-{name}.log"))
}

/// A line that is there while the step runs.
struct Display(Option<ProgressBar>);

impl Display {
    fn start(label: &str) -> Self {
        if std::io::stdout().is_terminal() && std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{prefix}  {spinner} {elapsed}")
                .expect("a fixed template");
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.set_prefix(label.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            return Self(Some(bar));
        }
        print!("{label}  ");
        // Whoever watches a log wants to see what it is that takes so long.
        let _ = std::io::stdout().flush();
        Self(None)
    }

    fn finish(self, label: &str, outcome: &Outcome) {
        let result = match &outcome.fault {
            Some(fault) => format!("FAILED: {fault}"),
            None if outcome.tests => format!("ok, {} tests", outcome.count.passed),
            None => "ok".to_owned(),
        };
        let line = format!("{:>11}  {result}", text::time(outcome.time));
        match self.0 {
            Some(bar) => {
                bar.finish_and_clear();
                println!("{label}  {line}");
            }
            None => println!("{line}"),
        }
    }
}

/// Adds up the results that test programs print.
///
/// A test may itself run test programs, and show what they said when it fails. Those are between
/// the "running" and the "test result" of the outer one, and do not count.
pub(crate) fn count(text: &str) -> Count {
    let mut sum = Count::default();
    let mut depth = 0usize;
    for line in text.lines() {
        if line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test")) {
            depth += 1;
        } else if line.contains("process didn't exit successfully") && line.contains("(signal: ") {
            // Its result never came.
            depth = depth.saturating_sub(1);
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                let number = |what: &str| {
                    rest.split([';', '.'])
                        .filter_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
                        .next()
                        .unwrap_or(0)
                };
                sum.passed += number("passed");
                sum.failed += number("failed");
                sum.ignored += number("ignored");
            }
        }
    }
    sum
}

/// Whether a line names a test that failed.
fn is_failure(line: &str) -> bool {
    line.starts_with("test ") && line.ends_with("FAILED")
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..]
        .iter()
        .map(|line| format!("    | {line}\n"))
        .collect()
}

fn summary(outcomes: &[Outcome], time: Duration, logs: &Path) -> String {
    let width = outcomes
        .iter()
        .map(|o| o.name.len())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut out = format!(
        "\n{:width$}  {:>6}  {:>6}  {:>7}  {:>11}  result\n",
        "step", "passed", "failed", "ignored", "time"
    );
    let (mut passed, mut failed) = (0, 0);
    for outcome in outcomes {
        let count = outcome.count;
        let cell = |n: u64| {
            if outcome.tests {
                n.to_string()
            } else {
                String::new()
            }
        };
        passed += count.passed;
        failed += count.failed;
        if outcome.fault.is_some() && count.failed == 0 {
            failed += 1;
        }
        out += &format!(
            "{:width$}  {:>6}  {:>6}  {:>7}  {:>11}  {}\n",
            outcome.name,
            cell(count.passed),
            cell(count.failed),
            cell(count.ignored),
            text::time(outcome.time),
            outcome.fault.as_deref().unwrap_or("ok"),
        );
    }
    out += &format!(
        "\n{} in all; logs are in {}\n{passed} passed, {failed} failed\n",
        text::time(time),
        logs.display(),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(script: &str, expect: Expect) -> Step {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Step {
            name: "a step".to_owned(),
            command,
            expect,
        }
    }

    fn outcome(script: &str, expect: Expect) -> Outcome {
        let _alone = children::ALONE.lock();
        let logs = tempfile::tempdir().unwrap();
        one(step(script, expect), 1, 1, 6, logs.path()).unwrap()
    }

    #[test]
    fn results_of_several_test_programs_are_added_up() {
        let text = "\
            test a ... ok\n\
            test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished\n\
            test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out\n";
        assert_eq!(
            count(text),
            Count {
                passed: 7,
                failed: 3,
                ignored: 1
            }
        );
    }

    #[test]
    fn results_within_the_output_of_a_test_do_not_count() {
        let text = "\
            running 2 tests\n\
            test outer ... FAILED\n\
            ---- outer stdout ----\n\
            running 9 tests\n\
            test result: FAILED. 8 passed; 1 failed; 0 ignored\n\
            running 1 test\n\
            test result: ok. 1 passed; 0 failed; 0 ignored\n\
            test result: FAILED. 1 passed; 1 failed; 0 ignored\n\
            running 3 tests\n\
            process didn't exit successfully: `x` (signal: 6, SIGABRT: process abort signal)\n\
            running 1 test\n\
            test result: ok. 1 passed; 0 failed; 0 ignored\n";
        let sum = count(text);
        assert_eq!((sum.passed, sum.failed), (2, 1));
    }

    #[test]
    fn a_failed_command_is_a_fault_with_its_status() {
        assert_eq!(outcome("exit 0", Expect::Success).fault, None);
        let fault = outcome("exit 3", Expect::Success).fault.unwrap();
        assert!(fault.contains('3'), "{fault}");
    }

    #[test]
    fn a_test_run_without_tests_is_a_fault() {
        assert!(outcome("true", Expect::Tests).fault.is_some());
        let script = "echo 'test result: ok. 1 passed; 0 failed; 0 ignored'";
        assert_eq!(outcome(script, Expect::Tests).fault, None);
    }

    #[test]
    fn a_refusal_must_fail_with_its_own_words() {
        let expect = Expect::Refusal("not both");
        assert_eq!(outcome("echo not both; false", expect).fault, None);
        assert!(outcome("echo not both", expect).fault.is_some());
        assert!(outcome("echo other; false", expect).fault.is_some());
    }

    #[test]
    fn the_last_line_counts_tests_and_failed_steps() {
        let outcomes = [
            outcome("false", Expect::Success),
            outcome(
                "echo 'test result: FAILED. 4 passed; 2 failed; 0 ignored'; false",
                Expect::Tests,
            ),
        ];
        let text = summary(&outcomes, Duration::ZERO, Path::new("x"));
        assert_eq!(text.lines().last(), Some("4 passed, 3 failed"));
    }
}
