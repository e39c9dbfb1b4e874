// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask man`: a roff page for every daemon, and the descriptions by which they are found.
//!
//! The pages come from the options structures in the device crates. But a build of this program
//! that links those is bound to a memory variant, takes long, and fails when one of them does not
//! compile, which is when `cargo xtask test` is needed most. So only this chore is run by a second
//! build, with the feature `mmap`; the options of both variants are the same.

use std::path::PathBuf;

use clap::Args;

use crate::Result;

#[derive(Args)]
pub(crate) struct Options {
    /// Folder for the pages [default: target/man]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Folder that the daemons will be installed in, for their descriptions
    #[arg(long, value_name = "DIR", default_value = "/usr/bin")]
    bin_dir: String,
}

#[cfg(feature = "pages")]
pub(crate) fn run(options: &Options) -> Result<bool> {
    let out = match &options.out {
        Some(out) => out.clone(),
        None => crate::workspace::root().join("target/man"),
    };
    crate::pages::write(&out, &options.bin_dir)
}

#[cfg(not(feature = "pages"))]
pub(crate) fn run(options: &Options) -> Result<bool> {
    use crate::workspace::{Memory, cargo};

    let mut command = cargo(&["run", "--quiet", "--package", "xtask"]);
    command.args(Memory::Mmap.args()).args(["--", "man"]);
    command.arg("--bin-dir").arg(&options.bin_dir);
    if let Some(out) = &options.out {
        // The other program runs in the root of the workspace.
        command.arg("--out").arg(std::path::absolute(out)?);
    }
    Ok(command.status()?.success())
}
