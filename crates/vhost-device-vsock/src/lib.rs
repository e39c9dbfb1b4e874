// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Socket device (VIRTIO 1.3, section 5.10).
//!
//! | queue | direction | served by |
//! |---|---|---|
//! | 0 rx | device writes | worker 0 |
//! | 1 tx | device reads | worker 0 |
//! | 2 event | device writes | worker 0 |
//!
//! Features: STREAM, SEQPACKET, NO_IMPLIED_STREAM. Configuration space: `guest_cid`. Not supported:
//! datagrams, which are not in the specification.
//!
//! One worker serves both directions, because they share credit. A guest's connections lead to
//! programs of the host, behind Unix sockets or AF_VSOCK, or to other guests of the process that are
//! in a group with it; see `host` and `switch`. Every packet that is refused, or belongs to nothing,
//! is answered by a reset. When the guest is reset or moves, its connections end; a guest that moved is
//! told by the event TRANSPORT_RESET.
#![forbid(unsafe_code)]

mod config;
mod credit;
mod from_guest;
mod host;
mod options;
mod outbox;
pub mod spec;
mod state;
mod switch;
mod table;
mod to_guest;
mod worker;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use vhost_user_daemon::DeviceError;
use vhost_user_daemon::listen::ListenError;
use virtio_device::{Device, Identity, QueueSpec, StateError};

pub use config::{ConfigError, GuestConfig};
pub use host::Backend;
pub use options::Options;
pub use spec::DEVICE_ID;
pub use switch::{CidError, Switch};
pub use worker::VsockWorker;

use host::Listener;
use switch::Shared;

/// What a guest may take of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that each connection of the guest may send ahead of the host: the `buf_alloc` that it is
    /// told.
    pub window: u32,
    /// Connections at a time.
    pub connections: usize,
    /// How long a host program may take to say which port it wants, and either side to answer.
    pub connect_timeout: Duration,
    /// How long the guest may take to confirm the end of a connection.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: 256 * 1024,
            connections: 16 * 1024,
            connect_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(8),
        }
    }
}

/// The socket device of one guest.
#[derive(Debug)]
pub struct Vsock {
    shared: Arc<Shared>,
    switch: Arc<Switch>,
    backend: Arc<Backend>,
    listeners: Arc<Vec<Listener>>,
    limits: Limits,
    queues: [QueueSpec; 3],
}

/// Why a guest cannot have its device.
#[derive(Debug)]
pub enum VsockError {
    /// Its context id is not to be had.
    Cid(CidError),
    /// Its host side's path cannot be listened on.
    Listen(ListenError),
    /// A port to forward cannot be listened on.
    Forward {
        /// The context id to listen as.
        cid: u32,
        /// The port.
        port: u32,
        /// What the kernel said.
        errno: Errno,
    },
    /// The process is out of something.
    Io(io::Error),
}

impl fmt::Display for VsockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cid(error) => error.fmt(f),
            Self::Listen(error) => error.fmt(f),
            Self::Forward { cid, port, errno } => write!(
                f,
                "cannot listen on port {port} of the host's vsock CID {cid}: {errno}; {}",
                match *errno {
                    Errno::ADDRINUSE => "choose another port for --forward-listen",
                    _ =>
                        "load the kernel's transport for that CID (vsock_loopback for 1) or change \
                         --forward-cid",
                }
            ),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for VsockError {}

impl From<VsockError> for DeviceError {
    fn from(error: VsockError) -> Self {
        match error {
            VsockError::Cid(error) => Self::usage(error),
            VsockError::Listen(error) => error.into(),
            other => Self::new(other),
        }
    }
}

impl Vsock {
    /// The device of the guest `cid`, on a switch with those that it may talk to.
    pub fn new(
        cid: u64,
        groups: Vec<String>,
        switch: &Arc<Switch>,
        backend: Backend,
        limits: Limits,
    ) -> Result<Self, VsockError> {
        let shared = Shared::new(cid, groups).map_err(VsockError::Io)?;
        switch.join(&shared).map_err(VsockError::Cid)?;
        let mut listeners = backend.listen().map_err(VsockError::Listen)?;
        listeners.extend(backend.forward().map_err(|(port, errno)| {
            let cid = match backend {
                Backend::Vsock { cid, .. } => cid,
                Backend::Unix(_) => 0,
            };
            VsockError::Forward { cid, port, errno }
        })?);
        Ok(Self {
            shared,
            switch: switch.clone(),
            backend: Arc::new(backend),
            listeners: Arc::new(listeners),
            limits,
            queues: [QueueSpec {
                max_size: 1024,
                worker: 0,
            }; 3],
        })
    }

    /// The same with rings of at most `size` descriptors, a power of two. 256 are always possible,
    /// because some frontends choose that without asking.
    #[must_use]
    pub fn with_queue_size(mut self, size: u16) -> Self {
        for queue in &mut self.queues {
            queue.max_size = size.max(256);
        }
        self
    }

    /// Ends all connections, as soon as the worker looks.
    fn end_connections(&self) {
        self.shared.epoch.fetch_add(1, Ordering::AcqRel);
        self.shared.wake();
    }
}

impl Device for Vsock {
    type Worker = VsockWorker;

    fn identity(&self) -> Identity {
        Identity {
            name: "vsock",
            device_id: DEVICE_ID,
        }
    }

    fn features(&self) -> u64 {
        spec::VIRTIO_VSOCK_F_STREAM
            | spec::VIRTIO_VSOCK_F_SEQPACKET
            | spec::VIRTIO_VSOCK_F_NO_IMPLIED_STREAM
    }

    fn queues(&self) -> &[QueueSpec] {
        &self.queues
    }

    fn config(&self) -> Vec<u8> {
        self.shared.cid().to_le_bytes().to_vec()
    }

    fn worker(&self, _index: usize) -> io::Result<VsockWorker> {
        VsockWorker::new(
            self.shared.clone(),
            self.switch.clone(),
            self.backend.clone(),
            self.listeners.clone(),
            self.limits,
        )
    }

    fn has_state(&self) -> bool {
        true
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        Ok(state::save(self.shared.cid()))
    }

    fn load(&self, state: &[u8]) -> Result<(), StateError> {
        let cid = state::load(state)?;
        match self.switch.rename(&self.shared, cid) {
            Ok(()) => {}
            // The guest is told to look its own up again, so it can go on with another.
            Err(CidError::Taken(_)) => log::warn!(
                "the guest had the CID {cid}, which another guest has here; it gets {}",
                self.shared.cid()
            ),
            Err(CidError::Reserved(_)) => {
                return Err(StateError::Damaged("no guest can have its CID"));
            }
        }
        self.shared.event.store(true, Ordering::Release);
        self.end_connections();
        Ok(())
    }

    fn reset(&self) {
        self.shared.event.store(false, Ordering::Release);
        self.end_connections();
    }
}
