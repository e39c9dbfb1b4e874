// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Access to memory of odd shapes, against a model that is a map of bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use guest_memory::{
    AccessError, GuestAddress, GuestMemoryMmap, MapError, MappedRegion, Memory, NEEDS_XEN_MMAP,
    PinError, RegionKind, SUPPORTS_DIRTY_LOG, Span, TableError, Tracking, VARIANT,
};
use proptest::prelude::*;
use rustix::fs::MemfdFlags;

fn region(base: u64, size: usize) -> MappedRegion {
    MappedRegion::anonymous(size, GuestAddress(base), &Tracking::new()).unwrap()
}

fn memfd(len: u64) -> File {
    let file = File::from(rustix::fs::memfd_create("t", MemfdFlags::CLOEXEC).unwrap());
    file.set_len(len).unwrap();
    file
}

/// Regions of any size, some adjacent, from address 16 on.
fn regions() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((prop_oneof![Just(0u64), 1u64..40], 1usize..100), 1..6).prop_map(
        |parts| {
            let mut at = 16;
            parts
                .into_iter()
                .map(|(gap, size)| {
                    let base = at + gap;
                    at = base + size as u64;
                    (base, size)
                })
                .collect()
        },
    )
}

proptest! {
    #[test]
    fn memory_of_any_shape_behaves_like_a_map_of_bytes(
        regions in regions(),
        accesses in prop::collection::vec((0u64..700, 0usize..200, any::<u8>(), 0u8..3), 1..20),
        order: prop::sample::Index,
    ) {
        let mut model: BTreeMap<u64, u8> = regions
            .iter()
            .flat_map(|&(base, size)| (base..base + size as u64).map(|addr| (addr, 0)))
            .collect();
        let mut mapped: Vec<_> = regions.iter().map(|&(base, size)| region(base, size)).collect();
        let turn = order.index(mapped.len());
        mapped.rotate_left(turn);
        let memory = Memory::new(mapped).unwrap();
        for (addr, len, value, how) in accesses {
            let range = addr..addr + len as u64;
            let expected: Option<Vec<u8>> =
                range.clone().map(|addr| model.get(&addr).copied()).collect();
            let error = AccessError::Outside { addr, len: len as u64 };
            prop_assert_eq!(memory.contains(addr, len as u64), expected.is_some());
            match how {
                0 => {
                    let mut bytes = vec![0xee; len];
                    let result = memory.read(addr, &mut bytes);
                    prop_assert_eq!(result.map(|()| bytes), expected.ok_or(error));
                }
                1 => {
                    let bytes: Vec<u8> = (0..len).map(|n| value.wrapping_add(n as u8)).collect();
                    let result = memory.write(addr, &bytes);
                    prop_assert_eq!(result, expected.map(drop).ok_or(error));
                    if result.is_ok() {
                        model.extend(range.zip(bytes));
                    }
                }
                _ => {
                    let (reader, writer) = std::io::pipe().unwrap();
                    let span = [Span { addr, len: len as u32 }];
                    let result = memory.write_to(&writer, None, &span);
                    drop(writer);
                    let mut bytes = Vec::new();
                    (&reader).read_to_end(&mut bytes).unwrap();
                    prop_assert_eq!(result.ok(), expected.as_ref().map(Vec::len));
                    prop_assert_eq!(bytes, expected.unwrap_or_default());
                }
            }
        }
    }
}

#[test]
fn an_access_of_no_bytes_succeeds_anywhere() {
    let memory = Memory::new(vec![region(0x1000, 0x1000)]).unwrap();

    assert_eq!(memory.read(u64::MAX, &mut []), Ok(()));
    assert_eq!(memory.write(0, &[]), Ok(()));
    assert!(memory.contains(u64::MAX, 0));
}

#[test]
fn memory_without_regions_has_no_bytes() {
    let memory = Memory::default();

    assert!(!memory.contains(0, 1));
    assert_eq!(memory.last_address(), None);
    assert!(!memory.has_vanished());
}

#[test]
fn a_region_that_would_wrap_is_refused_and_one_below_it_is_not() {
    let tracking = Tracking::new();
    let top = u64::MAX - 0xfff;

    let wraps = MappedRegion::anonymous(0x1000, GuestAddress(top), &tracking);
    let fits = MappedRegion::anonymous(0xfff, GuestAddress(top), &tracking).unwrap();
    let memory = Memory::new(vec![fits]).unwrap();

    assert!(matches!(wraps, Err(MapError::Wraps { .. })));
    assert_eq!(memory.last_address(), Some(u64::MAX - 1));
    assert!(memory.contains(top, 0xfff));
    assert!(!memory.contains(top, 0x1000));
    assert_eq!(memory.write(u64::MAX - 1, &[1]), Ok(()));
    assert!(memory.write(u64::MAX - 1, &[1, 2]).is_err());
}

