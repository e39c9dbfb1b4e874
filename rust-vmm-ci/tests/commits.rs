// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Commit messages, in real repositories.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

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

fn commit(folder: &Path, message: &str) {
    git(
        folder,
        &["commit", "--quiet", "--allow-empty", "--message", message],
    );
}

/// A repository whose branch `main` has one commit, which is not signed.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    commit(folder.path(), "base");
    folder
}

fn check(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rust-vmm-ci"));
    command.arg("commit-format").args(args).current_dir(folder);
    for name in [
        "BUILDKITE_REPO",
        "REMOTE",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
        "BASE_BRANCH",
    ] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn signed_commits_of_a_range_pass() {
    let repository = repository();
    commit(repository.path(), "title\n\nbody\n\nSigned-off-by: A <a@b>");

    let output = check(repository.path(), &["main~1..main"]);

    assert!(output.status.success(), "{output:?}");
    assert!(out(&output).contains("1 commits of main~1..main: 0 faults"));
}

#[test]
fn an_unsigned_commit_with_a_long_title_fails_with_both_faults() {
    let repository = repository();
    commit(repository.path(), &"t".repeat(80));

    let output = check(repository.path(), &["main~1..main"]);

    assert_eq!(output.status.code(), Some(1));
    let text = out(&output);
    assert!(text.contains("80 characters, and may have 72"), "{text}");
    assert!(text.contains("no Signed-off-by line"), "{text}");
}

#[test]
fn dependabot_and_merges_are_not_looked_at() {
    let repository = repository();
    let folder = repository.path();
    git(folder, &["checkout", "--quiet", "-b", "side"]);
    let author = "--author=dependabot[bot] <1+dependabot[bot]@users.noreply.github.com>";
    git(
        folder,
        &[
            "commit",
            "--quiet",
            "--allow-empty",
            author,
            "--message",
            "bump",
        ],
    );
    git(folder, &["checkout", "--quiet", "main"]);
    git(
        folder,
        &["merge", "--quiet", "--no-ff", "--message", "merge", "side"],
    );

    let output = check(folder, &["main~1..main"]);

    assert!(output.status.success(), "{output:?}");
    assert!(out(&output).contains("0 commits"), "{output:?}");
}

#[test]
fn without_a_range_the_commits_that_the_remote_branch_lacks_are_looked_at() {
    let upstream = repository();
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    let from = upstream.path().to_str().unwrap();
    git(folder.path(), &["clone", "--quiet", from, "clone"]);
    commit(&clone, "unsigned");

    let output = check(&clone, &[]);

    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        out(&output).contains("1 commits of FETCH_HEAD..HEAD: 1 faults"),
        "{output:?}"
    );
}

#[test]
fn without_a_remote_the_check_says_that_it_cannot_be_done_here() {
    let repository = repository();

    let output = check(repository.path(), &[]);

    assert_eq!(output.status.code(), Some(77), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no remote `origin`"));
}

#[test]
fn what_is_no_range_is_a_usage_error() {
    let repository = repository();

    for range in ["main", "-x..y"] {
        let output = check(repository.path(), &["--", range]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
