// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! How many bytes guests may take in a period of time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A number of bytes that becomes available anew at the start of each period.
///
/// Several guests may share one. Each of those that ask is sure of an equal part: another may take
/// what nobody asked for in this period or the one before, but not what is kept for a guest that
/// does ask. So a guest that starts asking in the middle of a period may find it used up, once.
#[derive(Debug)]
pub struct Quota {
    bytes: u64,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ends: Instant,
    used: u64,
    guests: Vec<Guest>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Guest {
    used: u64,
    asked: bool,
    asked_before: bool,
}

impl Guest {
    fn is_active(&self) -> bool {
        self.asked || self.asked_before
    }
}

/// One guest's part in a [`Quota`].
#[derive(Debug)]
pub struct Share {
    quota: Arc<Quota>,
    guest: usize,
}

/// What a quota has for a guest at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// So many bytes, taken from the quota now.
    Bytes(u64),
    /// None before so much time has passed.
    Wait(Duration),
}

impl Quota {
    /// `bytes` in each `period`; neither may be zero.
    pub fn new(bytes: u64, period: Duration) -> Arc<Self> {
        Arc::new(Self {
            bytes: bytes.max(1),
            period: period.max(Duration::from_millis(1)),
            state: Mutex::new(State {
                ends: Instant::now() + period,
                used: 0,
                guests: Vec::new(),
            }),
        })
    }

    /// Adds a guest.
    pub fn share(self: &Arc<Self>) -> Share {
        let mut state = self.lock();
        state.guests.push(Guest::default());
        Share {
            quota: self.clone(),
            guest: state.guests.len() - 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn roll(&self, state: &mut State, now: Instant) {
        if now < state.ends {
            return;
        }
        let idle_since = now.duration_since(state.ends);
        let missed_one = idle_since >= self.period;
        state.ends = now + self.period;
        state.used = 0;
        for guest in &mut state.guests {
            guest.asked_before = guest.asked && !missed_one;
            guest.asked = false;
            guest.used = 0;
        }
    }

    fn take(&self, guest: usize, wanted: u64, now: Instant) -> Grant {
        let mut state = self.lock();
        self.roll(&mut state, now);
        state.guests[guest].asked = true;
        let active = state
            .guests
            .iter()
            .filter(|guest| guest.is_active())
            .count() as u64;
        let part = self.bytes / active.max(1);
        let kept: u64 = state
            .guests
            .iter()
            .enumerate()
            .filter(|(other, state)| *other != guest && state.is_active())
            .map(|(_, other)| part.saturating_sub(other.used))
            .sum();
        let left = self.bytes.saturating_sub(state.used).saturating_sub(kept);
        if left == 0 {
            return Grant::Wait(state.ends.duration_since(now));
        }
        let bytes = wanted.min(left);
        state.used += bytes;
        state.guests[guest].used += bytes;
        Grant::Bytes(bytes)
    }
}

impl Share {
    /// Takes up to `wanted` bytes.
    pub fn take(&self, wanted: u64) -> Grant {
        self.quota.take(self.guest, wanted, Instant::now())
    }

    /// Gives bytes back that were taken and not used.
    pub fn give_back(&self, bytes: u64) {
        let mut state = self.quota.lock();
        state.used = state.used.saturating_sub(bytes);
        let guest = &mut state.guests[self.guest];
        guest.used = guest.used.saturating_sub(bytes);
    }

    /// Bytes that this guest has used in the current period, and what is left of the period.
    pub(crate) fn progress(&self) -> (u64, Duration) {
        let now = Instant::now();
        let mut state = self.quota.lock();
        self.quota.roll(&mut state, now);
        (
            state.guests[self.guest].used,
            state.ends.duration_since(now),
        )
    }

    /// Goes on where another process was. A successor must not be more generous than its
    /// predecessor would have been; a shared quota keeps its own clock.
    pub(crate) fn resume(&self, used: u64, left: Duration) {
        let now = Instant::now();
        let mut state = self.quota.lock();
        self.quota.roll(&mut state, now);
        if state.guests.len() == 1 {
            state.ends = now + left.min(self.quota.period);
        }
        let used = used.min(self.quota.bytes);
        let guest = &mut state.guests[self.guest];
        let more = used.saturating_sub(guest.used);
        guest.used += more;
        guest.asked |= more > 0;
        state.used = state.used.saturating_add(more).min(self.quota.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    fn take_all(quota: &Quota, guest: usize, now: Instant) -> u64 {
        let mut taken = 0;
        while let Grant::Bytes(bytes) = quota.take(guest, 64, now) {
            taken += bytes;
        }
        taken
    }

    #[test]
    fn a_lone_guest_gets_all_and_then_waits_for_the_period() {
        let quota = Quota::new(1000, PERIOD);
        let _share = quota.share();
        let now = Instant::now();

        assert_eq!(take_all(&quota, 0, now), 1000);
        assert!(matches!(quota.take(0, 1, now), Grant::Wait(left) if left <= PERIOD));
    }

    #[test]
    fn the_next_period_has_the_same_bytes_again() {
        let quota = Quota::new(1000, PERIOD);
        let _share = quota.share();
        let now = Instant::now();
        take_all(&quota, 0, now);

        assert_eq!(take_all(&quota, 0, now + PERIOD), 1000);
    }

    #[test]
    fn a_greedy_guest_leaves_a_modest_one_its_half() {
        let quota = Quota::new(1000, PERIOD);
        let _greedy = quota.share();
        let _modest = quota.share();
        let mut now = Instant::now();
        quota.take(1, 1, now);
        let (mut greedy, mut modest) = (0, 0);

        for _ in 0..10 {
            now += PERIOD;
            greedy += take_all(&quota, 0, now);
            modest += take_all(&quota, 1, now);
        }

        assert_eq!((greedy, modest), (5000, 5000));
    }

    #[test]
    fn what_an_idle_guest_does_not_use_goes_to_the_other() {
        let quota = Quota::new(1000, PERIOD);
        let _busy = quota.share();
        let _idle = quota.share();

        assert_eq!(take_all(&quota, 0, Instant::now()), 1000);
    }

    #[test]
    fn bytes_given_back_can_be_taken_again() {
        let quota = Quota::new(1000, PERIOD);
        let share = quota.share();
        assert_eq!(share.take(1000), Grant::Bytes(1000));

        share.give_back(300);

        assert_eq!(share.take(1000), Grant::Bytes(300));
    }

    #[test]
    fn a_resumed_share_is_as_used_up_as_it_was() {
        let quota = Quota::new(1000, PERIOD);
        let share = quota.share();

        share.resume(900, Duration::from_secs(3));

        assert_eq!(share.take(1000), Grant::Bytes(100));
        assert!(matches!(share.take(1), Grant::Wait(left) if left <= Duration::from_secs(3)));
    }
}
