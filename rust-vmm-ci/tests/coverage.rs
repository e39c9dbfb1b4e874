// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The coverage gate, with its files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A report in which one crate has so many of 1000 lines covered.
fn report(covered: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::canonicalize(folder.path())
        .unwrap()
        .join("crates/a/src/lib.rs");
    let mut text = format!("SF:{}\n", file.display());
    for line in 1..=1000 {
        text += &format!("DA:{line},{}\n", u32::from(line <= covered));
    }
    fs::write(folder.path().join("report.lcov"), text + "end_of_record\n").unwrap();
    folder
}

fn gate(folder: &Path, floor: f64) {
    let gate = json!({
        "floors": { "mmap": { "total": floor, "staging": null, "crates": { "crates/a": floor } } }
    });
    fs::write(folder.join("gate.json"), gate.to_string()).unwrap();
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rust-vmm-ci"))
        .args([
            "coverage",
            "--report",
            "report.lcov",
            "--gate",
            "gate.json",
            "--key",
            "mmap",
        ])
        .args(args)
        .current_dir(fs::canonicalize(folder).unwrap())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn floor(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("gate.json")).unwrap();
    let gate: Value = serde_json::from_str(&text).unwrap();
    gate["floors"]["mmap"]["total"].clone()
}

#[test]
fn coverage_at_the_floor_passes_without_a_word_about_raising() {
    let folder = report(902);
    gate(folder.path(), 90.0);

    let output = run(folder.path(), &[]);

    assert!(output.status.success(), "{output:?}");
    assert!(
        out(&output).contains("total: 90.20 %, floor 90.00 %"),
        "{output:?}"
    );
    assert!(!out(&output).contains("raise"), "{output:?}");
}

#[test]
fn coverage_below_the_floor_fails_with_the_points_and_the_file() {
    let folder = report(885);
    gate(folder.path(), 90.0);

    let output = run(folder.path(), &[]);

    assert_eq!(output.status.code(), Some(1));
    let text = out(&output);
    assert!(
        text.contains("FELL: crates/a: 88.50 %, 1.50 points below"),
        "{text}"
    );
    assert!(
        text.contains("crates/a/src/lib.rs: 115 of 1000 lines missed"),
        "{text}"
    );
}

#[test]
fn coverage_far_above_the_floor_asks_to_raise_it_and_update_does() {
    let folder = report(950);
    gate(folder.path(), 90.0);

    let asked = run(folder.path(), &[]);
    let updated = run(folder.path(), &["--update"]);

    assert!(asked.status.success() && updated.status.success());
    assert!(
        out(&asked).contains("raise the floor (--update)"),
        "{asked:?}"
    );
    assert_eq!(floor(folder.path()), 95.0);
}

#[test]
fn an_update_does_not_lower_a_floor_without_a_reason() {
    let folder = report(880);
    gate(folder.path(), 90.0);

    let without = run(folder.path(), &["--update"]);
    let kept = floor(folder.path());
    let empty = run(folder.path(), &["--update", "--allow-drop", " "]);
    let with = run(
        folder.path(),
        &["--update", "--allow-drop", "the parser left"],
    );

    assert_eq!(without.status.code(), Some(1));
    assert_eq!(kept, 90.0);
    assert_eq!(empty.status.code(), Some(2));
    assert!(with.status.success(), "{with:?}");
    assert_eq!(floor(folder.path()), 88.0);
    let text = fs::read_to_string(folder.path().join("gate.json")).unwrap();
    assert!(text.contains("the parser left"), "{text}");
}

#[test]
fn a_first_update_makes_the_gate_file_and_other_keys_are_unknown_before_theirs() {
    let folder = report(900);

    let before = run(folder.path(), &[]);
    let first = run(folder.path(), &["--update"]);
    let other = run(folder.path(), &["--key", "xen"]);

    assert_eq!(before.status.code(), Some(1));
    assert!(first.status.success(), "{first:?}");
    assert_eq!(floor(folder.path()), 90.0);
    assert!(!other.status.success());
}

#[test]
fn a_report_of_another_folder_is_refused() {
    let folder = report(900);
    gate(folder.path(), 90.0);
    let elsewhere = tempfile::tempdir().unwrap();

    let output = run(
        folder.path(),
        &["--root", elsewhere.path().to_str().unwrap()],
    );

    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("has no file below"),
        "{output:?}"
    );
}
