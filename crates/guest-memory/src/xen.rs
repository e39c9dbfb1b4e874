// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Xen: foreign pages and grants besides plain files.

use std::fs::File;
use std::io;

use vm_memory::{FileOffset, GuestAddress, MmapRange, MmapXenFlags};

use crate::MmapRegion;
use crate::region::RegionKind;

/// Name of this build's guest memory, as it stands in feature lists and reports.
pub const VARIANT: &str = "xen";

/// Whether writes can be recorded for live migration. Under Xen the toolstack tracks dirty pages
/// itself, and a grant's address (bit 63 set) lies outside every log.
pub const SUPPORTS_DIRTY_LOG: bool = false;

/// Whether a frontend has to describe Xen mappings with each region (vhost-user: XEN_MMAP).
pub const NEEDS_XEN_MMAP: bool = true;

pub(crate) fn kind(region: &MmapRegion) -> RegionKind {
    // The region could not have been mapped with bits that are not flags.
    let flags = MmapXenFlags::from_bits_truncate(region.xen_mmap_flags());
    if flags.is_foreign() {
        RegionKind::Foreign
    } else if flags.is_grant() && flags.mmap_in_advance() {
        RegionKind::Grant
    } else if flags.is_grant() {
        RegionKind::GrantOnAccess
    } else {
        RegionKind::Unix
    }
}

pub(crate) fn map_file(
    file: File,
    offset: u64,
    size: usize,
    guest_base: u64,
) -> io::Result<MmapRegion> {
    let range = MmapRange::new_unix(
        size,
        Some(FileOffset::new(file, offset)),
        GuestAddress(guest_base),
    );
    MmapRegion::from_range(range).map_err(io::Error::other)
}
