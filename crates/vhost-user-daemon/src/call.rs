// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The call and error descriptors of a queue (SET_VRING_CALL, SET_VRING_ERR).
//!
//! They are the frontend's, and so is their mode, at any time: an eventfd that is full and blocking
//! holds whoever writes to it for ever. A look before each write avoids that; a frontend that fills
//! the descriptor right between the look and the write can still hold the worker. Then the first one
//! who waits for that worker for a while interrupts the write by a signal ([`Rescue`]).

use std::cell::Cell;
use std::fs::File;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Once};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use virtio_device::Interrupt;

/// Ends a write that blocks. Nothing else in a daemon uses it, and without a handler it is ignored.
const INTERRUPT: libc::c_int = libc::SIGURG;

/// The threads of one guest that are writing to a descriptor of the frontend, by queue.
#[derive(Debug)]
pub(crate) struct Rescue {
    writers: Box<[AtomicI32]>,
}

impl Rescue {
    pub(crate) fn new(queues: usize) -> Arc<Self> {
        static HANDLER: Once = Once::new();
        HANDLER.call_once(install_handler);
        Arc::new(Self {
            writers: (0..queues).map(|_| AtomicI32::new(0)).collect(),
        })
    }

    /// Interrupts whoever is in a write. One that was about to return loses nothing: the descriptor
    /// has a signal waiting in any case.
    pub(crate) fn interrupt(&self) {
        for writer in &self.writers {
            let thread = writer.load(Ordering::SeqCst);
            if thread != 0 {
                // SAFETY: no memory is involved. Should the thread have gone on meanwhile, the
                // handler does nothing; should it have ended, the call fails.
                unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, INTERRUPT) };
            }
        }
    }

    fn during(&self, queue: u16, write: impl FnOnce()) {
        match self.writers.get(usize::from(queue)) {
            Some(writer) => {
                writer.store(thread_id(), Ordering::SeqCst);
                write();
                writer.store(0, Ordering::SeqCst);
            }
            None => write(),
        }
    }
}

fn thread_id() -> i32 {
    thread_local!(static ID: Cell<i32> = const { Cell::new(0) });
    ID.with(|id| {
        if id.get() == 0 {
            id.set(rustix::thread::gettid().as_raw_nonzero().get());
        }
        id.get()
    })
}

fn install_handler() {
    extern "C" fn nothing(_signal: libc::c_int) {}
    // SAFETY: an all-zero sigaction is a valid value, and has no SA_RESTART, so that system calls
    // are interrupted. The handler does nothing at all.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        libc::sigaction(INTERRUPT, &action, ptr::null_mut());
    }
}

/// A descriptor of the frontend that a write signals: an eventfd, or a pipe.
#[derive(Debug)]
pub(crate) struct Event(File);

impl Event {
    pub(crate) fn new(file: File) -> Arc<Self> {
        Arc::new(Self(file))
    }

    /// A descriptor that takes nothing is full, so whoever reads it has a signal waiting already;
    /// one that is broken is the frontend's loss.
    fn signal(&self, rescue: &Rescue, queue: u16) {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
        if matches!(poll(&mut fds, Some(&now)), Ok(1)) && fds[0].revents().contains(PollFlags::OUT)
        {
            rescue.during(queue, || {
                let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
            });
        }
    }
}

/// How one queue reaches its driver.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) used: Option<Arc<Event>>,
    pub(crate) error: Option<Arc<Event>>,
    queue: u16,
    rescue: Arc<Rescue>,
}

impl Call {
    pub(crate) fn new(queue: u16, rescue: &Arc<Rescue>) -> Self {
        Self {
            used: None,
            error: None,
            queue,
            rescue: rescue.clone(),
        }
    }
}

impl Interrupt for Call {
    fn used(&self) {
        if let Some(event) = &self.used {
            event.signal(&self.rescue, self.queue);
        }
    }

    fn failed(&self) {
        if let Some(event) = &self.error {
            event.signal(&self.rescue, self.queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use rustix::event::{EventfdFlags, eventfd};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(20);

    #[test]
    fn a_full_blocking_descriptor_is_left_alone() {
        let full = eventfd(0, EventfdFlags::empty()).unwrap();
        rustix::io::write(&full, &(u64::MAX - 1).to_ne_bytes()).unwrap();
        let event = Event::new(full.into());
        let (done, returned) = channel();

        std::thread::spawn(move || {
            event.signal(&Rescue::new(1), 0);
            done.send(()).unwrap();
        });

        returned.recv_timeout(TIMEOUT).unwrap();
    }

    #[test]
    fn a_write_that_blocks_is_interrupted() {
        let full = eventfd(0, EventfdFlags::empty()).unwrap();
        rustix::io::write(&full, &(u64::MAX - 1).to_ne_bytes()).unwrap();
        let rescue = Rescue::new(1);
        let (done, returned) = channel();
        let writer = rescue.clone();
        std::thread::spawn(move || {
            // As if the descriptor had been filled right after the look.
            writer.during(0, || {
                let _ = rustix::io::write(&full, &1u64.to_ne_bytes());
            });
            done.send(()).unwrap();
        });

        let deadline = Instant::now() + TIMEOUT;
        while returned.try_recv().is_err() {
            assert!(Instant::now() < deadline, "the write was not interrupted");
            rescue.interrupt();
            std::thread::yield_now();
        }
    }
}
