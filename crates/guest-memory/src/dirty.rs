// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The dirty log of live migration (vhost-user: VHOST_USER_SET_LOG_BASE, VHOST_F_LOG_ALL).
//!
//! The log is one bit per 4 KiB page of guest physical memory, in a file shared with the
//! frontend. Regions do not own a part of it: they refer to the guest's [`Tracking`], so a region
//! that is added while a log is set is in the log from its first byte on.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rustix::mm::{MapFlags, ProtFlags};
use vm_memory::bitmap::{Bitmap, BitmapSlice, WithBitmapSlice};
use vm_memory::mmap::NewBitmap;

use crate::{sigbus, variant};

/// Bytes of guest memory per bit of the log (`VHOST_LOG_PAGE`).
pub const DIRTY_PAGE_SIZE: u64 = 0x1000;

/// A frontend may ask for any size. One bit per page of 64 TiB is what fits a sane guest.
const MAX_LOG_SIZE: u64 = 2 << 30;

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file does not have the announced bytes.
    #[error("the log file has {file_len} bytes, {needed} were announced")]
    FileTooShort {
        /// Size of the file in bytes.
        file_len: u64,
        /// Offset plus length of the log in bytes.
        needed: u64,
    },
    /// The log is larger than any guest needs.
    #[error("a log of {0} bytes is refused: the limit is {MAX_LOG_SIZE}")]
    TooLarge(u64),
    /// The log ends before the guest's memory does.
    #[error("a log of {log_len} bytes does not reach the page at {last:#x}")]
    TooShort {
        /// Size of the log in bytes.
        log_len: u64,
        /// Last address of guest memory.
        last: u64,
    },
    /// The kernel refused.
    #[error("cannot map the log: {0}")]
    Io(#[from] io::Error),
}

/// What all memory of one guest shares.
#[derive(Debug, Default)]
pub struct Tracking {
    /// Checked before the lock, so that a guest that does not migrate never takes it.
    logging: AtomicBool,
    log: RwLock<Option<LogFile>>,
    /// Set by the SIGBUS handler. Shared, because the log below is itself guarded, and a guard that
    /// held this structure would keep it alive for ever.
    vanished: Arc<AtomicBool>,
    grants: variant::GrantCache,
}

impl Tracking {
    /// Neither log nor fault.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// As [`Tracking::new`], and at most `pages` granted pages stay mapped after an access to
    /// memory of the kind [`crate::RegionKind::GrantOnAccess`]. There is none of that where
    /// [`crate::NEEDS_XEN_MMAP`] is false.
    pub fn with_grant_cache(pages: usize) -> Arc<Self> {
        Arc::new(Self {
            grants: variant::GrantCache::new(pages),
            ..Self::default()
        })
    }

    /// Unmaps the granted pages that are only kept for later accesses, so that the guest can end
    /// its grants.
    pub fn drop_cached_grants(&self) {
        self.grants.clear();
    }

    #[cfg_attr(not(feature = "xen"), allow(dead_code))]
    pub(crate) fn grant_cache(&self) -> &variant::GrantCache {
        &self.grants
    }

    /// Takes a log (SET_LOG_BASE) in the place of any former one. Pages are marked once
    /// [`Tracking::set_logging`] turned it on. `last` is the last address of guest memory.
    pub fn set_log(&self, file: File, offset: u64, size: u64, last: u64) -> Result<(), LogError> {
        if last / DIRTY_PAGE_SIZE / 8 >= size {
            return Err(LogError::TooShort {
                log_len: size,
                last,
            });
        }
        let log = LogFile::map(&file, offset, size, self.vanished.clone())?;
        *self.log.write().unwrap_or_else(PoisonError::into_inner) = Some(log);
        Ok(())
    }

    /// Starts or stops marking (VHOST_F_LOG_ALL among the acknowledged features). Stopping
    /// forgets the log.
    pub fn set_logging(&self, on: bool) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        self.logging.store(on, Ordering::SeqCst);
        if !on {
            *log = None;
        }
    }

    /// Whether a log is set, marking or not.
    pub fn has_log(&self) -> bool {
        self.log
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Whether a page of the guest's memory (or of the log) vanished under the process, and was
    /// replaced by zeroes: the frontend truncated a file that it shares. What is read from the
    /// guest means nothing any more.
    pub fn has_vanished(&self) -> bool {
        self.vanished.load(Ordering::Relaxed)
    }

    pub(crate) fn vanished_flag(&self) -> &Arc<AtomicBool> {
        &self.vanished
    }

    /// Marks the pages of a range that was written.
    #[inline]
    pub(crate) fn mark(&self, addr: u64, len: u64) {
        if self.logging.load(Ordering::Relaxed) && len != 0 {
            self.mark_in_log(addr, len);
        }
    }

    #[cold]
    fn mark_in_log(&self, addr: u64, len: u64) {
        let log = self.log.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = log.as_ref() {
            let first = addr / DIRTY_PAGE_SIZE;
            let last = addr.saturating_add(len - 1) / DIRTY_PAGE_SIZE;
            for page in first..=last {
                log.mark(page);
            }
        }
    }
}

/// The log's mapping. The guard comes first: see [`crate::MappedRegion`].
#[derive(Debug)]
struct LogFile {
    _guard: sigbus::Guard,
    mapping: LogMapping,
}

