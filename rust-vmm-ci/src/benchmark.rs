// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `rust-vmm-ci benchmark`: criterion here and on the base branch, side by side.
//!
//! The base branch is checked out in a folder of its own, so the work tree stays as it is, whatever
//! happens. Both runs share the target folder: what did not change is not compiled twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::Value;

use crate::children::{self, End, Patience};
use crate::commits::{fetch_base, git};
use crate::error::{Error, Result};

/// Criterion's names for the two sets of figures.
const BASE: &str = "rust-vmm-ci-base";
const HEAD: &str = "rust-vmm-ci-head";

#[derive(Args)]
pub(crate) struct Options {
    /// The branch to compare with [default: as commit-format finds it]
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,

    /// A commit that is here already, instead of a branch to be fetched
    #[arg(long, value_name = "COMMIT", conflicts_with = "base")]
    base_commit: Option<String>,

    /// Fail if a benchmark became slower by more than this; without it none can fail
    #[arg(long, value_name = "PER CENT")]
    fail_above: Option<f64>,

    /// Arguments for `cargo bench` [default: --bench main --all-features]
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// A folder with the base branch in it, registered with git for as long as it is there.
struct Worktree(tempfile::TempDir);

impl Worktree {
    fn new(commit: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("rust-vmm-ci")
            .tempdir()
            .map_err(Error::write(&std::env::temp_dir()))?;
        let path = folder.path().to_string_lossy().into_owned();
        git(&["worktree", "add", "--quiet", "--detach", &path, commit])?;
        Ok(Self(folder))
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        let path = self.0.path().to_string_lossy().into_owned();
        let _ = git(&["worktree", "remove", "--force", &path]);
    }
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let root = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?.trim());
    let commit = match &options.base_commit {
        Some(commit) => git(&["rev-parse", "--verify", "--end-of-options", commit])?,
        None => {
            fetch_base(options.base.as_deref())?;
            git(&["rev-parse", "--verify", "FETCH_HEAD"])?
        }
    };
    let commit = commit.trim();
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = root.join(target.map_or_else(|| "target".into(), PathBuf::from));

    println!("benchmarks of the work tree");
    if let Some(error) = bench(options, &root, &target, HEAD)? {
        return Err(error);
    }
    println!("benchmarks of the base, {commit}");
    let worktree = Worktree::new(commit)?;
    let base_error = bench(options, worktree.0.path(), &target, BASE)?;
    drop(worktree);
    match base_error {
        // The first benchmark of a crate has nothing to be compared with.
        Some(Error::Command { why, .. }) if why.contains("no bench target named") => {
            println!("the base has no such benchmark: nothing to compare");
            return Ok(true);
        }
        Some(error) => return Err(error),
        None => {}
    }

    let folder = target.join("criterion");
    let rows = compare(&figures(&folder, BASE), &figures(&folder, HEAD));
    print!("{}", table(&rows));
    let slower = |row: &&Row| match (row.change(), options.fail_above) {
        (Some(change), Some(limit)) => change > limit,
        _ => false,
    };
    let slower: Vec<_> = rows
        .iter()
        .filter(slower)
        .map(|row| row.name.as_str())
        .collect();
    if !slower.is_empty() {
        println!("too much slower: {}", slower.join(", "));
    }
    Ok(slower.is_empty())
}

/// Runs the benchmarks in `folder`; why they failed, if they did.
fn bench(options: &Options, folder: &Path, target: &Path, name: &str) -> Result<Option<Error>> {
    let default = ["--bench", "main", "--all-features"].map(str::to_owned);
    let arguments = match options.arguments.as_slice() {
        [] => default.as_slice(),
        given => given,
    };
    let log = tempfile::NamedTempFile::new().map_err(Error::write(&std::env::temp_dir()))?;
    let output = || log.reopen().map_err(Error::write(log.path()));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .arg("bench")
        .args(arguments)
        .args(["--", "--noplot", "--save-baseline", name])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("CRITERION_HOME", target.join("criterion"))
        .stdin(Stdio::null())
        .stderr(output()?);
    let end = children::run(&mut command, None, |_| Patience::Left)?;
    children::end_all();
    let why = fs::read_to_string(log.path()).unwrap_or_default();
    match end {
        End::Exited(status) if status.success() => Ok(None),
        End::Interrupted(signal) => Err(Error::Interrupted(signal)),
        _ => Ok(Some(Error::Command {
            command: format!("cargo bench {}", arguments.join(" ")),
            why: why.trim().to_owned(),
        })),
    }
}

