// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! How much each side may send (VIRTIO 1.3, 5.10.6.3). All counters wrap at 2^32.

/// The guest sent more than it was given room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

/// Both directions of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credit {
    /// Room that the guest is told of.
    window: u32,
    /// Bytes from the guest.
    received: u32,
    /// Bytes of those that the host has taken.
    forwarded: u32,
    /// The value of `forwarded` that the guest knows.
    told: u32,
    /// Bytes to the guest.
    sent: u32,
    /// What the guest said last.
    peer_window: u32,
    peer_forwarded: u32,
}

impl Credit {
    pub(crate) fn new(window: u32) -> Self {
        Self {
            window,
            received: 0,
            forwarded: 0,
            told: 0,
            sent: 0,
            peer_window: 0,
            peer_forwarded: 0,
        }
    }

    /// The guest sent so many bytes.
    pub(crate) fn receive(&mut self, bytes: u32) -> Result<(), Overrun> {
        let held = self.received.wrapping_sub(self.forwarded);
        match held.checked_add(bytes) {
            Some(held) if held <= self.window => {
                self.received = self.received.wrapping_add(bytes);
                Ok(())
            }
            _ => Err(Overrun),
        }
    }

    /// The host took so many bytes. More than there are cannot be taken.
    pub(crate) fn forward(&mut self, bytes: u32) {
        let held = self.received.wrapping_sub(self.forwarded);
        self.forwarded = self.forwarded.wrapping_add(bytes.min(held));
    }

    /// Whether the guest should be told: for all that it knows, it has half of its room left or less.
    /// Until then it can go on sending, and every packet tells it anyway.
    ///
    /// Linux (7.3 does) sends no more than it would take itself, so its room may be smaller than what
    /// it was told of.
    pub(crate) fn update_is_due(&self) -> bool {
        let owed = self.received.wrapping_sub(self.told);
        let room = match self.peer_window {
            0 => self.window,
            peer => peer.min(self.window),
        };
        self.told != self.forwarded && owed >= room.div_ceil(2)
    }

    /// What a packet to the guest says: room, and bytes forwarded. It is taken for told.
    pub(crate) fn tell(&mut self) -> (u32, u32) {
        self.told = self.forwarded;
        (self.window, self.forwarded)
    }

    /// What a packet from the guest says. Returns whether that gives more room than before.
    pub(crate) fn hear(&mut self, window: u32, forwarded: u32) -> bool {
        let before = self.free();
        self.peer_window = window;
        self.peer_forwarded = forwarded;
        self.free() > before
    }

    /// Bytes that the guest has room for. A guest that counts wrong has none.
    pub(crate) fn free(&self) -> u32 {
        let under_way = self.sent.wrapping_sub(self.peer_forwarded);
        self.peer_window.saturating_sub(under_way)
    }

    /// All the room that the guest has when it has taken everything.
    pub(crate) fn peer_window(&self) -> u32 {
        self.peer_window
    }

    /// So many bytes went to the guest.
    pub(crate) fn send(&mut self, bytes: u32) {
        self.sent = self.sent.wrapping_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_guest_may_send_exactly_its_window() {
        let mut credit = Credit::new(100);

        assert_eq!(credit.receive(60), Ok(()));
        assert_eq!(credit.receive(40), Ok(()));
        assert_eq!(credit.receive(1), Err(Overrun));
    }

    #[test]
    fn a_length_near_the_wrap_is_an_overrun() {
        let mut credit = Credit::new(100);
        credit.receive(1).unwrap();

        assert_eq!(credit.receive(u32::MAX), Err(Overrun));
    }

    #[test]
    fn an_update_is_due_when_half_of_the_window_is_unknown_to_the_guest() {
        let mut credit = Credit::new(100);
        credit.receive(49).unwrap();
        credit.forward(49);
        let early = credit.update_is_due();
        credit.receive(1).unwrap();

        assert!(!early);
        assert!(credit.update_is_due());
        assert_eq!(credit.tell(), (100, 49));
        assert!(!credit.update_is_due());
    }

    #[test]
    fn an_update_is_due_at_half_of_what_a_guest_sends_that_takes_less_itself() {
        let mut credit = Credit::new(100);
        credit.hear(10, 0);
        credit.receive(4).unwrap();
        credit.forward(4);
        let early = credit.update_is_due();
        credit.receive(1).unwrap();

        assert!(!early);
        assert!(credit.update_is_due());
    }

    #[test]
    fn a_guest_without_room_is_sent_nothing() {
        let mut credit = Credit::new(1);
        credit.hear(10, 0);
        credit.send(10);

        assert_eq!(credit.free(), 0);
        assert!(credit.hear(10, 4));
        assert_eq!(credit.free(), 4);
    }

    #[test]
    fn a_guest_that_shrinks_its_window_below_what_is_under_way_has_no_room() {
        let mut credit = Credit::new(1);
        credit.hear(10, 0);
        credit.send(8);

        assert!(!credit.hear(4, 0));
        assert_eq!(credit.free(), 0);
    }

    #[test]
    fn a_guest_that_claims_more_than_it_was_sent_has_no_room() {
        let mut credit = Credit::new(1);

        credit.hear(10, 5);

        assert_eq!(credit.free(), 0);
    }

    proptest! {
        /// Two honest sides, any split and any order of the counters' wraps: nothing overruns,
        /// nothing is held for ever.
        #[test]
        fn honest_sides_neither_overrun_nor_stall(
            start: u32,
            window in 1u32..5000,
            steps in prop::collection::vec((1u32..6000, 0u32..6000), 1..200),
        ) {
            // The device, and a guest that counts as the specification says.
            let mut device = Credit { received: start, forwarded: start, told: start,
                ..Credit::new(window) };
            let (mut guest_sent, mut known) = (start, start);
            for (wish, taken) in steps {
                let room = window - guest_sent.wrapping_sub(known);
                let bytes = wish.min(room);
                prop_assert!(device.receive(bytes).is_ok());
                guest_sent = guest_sent.wrapping_add(bytes);
                device.forward(taken);
                if device.update_is_due() {
                    known = device.tell().1;
                }
                prop_assert!(guest_sent.wrapping_sub(known) <= window);
            }
            device.forward(u32::MAX);
            if device.update_is_due() {
                known = device.tell().1;
            }
            prop_assert!(guest_sent.wrapping_sub(known) < window || window == 0);
        }

        #[test]
        fn what_the_guest_says_never_allows_more_than_its_window(
            says in prop::collection::vec((any::<u32>(), any::<u32>()), 1..50),
        ) {
            let mut credit = Credit::new(1);
            for (window, forwarded) in says {
                credit.hear(window, forwarded);
                prop_assert!(credit.free() <= window);
                credit.send(credit.free());
                prop_assert_eq!(credit.free(), 0);
            }
        }
    }
}
