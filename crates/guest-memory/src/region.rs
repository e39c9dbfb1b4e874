// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One mapping of guest memory.

use std::fs::File;
use std::io;
use std::sync::Arc;

use rustix::fs::{FileType, MemfdFlags};
use vm_memory::bitmap::BitmapSlice;
use vm_memory::{
    GuestAddress, GuestMemoryRegion, GuestRegionMmap, MemoryRegionAddress, VolatileSlice,
};

use crate::dirty::Tracking;
use crate::{MmapRegion, sigbus, variant};

/// How a region reaches the guest's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// A file shared with the frontend.
    Unix,
    /// Pages of another Xen domain, mapped in advance.
    Foreign,
    /// Granted pages, mapped in advance.
    Grant,
    /// Granted pages, mapped at each access and unmapped right after.
    GrantOnAccess,
}

impl RegionKind {
    /// Whether the region has a host address between accesses. Rings need that.
    pub fn is_mapped_in_advance(self) -> bool {
        self != Self::GrantOnAccess
    }
}

/// Why a region cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The file ends before the region does: touching the rest would be a SIGBUS.
    #[error(
        "the file of the region at {base:#x} has {file_len} bytes, the region needs {needed}: \
         the frontend must size it before it shares it"
    )]
    FileTooShort {
        /// Guest address of the region.
        base: u64,
        /// Size of the file in bytes.
        file_len: u64,
        /// Offset plus length of the region in bytes.
        needed: u64,
    },
    /// The region would wrap around the end of the address space.
    #[error("the region at {base:#x} with {size:#x} bytes goes past the end of the address space")]
    Wraps {
        /// Guest address of the region.
        base: u64,
        /// Size of the region in bytes.
        size: u64,
    },
    /// The kernel refused the mapping or to tell about the file.
    #[error("cannot map {size:#x} bytes of guest memory at {base:#x}: {source}")]
    Io {
        /// Guest address of the region.
        base: u64,
        /// Size of the region in bytes.
        size: u64,
        /// What the kernel said.
        source: io::Error,
    },
    /// More regions are mapped by this process than the fault handler can know.
    #[error("this process has too many mapped regions ({0})")]
    TooManyRegions(usize),
}

/// One mapping of guest memory, at its guest address.
///
/// Field order matters: the SIGBUS guard is dropped before the mapping, so that the handler never
/// claims an address that meanwhile belongs to something else.
#[derive(Debug)]
pub struct MappedRegion {
    _guard: Option<sigbus::Guard>,
    region: GuestRegionMmap<crate::RegionLog>,
    kind: RegionKind,
    tracking: Arc<Tracking>,
}

impl MappedRegion {
    /// Takes a mapping over: checks that its file really has the bytes, joins it to the guest's
    /// dirty log and protects the process from the file being truncated later.
    pub fn new(
        mapping: MmapRegion,
        base: GuestAddress,
        tracking: &Arc<Tracking>,
    ) -> Result<Self, MapError> {
        let size = mapping.size() as u64;
        let kind = variant::kind(&mapping);
        if kind == RegionKind::Unix
            && let Some(file) = mapping.file_offset()
        {
            check_file(file.file(), file.start(), base.0, size)?;
        }
        // Before the guard is made: it may not outlive the mapping.
        if base.0.checked_add(size).is_none() {
            return Err(MapError::Wraps { base: base.0, size });
        }
        let tracking = mapping.bitmap().join(tracking, base.0, size).clone();
        let guard = if kind.is_mapped_in_advance() && !mapping.as_ptr().is_null() {
            let vanished = tracking.vanished_flag().clone();
            Some(
                sigbus::Guard::new(mapping.as_ptr(), mapping.size(), vanished)
                    .ok_or(MapError::TooManyRegions(sigbus::MAX_RANGES))?,
            )
        } else {
            None
        };
        let region =
            GuestRegionMmap::new(mapping, base).ok_or(MapError::Wraps { base: base.0, size })?;
        Ok(Self {
            _guard: guard,
            region,
            kind,
            tracking,
        })
    }

    /// Maps `size` bytes of `file` from `offset` on, as memory of the kind that every build can
    /// map: [`RegionKind::Unix`].
    pub fn from_file(
        file: File,
        offset: u64,
        size: usize,
        base: GuestAddress,
        tracking: &Arc<Tracking>,
    ) -> Result<Self, MapError> {
        let mapping =
            variant::map_file(file, offset, size, base.0).map_err(|source| MapError::Io {
                base: base.0,
                size: size as u64,
                source,
            })?;
        Self::new(mapping, base, tracking)
    }

    /// Memory that nobody else has: for tests, benches and embedding.
    pub fn anonymous(
        size: usize,
        base: GuestAddress,
        tracking: &Arc<Tracking>,
    ) -> Result<Self, MapError> {
        let file = rustix::fs::memfd_create("guest-memory", MemfdFlags::CLOEXEC)
            .map(File::from)
            .and_then(|file| rustix::fs::ftruncate(&file, size as u64).map(|()| file))
            .map_err(|errno| MapError::Io {
                base: base.0,
                size: size as u64,
                source: errno.into(),
            })?;
        Self::from_file(file, 0, size, base, tracking)
    }

    /// A mapping that a virtual machine monitor owns too.
    pub(crate) fn share(
        region: &GuestRegionMmap<crate::RegionLog>,
        tracking: &Arc<Tracking>,
    ) -> Result<Self, MapError> {
        let (base, size) = (region.start_addr(), region.len());
        let tracking = MmapRegion::bitmap(region)
            .join(tracking, base.0, size)
            .clone();
        let region = GuestRegionMmap::with_arc(region.get_mmap(), base)
            .ok_or(MapError::Wraps { base: base.0, size })?;
        Ok(Self {
            _guard: None,
            kind: variant::kind(&region),
            region,
            tracking,
        })
    }

    /// First guest address.
    pub fn base(&self) -> u64 {
        self.region.start_addr().0
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.region.len()
    }

    /// How the pages are reached.
    pub fn kind(&self) -> RegionKind {
        self.kind
    }

    pub(crate) fn tracking(&self) -> &Arc<Tracking> {
        &self.tracking
    }

    /// First address behind the region. Cannot overflow: `GuestRegionMmap::new` checked it.
    pub(crate) fn end(&self) -> u64 {
        self.base() + self.size()
    }

    pub(crate) fn host_address(&self) -> *mut u8 {
        self.region.as_ptr()
    }

    /// `None` where the range leaves the region.
    #[inline]
    pub(crate) fn slice(
        &self,
        offset: u64,
        len: usize,
    ) -> Option<VolatileSlice<'_, impl BitmapSlice + '_>> {
        self.region.get_slice(MemoryRegionAddress(offset), len).ok()
    }
}

fn check_file(file: &File, offset: u64, base: u64, size: u64) -> Result<(), MapError> {
    let stat = rustix::fs::fstat(file).map_err(|errno| MapError::Io {
        base,
        size,
        source: errno.into(),
    })?;
    // A device (dax, for one) has no length of its own; its pages are the kernel's business.
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(());
    }
    let file_len = u64::try_from(stat.st_size).unwrap_or(0);
    let needed = offset.saturating_add(size);
    if file_len < needed {
        return Err(MapError::FileTooShort {
            base,
            file_len,
            needed,
        });
    }
    Ok(())
}