#[test]
fn a_mapping_ends_with_the_last_memory_that_has_it() {
    let file = memfd(0x1000);
    let tracking = Tracking::new();
    let weak = Arc::downgrade(&tracking);
    let region = MappedRegion::from_file(file, 0, 0x1000, GuestAddress(0), &tracking).unwrap();
    drop(tracking);
    let memory = Memory::new(vec![region]).unwrap();
    let copy = memory.clone();
    let pinned = memory.pin::<u16>(0, 1, 2).unwrap();

    drop(memory);
    drop(copy);
    let held = weak.upgrade().is_some();
    drop(pinned);

    assert!(held);
    assert!(weak.upgrade().is_none());
}

#[test]
fn regions_may_be_added_in_any_order_and_are_listed_by_address() {
    let memory = Memory::new(vec![
        region(0x3000, 0x10),
        region(0x1000, 0x10),
        region(0x2000, 0x10),
    ])
    .unwrap();

    let bases: Vec<_> = memory.regions().map(MappedRegion::base).collect();

    assert_eq!(bases, [0x1000, 0x2000, 0x3000]);
    assert_eq!(memory.region_count(), 3);
    assert_eq!(memory.last_address(), Some(0x300f));
}

#[test]
fn a_region_that_overlaps_from_either_side_is_refused() {
    for (base, size) in [
        (0x0fff, 2),
        (0x1000, 1),
        (0x17ff, 1),
        (0x1fff, 0x100),
        (0, 0x4000),
    ] {
        let memory = Memory::new(vec![region(0x1000, 0x1000)]).unwrap();

        let result = memory.with_region(region(base, size));

        assert!(matches!(
            result,
            Err(TableError::Overlap { other: 0x1000, .. })
        ));
    }
}

#[test]
fn more_pieces_than_the_kernel_takes_at_once_are_transferred_in_part() {
    let memory = Memory::new(vec![region(0, 0x1000)]).unwrap();
    let spans = vec![Span { addr: 0, len: 1 }; 1500];
    let (reader, writer) = std::io::pipe().unwrap();

    let written = memory.write_to(&writer, None, &spans).unwrap();
    let read = memory.read_from(&reader, None, &spans).unwrap();

    assert_eq!((written, read), (1024, 1024));
}

#[test]
fn an_offset_beyond_what_the_kernel_knows_is_an_error() {
    let memory = Memory::new(vec![region(0, 0x1000)]).unwrap();
    let file = memfd(0x1000);
    let span = [Span { addr: 0, len: 1 }];

    let read = memory.read_from(&file, Some(u64::MAX), &span);
    let written = memory.write_to(&file, Some(u64::MAX), &span);

    assert!(read.is_err() && written.is_err());
}

