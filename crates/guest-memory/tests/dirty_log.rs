// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The dirty log against a byte-wise comparison of memory: what changed is marked, and nothing
//! else is.
//!
//! On a Xen build no daemon offers the log; the code is there and has to be right all the same.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use guest_memory::{
    DIRTY_PAGE_SIZE, GuestAddress, GuestMemoryMmap, LogError, MappedRegion, Memory, Span, Tracking,
};
use proptest::prelude::*;

/// Bytes of the log: enough for every address that is used here.
const LOG: u64 = 8;

/// Regions with sizes and places that are no multiples of a page, with a hole.
const REGIONS: [(u64, usize); 3] = [(0x800, 0x2900), (0x3100, 0x4001), (0x1_0000, 0x7ff)];

fn memory(tracking: &Arc<Tracking>) -> Memory {
    let regions = REGIONS
        .map(|(base, size)| MappedRegion::anonymous(size, GuestAddress(base), tracking).unwrap());
    Memory::new(regions.into()).unwrap()
}

fn log_file(len: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(len).unwrap();
    file
}

fn set_log(tracking: &Tracking, file: &File, offset: u64) {
    let file = file.try_clone().unwrap();
    tracking.set_log(file, offset, LOG, 0x1_07fe).unwrap();
}

/// The pages that are marked.
fn marked(file: &File, offset: u64) -> Vec<u64> {
    let mut bytes = [0; LOG as usize];
    file.read_exact_at(&mut bytes, offset).unwrap();
    (0..LOG * 8)
        .filter(|page| bytes[(page / 8) as usize] >> (page % 8) & 1 != 0)
        .collect()
}

/// All bytes of memory with their addresses.
fn snapshot(memory: &Memory) -> Vec<(u64, u8)> {
    let mut all = Vec::new();
    for (base, size) in REGIONS {
        let mut bytes = vec![0; size];
        memory.read(base, &mut bytes).unwrap();
        all.extend((base..).zip(bytes));
    }
    all
}

fn changed_pages(before: &[(u64, u8)], after: &[(u64, u8)]) -> Vec<u64> {
    let mut pages: Vec<_> = before
        .iter()
        .zip(after)
        .filter(|(before, after)| before.1 != after.1)
        .map(|(before, _)| before.0 / DIRTY_PAGE_SIZE)
        .collect();
    pages.dedup();
    pages
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, usize),
    ReadFile(Vec<(u64, u32)>, usize),
    Random(u64, u64),
    Store(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let addr = 0u64..0x1_0900;
    let span = (addr.clone(), 0u32..0x1800);
    prop_oneof![
        (addr.clone(), 1usize..0x2000).prop_map(|(addr, len)| Change::Write(addr, len)),
        (prop::collection::vec(span, 1..5), 0usize..0x4000)
            .prop_map(|(spans, len)| Change::ReadFile(spans, len)),
        // So many that at least one byte on each page differs; or none at all.
        (addr.clone(), 0u64..3).prop_map(|(addr, pages)| Change::Random(addr, pages * 0x1000)),
        addr.prop_map(|addr| Change::Store(addr & !1)),
    ]
}

