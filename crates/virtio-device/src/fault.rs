// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a guest does wrong is logged, but a guest cannot fill the host's log.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::Level;

/// A guest may cause this many lines in one [`PERIOD`]; the rest is counted.
const BURST: u32 = 8;
const PERIOD: Duration = Duration::from_secs(5);

/// Rate-limited log lines about one guest.
#[derive(Debug)]
pub struct GuestFaults {
    guest: String,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    logged: u32,
    suppressed: u64,
}

impl GuestFaults {
    /// `guest` is what the lines start with.
    pub fn new(guest: impl Into<String>) -> Self {
        Self {
            guest: guest.into(),
            window: Mutex::new(Window {
                since: Instant::now(),
                logged: 0,
                suppressed: 0,
            }),
        }
    }

    /// What the lines start with.
    pub fn guest(&self) -> &str {
        &self.guest
    }

    /// Logs a warning, unless this guest has caused too many of late.
    #[cold]
    pub fn warn(&self, what: fmt::Arguments<'_>) {
        self.log(Level::Warn, what);
    }

    /// Logs a line, unless this guest has caused too many of late.
    #[cold]
    pub fn log(&self, level: Level, what: fmt::Arguments<'_>) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.since.elapsed() >= PERIOD {
            if window.suppressed > 0 {
                log::warn!(
                    "{}: {} more lines were not logged",
                    self.guest,
                    window.suppressed
                );
            }
            *window = Window {
                since: Instant::now(),
                logged: 0,
                suppressed: 0,
            };
        }
        if window.logged < BURST {
            window.logged += 1;
            log::log!(level, "{}: {what}", self.guest);
        } else {
            window.suppressed += 1;
        }
    }

    /// Warnings that were counted instead of logged since the last line.
    pub fn suppressed(&self) -> u64 {
        self.window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .suppressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_repeats_its_mistake_is_counted_not_logged() {
        let faults = GuestFaults::new("guest");

        for _ in 0..BURST + 3 {
            faults.warn(format_args!("again"));
        }

        assert_eq!(faults.suppressed(), 3);
    }
}
