// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Xen: foreign pages and grants besides plain files.
//!
//! Only plain files are mapped by vm-memory. Its code for the others panics on a grant that cannot
//! be mapped, looks at no page's error, and has no say over permissions; here each of these is the
//! error of one access, so that a guest harms nothing but its own request.

use std::fs::File;
use std::io;

use vm_memory::bitmap::Bitmap;
use vm_memory::mmap::NewBitmap;
use vm_memory::{
    FileOffset, GuestAddress, GuestMemoryRegion, GuestRegionMmap, MemoryRegionAddress, MmapRange,
    MmapXenFlags, VolatileSlice,
};

use crate::dirty::RegionLog;
use crate::foreign::Foreign;
use crate::grants::{GrantMapping, Grants};
use crate::memory::AccessError;
use crate::region::{Access, Announced, MapError, RegionKind, Window};
use crate::{MmapRegion, Tracking};

pub(crate) use crate::grants::{GrantCache, Hold};

/// Name of this build's guest memory, as it stands in feature lists and reports.
pub const VARIANT: &str = "xen";

/// Whether writes can be recorded for live migration. Under Xen the toolstack tracks dirty pages
/// itself, and a grant's address (bit 63 set) lies outside every log.
pub const SUPPORTS_DIRTY_LOG: bool = false;

/// Whether a frontend has to describe Xen mappings with each region (vhost-user: XEN_MMAP).
pub const NEEDS_XEN_MMAP: bool = true;