/// Makes the change, with bytes that differ from what is there everywhere.
fn apply(memory: &Memory, change: &Change) {
    let inverted = |addr: u64, len: usize| {
        let mut bytes = vec![0; len];
        memory.read(addr, &mut bytes).ok()?;
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        Some(bytes)
    };
    match change {
        Change::Write(addr, len) => {
            if let Some(bytes) = inverted(*addr, *len) {
                memory.write(*addr, &bytes).unwrap();
            } else {
                memory.write(*addr, &vec![1; *len]).unwrap_err();
            }
        }
        Change::ReadFile(spans, len) => {
            // Spans that overlap would be inverted twice, back to what they were.
            let mut end = 0;
            let mut spans: Vec<_> = spans.clone();
            spans.sort_unstable();
            spans.retain(|&(addr, len)| {
                let keep = addr >= end;
                if keep {
                    end = addr + u64::from(len);
                }
                keep
            });
            let contents: Option<Vec<_>> = spans
                .iter()
                .map(|&(addr, len)| inverted(addr, len as usize))
                .collect();
            let mut bytes = contents.clone().unwrap_or_default().concat();
            bytes.truncate(*len);
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            file.rewind().unwrap();
            let spans: Vec<_> = spans
                .into_iter()
                .map(|(addr, len)| Span { addr, len })
                .collect();
            let result = memory.read_from(&file, None, &spans);
            assert_eq!(result.ok(), contents.map(|_| bytes.len()));
        }
        Change::Random(addr, len) => {
            let _ = memory.fill_random(*addr, *len);
        }
        Change::Store(addr) => {
            // A word that the regions' odd sizes do not allow is refused.
            if let Ok(word) = memory.pin::<u16>(*addr, 1, 2) {
                word.store(0, !word.load(0, Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn exactly_the_pages_that_changed_are_marked(changes in prop::collection::vec(change(), 1..6)) {
        for change in changes {
            let tracking = Tracking::new();
            let memory = memory(&tracking);
            let file = log_file(LOG);
            set_log(&tracking, &file, 0);
            tracking.set_logging(true);
            let before = snapshot(&memory);

            apply(&memory, &change);

            let changed = changed_pages(&before, &snapshot(&memory));
            if let Change::Random(addr, len @ 1..) = change {
                // The last of the random bytes on a page may be what was there.
                let written: Vec<_> = if memory.contains(addr, len) {
                    (addr / DIRTY_PAGE_SIZE..=(addr + len - 1) / DIRTY_PAGE_SIZE).collect()
                } else {
                    Vec::new()
                };
                prop_assert!(changed.iter().all(|page| written.contains(page)));
                prop_assert_eq!(marked(&file, 0), written);
            } else {
                prop_assert_eq!(marked(&file, 0), changed);
            }
        }
    }
}

#[test]
fn spans_behind_an_empty_one_are_marked() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let log = log_file(LOG);
    set_log(&tracking, &log, 0);
    tracking.set_logging(true);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[1; 16]).unwrap();
    let spans = [(0, 0), (0x2000, 8), (0x3000, 0), (0x5000, 8)];
    let spans = spans.map(|(addr, len)| Span { addr, len });

    let read = memory.read_from(&file, Some(0), &spans).unwrap();

    assert_eq!(read, 16);
    assert_eq!(marked(&log, 0), [2, 5]);
}

#[test]
fn a_log_at_an_offset_that_is_not_page_aligned_marks_there_and_nowhere_else() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let file = log_file(0x3000);
    set_log(&tracking, &file, 0x1ff3);
    tracking.set_logging(true);

    memory.write(0x1_0000, &[1]).unwrap();

    let mut bytes = vec![0; 0x3000];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let set: Vec<_> = (0..0x3000).filter(|&at| bytes[at] != 0).collect();
    assert_eq!(set, [0x1ff3 + 2]);
    assert_eq!(marked(&file, 0x1ff3), [16]);
}

#[test]
fn nothing_is_marked_before_logging_is_turned_on() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let file = log_file(LOG);
    set_log(&tracking, &file, 0);

    memory.write(0x1000, &[1]).unwrap();

    assert!(tracking.has_log());
    assert!(marked(&file, 0).is_empty());
}

#[test]
fn turning_logging_off_stops_the_marks_and_forgets_the_log() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let file = log_file(LOG);
    set_log(&tracking, &file, 0);
    tracking.set_logging(true);
    memory.write(0x1000, &[1]).unwrap();

    tracking.set_logging(false);
    memory.write(0x2000, &[1]).unwrap();
    let forgotten = !tracking.has_log();
    tracking.set_logging(true);
    memory.write(0x3100, &[1]).unwrap();

    assert!(forgotten);
    assert_eq!(marked(&file, 0), [1]);
}

#[test]
fn another_log_takes_over_at_once() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let (first, second) = (log_file(LOG), log_file(LOG));
    set_log(&tracking, &first, 0);
    tracking.set_logging(true);
    memory.write(0x1000, &[1]).unwrap();

    set_log(&tracking, &second, 0);
    memory.write(0x2000, &[1]).unwrap();

    assert_eq!(marked(&first, 0), [1]);
    assert_eq!(marked(&second, 0), [2]);
}

