// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The project's chores, as `cargo xtask CHORE`.

mod apt;
mod bench;
mod bindings;
mod build;
mod children;
mod demo;
mod devices;
mod drop_in;
mod fuzz;
mod guest;
mod headers;
mod lint;
mod man;
#[cfg(feature = "pages")]
mod pages;
mod randomness;
mod setup;
mod surface;
mod test;
mod text;
mod workspace;
mod xen;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a chore ends with: whether all was well, or why it could not be done.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// The chores of this workspace
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every check of CI, on all platforms and both kinds of guest memory
    Test(test::Options),
    /// Install what the checks need, or say how
    Setup(setup::Options),
    /// Build the daemons and drive each from a guest in this process, over its socket
    Demo(demo::Options),
    /// Boot Linux against the daemons: each device, used by the driver that it is meant for
    Guest(guest::Options),
    /// Try each fuzz target on a bounded number of inputs
    Fuzz(fuzz::Options),
    /// Check the rules of this workspace that no compiler knows
    Lint,
    /// Write a manual page for every daemon, and the descriptions by which libvirt and others find them
    Man(man::Options),
    /// Generate the bindings of a hypervisor's interface from the vendored headers
    Bindings(bindings::Options),
    /// Run kvm-ioctls' own tests with our kvm-bindings, and compare
    DropIn,
    /// The kernel's headers that bindings are made from
    Headers(headers::Options),
    /// Measure the devices on a local ring and over their sockets
    Bench(bench::Options),
    /// Write so many bytes to standard output: the other end of what `bench` compares with
    #[command(hide = true)]
    Pour(bench::vsock::Pour),
    /// Run the xen-built daemons on a real Xen, under QEMU
    Xen(xen::Options),
}

fn main() -> ExitCode {
    let chore = Cli::parse().chore;
    let result = children::guard().and_then(|()| {
        let good = match chore {
            Chore::Test(options) => return test::run(&options),
            Chore::Setup(options) => setup::run(&options)?,
            Chore::Demo(options) => demo::run(&options)?,
            Chore::Guest(options) => return guest::run(&options),
            Chore::Fuzz(options) => fuzz::run(&options)?,
            Chore::Lint => lint::run()?,
            Chore::Man(options) => man::run(&options)?,
            Chore::Pour(options) => bench::vsock::pour(&options)?,
            Chore::Bindings(options) => bindings::run(&options)?,
            Chore::DropIn => drop_in::run()?,
            Chore::Headers(options) => headers::run(&options)?,
            Chore::Bench(options) => bench::run(&options)?,
            Chore::Xen(options) => return xen::run(&options),
        };
        Ok(if good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    });
    children::clean_up();
    result.unwrap_or_else(|error| {
        eprintln!("cargo xtask: {error}");
        ExitCode::FAILURE
    })
}
