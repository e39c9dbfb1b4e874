// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The guest's memory as it is announced to a backend.

use crate::mmio::Queue;

/// Grant references count from here (bit 63 of an address).
pub(crate) const GRANTS: u64 = 1 << 63;
const PAGE: u64 = xen_sys::XEN_PAGE_SIZE as u64;
/// More than a guest's grant table has unless its owner enlarges it a lot.
const REFERENCES: u64 = 1 << 17;
/// What one message takes.
pub(crate) const MAX_REGIONS: usize = 32;

const FOREIGN: u32 = 1;
const GRANT: u32 = 2;
const NO_ADVANCE_MAP: u32 = 8;

/// One region of the memory table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) start: u64,
    pub(crate) size: u64,
    pub(crate) flags: u32,
}

/// All of the guest's pages, without those that are not there.
pub(crate) fn foreign(pages: u64, present: impl Fn(u64) -> bool) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for page in (0..pages).filter(|&page| present(page)) {
        let start = page * PAGE;
        match regions.last_mut() {
            Some(last) if last.start + last.size == start => last.size += PAGE,
            _ => regions.push(Region {
                start,
                size: PAGE,
                flags: FOREIGN,
            }),
        }
    }
    regions
}

/// Where each part of a ring is: first and last page, with its sizes as of VIRTIO 1.3, section 2.7.
fn parts(queue: &Queue) -> [(u64, u64); 3] {
    let size = u64::from(queue.size);
    [
        (queue.descriptors, 16 * size),
        (queue.available, 6 + 2 * size),
        (queue.used, 6 + 8 * size),
    ]
}

/// The rings mapped in advance, all between them at each access. `None` if a ring is no granted memory.
pub(crate) fn grants(queues: &[Queue]) -> Option<Vec<Region>> {
    let end = GRANTS + REFERENCES * PAGE;
    let mut spans = Vec::new();
    for queue in queues.iter().filter(|queue| queue.ready) {
        for (start, size) in parts(queue) {
            let last = start.checked_add(size).filter(|&last| last <= end)?;
            if start < GRANTS {
                return None;
            }
            spans.push((start & !(PAGE - 1), last.next_multiple_of(PAGE)));
        }
    }
    spans.sort_unstable();
    let mut regions = Vec::new();
    let mut at = GRANTS;
    let mut push = |start: u64, end: u64, flags| {
        if start < end {
            let size = end - start;
            regions.push(Region { start, size, flags });
        }
    };
    for (start, last) in spans {
        push(at, start, GRANT | NO_ADVANCE_MAP);
        push(at.max(start), last, GRANT);
        at = at.max(last);
    }
    push(at, end, GRANT | NO_ADVANCE_MAP);
    Some(regions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(descriptors: u64, available: u64, used: u64) -> Queue {
        Queue {
            size: 16,
            ready: true,
            descriptors: GRANTS + descriptors,
            available: GRANTS + available,
            used: GRANTS + used,
        }
    }

    #[test]
    fn holes_part_foreign_memory() {
        let regions = foreign(8, |page| page != 3);

        let found: Vec<_> = regions.iter().map(|r| (r.start, r.size)).collect();
        assert_eq!(found, [(0, 0x3000), (0x4000, 0x4000)]);
        assert!(regions.iter().all(|region| region.flags == FOREIGN));
    }

    #[test]
    fn rings_are_mapped_in_advance_and_the_rest_at_each_access() {
        let regions = grants(&[queue(0x8000, 0x9000, 0x20_000)]).unwrap();

        let found: Vec<_> = regions
            .iter()
            .map(|r| (r.start - GRANTS, r.size, r.flags))
            .collect();
        let rest = REFERENCES * PAGE - 0x21_000;
        assert_eq!(
            found,
            [
                (0, 0x8000, 10),
                (0x8000, 0x1000, 2),
                (0x9000, 0x1000, 2),
                (0xa000, 0x16_000, 10),
                (0x20_000, 0x1000, 2),
                (0x21_000, rest, 10),
            ]
        );
    }

    #[test]
    fn rings_that_share_a_page_do_not_overlap_in_the_table() {
        let regions =
            grants(&[queue(0x1000, 0x1100, 0x1200), queue(0x1400, 0x1ff8, 0x1800)]).unwrap();

        for pair in regions.windows(2) {
            assert_eq!(pair[0].start + pair[0].size, pair[1].start);
        }
        let advance: u64 = regions
            .iter()
            .filter(|r| r.flags == GRANT)
            .map(|r| r.size)
            .sum();
        assert_eq!(advance, 0x2000);
    }

    #[test]
    fn a_ring_outside_granted_memory_is_refused() {
        let mut plain = queue(0x1000, 0x2000, 0x3000);
        plain.used = 0x3000;

        assert_eq!(grants(&[plain]), None);
        assert_eq!(grants(&[queue(0x1000, 0x2000, u64::MAX - GRANTS)]), None);
    }

    #[test]
    fn queues_that_are_not_ready_take_no_part() {
        let idle = Queue::default();

        assert_eq!(grants(&[idle]).unwrap().len(), 1);
    }
}
