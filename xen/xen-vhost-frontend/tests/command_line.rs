// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What an operator gets to read.

#![allow(missing_docs)]

use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    // Under an emulator a program of this target is run by it.
    let arch = std::env::consts::ARCH.to_uppercase();
    let variable = format!("CARGO_TARGET_{arch}_UNKNOWN_LINUX_GNU_RUNNER");
    let runner = std::env::var(variable).unwrap_or_default();
    let mut words = runner
        .split_whitespace()
        .chain([env!("CARGO_BIN_EXE_xen-vhost-frontend")]);
    Command::new(words.next().unwrap())
        .args(words)
        .args(args)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_backend_without_a_socket_is_a_usage_error_that_shows_the_form() {
    let output = run(&["--backend", "4"]);

    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("TYPE=SOCKET"), "{}", said(&output));
}

#[test]
fn a_backend_for_no_number_is_a_usage_error_that_names_it() {
    let output = run(&["--backend", "rng=/run/rng.sock"]);

    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("rng: give the number"),
        "{}",
        said(&output)
    );
}

#[test]
fn where_there_is_no_xen_the_missing_device_is_named() {
    if std::path::Path::new("/dev/xen/xenbus").exists() {
        return;
    }

    let output = run(&["--backend", "4=/run/rng.sock"]);

    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("/dev/xen/xenbus"),
        "{}",
        said(&output)
    );
}
