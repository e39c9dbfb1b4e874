// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a process writes to its standard error under which settings.

mod child;

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

/// What is logged with `--log-level LEVEL` (none if empty) and the environment given.
fn logged(level: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stderr");
    let file = File::create(&path).unwrap();
    let metadata = file.metadata().unwrap();
    let mut command = child::command("log", &[]);
    if !level.is_empty() {
        command.args(["--level", level]);
    }
    command
        .env_remove("RUST_LOG")
        .env_remove("JOURNAL_STREAM")
        .stdout(Stdio::null())
        .stderr(file);
    for (name, value) in environment {
        let value = value.replace("STDERR", &format!("{}:{}", metadata.dev(), metadata.ino()));
        command.env(name, value);
    }

    assert!(child::wait(&mut command.spawn().unwrap()).success());

    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_default_level_is_info() {
    assert_eq!(logged("", &[]).len(), 2);
}

#[test]
fn rust_log_sets_the_level() {
    assert_eq!(logged("", &[("RUST_LOG", "warn")]).len(), 1);
}

#[test]
fn an_empty_rust_log_is_none() {
    assert_eq!(logged("", &[("RUST_LOG", "")]).len(), 2);
}

#[test]
fn the_flag_goes_before_rust_log() {
    assert_eq!(logged("debug", &[("RUST_LOG", "off")]).len(), 3);
}

#[test]
fn off_is_silent() {
    assert_eq!(logged("off", &[]), [""; 0]);
}

#[test]
fn a_line_shows_time_level_and_module() {
    let line = &logged("warn", &[])[0];

    assert!(line.ends_with("Z WARN  player: a warning"), "{line}");
}

#[test]
fn a_line_for_the_journal_shows_the_priority() {
    let lines = logged("warn", &[("JOURNAL_STREAM", "STDERR")]);

    assert_eq!(lines, ["<4>player: a warning"]);
}
