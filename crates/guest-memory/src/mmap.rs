// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Plain shared memory: a file mapped for as long as the region lives.

use std::fs::File;
use std::io;

use vm_memory::{FileOffset, GuestMemoryRegion, GuestRegionMmap, MemoryRegionAddress};

use crate::dirty::RegionLog;
use crate::memory::AccessError;
use crate::region::{Access, Announced, MapError, RegionKind, Window};
use crate::{MmapRegion, Tracking};

/// Name of this build's guest memory, as it stands in feature lists and reports.
pub const VARIANT: &str = "mmap";

/// Whether writes can be recorded for live migration.
pub const SUPPORTS_DIRTY_LOG: bool = true;

/// Whether a frontend has to describe Xen mappings with each region (vhost-user: XEN_MMAP).
pub const NEEDS_XEN_MMAP: bool = false;

/// What keeps a window mapped: here the region does.
#[derive(Debug)]
pub(crate) struct Hold;

/// There are no grants to cache.
#[derive(Debug, Default)]
pub(crate) struct GrantCache;

impl GrantCache {
    pub(crate) fn new(_pages: usize) -> Self {
        Self
    }

    pub(crate) fn clear(&self) {}
}

pub(crate) fn map_file(
    file: File,
    offset: u64,
    size: usize,
    _guest_base: u64,
) -> io::Result<MmapRegion> {
    MmapRegion::from_file(FileOffset::new(file, offset), size).map_err(io::Error::other)
}

/// The pages of one region.
#[derive(Debug)]
pub(crate) struct Pages(GuestRegionMmap<RegionLog>);

impl Pages {
    pub(crate) fn adopt(region: GuestRegionMmap<RegionLog>) -> Result<Self, MapError> {
        Ok(Self(region))
    }

    /// `None`: the region is one of a plain file.
    pub(crate) fn map(_announced: &Announced, _file: &File) -> Result<Option<Self>, MapError> {
        Ok(None)
    }

    pub(crate) fn kind(&self) -> RegionKind {
        RegionKind::Unix
    }

    pub(crate) fn log(&self) -> &RegionLog {
        MmapRegion::bitmap(&self.0)
    }

    pub(crate) fn host_address(&self) -> *mut u8 {
        self.0.as_ptr()
    }

    /// All pages of a file are there.
    pub(crate) fn is_there(&self, _offset: u64, _len: u64) -> bool {
        true
    }

    #[inline]
    pub(crate) fn window(
        &self,
        offset: u64,
        len: usize,
        _access: Access,
        _tracking: &Tracking,
    ) -> Result<Window<'_>, AccessError> {
        match self.0.get_slice(MemoryRegionAddress(offset), len) {
            Ok(slice) => Ok(Window::new(slice, Hold)),
            Err(_) => Err(AccessError::outside(offset, len as u64)),
        }
    }

    pub(crate) fn forget(&self, _tracking: &Tracking) {}
}