/// Nanoseconds of each benchmark whose figures criterion kept under `name`.
fn figures(folder: &Path, name: &str) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(here) = folders.pop() {
        let estimates = here.join(name).join("estimates.json");
        if let Ok(text) = fs::read_to_string(&estimates) {
            let json: Value = serde_json::from_str(&text).unwrap_or_default();
            // There is a slope only where the number of iterations was varied.
            let slope = json["slope"]["point_estimate"].as_f64();
            if let Some(time) = slope.or(json["mean"]["point_estimate"].as_f64()) {
                let bench = here.strip_prefix(folder).unwrap_or(&here);
                figures.insert(bench.display().to_string(), time);
            }
            continue;
        }
        for entry in fs::read_dir(&here).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    figures
}

#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    base: Option<f64>,
    head: Option<f64>,
}

impl Row {
    /// In per cent; more is slower.
    fn change(&self) -> Option<f64> {
        let (base, head) = (self.base?, self.head?);
        (base > 0.0).then(|| (head / base - 1.0) * 100.0)
    }
}

fn compare(base: &BTreeMap<String, f64>, head: &BTreeMap<String, f64>) -> Vec<Row> {
    let mut names: Vec<_> = base.keys().chain(head.keys()).collect();
    names.sort();
    names.dedup();
    let row = |name: &String| Row {
        name: name.clone(),
        base: base.get(name).copied(),
        head: head.get(name).copied(),
    };
    names.into_iter().map(row).collect()
}

fn table(rows: &[Row]) -> String {
    let width = rows
        .iter()
        .map(|row| row.name.len())
        .max()
        .unwrap_or(0)
        .max(9);
    let time =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ns| format!("{ns:.1} ns"));
    let mut out = format!(
        "{:width$}  {:>16}  {:>16}  change\n",
        "benchmark", "base", "here"
    );
    for row in rows {
        let change = row
            .change()
            .map_or_else(String::new, |change| format!("{change:+.1} %"));
        let line = format!(
            "{:width$}  {:>16}  {:>16}  {change}",
            row.name,
            time(row.base),
            time(row.head)
        );
        out += &format!("{}\n", line.trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(folder: &Path, bench: &str, name: &str, estimates: &str) {
        let folder = folder.join(bench).join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("estimates.json"), estimates).unwrap();
    }

    #[test]
    fn figures_are_found_at_any_depth_and_prefer_the_slope() {
        let folder = tempfile::tempdir().unwrap();
        let slope = r#"{"mean": {"point_estimate": 9.0}, "slope": {"point_estimate": 8.0}}"#;
        let mean = r#"{"mean": {"point_estimate": 5.0}, "slope": null}"#;
        keep(folder.path(), "ring/pop/64", "base", slope);
        keep(folder.path(), "ring/push", "base", mean);
        keep(folder.path(), "ring/push", "other", slope);

        let figures = figures(folder.path(), "base");

        let expected = [("ring/pop/64", 8.0), ("ring/push", 5.0)];
        let expected = expected.map(|(name, time)| (name.to_owned(), time));
        assert_eq!(figures, BTreeMap::from(expected));
    }

    #[test]
    fn a_table_shows_changes_and_what_is_on_one_side_only() {
        let base = BTreeMap::from([("a".to_owned(), 100.0), ("gone".to_owned(), 1.0)]);
        let head = BTreeMap::from([("a".to_owned(), 110.0), ("new".to_owned(), 1.0)]);

        let rows = compare(&base, &head);

        let changes: Vec<_> = rows
            .iter()
            .map(|row| row.change().map(f64::round))
            .collect();
        assert_eq!(changes, [Some(10.0), None, None]);
        assert!(table(&rows).contains("+10.0 %"));
    }
}
