// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a Xen build does with grants that are mapped at each access, as far as that shows without
//! a Xen: such a region can be made, and only an access needs the hypervisor.

use std::panic::{AssertUnwindSafe, catch_unwind};

use guest_memory::{
    GuestAddress, MappedRegion, Memory, MmapRegion, PinError, RegionKind, Tracking,
};
use vm_memory::{FileOffset, MmapRange, MmapXenFlags};

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

/// vm-memory panics here. That must stay a panic that unwinds, which a worker's thread contains; a
/// crash would be everybody's.
#[test]
fn an_access_that_cannot_be_mapped_unwinds() {
    let memory = Memory::new(vec![grants()]).unwrap();

    let read = catch_unwind(AssertUnwindSafe(|| memory.read(GRANTS, &mut [0; 4])));
    let written = catch_unwind(AssertUnwindSafe(|| memory.write(GRANTS, &[0; 4])));

    assert!(read.is_err() && written.is_err());
}