#[test]
fn a_region_added_while_logging_is_marked_from_its_first_byte() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let file = log_file(LOG);
    set_log(&tracking, &file, 0);
    tracking.set_logging(true);

    let region = MappedRegion::anonymous(0x1000, GuestAddress(0x2_0000), &tracking).unwrap();
    let memory = memory.with_region(region).unwrap();
    memory.write(0x2_0000, &[1]).unwrap();

    assert_eq!(marked(&file, 0), [0x20]);
}

#[test]
fn pages_behind_the_end_of_the_log_are_not_marked_anywhere() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let file = log_file(0x2000);
    set_log(&tracking, &file, 0);
    tracking.set_logging(true);
    let far = GuestAddress(LOG * 8 * DIRTY_PAGE_SIZE);
    let region = MappedRegion::anonymous(0x1000, far, &tracking).unwrap();
    let memory = memory.with_region(region).unwrap();

    memory.write(far.0, &[1]).unwrap();

    let mut bytes = vec![0; 0x2000];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes.iter().all(|&byte| byte == 0));
}

#[test]
fn a_file_that_is_shorter_than_its_log_is_refused() {
    for (len, offset, size) in [(LOG - 1, 0, LOG), (0x2000, 0x2000, LOG), (8, u64::MAX, LOG)] {
        let result = Tracking::new().set_log(log_file(len), offset, size, 0);

        assert!(
            matches!(result, Err(LogError::FileTooShort { .. })),
            "{offset:#x}"
        );
    }
}

#[test]
fn a_log_that_does_not_reach_the_last_page_is_refused() {
    let last_in_reach = LOG * 8 * DIRTY_PAGE_SIZE - 1;
    let tracking = Tracking::new();

    let fits = tracking.set_log(log_file(LOG), 0, LOG, last_in_reach);
    let short = tracking.set_log(log_file(LOG), 0, LOG, last_in_reach + 1);

    assert!(fits.is_ok());
    assert!(matches!(short, Err(LogError::TooShort { last, .. }) if last == last_in_reach + 1));
}

#[test]
fn a_log_without_bytes_or_of_an_absurd_size_is_refused() {
    let tracking = Tracking::new();

    let empty = tracking.set_log(log_file(0x1000), 0, 0, 0);
    let absurd = tracking.set_log(log_file(0x1000), 0, u64::MAX, 0);

    assert!(matches!(empty, Err(LogError::TooShort { .. })));
    assert!(matches!(absurd, Err(LogError::TooLarge(u64::MAX))));
}

#[test]
fn a_log_that_is_truncated_ends_no_process_and_is_recorded() {
    let tracking = Tracking::new();
    let memory = memory(&tracking);
    let file = log_file(LOG);
    set_log(&tracking, &file, 0);
    tracking.set_logging(true);

    file.set_len(0).unwrap();
    memory.write(0x1000, &[1]).unwrap();

    assert!(tracking.has_vanished());
}

#[test]
fn the_memory_of_a_monitor_that_two_devices_share_is_in_the_log_of_the_first() {
    let theirs: GuestMemoryMmap =
        GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x4000)]).unwrap();
    let (first, second) = (Tracking::new(), Tracking::new());
    let ours = Memory::from_vm_memory(&theirs, &first).unwrap();
    let again = Memory::from_vm_memory(&theirs, &second).unwrap();
    let file = log_file(LOG);
    first
        .set_log(file.try_clone().unwrap(), 0, LOG, 0x3fff)
        .unwrap();
    first.set_logging(true);

    ours.write(0, &[1]).unwrap();
    again.write(0x1000, &[1]).unwrap();
    again.fill_random(0x2000, 8).unwrap();
    let word = again.pin::<u16>(0x3000, 1, 2).unwrap();
    word.store(0, 1, Ordering::Relaxed);

    assert_eq!(marked(&file, 0), [0, 1, 2, 3]);
}
