// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What became of each cell, as a table for people and as JSON for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::count::Count;

/// How a cell ended, and why if that needs a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed(String),
    /// It failed, and its description says that this may happen.
    Tolerated(String),
    Skipped(String),
}

impl Verdict {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "FAILED",
            Self::Tolerated(_) => "tolerated",
            Self::Skipped(_) => "skipped",
        }
    }

    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Failed(why) | Self::Tolerated(why) | Self::Skipped(why) => why,
        }
    }
}

/// A cell that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub name: String,
    pub platform: Option<String>,
    pub memory: Option<String>,
    pub verdict: Verdict,
    pub count: Count,
    pub tests: BTreeSet<String>,
    /// What the command wants to have in its row.
    pub note: String,
    pub time: Duration,
    pub timed_out: bool,
    pub log: Option<PathBuf>,
}

impl Outcome {
    fn remark(&self) -> String {
        let parts = [self.verdict.why(), &self.note];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("; ")
    }

    fn cell(&self) -> String {
        let parts = [&self.platform, &self.memory];
        let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join("/")
    }
}

/// Everything after the last step: the table, what differs between cells, and `N passed, N failed`.
pub(crate) fn text(outcomes: &[Outcome], skips: &[String], time: Duration) -> String {
    let header = [
        "step", "platform", "memory", "result", "passed", "failed", "ignored", "time",
    ];
    let mut rows: Vec<(Vec<String>, String)> = Vec::new();
    for outcome in outcomes {
        let number = |n: u64| match outcome.count.ran() {
            0 => String::new(),
            _ => n.to_string(),
        };
        let ran = !matches!(outcome.verdict, Verdict::Skipped(_));
        rows.push((
            vec![
                outcome.name.clone(),
                outcome.platform.clone().unwrap_or_default(),
                outcome.memory.clone().unwrap_or_default(),
                outcome.verdict.word().to_owned(),
                number(outcome.count.passed),
                number(outcome.count.failed),
                number(outcome.count.ignored),
                if ran {
                    seconds(outcome.time)
                } else {
                    String::new()
                },
            ],
            outcome.remark(),
        ));
    }
    let mut widths = header.map(str::len);
    for (cells, _) in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String], why: &str| {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let _ = match at {
                0..4 => write!(line, "{cell:width$}  "),
                _ => write!(line, "{cell:>width$}  "),
            };
        }
        format!("{}\n", format!("{line}{why}").trim_end())
    };
    let mut out = format!("\n{}", line(&header.map(str::to_owned), ""));
    for (cells, why) in &rows {
        out += &line(cells, why);
    }

    out += &matrix(outcomes);
    out += &differences(outcomes);
    if !skips.is_empty() {
        out += "\nNot run under an emulator:\n";
        for skip in skips {
            out += &format!("  {skip}\n");
        }
    }
    let number = |word| {
        let with = outcomes
            .iter()
            .filter(|outcome| outcome.verdict.word() == word);
        with.count()
    };
    out += &format!(
        "\n{} cells: {} passed, {} failed, {} tolerated, {} skipped, in {}\n",
        outcomes.len(),
        number("passed"),
        number("FAILED"),
        number("tolerated"),
        number("skipped"),
        seconds(time),
    );
    let (passed, failed) = totals(outcomes);
    out + &format!("{passed} passed, {failed} failed\n")
}