#[test]
fn a_descriptor_that_would_wait_is_an_error_not_a_wait() {
    let memory = Memory::new(vec![region(0, 0x1000)]).unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(reader.as_fd(), true).unwrap();

    let result = memory.read_from(&reader, None, &[Span { addr: 0, len: 1 }]);

    assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_file_from_an_offset_is_the_same_bytes_as_the_region() {
    let mut file = memfd(0x3000);
    file.write_all(&[1; 0x2000]).unwrap();
    file.write_all(&[2; 0x1000]).unwrap();
    let tracking = Tracking::new();

    let region =
        MappedRegion::from_file(file, 0x2000, 0x800, GuestAddress(0x5000), &tracking).unwrap();
    let memory = Memory::new(vec![region]).unwrap();

    let mut bytes = [0; 0x800];
    memory.read(0x5000, &mut bytes).unwrap();
    assert_eq!(bytes, [2; 0x800]);
}

#[test]
fn a_file_that_ends_before_its_region_is_refused_whatever_the_offset() {
    for (offset, size) in [(0, 0x1001), (0x1000, 1), (!0xfff, 0x1000)] {
        let tracking = Tracking::new();

        let result =
            MappedRegion::from_file(memfd(0x1000), offset, size, GuestAddress(0), &tracking);

        assert!(matches!(
            result,
            Err(MapError::FileTooShort { .. } | MapError::Io { .. })
        ));
    }
}

#[test]
fn every_page_of_a_truncated_file_reads_as_zeroes_and_can_be_written() {
    let file = memfd(0x40_0000);
    let handle = file.try_clone().unwrap();
    let tracking = Tracking::new();
    let region = MappedRegion::from_file(file, 0, 0x40_0000, GuestAddress(0), &tracking).unwrap();
    let bystander = region_with_ones();
    let memory = Memory::new(vec![region]).unwrap();
    memory.write(0, &vec![7; 0x40_0000]).unwrap();

    handle.set_len(0).unwrap();
    let mut bytes = vec![1; 0x40_0000];
    memory.read(0, &mut bytes).unwrap();
    memory.write(0x3f_ffff, &[9]).unwrap();
    let mut last = [0];
    memory.read(0x3f_ffff, &mut last).unwrap();

    assert!(bytes.iter().all(|&byte| byte == 0));
    assert_eq!(last, [9]);
    assert!(memory.has_vanished());
    let mut untouched = [0; 0x1000];
    bystander.read(0, &mut untouched).unwrap();
    assert_eq!(untouched, [1; 0x1000]);
    assert!(!bystander.has_vanished());
}

fn region_with_ones() -> Memory {
    let memory = Memory::new(vec![region(0, 0x1000)]).unwrap();
    memory.write(0, &[1; 0x1000]).unwrap();
    memory
}

#[test]
fn many_threads_on_a_truncated_file_all_go_on() {
    let file = memfd(0x10_0000);
    let handle = file.try_clone().unwrap();
    let tracking = Tracking::new();
    let region = MappedRegion::from_file(file, 0, 0x10_0000, GuestAddress(0), &tracking).unwrap();
    let memory = Memory::new(vec![region]).unwrap();

    handle.set_len(0).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for page in 0..0x100 {
                    memory.write(page * 0x1000, &[1]).unwrap();
                }
                // Regions come and go meanwhile.
                drop(region_with_ones());
            });
        }
    });

    assert!(tracking.has_vanished());
}

#[test]
fn words_are_pinned_only_where_they_lie_whole_in_one_region() {
    let memory = Memory::new(vec![region(0x1000, 0x101), region(0x1101, 0xff)]).unwrap();

    let cases = [
        (0x0ffe, 2, Some("unmapped")),
        (0x1000, 0x80, None),
        (0x1000, 0x81, Some("unmapped")),
        (0x1100, 1, Some("unmapped")),
        // Aligned in the guest, not in the host.
        (0x1102, 1, Some("misaligned")),
        (0x1001, 1, Some("misaligned")),
        (0x1000, 0, Some("unmapped")),
        (0x1000, usize::MAX, Some("unmapped")),
    ];
    for (addr, len, expected) in cases {
        let result = memory.pin::<u16>(addr, len, 2);

        let what = result.err().map(|error| match error {
            PinError::Unmapped { .. } => "unmapped",
            PinError::Misaligned { .. } => "misaligned",
            PinError::NotMappedInAdvance { .. } => "on access",
            PinError::NotThere { .. } => "not there",
        });
        assert_eq!(what, expected, "{len} words at {addr:#x}");
    }
}

#[test]
fn the_memory_of_a_monitor_is_shared_not_copied() {
    use vm_memory::Bytes;
    let theirs: GuestMemoryMmap =
        GuestMemoryMmap::from_ranges(&[(GuestAddress(0x1000), 0x1000)]).unwrap();
    let ours = Memory::from_vm_memory(&theirs, &Tracking::new()).unwrap();

    ours.write(0x1004, b"from here").unwrap();
    theirs
        .write_slice(b"from there", GuestAddress(0x1100))
        .unwrap();

    let mut bytes = [0; 9];
    theirs.read_slice(&mut bytes, GuestAddress(0x1004)).unwrap();
    assert_eq!(&bytes, b"from here");
    let mut bytes = [0; 10];
    ours.read(0x1100, &mut bytes).unwrap();
    assert_eq!(&bytes, b"from there");
}

#[test]
fn a_plain_file_is_of_the_kind_that_every_build_can_map() {
    let region = region(0, 0x1000);

    assert_eq!(region.kind(), RegionKind::Unix);
    assert!(region.kind().is_mapped_in_advance());
    assert!(RegionKind::Foreign.is_mapped_in_advance());
    assert!(RegionKind::Grant.is_mapped_in_advance());
    assert!(!RegionKind::GrantOnAccess.is_mapped_in_advance());
}

#[test]
fn a_build_tells_which_memory_it_is_for() {
    let build = (VARIANT, SUPPORTS_DIRTY_LOG, NEEDS_XEN_MMAP);

    assert!([("mmap", true, false), ("xen", false, true)].contains(&build));
}
