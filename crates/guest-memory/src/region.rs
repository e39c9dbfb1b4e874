// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One mapping of guest memory.

use std::fs::File;
use std::io;
use std::sync::Arc;

use rustix::fs::{FileType, MemfdFlags};
use vm_memory::{ByteValued, GuestAddress, GuestMemoryRegion, GuestRegionMmap, VolatileSlice};

use crate::dirty::{RegionLogSlice, Tracking};
use crate::memory::AccessError;
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
    /// The description of a region is shorter than the protocol says, or names no file.
    #[error("the description of the region at {base:#x} is not complete")]
    Announcement {
        /// Guest address of the region.
        base: u64,
    },
    /// The flags of a Xen mapping contradict each other or are unknown.
    #[error("the region at {base:#x} cannot be mapped: Xen flags {flags:#x} mean nothing")]
    XenFlags {
        /// Guest address of the region.
        base: u64,
        /// What the frontend sent.
        flags: u32,
    },
    /// Xen, or the kernel, refused the mapping.
    #[error("cannot map {size:#x} bytes at {base:#x} of Xen domain {domain}: {source}")]
    Xen {
        /// Guest address of the region.
        base: u64,
        /// Size of the region in bytes.
        size: u64,
        /// The domain whose pages these are.
        domain: u32,
        /// What the kernel said.
        source: io::Error,
    },
    /// More regions are mapped by this process than the fault handler can know.
    #[error("this process has too many mapped regions ({0})")]
    TooManyRegions(usize),
}

/// What an access does with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A piece of one region, mapped for as long as this lives.
#[derive(Debug)]
pub(crate) struct Window<'r> {
    slice: VolatileSlice<'r, RegionLogSlice<'r>>,
    hold: variant::Hold,
}

impl<'r> Window<'r> {
    #[inline]
    pub(crate) fn new(slice: VolatileSlice<'r, RegionLogSlice<'r>>, hold: variant::Hold) -> Self {
        Self { slice, hold }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slice.len()
    }

    #[inline]
    pub(crate) fn copy_to(&self, buf: &mut [u8]) {
        self.slice.copy_to(buf);
    }

    #[inline]
    pub(crate) fn copy_from(&self, buf: &[u8]) {
        self.slice.copy_from(buf);
    }

    /// The first byte. The address is good for as long as the region and the window live, or the
    /// hold in the window's place.
    #[inline]
    pub(crate) fn start(&self) -> *mut u8 {
        self.slice.ptr_guard_mut().as_ptr()
    }

    #[inline]
    pub(crate) fn into_hold(self) -> variant::Hold {
        self.hold
    }
}

/// How a frontend describes a region (vhost-user, "memory region description").
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    pub(crate) base: u64,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    /// Flags and domain, which XEN_MMAP adds.
    #[cfg_attr(not(feature = "xen"), allow(dead_code))]
    pub(crate) xen: Option<(u32, u32)>,
}

impl Announced {
    fn parse(description: &[u8]) -> Option<Self> {
        let (words, xen) = description.split_at_checked(32)?;
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&words[at * 8..at * 8 + 8]);
            u64::from_ne_bytes(word)
        };
        let xen = <[u8; 8]>::try_from(xen).ok().map(|xen| {
            let [a, b, c, d, e, f, g, h] = xen;
            (
                u32::from_ne_bytes([a, b, c, d]),
                u32::from_ne_bytes([e, f, g, h]),
            )
        });
        Some(Self {
            base: word(0),
            size: word(1),
            offset: word(3),
            xen,
        })
    }
}

/// One mapping of guest memory, at its guest address.
///
/// Field order matters: the SIGBUS guard is dropped before the mapping, so that the handler never
/// claims an address that meanwhile belongs to something else.
#[derive(Debug)]
pub struct MappedRegion {
    _guard: Option<sigbus::Guard>,
    pages: variant::Pages,
    base: u64,
    size: u64,
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
        let (base, size) = (base.0, mapping.size() as u64);
        let region = GuestRegionMmap::new(mapping, GuestAddress(base))
            .ok_or(MapError::Wraps { base, size })?;
        let file = region.file_offset().cloned();
        let pages = variant::Pages::adopt(region)?;
        if pages.kind() == RegionKind::Unix
            && let Some(file) = file
        {
            check_file(file.file(), file.start(), base, size)?;
        }
        Self::guarded(pages, base, size, tracking)
    }

    /// Maps what a frontend announces. `description` has the wire form of a memory region in
    /// SET_MEM_TABLE and ADD_MEM_REG, with what XEN_MMAP adds in a Xen build.
    pub fn announced<T: ByteValued>(
        description: &T,
        file: File,
        tracking: &Arc<Tracking>,
    ) -> Result<Self, MapError> {
        let announced =
            Announced::parse(description.as_slice()).ok_or(MapError::Announcement { base: 0 })?;
        let Announced {
            base, size, offset, ..
        } = announced;
        let wraps = MapError::Wraps { base, size };
        if base.checked_add(size).is_none() {
            return Err(wraps);
        }
        match variant::Pages::map(&announced, &file)? {
            Some(pages) => Self::guarded(pages, base, size, tracking),
            None => {
                let len = usize::try_from(size).map_err(|_| wraps)?;
                Self::from_file(file, offset, len, GuestAddress(base), tracking)
            }
        }
    }

    fn guarded(
        pages: variant::Pages,
        base: u64,
        size: u64,
        tracking: &Arc<Tracking>,
    ) -> Result<Self, MapError> {
        let kind = pages.kind();
        let tracking = pages.log().join(tracking, base, size).clone();
        let start = pages.host_address();
        let guard = if kind.is_mapped_in_advance() && !start.is_null() {
            let vanished = tracking.vanished_flag().clone();
            // The mapping was made with this length.
            Some(
                sigbus::Guard::new(start, size as usize, vanished)
                    .ok_or(MapError::TooManyRegions(sigbus::MAX_RANGES))?,
            )
        } else {
            None
        };
        Ok(Self {
            _guard: guard,
            pages,
            base,
            size,
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
        let region = GuestRegionMmap::with_arc(region.get_mmap(), base)
            .ok_or(MapError::Wraps { base: base.0, size })?;
        let pages = variant::Pages::adopt(region)?;
        let tracking = pages.log().join(tracking, base.0, size).clone();
        Ok(Self {
            _guard: None,
            kind: pages.kind(),
            pages,
            base: base.0,
            size,
            tracking,
        })
    }

    /// First guest address.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How the pages are reached.
    pub fn kind(&self) -> RegionKind {
        self.kind
    }

    pub(crate) fn tracking(&self) -> &Arc<Tracking> {
        &self.tracking
    }

    /// First address behind the region. Cannot overflow: that was checked when it was made.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.size
    }

    pub(crate) fn host_address(&self) -> *mut u8 {
        self.pages.host_address()
    }

    /// Whether a range of the region, which is mapped in advance, has all its pages.
    pub(crate) fn is_there(&self, offset: u64, len: u64) -> bool {
        self.pages.is_there(offset, len)
    }

    /// Maps a range of the region, or the first part of it, for an access.
    #[inline]
    pub(crate) fn window(
        &self,
        offset: u64,
        len: usize,
        access: Access,
    ) -> Result<Window<'_>, AccessError> {
        self.pages
            .window(offset, len, access, &self.tracking)
            .map_err(|error| error.in_region(self.base))
    }
}

impl Drop for MappedRegion {
    fn drop(&mut self) {
        self.pages.forget(&self.tracking);
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