/// The cells of steps that have platforms or memory variants, side by side.
fn matrix(outcomes: &[Outcome]) -> String {
    let mut columns: Vec<(&str, &str)> = Vec::new();
    let mut steps: Vec<&str> = Vec::new();
    let mut cells = BTreeMap::new();
    for outcome in outcomes {
        let column = match (&outcome.platform, &outcome.memory) {
            (None, None) => continue,
            (platform, memory) => (
                platform.as_deref().unwrap_or("any"),
                memory.as_deref().unwrap_or("-"),
            ),
        };
        if !columns.contains(&column) {
            columns.push(column);
        }
        if !steps.contains(&outcome.name.as_str()) {
            steps.push(&outcome.name);
        }
        cells.insert((outcome.name.as_str(), column), in_short(outcome));
    }
    // Those of a platform side by side, platforms in the order of the list.
    let first = |platform| columns.iter().position(|(other, _)| *other == platform);
    let mut sorted = columns.clone();
    sorted.sort_by_key(|&(platform, memory)| (first(platform), memory));

    let rows: Vec<Vec<&str>> = [
        sorted.iter().map(|(platform, _)| *platform).collect(),
        sorted.iter().map(|(_, memory)| *memory).collect(),
    ]
    .into_iter()
    .chain(steps.iter().map(|step| {
        let cell = |column| cells.get(&(*step, column)).map_or("", String::as_str);
        sorted.iter().map(|&column| cell(column)).collect()
    }))
    .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
    let widths: Vec<_> = (0..sorted.len()).map(|at| width(at).unwrap_or(0)).collect();
    let margin = steps.iter().map(|step| step.len()).fold(4, usize::max);
    let mut out = String::new();
    for (name, row) in ["", "step"]
        .into_iter()
        .chain(steps.iter().copied())
        .zip(&rows)
    {
        let mut line = format!("{name:margin$}");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "  {cell:>width$}");
        }
        out += &format!("{}\n", line.trim_end());
    }
    match sorted.is_empty() {
        true => String::new(),
        false => format!("\n{out}"),
    }
}

/// One word of the matrix: tests, and a percentage if the note begins with one.
fn in_short(outcome: &Outcome) -> String {
    if outcome.verdict != Verdict::Passed {
        return outcome.verdict.word().to_owned();
    }
    let count = match outcome.count.ran() {
        0 => "ok".to_owned(),
        _ => outcome.count.passed.to_string(),
    };
    match outcome.note.split_once('%') {
        Some((share, _)) if share.trim().parse::<f64>().is_ok() => {
            format!("{count}, {} %", share.trim())
        }
        _ => count,
    }
}

/// Tests that passed, and tests and steps that failed.
fn totals(outcomes: &[Outcome]) -> (u64, u64) {
    let passed = outcomes.iter().map(|outcome| outcome.count.passed).sum();
    let failed = outcomes.iter().map(|outcome| match outcome.verdict {
        Verdict::Failed(_) => outcome.count.failed.max(1),
        _ => 0,
    });
    (passed, failed.sum())
}

/// Cells of one step run the same tests, or it is said which ones differ.
fn differences(outcomes: &[Outcome]) -> String {
    const SHOWN: usize = 5;
    let mut out = String::new();
    let with_tests = |outcome: &&Outcome| !outcome.tests.is_empty();
    for (at, outcome) in outcomes.iter().enumerate().filter(|(_, o)| with_tests(o)) {
        let mut before = outcomes[..at].iter().filter(with_tests);
        let Some(first) = before.find(|other| other.name == outcome.name) else {
            continue;
        };
        let sides = [
            ("lacks", first.tests.difference(&outcome.tests)),
            ("adds", outcome.tests.difference(&first.tests)),
        ];
        for (verb, tests) in sides {
            let tests: Vec<_> = tests.map(String::as_str).collect();
            if tests.is_empty() {
                continue;
            }
            let more = match tests.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            out += &format!(
                "  {} {} {verb} {} tests of {}: {}{more}\n",
                outcome.name,
                outcome.cell(),
                tests.len(),
                first.cell(),
                tests[..tests.len().min(SHOWN)].join(", "),
            );
        }
    }
    match out.is_empty() {
        true => out,
        false => format!("\nNot the same tests in every cell:\n{out}"),
    }
}

