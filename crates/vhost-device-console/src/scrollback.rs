// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Output that waits for somebody to read it.

use std::collections::VecDeque;

/// Bytes that a driver in distress may have waiting for somebody who is attached, where `--scrollback`
/// says less: with none it could say nothing at all.
const DISTRESS: usize = 4096;

/// The last bytes of a stream, up to a number of them. Grows to that number and no further.
#[derive(Debug)]
pub(crate) struct Scrollback {
    bytes: VecDeque<u8>,
    max: usize,
}

impl Scrollback {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            max,
        }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends, and forgets the oldest bytes for it.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(self.max)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.max);
        self.bytes.drain(..excess.min(self.bytes.len()));
        self.bytes.extend(kept);
    }

    /// Appends one byte if nothing has to be forgotten for it: somebody is there, and will read it.
    pub(crate) fn push_if_room(&mut self, byte: u8) {
        if self.bytes.len() < self.max.max(DISTRESS) {
            self.bytes.push_back(byte);
        }
    }

    /// The oldest bytes, as far as they lie together.
    pub(crate) fn front(&self) -> &[u8] {
        self.bytes.as_slices().0
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        if self.bytes.is_empty() {
            // What was kept for an absent reader need not be kept for a present one.
            self.bytes.shrink_to(0);
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        self.bytes.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_stay_in_order() {
        let mut scrollback = Scrollback::new(5);

        scrollback.push(b"abc");
        scrollback.push(b"defg");

        assert_eq!(scrollback.to_vec(), b"cdefg");
    }

    #[test]
    fn a_push_larger_than_all_keeps_its_end() {
        let mut scrollback = Scrollback::new(3);
        scrollback.push(b"x");

        scrollback.push(b"0123456789");

        assert_eq!(scrollback.to_vec(), b"789");
    }

    #[test]
    fn none_is_kept_where_none_is_wanted() {
        let mut scrollback = Scrollback::new(0);

        scrollback.push(b"abc");

        assert!(scrollback.is_empty());
    }

    #[test]
    fn a_driver_in_distress_is_heard_where_nothing_is_kept_but_not_without_end() {
        let mut scrollback = Scrollback::new(0);

        (0..2 * DISTRESS).for_each(|_| scrollback.push_if_room(b'!'));

        assert_eq!(scrollback.to_vec(), [b'!'; DISTRESS]);
    }

    #[test]
    fn what_was_consumed_does_not_come_again() {
        let mut scrollback = Scrollback::new(8);
        scrollback.push(b"abcdef");

        scrollback.consume(4);

        assert_eq!(scrollback.front(), b"ef");
    }
}
