// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Wakes a worker's thread out of its wait.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// An eventfd and a flag: the flag is what a busy worker looks at, and it saves the system call
/// when somebody woke the worker already.
#[derive(Debug)]
pub(crate) struct Wake {
    event: OwnedFd,
    pending: AtomicBool,
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            pending: AtomicBool::new(false),
        })
    }

    pub(crate) fn wake(&self) {
        if !self.pending.swap(true, Ordering::SeqCst) {
            // Cannot fail: the counter is only ever 0 or 1, and the descriptor is our own.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// Before looking for what one was woken for, so that nothing that comes later is missed. Also
    /// when the descriptor is readable and nothing is pending: whoever wakes sets the flag first, so
    /// the flag may have been cleared before the event was there.
    ///
    /// The event goes first. The other way round, an event that comes in between would be lost while
    /// its flag stays, and nobody would write another.
    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        self.pending.swap(false, Ordering::SeqCst);
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable(wake: &Wake) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(wake, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).unwrap() > 0
    }

    #[test]
    fn a_wake_is_pending_and_readable_until_it_is_cleared() {
        let wake = Wake::new().unwrap();

        wake.wake();
        wake.wake();
        let woken = (wake.is_pending(), is_readable(&wake));
        wake.clear();

        assert_eq!(woken, (true, true));
        assert_eq!((wake.is_pending(), is_readable(&wake)), (false, false));
    }

    /// Somebody set the flag, was seen, and wrote the event only then.
    #[test]
    fn an_event_that_is_late_is_cleared_though_nothing_is_pending() {
        let wake = Wake::new().unwrap();
        wake.pending.store(true, Ordering::SeqCst);
        wake.clear();
        rustix::io::write(&wake.event, &1u64.to_ne_bytes()).unwrap();

        let late = is_readable(&wake);
        wake.clear();

        assert!(late);
        assert!(!is_readable(&wake));
    }
}
