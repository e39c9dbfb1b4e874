// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Safe access to Xen's devices on Linux.
//!
//! | type | device | for |
//! |---|---|---|
//! | [`PrivCmd`] | `/dev/xen/privcmd` | memory of other domains, resources, device model operations |
//! | [`GntDev`] | `/dev/xen/gntdev` | pages that another domain granted |
//! | [`GntAlloc`] | `/dev/xen/gntalloc` | pages granted to another domain |
//! | [`EvtChn`] | `/dev/xen/evtchn` | event channels |
//!
//! Mapped memory is a [`Mapping`], which unmaps when dropped. The other side may write to it at any time:
//! hence it is read and written by copies, and by atomics; there are no references into it.

mod call;
mod evtchn;
mod grants;
mod mapping;
mod privcmd;

use std::io;

pub use evtchn::EvtChn;
pub use grants::{GntAlloc, GntDev, Granted, Notify};
pub use mapping::{Access, Mapping};
pub use privcmd::{Foreign, IoreqServer, PrivCmd};

/// What was asked, and the system's answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {source}")]
pub struct Error {
    what: String,
    source: io::Error,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
        }
    }

    /// The same, and what it was a part of.
    pub(crate) fn within(self, what: impl std::fmt::Display) -> Self {
        Self {
            what: format!("{what}: cannot {}", self.what),
            source: self.source,
        }
    }

    /// The number of the system's error, if it was the system's.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.source.kind(), error.to_string())
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
