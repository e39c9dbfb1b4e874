// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A guest in a process: memory, a vhost-user frontend and the driver's side of virtqueues.
//!
//! It exists to test and to measure device back-ends over their real socket, with no hypervisor. It
//! shares no code with the crates that the daemons are made of (neither `vhost` nor `vm-memory`), so
//! that an error there is not repeated here.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use virtio_guest::{Daemon, Guest};
//!
//! let daemon = Daemon::spawn("target/debug/vhost-device-rng", &[])?;
//! let mut guest = Guest::connect(daemon.path())?;
//! let reply = guest.queue(0).request(&[], &[16, 0, 48])?;
//! assert_eq!(reply.written(), 64);
//! # Ok(())
//! # }
//! ```
//!
//! One guest drives both builds of a daemon: what the daemon offers (XEN_MMAP) decides on the layout
//! of the memory messages.

mod arena;
mod daemon;
mod dirty;
pub mod drivers;
mod error;
mod frontend;
mod guest;
pub mod hostile;
pub mod measure;
pub mod names;
pub mod process;
mod ring;
mod signal;
pub mod traffic;
pub mod vsock;
pub mod wire;

pub use arena::{Arena, PAGE, Region, user_addr};
pub use daemon::{DIR, Daemon, DaemonBuilder, SOCKET};
pub use dirty::DirtyLog;
pub use error::Error;
pub use frontend::{Frontend, Message};
pub use guest::{Guest, GuestBuilder};
pub use process::{Process, Resident};
pub use ring::{
    DESC_INDIRECT, DESC_NEXT, DESC_WRITE, Descriptor, Queue, Reply, RingAddresses, Segment, Token,
};
pub use signal::Signal;
