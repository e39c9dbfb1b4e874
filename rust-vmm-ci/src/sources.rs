// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Where step descriptions are found.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Error, Result};

/// The list of steps that is taken when none is named.
const DEFAULT: &str = ".buildkite/test_description.json";

#[derive(Args, Clone, Debug)]
pub(crate) struct Sources {
    /// A step description; may be given several times [default: .buildkite/test_description.json,
    /// here or in a folder above]
    #[arg(short = 't', long = "test-description", value_name = "JSON_FILE")]
    files: Vec<PathBuf>,

    /// The file that lists the platforms to run on, one a line [default: .platform; without that
    /// file x86_64 and aarch64]
    #[arg(short = 'p', long = "platform-allowlist", value_name = "FILE")]
    platforms: Option<PathBuf>,
}

impl Sources {
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        if !self.files.is_empty() {
            return Ok(self.files.clone());
        }
        match above(&here()?, DEFAULT) {
            Some(root) => Ok(vec![root.join(DEFAULT)]),
            None => Err(Error::Usage(format!(
                "there is no {DEFAULT} here or above: name a step description with -t FILE"
            ))),
        }
    }

    /// The folder that steps run in: the one with `.buildkite`, or else the current one.
    pub(crate) fn root(&self) -> Result<PathBuf> {
        let here = here()?;
        Ok(above(&here, ".buildkite").unwrap_or(here))
    }

    pub(crate) fn platform_file(&self, root: &Path) -> PathBuf {
        let own = || root.join(".platform");
        self.platforms.clone().unwrap_or_else(own)
    }
}

pub(crate) fn here() -> Result<PathBuf> {
    env::current_dir().map_err(|source| Error::File {
        what: "find",
        file: ".".into(),
        source,
    })
}

/// The nearest folder, from `start` upwards, that holds `name`.
fn above(start: &Path, name: &str) -> Option<PathBuf> {
    let found = start.ancestors().find(|folder| folder.join(name).exists());
    found.map(Path::to_owned)
}