#[derive(Debug)]
struct LogMapping {
    ptr: *mut u8,
    len: usize,
    /// Where the log starts in the mapping, which has to start at a page.
    skip: usize,
}

// SAFETY: the mapping is owned, lives until the drop, and is only accessed through atomics.
unsafe impl Send for LogMapping {}
// SAFETY: as above.
unsafe impl Sync for LogMapping {}

impl LogFile {
    fn map(
        file: &File,
        offset: u64,
        size: u64,
        vanished: Arc<AtomicBool>,
    ) -> Result<Self, LogError> {
        if size > MAX_LOG_SIZE {
            return Err(LogError::TooLarge(size));
        }
        let file_len = rustix::fs::fstat(file).map_err(io::Error::from)?.st_size;
        let file_len = u64::try_from(file_len).unwrap_or(0);
        let needed = offset.saturating_add(size);
        if file_len < needed {
            return Err(LogError::FileTooShort { file_len, needed });
        }
        let skip = offset % rustix::param::page_size() as u64;
        let len = (size + skip) as usize;
        // SAFETY: a fresh mapping at an address of the kernel's choice aliases nothing.
        let ptr = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file.as_fd(),
                offset - skip,
            )
        }
        .map_err(io::Error::from)?
        .cast::<u8>();
        let mapping = LogMapping {
            ptr,
            len,
            skip: skip as usize,
        };
        let guard = sigbus::Guard::new(ptr, len, vanished)
            .ok_or_else(|| io::Error::other("too many mapped regions in this process"))?;
        Ok(Self {
            _guard: guard,
            mapping,
        })
    }

    fn mark(&self, page: u64) {
        let byte = (page / 8) as usize;
        if byte < self.mapping.len - self.mapping.skip {
            // SAFETY: the byte lies in the mapping (checked above), which lives as long as `self`;
            // the other side of the shared file accesses it atomically as the protocol demands.
            let cell =
                unsafe { AtomicU8::from_ptr(self.mapping.ptr.add(self.mapping.skip + byte)) };
            // Release: who sees the mark sees what was written, or it would copy the old content
            // and clear the mark.
            cell.fetch_or(1 << (page % 8), Ordering::Release);
        }
    }
}

impl Drop for LogMapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one that was mapped, and nobody else has its address.
        let result = unsafe { rustix::mm::munmap(self.ptr.cast(), self.len) };
        if let Err(errno) = result {
            log::error!("cannot unmap the dirty log: {errno}");
        }
    }
}

/// The bitmap of one region in vm-memory's sense: whatever is written through vm-memory's slices
/// is marked in the guest's log, if there is one.
#[derive(Default, Clone)]
pub struct RegionLog(OnceLock<Joined>);

#[derive(Clone)]
struct Joined {
    tracking: Arc<Tracking>,
    base: u64,
    size: u64,
}

impl fmt::Debug for RegionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegionLog")
            .field("base", &self.0.get().map(|joined| joined.base))
            .finish()
    }
}

impl RegionLog {
    /// Ties the region to its guest, and returns whose it is: a region that was joined before
    /// stays with that guest.
    pub(crate) fn join(&self, tracking: &Arc<Tracking>, base: u64, size: u64) -> &Arc<Tracking> {
        let joined = self.0.get_or_init(|| Joined {
            tracking: tracking.clone(),
            base,
            size,
        });
        &joined.tracking
    }

    #[inline]
    fn mark(&self, offset: usize, len: usize) {
        if let Some(joined) = self.0.get()
            && (offset as u64) < joined.size
        {
            let len = (len as u64).min(joined.size - offset as u64);
            joined.tracking.mark(joined.base + offset as u64, len);
        }
    }
}

impl NewBitmap for RegionLog {
    fn with_len(_len: usize) -> Self {
        Self::default()
    }
}

impl Bitmap for RegionLog {
    #[inline]
    fn mark_dirty(&self, offset: usize, len: usize) {
        self.mark(offset, len);
    }

    /// The log is the frontend's: it alone reads and clears it.
    fn dirty_at(&self, _offset: usize) -> bool {
        false
    }

    #[inline]
    fn slice_at(&self, offset: usize) -> RegionLogSlice<'_> {
        RegionLogSlice { log: self, offset }
    }
}

impl<'a> WithBitmapSlice<'a> for RegionLog {
    type S = RegionLogSlice<'a>;
}

/// A [`RegionLog`] seen from an offset.
#[derive(Clone, Copy, Debug)]
pub struct RegionLogSlice<'a> {
    log: &'a RegionLog,
    offset: usize,
}

impl Bitmap for RegionLogSlice<'_> {
    #[inline]
    fn mark_dirty(&self, offset: usize, len: usize) {
        self.log.mark(self.offset.saturating_add(offset), len);
    }

    fn dirty_at(&self, _offset: usize) -> bool {
        false
    }

    #[inline]
    fn slice_at(&self, offset: usize) -> Self {
        Self {
            log: self.log,
            offset: self.offset.saturating_add(offset),
        }
    }
}

impl WithBitmapSlice<'_> for RegionLogSlice<'_> {
    type S = Self;
}

impl BitmapSlice for RegionLogSlice<'_> {}
