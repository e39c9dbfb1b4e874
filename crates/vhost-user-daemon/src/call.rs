// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The call and error descriptors of a queue (SET_VRING_CALL, SET_VRING_ERR).

use std::fs::File;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use virtio_device::Interrupt;

/// A descriptor of the frontend that a write signals: an eventfd, or a pipe.
#[derive(Debug)]
pub(crate) struct Event {
    file: File,
    nonblocking: bool,
}

impl Event {
    pub(crate) fn new(file: File) -> Arc<Self> {
        let nonblocking = fcntl_getfl(&file).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK));
        Arc::new(Self { file, nonblocking })
    }

    /// Never blocks. A descriptor that takes nothing is full, so whoever reads it has a signal
    /// waiting already; one that is broken is the frontend's loss.
    fn signal(&self) {
        // A frontend that hands over a full eventfd in blocking mode would hold the worker in
        // `write` for ever. The mode belongs to the frontend's own reads, so it is not changed.
        if !self.nonblocking {
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
            if !matches!(poll(&mut fds, Some(&now)), Ok(1))
                || !fds[0].revents().contains(PollFlags::OUT)
            {
                return;
            }
        }
        let _ = rustix::io::write(&self.file, &1u64.to_ne_bytes());
    }
}

/// How one queue reaches its driver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) used: Option<Arc<Event>>,
    pub(crate) error: Option<Arc<Event>>,
}

impl Interrupt for Call {
    fn used(&self) {
        if let Some(event) = &self.used {
            event.signal();
        }
    }

    fn failed(&self) {
        if let Some(event) = &self.error {
            event.signal();
        }
    }
}