fn kind(flags: u32) -> Option<RegionKind> {
    let flags = MmapXenFlags::from_bits(flags).filter(MmapXenFlags::is_valid)?;
    Some(if flags.is_foreign() {
        RegionKind::Foreign
    } else if flags.is_grant() && flags.mmap_in_advance() {
        RegionKind::Grant
    } else if flags.is_grant() {
        RegionKind::GrantOnAccess
    } else {
        RegionKind::Unix
    })
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

/// The pages of one region.
#[derive(Debug)]
pub(crate) enum Pages {
    /// What vm-memory mapped, for as long as the region lives.
    Mapped(GuestRegionMmap<RegionLog>, RegionKind),
    Foreign(Foreign, RegionLog),
    Grant(GrantMapping, RegionLog),
    GrantOnAccess(Grants, RegionLog),
}

impl Pages {
    /// A mapping that somebody made by vm-memory. Where that says nothing about missing pages, or
    /// would panic later, it is only the description of another.
    pub(crate) fn adopt(region: GuestRegionMmap<RegionLog>) -> Result<Self, MapError> {
        let kind = kind(region.xen_mmap_flags()).unwrap_or(RegionKind::Unix);
        if !matches!(kind, RegionKind::Foreign | RegionKind::GrantOnAccess) {
            return Ok(Self::Mapped(region, kind));
        }
        let announced = Announced {
            base: region.start_addr().0,
            size: region.len(),
            offset: region.file_offset().map_or(0, FileOffset::start),
            xen: Some((region.xen_mmap_flags(), region.xen_mmap_data())),
        };
        let missing = MapError::Announcement {
            base: announced.base,
        };
        let file = region.file_offset().ok_or(missing)?;
        let log = MmapRegion::bitmap(&region).clone();
        match Self::map(&announced, file.file())? {
            Some(Self::Foreign(pages, _)) => Ok(Self::Foreign(pages, log)),
            Some(Self::GrantOnAccess(pages, _)) => Ok(Self::GrantOnAccess(pages, log)),
            _ => Ok(Self::Mapped(region, kind)),
        }
    }

    /// `None`: the region is one of a plain file.
    pub(crate) fn map(announced: &Announced, file: &File) -> Result<Option<Self>, MapError> {
        let Announced { base, size, .. } = *announced;
        let (flags, domain) = announced.xen.ok_or(MapError::Announcement { base })?;
        let kind = kind(flags).ok_or(MapError::XenFlags { base, flags })?;
        if kind == RegionKind::Unix {
            return Ok(None);
        }
        let log = RegionLog::with_len(0);
        let failed = |source| MapError::Xen {
            base,
            size,
            domain,
            source,
        };
        if announced.offset != 0 {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        }
        let pages = match kind {
            RegionKind::Foreign => {
                Self::Foreign(Foreign::map(file, domain, base, size).map_err(failed)?, log)
            }
            _ => {
                let grants = Grants::new(file, domain, base, size).map_err(failed)?;
                if kind == RegionKind::Grant {
                    Self::Grant(grants.map_all().map_err(failed)?, log)
                } else {
                    Self::GrantOnAccess(grants, log)
                }
            }
        };
        Ok(Some(pages))
    }

    pub(crate) fn kind(&self) -> RegionKind {
        match self {
            Self::Mapped(_, kind) => *kind,
            Self::Foreign(..) => RegionKind::Foreign,
            Self::Grant(..) => RegionKind::Grant,
            Self::GrantOnAccess(..) => RegionKind::GrantOnAccess,
        }
    }

    pub(crate) fn log(&self) -> &RegionLog {
        match self {
            Self::Mapped(region, _) => MmapRegion::bitmap(region),
            Self::Foreign(_, log) | Self::Grant(_, log) | Self::GrantOnAccess(_, log) => log,
        }
    }

    pub(crate) fn host_address(&self) -> *mut u8 {
        match self {
            Self::Mapped(region, _) => region.as_ptr(),
            Self::Foreign(foreign, _) => foreign.start(),
            Self::Grant(mapping, _) => mapping.start(),
            Self::GrantOnAccess(..) => std::ptr::null_mut(),
        }
    }

    /// Whether every page of a range that is mapped in advance is there.
    pub(crate) fn is_there(&self, offset: u64, len: u64) -> bool {
        match self {
            Self::Foreign(foreign, _) => foreign.is_there(offset, len),
            _ => true,
        }
    }

    /// The caller checked that the range lies in the region. The window may be shorter.
    #[inline]
    pub(crate) fn window(
        &self,
        offset: u64,
        len: usize,
        access: Access,
        tracking: &Tracking,
    ) -> Result<Window<'_>, AccessError> {
        let (start, len, hold, log) = match self {
            Self::Mapped(region, _) => {
                return match region.get_slice(MemoryRegionAddress(offset), len) {
                    Ok(slice) => Ok(Window::new(slice, Hold::default())),
                    Err(_) => Err(AccessError::outside(offset, len as u64)),
                };
            }
            Self::Foreign(foreign, log) => {
                if !foreign.is_there(offset, len as u64) {
                    return Err(AccessError::Unmappable {
                        addr: offset,
                        len: len as u64,
                        errno: rustix::io::Errno::FAULT,
                    });
                }
                let start = foreign.start().wrapping_add(offset as usize);
                (start, len, Hold::default(), log)
            }
            Self::Grant(mapping, log) => {
                let start = mapping.start().wrapping_add(offset as usize);
                (start, len, Hold::default(), log)
            }
            Self::GrantOnAccess(grants, log) => {
                let (start, len, hold) =
                    grants.window(offset, len, access, tracking.grant_cache())?;
                (start, len, hold, log)
            }
        };
        // SAFETY: `len` bytes from `start` on are mapped: in advance for as long as `self` lives, or
        // for as long as the hold does, which the window keeps beside the slice. Only volatile
        // accesses and the kernel use it. What is mapped for reading alone is only asked for by
        // those who read.
        let slice =
            unsafe { VolatileSlice::with_bitmap(start, len, log.slice_at(offset as usize), None) };
        Ok(Window::new(slice, hold))
    }

    /// The region goes away.
    pub(crate) fn forget(&self, tracking: &Tracking) {
        if let Self::GrantOnAccess(grants, _) = self {
            tracking.grant_cache().forget(grants);
        }
    }
}
