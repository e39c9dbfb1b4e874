// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask bindings`: Rust declarations of a hypervisor's interface, from the vendored headers.
//!
//! The generator stands on bindgen, which takes long to build and needs libclang. So only this chore
//! is run by a second build, with the feature `generator`.

#[cfg(feature = "generator")]
mod generate;
#[cfg(feature = "generator")]
mod layout;
pub(crate) mod table;
#[cfg(feature = "generator")]
mod xen;

use clap::Args;

use crate::Result;

#[derive(Args)]
pub(crate) struct Options {
    /// Change nothing: fail if the committed bindings are not those of the vendored headers
    #[arg(long)]
    check: bool,

    /// Only this crate's bindings
    #[arg(long = "crate", value_name = "NAME")]
    name: Option<String>,
}

#[cfg(feature = "generator")]
pub(crate) fn run(options: &Options) -> Result<bool> {
    generate::run(options.check, options.name.as_deref())
}

#[cfg(not(feature = "generator"))]
pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut command = crate::workspace::cargo(&["run", "--quiet", "--package", "xtask"]);
    command.args(["--features", "generator", "--", "bindings"]);
    if options.check {
        command.arg("--check");
    }
    if let Some(name) = &options.name {
        command.args(["--crate", name]);
    }
    Ok(command.status()?.success())
}
