// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Serves virtio devices over vhost-user: all that is common to the daemons.
//!
//! A daemon's `main` is one call:
//!
//! ```text
//! fn main() -> std::process::ExitCode {
//!     vhost_user_daemon::main::<Options>()
//! }
//! ```
//!
//! where `Options` is a [`clap::Parser`] that flattens [`DaemonOptions`] (or
//! [`PlainDaemonOptions`]) and implements [`Program`].
//!
//! | protocol feature | served |
//! |---|---|
//! | MQ, CONFIG, REPLY_ACK, CONFIGURE_MEM_SLOTS, RESET_DEVICE | always |
//! | LOG_SHMFD | builds for plain shared memory |
//! | DEVICE_STATE | devices that save and load |
//! | XEN_MMAP | builds for Xen, which need it |
//!
//! Not served: in-flight tracking, packed rings, postcopy, backend requests, queues without a kick
//! descriptor.

mod call;
pub mod capabilities;
mod channel;
mod guest;
pub mod listen;
pub mod logging;
pub mod notify;
pub mod options;
mod program;
mod session;
pub mod signals;
mod transfer;

pub use listen::Endpoint;
pub use notify::Notifier;
pub use options::{CommonOptions, DaemonOptions, OperatorError, PlainDaemonOptions, SocketOptions};
pub use program::{DeviceError, Program, Serving, Tuning, main};
pub use signals::Shutdown;
