// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What can go wrong between a guest and a daemon.

use std::{io, path::PathBuf, time::Duration};

/// Why a step of the guest failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing listened in time.
    #[error("nothing accepted a connection on {path} for {timeout:?}")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// How long was tried.
        timeout: Duration,
        /// The last attempt's failure.
        source: io::Error,
    },
    /// The daemon ended the connection.
    #[error("the daemon closed the connection ({during})")]
    Disconnected {
        /// What was being done.
        during: &'static str,
    },
    /// Something did not happen in time.
    #[error("{what} did not come within {timeout:?}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        timeout: Duration,
    },
    /// The daemon answered a message with an error.
    #[error("the daemon refused {request} with code {code}")]
    Refused {
        /// The message.
        request: &'static str,
        /// The u64 of the answer.
        code: u64,
    },
    /// The daemon broke the vhost-user protocol.
    #[error("the daemon broke the protocol: {0}")]
    Protocol(String),
    /// The device broke the rules of the ring.
    #[error("the device broke the ring of queue {queue}: {what}")]
    Ring {
        /// Queue number.
        queue: u16,
        /// Which rule, with the values.
        what: String,
    },
    /// The device used a buffer but sent no interrupt, although the driver had asked for one.
    #[error("queue {queue}: a buffer was used without the interrupt that the driver asked for")]
    MissedInterrupt {
        /// Queue number.
        queue: u16,
    },
    /// The arena, or the ring, has no room.
    #[error("no room for {0}")]
    NoRoom(String),
    /// An address outside the guest's memory, in a step that must not do that.
    #[error("guest address {addr:#x}+{len:#x} is not in the arena")]
    Unmapped {
        /// Guest physical address.
        addr: u64,
        /// Length.
        len: usize,
    },
    /// The backend did not offer what the step needs.
    #[error("the daemon does not offer {0}")]
    NotOffered(&'static str),
    /// The operating system said no.
    #[error("{what}")]
    Os {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err` on anything that ends in an [`io::Error`].
    pub(crate) fn os<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Os {
            what,
            source: source.into(),
        }
    }

    /// Whether the daemon said no, by an answer or by hanging up.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Disconnected { .. })
    }

    /// The whole chain of causes in one line.
    pub fn explain(&self) -> String {
        let mut out = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            out.push_str(": ");
            out.push_str(&error.to_string());
            cause = error.source();
        }
        out
    }
}
