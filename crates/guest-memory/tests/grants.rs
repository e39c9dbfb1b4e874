// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a Xen build does with grants that are mapped at each access, as far as that shows without
//! a Xen: such a region can be made, and only an access needs the hypervisor.

use guest_memory::{
    AccessError, GuestAddress, MapError, MappedRegion, Memory, MmapRegion, PinError, RegionKind,
    Span, Tracking,
};
use vm_memory::{ByteValued, FileOffset, MmapRange, MmapXenFlags};

/// Where Xen's grants start in guest physical addresses.
const GRANTS: u64 = 1 << 63;

fn grants() -> MappedRegion {
    let flags = MmapXenFlags::GRANT | MmapXenFlags::NO_ADVANCE_MAP;
    let file = tempfile::tempfile().unwrap();
    let range = MmapRange::new(
        0x4000,
        Some(FileOffset::new(file, 0)),
        GuestAddress(GRANTS),
        flags.bits(),
        1,
    );
    let mapping = MmapRegion::from_range(range).unwrap();
    MappedRegion::new(mapping, GuestAddress(GRANTS), &Tracking::new()).unwrap()
}

#[test]
fn grants_that_are_mapped_at_each_access_are_known_as_such() {
    let region = grants();

    assert_eq!(region.kind(), RegionKind::GrantOnAccess);
    assert!(!region.kind().is_mapped_in_advance());
    assert_eq!((region.base(), region.size()), (GRANTS, 0x4000));
}

#[test]
fn a_ring_in_grants_that_are_mapped_at_each_access_is_refused() {
    let plain = MappedRegion::anonymous(0x1000, GuestAddress(0), &Tracking::new()).unwrap();
    let memory = Memory::new(vec![plain, grants()]).unwrap();

    let refused = memory.pin::<u16>(GRANTS + 0x100, 4, 2);
    let outside = memory.pin::<u16>(GRANTS + 0x3ffe, 2, 2);
    let plain = memory.pin::<u16>(0x100, 4, 2);

    let addr = GRANTS + 0x100;
    assert_eq!(refused.unwrap_err(), PinError::NotMappedInAdvance { addr });
    assert!(matches!(outside, Err(PinError::Unmapped { .. })));
    assert!(plain.is_ok());
}

#[test]
fn addresses_with_bit_63_set_are_looked_up_like_any_other() {
    let memory = Memory::new(vec![grants()]).unwrap();

    assert!(memory.contains(GRANTS, 0x4000));
    assert!(!memory.contains(GRANTS, 0x4001));
    assert!(!memory.contains(0, 1));
    assert_eq!(memory.last_address(), Some(GRANTS + 0x3fff));
}

/// Without a Xen nothing can be mapped; what a bad grant reference is on one.
#[test]
fn an_access_that_cannot_be_mapped_is_an_error_of_that_access() {
    let plain = MappedRegion::anonymous(0x1000, GuestAddress(0), &Tracking::new()).unwrap();
    let memory = Memory::new(vec![plain, grants()]).unwrap();
    let file = tempfile::tempfile().unwrap();
    let span = |addr| Span { addr, len: 8 };

    let read = memory.read(GRANTS + 4, &mut [0; 4]);
    let written = memory.write(GRANTS + 0x1ffe, &[0; 4]);
    let filled = memory.fill_random(GRANTS, 8);
    let transferred = memory.write_to(&file, None, &[span(0), span(GRANTS)]);

    assert!(matches!(
        read,
        Err(AccessError::Unmappable { addr, len: 4, .. }) if addr == GRANTS + 4
    ));
    assert!(matches!(
        written,
        Err(AccessError::Unmappable { addr, .. }) if addr == GRANTS + 0x1ffe
    ));
    assert!(filled.is_err());
    // Nothing is moved unless all of it can be.
    assert!(transferred.is_err());
    assert_eq!(file.metadata().unwrap().len(), 0);
    assert!(memory.read(0, &mut [0; 4]).is_ok());
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Announced {
    words: [u64; 4],
    xen: [u32; 2],
}

// SAFETY: plain integers without padding.
unsafe impl ByteValued for Announced {}

fn announced(base: u64, flags: u32, domain: u32) -> Result<MappedRegion, MapError> {
    let file = tempfile::tempfile().unwrap();
    file.set_len(0x4000).unwrap();
    let description = Announced {
        words: [base, 0x4000, 0, 0],
        xen: [flags, domain],
    };
    MappedRegion::announced(&description, file, &Tracking::new())
}

#[test]
fn announced_regions_are_of_the_kind_that_their_flags_say() {
    let kind = |flags| announced(GRANTS, flags, 1).map(|region| region.kind());

    assert_eq!(kind(0).unwrap(), RegionKind::Unix);
    assert_eq!(kind(2 | 8).unwrap(), RegionKind::GrantOnAccess);
    // What is mapped in advance needs the hypervisor at once.
    assert!(matches!(kind(1), Err(MapError::Xen { domain: 1, .. })));
    assert!(matches!(kind(2), Err(MapError::Xen { .. })));
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for flags in [3, 8, 9, 4, 0x10, u32::MAX] {
        let result = announced(GRANTS, flags, 1);

        assert!(
            matches!(result, Err(MapError::XenFlags { flags: told, .. }) if told == flags),
            "{flags:#x}"
        );
    }
}

#[test]
fn a_description_without_flags_is_refused() {
    let description = [0u64, 0x1000, 0, 0];
    let file = tempfile::tempfile().unwrap();

    let result = MappedRegion::announced(&description, file, &Tracking::new());

    assert!(matches!(result, Err(MapError::Announcement { .. })));
}

#[test]
fn grants_at_an_address_inside_a_page_are_refused() {
    let result = announced(GRANTS + 8, 2 | 8, 1);

    assert!(matches!(result, Err(MapError::Xen { .. })));
}
