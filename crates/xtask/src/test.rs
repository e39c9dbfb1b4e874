// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask test`: all that must hold before a change goes in.
//!
//! The list of steps is `.buildkite/test_description.json`, the same that Buildkite gets; rust-vmm-ci
//! runs it. On a machine where everything could be installed, a cell that is skipped is a failure
//! unless `rust-vmm-ci/skips.json` names it.

use std::process::ExitCode;

use clap::Args;

use crate::{Result, children, setup, workspace};

/// The steps of `--quick`.
const QUICK: &str = ".buildkite/quick.json";

#[derive(Args)]
pub(crate) struct Options {
    /// Format, rules, clippy and tests of one memory variant on this platform: for the inner loop
    #[arg(long)]
    quick: bool,

    /// Install nothing: what the machine lacks is skipped
    #[arg(long)]
    no_setup: bool,

    /// Arguments of `rust-vmm-ci run`, as in `--only clippy --platform aarch64 --memory xen`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    std::env::set_current_dir(workspace::root())?;
    let mut arguments = vec!["rust-vmm-ci", "run"];
    if options.quick {
        arguments.extend(["--test-description", QUICK]);
    } else {
        // On a busy machine an emulated test may miss its time. The row tells of each attempt.
        arguments.extend(["--retries", "1"]);
        if !options.no_setup && setup::ready()? {
            arguments.push("--strict");
        }
    }
    arguments.extend(options.arguments.iter().map(String::as_str));
    children::hand_over();
    Ok(rust_vmm_ci::main(arguments))
}
