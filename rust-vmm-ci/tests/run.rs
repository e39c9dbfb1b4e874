// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The runner, with real child processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a test program prints of which one test fails.
const FAILS: &str = "running 1 test\ntest it ... FAILED\n\ntest result: FAILED. 0 passed; 1 failed; \
    0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

/// A folder with a list of steps.
struct Project(TempDir);

impl Project {
    fn new(tests: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".buildkite")).unwrap();
        let project = Self(folder);
        let list = json!({ "tests": tests }).to_string();
        project.write(".buildkite/test_description.json", &list);
        project
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.0.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rust-vmm-ci"));
        command.arg("run").args(args).current_dir(self.0.path());
        for name in ["TESTS_TO_SKIP", "TIMEOUTS_MIN", "RUST_VMM_CI_PLATFORM"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        finish(self.command(args).spawn().unwrap())
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join("target/ci").join(name)).unwrap()
    }
}

/// A run that came to its end.
struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Done {
    fn last(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    /// The line of the table that starts so.
    fn row(&self, start: &str) -> &str {
        let mut lines = self.out.lines();
        lines
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
    }
}

fn finish(mut child: Child) -> Done {
    wait(|| child.try_wait().unwrap().is_some());
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Done {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

fn wait(mut over: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !over() {
        assert!(Instant::now() < end, "no end after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn read_pid(file: &Path) -> Pid {
    let mut pid = None;
    wait(|| {
        let text = fs::read_to_string(file).unwrap_or_default();
        pid = text.trim().parse().ok().and_then(Pid::from_raw);
        pid.is_some()
    });
    pid.unwrap()
}

fn result_line(passed: u32, failed: u32) -> String {
    format!("echo 'test result: ok. {passed} passed; {failed} failed; 1 ignored; 0 measured'")
}

#[test]
fn a_failing_step_does_not_stop_the_others_and_fails_the_run() {
    let project = Project::new(json!([
        { "test_name": "first", "command": "echo to the log; exit 3" },
        { "test_name": "second", "command": result_line(4, 0) },
    ]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(1), "{}", done.out);
    assert_eq!(done.last(), "4 passed, 1 failed");
    assert!(done.row("first ").contains("FAILED"), "{}", done.out);
    assert!(
        done.row("first ").contains("exit status: 3"),
        "{}",
        done.out
    );
    assert!(done.row("second ").contains("passed"), "{}", done.out);
    assert!(done.out.contains("| to the log"), "{}", done.out);
    assert_eq!(project.log("01-first.log"), "to the log\n");
}

#[test]
fn steps_that_pass_end_with_status_0_and_all_their_tests() {
    let project = Project::new(json!([
        { "test_name": "a", "command": result_line(4, 0) },
        { "test_name": "b", "command": ["true", &result_line(3, 0)] },
    ]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(0), "{}", done.out);
    assert_eq!(done.last(), "7 passed, 0 failed");
}

#[test]
fn failed_tests_are_counted_one_by_one() {
    let command = format!("{}; exit 101", result_line(4, 2));
    let project = Project::new(json!([{ "test_name": "a", "command": command }]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(1));
    assert_eq!(done.last(), "4 passed, 2 failed");
    assert!(done.row("a ").contains("2 tests failed"), "{}", done.out);
}

#[test]
fn fail_fast_lists_the_rest_as_skipped() {
    let project = Project::new(json!([
        { "test_name": "first", "command": "false" },
        { "test_name": "second", "command": "touch ran" },
    ]));

    let done = project.run(&["--fail-fast"]);

    assert_eq!(done.code, Some(1));
    assert!(
        done.row("second ").contains("an earlier step failed"),
        "{}",
        done.out
    );
    assert!(!project.0.path().join("ran").exists());
}

#[test]
fn a_platform_that_cannot_be_run_here_is_listed_with_the_reason() {
    let project = Project::new(json!([
        { "test_name": "odd", "command": "touch ran", "platform": ["pdp11", "x86_64", "aarch64"] },
    ]));
    project.write(".platform", "pdp11\n");

    let done = project.run(&[]);

    assert_eq!(done.code, Some(0), "{}", done.out);
    assert!(
        done.row("odd   pdp11").contains("not pdp11"),
        "{}",
        done.out
    );
    assert!(
        done.row("odd   x86_64")
            .contains("x86_64 is not in .platform"),
        "{}",
        done.out
    );
    assert_eq!(done.last(), "0 passed, 0 failed");
    assert!(!project.0.path().join("ran").exists());
}

#[test]
fn a_step_that_cannot_be_done_here_says_so_with_status_77() {
    let project = Project::new(json!([
        { "test_name": "advisories", "command": "echo the database cannot be had; exit 77" },
    ]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(0), "{}", done.out);
    let row = done.row("advisories ");
    assert!(
        row.contains("skipped") && row.contains("the database cannot be had"),
        "{row}"
    );
}

#[test]
fn tests_to_skip_are_listed_as_skipped() {
    let project = Project::new(json!([{ "test_name": "slow", "command": "false" }]));
    let mut command = project.command(&[]);
    command.env("TESTS_TO_SKIP", "[\"slow\"]");

    let done = finish(command.spawn().unwrap());

    assert_eq!(done.code, Some(0), "{}", done.out);
    assert!(done.row("slow ").contains("TESTS_TO_SKIP"), "{}", done.out);
}

#[test]
fn a_tolerated_failure_is_shown_and_does_not_fail_the_run() {
    let project = Project::new(json!([
        { "test_name": "soft", "command": "exit 4", "soft_fail": [{ "exit_status": 4 }] },
    ]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(0), "{}", done.out);
    assert!(done.row("soft ").contains("tolerated"), "{}", done.out);
    assert_eq!(done.last(), "0 passed, 0 failed");
}

#[test]
fn a_cell_whose_test_fails_once_passes_at_the_second_attempt_and_says_so() {
    let project = Project::new(json!([
        { "test_name": "flaky", "command": "test -e ran || { touch ran; cat fails; exit 3; }" },
    ]));
    project.write("fails", FAILS);

    let done = project.run(&["--retries", "1"]);

    assert_eq!(done.code, Some(0), "{}", done.out);
    let row = done.row("flaky ");
    assert!(
        row.contains("passed") && row.contains("attempt 2, after: 1 tests failed"),
        "{row}"
    );
    assert!(project.log("01-flaky.log").contains("FAILED"));
    assert!(!project.log("01-flaky.2.log").contains("FAILED"));
}

#[test]
fn a_cell_whose_tests_always_fail_runs_as_often_as_allowed_and_has_failed() {
    let project = Project::new(json!([
        { "test_name": "broken", "command": "echo x >> ran; cat fails; exit 3" },
    ]));
    project.write("fails", FAILS);

    let done = project.run(&["--retries", "2"]);

    assert_eq!(done.code, Some(1), "{}", done.out);
    let ran = fs::read_to_string(project.0.path().join("ran")).unwrap();
    assert_eq!(ran.lines().count(), 3);
}

#[test]
fn a_step_is_not_started_on_a_disk_that_is_nearly_full() {
    let project = Project::new(json!([{ "test_name": "one", "command": "touch started" }]));

    let done = project.run(&["--space", &u64::MAX.to_string()]);

    assert_eq!(done.code, Some(1), "{}{}", done.out, done.err);
    assert!(done.row("one ").contains("FAILED"), "{}", done.out);
    assert!(done.row("one ").contains("MiB are left"), "{}", done.out);
    assert_eq!(done.last(), "0 passed, 1 failed");
    assert!(!project.0.path().join("started").exists());
}

#[test]
fn a_cell_that_fails_without_a_failed_test_is_not_tried_again() {
    let project = Project::new(json!([
        { "test_name": "broken", "command": "echo x >> ran; exit 3" },
    ]));

    let done = project.run(&["--retries", "2"]);

    assert_eq!(done.code, Some(1), "{}", done.out);
    let ran = fs::read_to_string(project.0.path().join("ran")).unwrap();
    assert_eq!(ran.lines().count(), 1);
}

#[test]
fn a_test_command_that_runs_no_test_fails() {
    let project = Project::new(json!([
        { "test_name": "empty", "command": "cargo() { true; }; cargo test" },
    ]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(1), "{}", done.out);
    assert!(done.row("empty ").contains("ran no test"), "{}", done.out);
}

#[test]
fn memory_variants_and_env_reach_the_command() {
    let command = "test \"$RUST_VMM_CI_MEMORY\" = {memory} && test \"$OWN\" = 1";
    let project = Project::new(json!([
        { "test_name": "t", "command": command, "memory": ["mmap", "xen"], "env": { "OWN": 1 } },
    ]));

    let both = project.run(&[]);
    let one = project.run(&["--memory", "xen"]);
    let labelled = project.run(&["--only", "t-mmap"]);

    assert_eq!(both.code, Some(0), "{}", both.out);
    assert!(both.out.contains("2 cells: 2 passed"), "{}", both.out);
    assert!(one.out.contains("1 cells: 1 passed"), "{}", one.out);
    assert!(one.row("t ").contains("xen"), "{}", one.out);
    assert!(labelled.row("t ").contains("mmap"), "{}", labelled.out);
}

#[test]
fn names_that_no_step_has_are_usage_errors() {
    let project = Project::new(json!([
        { "test_name": "t", "command": "true", "platform": ["x86_64"], "memory": ["xen"] },
    ]));

    for (flag, expected) in [
        ("--only", "there is no such step; there are t"),
        ("--platform", "no step is for it; there are x86_64"),
        ("--memory", "no step is for it; there are xen"),
    ] {
        let done = project.run(&[flag, "other"]);
        assert_eq!(done.code, Some(2), "{}", done.err);
        assert!(done.err.contains(expected), "{}", done.err);
    }
}

#[test]
fn a_wrong_list_is_refused_before_any_step_runs() {
    let project = Project::new(json!([
        { "test_name": "good", "command": "touch ran" },
        { "test_name": "bad", "command": "echo {memory}" },
    ]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(1));
    assert!(
        done.err.contains("step 2 (`bad`): key `memory`"),
        "{}",
        done.err
    );
    assert!(!project.0.path().join("ran").exists());
}

#[test]
fn what_a_step_leaves_behind_is_named_and_ended() {
    // It leaves the step's process group, too.
    let project = Project::new(json!([
        { "test_name": "messy", "command": "setsid sh -c 'echo $$ >pid; exec sleep 600' &" },
    ]));

    let done = project.run(&[]);

    assert_eq!(done.code, Some(1), "{}", done.out);
    assert!(done.row("messy ").contains("left behind"), "{}", done.out);
    let pid = read_pid(&project.0.path().join("pid"));
    assert!(test_kill_process(pid).is_err());
}

#[test]
fn a_step_that_hangs_is_ended_and_what_still_ran_is_listed() {
    let project = Project::new(json!([
        { "test_name": "stuck", "command": "echo begun; sleep 601; true" },
        { "test_name": "next", "command": "true" },
    ]));

    let done = project.run(&["--silence", "4"]);

    assert_eq!(done.code, Some(1), "{}", done.out);
    let why = "printed nothing for 4.0 s, and was ended";
    assert!(done.row("stuck ").contains(why), "{}", done.out);
    assert!(done.out.contains("| begun"), "{}", done.out);
    assert!(done.out.contains("still ran: sleep 601"), "{}", done.out);
    assert!(done.row("next ").contains("passed"), "{}", done.out);
}

#[test]
fn a_step_that_prints_now_and_then_does_not_hang() {
    let script = "for i in $(seq 26); do sleep 0.2; echo $i; done";
    let project = Project::new(json!([{ "test_name": "slow", "command": script }]));

    let done = project.run(&["--silence", "4"]);

    assert!(done.row("slow ").contains("passed"), "{}", done.out);
}

#[test]
fn an_interrupt_ends_the_step_with_its_children_and_skips_the_rest() {
    let script = "setsid sh -c 'trap \"\" TERM; echo $$ >stubborn; while :; do sleep 1; done' & \
                  echo $$ >shell; sleep 600";
    let project = Project::new(json!([
        { "test_name": "long", "command": script },
        { "test_name": "next", "command": "touch ran" },
    ]));
    let child = project.command(&[]).spawn().unwrap();
    let shell = read_pid(&project.0.path().join("shell"));
    let stubborn = read_pid(&project.0.path().join("stubborn"));

    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let done = finish(child);

    assert_eq!(done.code, Some(130), "{}", done.err);
    assert!(done.row("long ").contains("interrupted"), "{}", done.out);
    assert!(done.row("next ").contains("skipped"), "{}", done.out);
    assert_eq!(done.last(), "0 passed, 1 failed");
    assert!(test_kill_process(shell).is_err());
    assert!(test_kill_process(stubborn).is_err());
    assert!(!project.0.path().join("ran").exists());
}

/// A machine of another platform with an emulator: nothing in it emulates anything.
fn emulating(project: &Project, args: &[&str]) -> Option<Command> {
    if cfg!(target_arch = "aarch64") {
        return None;
    }
    let tools: PathBuf = project.0.path().join("tools");
    for (name, script) in [
        ("aarch64-linux-gnu-gcc", "exit 1"),
        ("qemu-aarch64-static", "exit 1"),
        ("rustc", "echo /"),
    ] {
        project.write(&format!("tools/{name}"), &format!("#!/bin/sh\n{script}\n"));
        let made = Command::new("chmod")
            .arg("+x")
            .arg(tools.join(name))
            .status();
        assert!(made.unwrap().success());
    }
    let mut command = project.command(args);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", tools.display()));
    Some(command)
}

const FILTERED: &str = "cargo() { echo \"$@\"; \
    echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; x'; }; \
    test \"$CARGO_BUILD_TARGET\" = aarch64-unknown-linux-gnu; cargo test -- {skips}";

#[test]
fn an_emulated_step_gets_its_target_and_leaves_out_the_listed_tests() {
    let project = Project::new(json!([
        { "test_name": "t", "command": FILTERED, "platform": ["aarch64"] },
    ]));
    project.write(
        "rust-vmm-ci/skips.json",
        r#"{"limit": 1, "tests": [{"test": "a::aio", "reason": "qemu has no AIO"}]}"#,
    );
    let Some(mut command) = emulating(&project, &[]) else {
        return;
    };

    let done = finish(command.spawn().unwrap());

    assert_eq!(done.code, Some(0), "{}", done.out);
    assert!(
        done.out.contains("t-aarch64: a::aio: qemu has no AIO"),
        "{}",
        done.out
    );
    assert!(
        project
            .log("01-t-aarch64.log")
            .starts_with("test -- --skip a::aio\n")
    );
}

#[test]
fn a_skip_list_that_leaves_out_another_number_of_tests_fails_the_step() {
    let project = Project::new(json!([
        { "test_name": "t", "command": FILTERED, "platform": ["aarch64"] },
    ]));
    project.write(
        "rust-vmm-ci/skips.json",
        r#"{"limit": 2, "tests": [{"test": "a", "reason": "r"}, {"test": "b", "reason": "r"}]}"#,
    );
    let Some(mut command) = emulating(&project, &[]) else {
        return;
    };

    let done = finish(command.spawn().unwrap());

    assert_eq!(done.code, Some(1), "{}", done.out);
    let why = "the skip list names 2 tests, and 1 were left out";
    assert!(done.row("t ").contains(why), "{}", done.out);
}

#[test]
fn a_run_leaves_a_summary_for_programs() {
    let project = Project::new(json!([{ "test_name": "a", "command": result_line(4, 0) }]));

    project.run(&[]);

    let summary: Value = serde_json::from_str(&project.log("summary.json")).unwrap();
    assert_eq!(summary["passed"], 4);
    assert_eq!(summary["cells"][0]["result"], "passed");
    assert_eq!(summary["cells"][0]["ignored"], 1);
}
