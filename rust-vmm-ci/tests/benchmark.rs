// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The benchmark comparison, with a cargo that only pretends to measure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Keeps what stands in the file `time` of the folder where it runs as criterion keeps figures.
const CARGO: &str = r#"#!/bin/sh -e
[ -e time ] || { echo 'error: no bench target named `main`' >&2; exit 101; }
for name; do :; done
mkdir -p "$CRITERION_HOME/ring/pop/$name"
printf '{"mean": {"point_estimate": %s}}' "$(cat time)" >"$CRITERION_HOME/ring/pop/$name/estimates.json"
"#;

fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {done:?}");
}

/// A repository with a commit for each time; none: without benchmarks.
fn repository(times: &[Option<u32>]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    fs::write(folder.path().join(".gitignore"), "target\ncargo\n").unwrap();
    let cargo = folder.path().join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    for time in times {
        if let Some(time) = time {
            fs::write(folder.path().join("time"), time.to_string()).unwrap();
        }
        git(folder.path(), &["add", "--all"]);
        git(
            folder.path(),
            &["commit", "--quiet", "--allow-empty", "--message", "commit"],
        );
    }
    folder
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rust-vmm-ci"))
        .args(["benchmark", "--base-commit", "main~1"])
        .args(args)
        .env("CARGO", folder.join("cargo"))
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_slower_benchmark_is_shown_and_fails_only_above_the_limit() {
    let repository = repository(&[Some(100), Some(120)]);

    let shown = run(repository.path(), &[]);
    let failed = run(repository.path(), &["--fail-above", "10"]);

    assert!(shown.status.success(), "{shown:?}");
    assert!(out(&shown).contains("+20.0 %"), "{shown:?}");
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(
        out(&failed).contains("too much slower: ring/pop"),
        "{failed:?}"
    );
    let worktrees = fs::read_dir(repository.path().join(".git/worktrees"));
    assert_eq!(worktrees.map_or(0, Iterator::count), 0);
}

#[test]
fn a_base_without_benchmarks_is_nothing_to_compare_with() {
    let repository = repository(&[None, Some(100)]);

    let output = run(repository.path(), &[]);

    assert!(output.status.success(), "{output:?}");
    assert!(out(&output).contains("nothing to compare"), "{output:?}");
}

#[test]
fn benchmarks_that_fail_here_fail_the_check() {
    let repository = repository(&[None, None]);

    let output = run(repository.path(), &[]);

    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no bench target named"));
}
