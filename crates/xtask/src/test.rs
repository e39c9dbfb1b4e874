// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask test`: all that must hold before a change goes in.

use clap::Args;

use crate::steps::{self, Expect, Step};
use crate::workspace::{self, BOTH, Memory, cargo, this_program};
use crate::{Result, devices};

#[derive(Args)]
pub(crate) struct Options {
    /// One memory variant and no demo: for the inner loop
    #[arg(long)]
    quick: bool,

    /// Only this memory variant
    #[arg(long, value_enum)]
    memory: Option<Memory>,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let variants = match options.memory {
        Some(memory) => vec![memory],
        None if options.quick => vec![Memory::Mmap],
        None => BOTH.to_vec(),
    };
    let mut steps = vec![
        step(
            "format",
            cargo(&["fmt", "--all", "--check", "--", "--color=never"]),
        ),
        step("rules of the workspace", this_program(&["lint"])),
        refusal(
            "mmap and xen together",
            &["--features", "mmap,xen"],
            "exclude each other",
        ),
        refusal("neither mmap nor xen", &[], "choose the guest memory"),
    ];
    for memory in variants {
        steps.extend(of_variant(memory));
        if !options.quick && devices::DEVICES.iter().any(|device| device.runs_on(memory)) {
            let args = ["demo", "--memory", memory.feature()];
            steps.push(step(&format!("demo ({memory})"), this_program(&args)));
        }
    }
    steps::run(steps, &workspace::target()?.join("xtask"))
}

fn of_variant(memory: Memory) -> [Step; 3] {
    let cargo = |before: &[&str], after: &[&str]| {
        cargo(&[before, &["--workspace"], &memory.args(), after].concat())
    };
    let clippy = cargo(&["clippy", "--all-targets"], &["--", "-D", "warnings"]);
    let tests = cargo(&["test", "--no-fail-fast"], &[]);
    let mut docs = cargo(&["doc", "--no-deps"], &[]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    [
        step(&format!("clippy ({memory})"), clippy),
        Step {
            expect: Expect::Tests,
            ..step(&format!("tests ({memory})"), tests)
        },
        step(&format!("docs ({memory})"), docs),
    ]
}

fn step(name: &str, command: std::process::Command) -> Step {
    Step {
        name: name.to_owned(),
        command,
        expect: Expect::Success,
    }
}

/// A selection of features that guest-memory must not compile with.
fn refusal(name: &str, features: &[&str], message: &'static str) -> Step {
    let check = [
        "check",
        "--package",
        "guest-memory",
        "--no-default-features",
    ];
    Step {
        expect: Expect::Refusal(message),
        ..step(name, cargo(&[&check, features].concat()))
    }
}
