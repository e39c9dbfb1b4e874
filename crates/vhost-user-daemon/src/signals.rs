// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! How a daemon is asked to end.
//!
//! ```text
//! SIGTERM, SIGINT ──> handler ──> eventfd, readable from then on ──> every loop that polls it
//!                        └─ the same again, GRACE later ──> _exit(128 + signal)
//! ```
//!
//! SIGXFSZ does nothing: a file that would grow beyond the process's limit (LimitFSIZE=, ulimit -f) is an
//! error of that write, as a full disk is. It would end the process, and a guest may be who writes.
//!
//! The other signals stay as they were: SIGHUP ends the process, and SIGPIPE is ignored by the Rust
//! runtime of every program, so that a peer that went away is an error of the write.
//!
//! Handlers are installed to restart interrupted system calls, yet poll() and its kin return EINTR
//! whatever is asked: loops go round once more then.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::time::ClockId;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

/// Signals that come closer together than this are one request. A terminal, `timeout` and several
/// wrappers signal both the process and its group, so that a daemon gets two for one; that must not
/// cut its orderly end short.
const GRACE: Duration = Duration::from_millis(250);

/// The request to end, shared by all loops of the daemon. Clones are the same request.
#[derive(Clone, Debug)]
pub struct Shutdown {
    event: Arc<OwnedFd>,
}

impl Shutdown {
    /// A request that only [`Shutdown::trigger`] makes.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            event: Arc::new(rustix::event::eventfd(0, flags)?),
        })
    }

    /// A request that SIGTERM and SIGINT make, too. A second such signal, a quarter of a second after the first
    /// or later, ends the process at once with status 128 + signal: the way out when the orderly
    /// end hangs. Socket files stay behind then; the next start replaces them.
    ///
    /// For the lifetime of the process: the handlers stay when all clones are gone.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new()?;
        // Nobody reads the flag: that there is a handler is all that is wanted.
        signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
        let first = Arc::new(AtomicU64::new(0));
        // The first reading looks for the clock in the vDSO; not from a handler, please.
        monotonic_ms();
        for signal in [SIGTERM, SIGINT] {
            let shutdown = shutdown.clone();
            let first = Arc::clone(&first);
            let handler = move || {
                // Never zero: the clock counts from the host's boot.
                let now = monotonic_ms();
                match first.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => shutdown.trigger(),
                    Err(first) if Duration::from_millis(now.saturating_sub(first)) >= GRACE => {
                        signal_hook::low_level::exit(128 + signal)
                    }
                    Err(_) => {}
                }
            };
            // SAFETY: the handler does nothing but what is allowed in one: atomic operations,
            // clock_gettime(), write() and _exit(). It neither allocates nor locks nor panics, and
            // leaves errno alone, because none of the calls fails (the event counter is written to
            // once by it).
            unsafe { signal_hook::low_level::register(signal, handler)? };
        }
        Ok(shutdown)
    }

    /// Readable once the request was made, and for ever after. Poll it, never read it: all loops
    /// share it.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Makes the request.
    pub fn trigger(&self) {
        // The only error is that of a full counter, which is readable as well.
        let _ = rustix::io::write(&*self.event, &1u64.to_ne_bytes());
    }

    /// Whether the request was made.
    pub fn is_triggered(&self) -> bool {
        self.wait(Some(Duration::ZERO))
    }

    /// Waits for the request, no longer than `timeout` if there is one; tells whether it was made.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        // A deadline past the end of the clock is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                Timespec::try_from(left).unwrap_or(Timespec {
                    tv_sec: i64::MAX,
                    tv_nsec: 0,
                })
            });
            let mut event = [PollFd::new(&*self.event, PollFlags::IN)];
            match rustix::event::poll(&mut event, left.as_ref()) {
                Ok(ready) => return ready > 0,
                Err(Errno::INTR) => {}
                // Poll fails for lack of memory otherwise. A loop that depends on this ends.
                Err(_) => return true,
            }
        }
    }
}

impl AsFd for Shutdown {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd()
    }
}

fn monotonic_ms() -> u64 {
    let now = rustix::time::clock_gettime(ClockId::Monotonic);
    let ms = i128::from(now.tv_sec) * 1000 + i128::from(now.tv_nsec) / 1_000_000;
    u64::try_from(ms).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    #[test]
    fn nothing_is_requested_at_first() {
        let shutdown = Shutdown::new().unwrap();

        assert!(!shutdown.is_triggered());
    }

    #[test]
    fn a_request_stays_for_all_who_look() {
        let shutdown = Shutdown::new().unwrap();

        shutdown.trigger();

        assert!(shutdown.is_triggered());
        assert!(shutdown.is_triggered());
        assert!(shutdown.clone().is_triggered());
    }

    #[test]
    fn a_request_wakes_every_waiting_thread() {
        let shutdown = Shutdown::new().unwrap();
        let waiting = [(); 3].map(|()| {
            let shutdown = shutdown.clone();
            thread::spawn(move || shutdown.wait(Some(DEADLINE)))
        });

        shutdown.trigger();

        assert_eq!(waiting.map(|thread| thread.join().unwrap()), [true; 3]);
    }

    #[test]
    fn waiting_ends_without_a_request() {
        let shutdown = Shutdown::new().unwrap();

        assert!(!shutdown.wait(Some(Duration::from_millis(1))));
    }

    #[test]
    fn the_longest_timeout_is_no_overflow() {
        let shutdown = Shutdown::new().unwrap();
        shutdown.trigger();

        assert!(shutdown.wait(Some(Duration::from_secs(u64::MAX / 4))));
    }

    #[test]
    fn sigpipe_is_ignored() {
        const SIGPIPE_BIT: u64 = 1 << (signal_hook::consts::SIGPIPE - 1);
        let status = std::fs::read_to_string("/proc/self/status").unwrap();

        let ignored = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap())
            .unwrap();

        assert_ne!(ignored & SIGPIPE_BIT, 0);
    }
}
