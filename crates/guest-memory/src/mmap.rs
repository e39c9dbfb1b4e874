// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Plain shared memory: a file mapped for as long as the region lives.

use std::fs::File;
use std::io;

use vm_memory::FileOffset;

use crate::MmapRegion;
use crate::region::RegionKind;

/// Name of this build's guest memory, as it stands in feature lists and reports.
pub const VARIANT: &str = "mmap";

/// Whether writes can be recorded for live migration.
pub const SUPPORTS_DIRTY_LOG: bool = true;

/// Whether a frontend has to describe Xen mappings with each region (vhost-user: XEN_MMAP).
pub const NEEDS_XEN_MMAP: bool = false;

pub(crate) fn kind(_region: &MmapRegion) -> RegionKind {
    RegionKind::Unix
}

pub(crate) fn map_file(
    file: File,
    offset: u64,
    size: usize,
    _guest_base: u64,
) -> io::Result<MmapRegion> {
    MmapRegion::from_file(FileOffset::new(file, offset), size).map_err(io::Error::other)
}
