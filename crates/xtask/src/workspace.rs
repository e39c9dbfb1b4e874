// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Where things are, and how cargo is called.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;
use serde_json::Value;

use crate::{Result, children};

/// The kind of guest memory that a build serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Memory {
    /// Shared memory: KVM and most other hypervisors
    Mmap,
    /// Xen's foreign and grant mappings
    Xen,
}

/// Every memory variant.
pub(crate) const BOTH: &[Memory] = &[Memory::Mmap, Memory::Xen];

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.feature())
    }
}

impl Memory {
    /// The Cargo feature that selects it.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Self::Mmap => "mmap",
            Self::Xen => "xen",
        }
    }

    /// Cargo's arguments that select it, and nothing else.
    pub(crate) fn args(self) -> [&'static str; 3] {
        ["--no-default-features", "--features", self.feature()]
    }
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies two folders below the root")
}

/// What cargo knows about the members of the workspace, without their dependencies.
pub(crate) fn metadata() -> Result<Value> {
    read_metadata(&["--no-deps"])
}

/// The same of all packages that a build of any member may need.
pub(crate) fn metadata_of_all() -> Result<Value> {
    read_metadata(&[])
}

fn read_metadata(args: &[&str]) -> Result<Value> {
    let output = cargo(&["metadata", "--format-version", "1"])
        .args(args)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = metadata()?;
    let path = metadata["target_directory"]
        .as_str()
        .ok_or("cargo does not say where it builds")?;
    Ok(path.into())
}

/// A call of the cargo that runs this very chore.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    settle(&mut command);
    command
}

fn settle(command: &mut Command) {
    command.current_dir(root()).stdin(Stdio::null());
    // `cargo run` describes this crate to its child; to other crates' build scripts that is wrong,
    // and a change that they would be rerun for.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    if let Some(scratch) = children::scratch() {
        command.env("TMPDIR", scratch);
    }
}
