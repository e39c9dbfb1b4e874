// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What can go wrong, said so that the reader knows where to mend it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What a command of this program ends with.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in a step description.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub file: PathBuf,
    /// Position in the list, from 1, and the name if there is one.
    pub step: Option<(usize, Option<String>)>,
    pub key: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.step {
            Some((number, Some(name))) => write!(f, "step {number} (`{name}`): ")?,
            Some((number, None)) => write!(f, "step {number}: ")?,
            None => {}
        }
        write!(f, "key `{}`", self.key)
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot {what} {}", file.display())]
    File {
        what: &'static str,
        file: PathBuf,
        source: io::Error,
    },

    #[error("{} is not JSON", file.display())]
    Syntax {
        file: PathBuf,
        source: serde_json::Error,
    },

    #[error("{place}: {problem}")]
    Key { place: Place, problem: String },

    #[error("environment variable {name}={value}: {problem}")]
    Variable {
        name: &'static str,
        value: String,
        problem: String,
    },

    #[error("cannot start `{program}`")]
    Start { program: String, source: io::Error },

    #[error("`{command}` failed: {why}")]
    Command { command: String, why: String },

    #[error("{0}")]
    Usage(String),

    #[error("{0}")]
    Other(String),

    /// Nothing is wrong, but what was asked for cannot be done here.
    #[error("{0}")]
    NotHere(String),

    #[error("interrupted")]
    Interrupted(i32),
}

impl Error {
    pub(crate) fn read(file: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::File {
            what: "read",
            file,
            source,
        }
    }

    pub(crate) fn write(file: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::File {
            what: "write",
            file,
            source,
        }
    }
}

/// The message, with those of its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