/// The same for programs.
pub(crate) fn json(outcomes: &[Outcome], time: Duration) -> Value {
    let cells: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            json!({
                "step": outcome.name,
                "platform": outcome.platform,
                "memory": outcome.memory,
                "result": outcome.verdict.word().to_ascii_lowercase(),
                "why": outcome.verdict.why(),
                "note": outcome.note,
                "passed": outcome.count.passed,
                "failed": outcome.count.failed,
                "ignored": outcome.count.ignored,
                "left_out": outcome.count.filtered,
                "seconds": outcome.time.as_secs_f64(),
                "log": outcome.log,
            })
        })
        .collect();
    let (passed, failed) = totals(outcomes);
    json!({
        "cells": cells,
        "seconds": time.as_secs_f64(),
        "passed": passed,
        "failed": failed,
    })
}

/// `0.4 s`, `2 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, memory: Option<&str>, verdict: Verdict, tests: &[&str]) -> Outcome {
        Outcome {
            name: name.to_owned(),
            platform: Some("x86_64".to_owned()),
            memory: memory.map(str::to_owned),
            verdict,
            count: Count {
                passed: tests.len() as u64,
                ..Count::default()
            },
            tests: tests.iter().map(|&test| test.to_owned()).collect(),
            note: String::new(),
            time: Duration::from_secs(125),
            timed_out: false,
            log: None,
        }
    }

    #[test]
    fn the_last_line_counts_tests_and_failed_steps_but_not_skipped_ones() {
        let mut failed = outcome("b", None, Verdict::Failed("2 failed".to_owned()), &["x"]);
        failed.count.failed = 2;
        let outcomes = [
            outcome("a", None, Verdict::Passed, &["x", "y"]),
            failed,
            outcome("c", None, Verdict::Failed("exit status: 1".to_owned()), &[]),
            outcome("d", None, Verdict::Skipped("no emulator".to_owned()), &[]),
            outcome(
                "e",
                None,
                Verdict::Tolerated("exit status: 1".to_owned()),
                &[],
            ),
        ];

        let text = text(&outcomes, &[], Duration::ZERO);

        assert_eq!(text.lines().last(), Some("3 passed, 3 failed"));
        assert!(
            text.contains("5 cells: 1 passed, 2 failed, 1 tolerated, 1 skipped"),
            "{text}"
        );
        assert!(text.contains("no emulator"), "{text}");
        assert!(text.contains("2 min 05 s"), "{text}");
    }

    #[test]
    fn cells_stand_side_by_side_with_their_tests_and_coverage() {
        let mut mmap = outcome("t", Some("mmap"), Verdict::Passed, &["a", "b"]);
        mmap.note = "91.25 % of lines".to_owned();
        let mut arm = outcome("t", Some("mmap"), Verdict::Skipped("no".to_owned()), &[]);
        arm.platform = Some("aarch64".to_owned());
        let xen = outcome("t", Some("xen"), Verdict::Failed("1".to_owned()), &["a"]);

        let text = matrix(&[mmap, arm, xen]);

        assert_eq!(
            text,
            "\n          x86_64  x86_64  aarch64\n\
             step        mmap     xen     mmap\n\
             t     2, 91.25 %  FAILED  skipped\n"
        );
    }

    #[test]
    fn cells_that_run_other_tests_than_the_first_are_named() {
        let outcomes = [
            outcome("t", Some("mmap"), Verdict::Passed, &["a", "b"]),
            outcome("t", Some("xen"), Verdict::Passed, &["b", "c"]),
        ];

        let text = text(&outcomes, &[], Duration::ZERO);

        assert!(
            text.contains("t x86_64/xen lacks 1 tests of x86_64/mmap: a"),
            "{text}"
        );
        assert!(
            text.contains("t x86_64/xen adds 1 tests of x86_64/mmap: c"),
            "{text}"
        );
    }

    #[test]
    fn cells_with_the_same_tests_are_not_remarked_on() {
        let outcomes = [
            outcome("t", Some("mmap"), Verdict::Passed, &["a"]),
            outcome("t", Some("xen"), Verdict::Passed, &["a"]),
        ];

        assert!(!text(&outcomes, &[], Duration::ZERO).contains("same tests"));
    }
}
