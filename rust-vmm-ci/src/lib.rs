// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One list of steps, for Buildkite and for this machine, and the checks that those steps call.
//!
//! ```text
//!  .buildkite/*.json --> description --> cells --> pipeline --> yaml --> buildkite-agent
//!                        environment ---^     `--> run ------> children, logs, summary
//! ```

mod benchmark;
pub mod children;
mod commits;
mod coverage;
mod description;
mod error;
mod overrides;
mod pipeline;
mod platform;
mod run;
mod skips;
mod sources;
mod yaml;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use error::{Error, Result};
use overrides::Overrides;
use pipeline::{Container, Pipeline, Settings};
use sources::Sources;

/// Step descriptions in the rust-vmm format: as a Buildkite pipeline, or run here
#[derive(Parser)]
#[command(name = "rust-vmm-ci", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the Buildkite pipeline
    Pipeline(PipelineOptions),
    /// Run the steps on this machine, one after the other
    Run(run::Options),
    /// Compare coverage with the floors of a gate file
    Coverage(coverage::Options),
    /// Check the messages of commits
    CommitFormat(commits::Options),
    /// Compare criterion's figures with those of the base branch
    Benchmark(benchmark::Options),
}

#[derive(Args)]
struct PipelineOptions {
    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    container: Container,

    /// `True`: a step for each crate of the Cargo workspace, which runs if something in the crate
    /// changes
    #[arg(long, value_name = "BOOL", default_value = "False", value_parser = ["True", "False"])]
    workspace_selective: String,
}

/// The program: does what the command line `args` says, and tells how it went. The first of `args`
/// is the program's name.
///
/// From here on this process adopts orphans and remembers signals that ask it to end, so it should
/// do nothing else.
pub fn main(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = Cli::parse_from(args);
    let result = children::guard().and_then(|()| match cli.command {
        Command::Pipeline(options) => print_pipeline(&options),
        Command::Run(options) => run::run(&options),
        Command::Coverage(options) => coverage::run(&options),
        Command::CommitFormat(options) => commits::run(&options),
        Command::Benchmark(options) => benchmark::run(&options),
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rust-vmm-ci: {}", error::chain(&error));
            match error {
                Error::Usage(_) => ExitCode::from(2),
                Error::NotHere(_) => ExitCode::from(run::NOT_HERE),
                Error::Interrupted(signal) => ExitCode::from(128 + signal as u8),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn print_pipeline(options: &PipelineOptions) -> Result<bool> {
    let environment = |name: &str| std::env::var(name).ok();
    let settings = Settings::new(&options.container, environment);
    let overrides = Overrides::from_environment()?;
    let here = sources::here()?;
    let allowed = pipeline::allowed_platforms(&options.sources.platform_file(&here));
    let crates = match options.workspace_selective.as_str() {
        "True" => Some(pipeline::crates(&here)?),
        _ => None,
    };
    let mut steps = Vec::new();
    for file in options.sources.files()? {
        steps.extend(description::read(&file)?);
    }
    let mut pipeline = Pipeline::new(&settings, &overrides);
    match crates {
        Some(crates) => pipeline.add_by_crate(&steps, &allowed, &crates, &here)?,
        None => pipeline.add(&steps, &allowed)?,
    }
    for note in &pipeline.notes {
        eprintln!("rust-vmm-ci: {note}");
    }
    let text = pipeline.yaml();
    let printed = std::io::stdout().lock().write_all(text.as_bytes());
    printed.map_err(Error::write("the standard output".as_ref()))?;
    Ok(true)
}
