// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Pages that another Xen domain granted (`/dev/xen/gntdev`): mapped in advance, at each access, or
//! kept for a while.
//!
//! The guest chooses the references, so that one of them cannot be mapped is expected: it is the
//! error of the access that wanted it, with nothing mapped before it left behind.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use crate::memory::AccessError;
use crate::region::Access;

/// Set in the guest addresses of granted pages (`XEN_GRANT_ADDR_OFF`).
const GRANT_ADDRESS: u64 = 1 << 63;

/// Pages that one access maps at most: a longer transfer has several windows.
const MAX_WINDOW: u64 = 256;

/// Grants that one region may map in advance: the kernel's own limit is lower by default.
const MAX_IN_ADVANCE: u64 = 1 << 20;

/// `ioctl_gntdev_unmap_grant_ref`.
#[repr(C)]
struct UnmapGrantRef {
    index: u64,
    count: u32,
    pad: u32,
}

/// The head of `ioctl_gntdev_map_grant_ref` has two words of 64 bits, and one more for each
/// reference; its number counts the first.
const MAP_GRANT_REF: u64 = (24 << 16) | ((b'G' as u64) << 8);
const UNMAP_GRANT_REF: u64 = ((size_of::<UnmapGrantRef>() as u64) << 16) | ((b'G' as u64) << 8) | 1;

pub(crate) fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

fn words(low: u32, high: u32) -> u64 {
    let (low, high) = (low.to_ne_bytes(), high.to_ne_bytes());
    u64::from_ne_bytes([
        low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3],
    ])
}

/// A range of addresses with pages of a file; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Addresses {
    start: *mut u8,
    len: usize,
}

// SAFETY: the range belongs to no thread.
unsafe impl Send for Addresses {}
// SAFETY: as above; there is no access through it but by volatile slices and atomics.
unsafe impl Sync for Addresses {}

fn access(writable: bool) -> ProtFlags {
    let mut access = ProtFlags::READ;
    access.set(ProtFlags::WRITE, writable);
    access
}

fn bytes(pages: u64) -> io::Result<usize> {
    pages
        .checked_mul(page_size())
        .and_then(|len| usize::try_from(len).ok())
        .ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

impl Addresses {
    /// Addresses without pages: those are mapped later, a part at a time.
    pub(crate) fn reserve(pages: u64) -> io::Result<Self> {
        let len = bytes(pages)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a fresh mapping at an address of the kernel's choice aliases nothing.
        let start =
            unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), len, ProtFlags::empty(), flags) }?;
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    fn of_file(file: &File, offset: u64, pages: u64, writable: bool) -> io::Result<Self> {
        let len = bytes(pages)?;
        // SAFETY: as above.
        let start = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                len,
                access(writable),
                MapFlags::SHARED,
                file.as_fd(),
                offset,
            )
        }?;
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Maps pages of `file` over some that are reserved.
    pub(crate) fn map(&self, page: u64, count: u64, file: &File) -> io::Result<*mut u8> {
        let (at, len) = (bytes(page)?, bytes(count)?);
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the range is this value's own, and nobody uses it before it is handed out.
        let mapped = unsafe {
            rustix::mm::mmap(
                self.start.wrapping_add(at).cast(),
                len,
                access(true),
                MapFlags::SHARED | MapFlags::FIXED,
                file.as_fd(),
                0,
            )
        }?;
        Ok(mapped.cast())
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        // SAFETY: the range is this value's own, and whoever had an address in it is gone.
        if let Err(errno) = unsafe { rustix::mm::munmap(self.start.cast(), self.len) } {
            log::error!("cannot unmap guest memory: {errno}");
        }
    }
}

/// Granted pages that are mapped.
///
/// Field order matters: the pages are unmapped before the kernel is told that nobody needs the
/// grants.
#[derive(Debug)]
pub(crate) struct GrantMapping {
    range: Addresses,
    _grants: Taken,
    writable: bool,
}

impl GrantMapping {
    pub(crate) fn start(&self) -> *mut u8 {
        self.range.start()
    }
}

/// Grants that the kernel was told of.
#[derive(Debug)]
struct Taken {
    file: Arc<File>,
    index: u64,
    count: u32,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let unmap = UnmapGrantRef {
            index: self.index,
            count: self.count,
            pad: 0,
        };
        // SAFETY: the structure is the one that the number asks for, and is only read.
        let result = unsafe { libc::ioctl(self.file.as_raw_fd(), UNMAP_GRANT_REF as _, &unmap) };
        if result != 0 {
            // The frontend has the same open file: it may have done this behind our back.
            log::warn!(
                "cannot give {} grants back: {}",
                self.count,
                io::Error::last_os_error()
            );
        }
    }
}

/// The grants of one region.
#[derive(Debug)]
pub(crate) struct Grants {
    file: Arc<File>,
    domain: u32,
    /// Reference of the first page.
    first: u32,
    pages: u64,
    /// Names the region in the cache, and is never used again.
    region: u64,
}

impl Grants {
    pub(crate) fn new(file: &File, domain: u32, base: u64, size: u64) -> io::Result<Self> {
        static REGIONS: AtomicU64 = AtomicU64::new(0);
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let pages = size.div_ceil(page_size());
        let first = (base & !GRANT_ADDRESS) / page_size();
        if !base.is_multiple_of(page_size()) || pages == 0 {
            return Err(invalid());
        }
        // References have 32 bits.
        first
            .checked_add(pages - 1)
            .filter(|last| *last <= u64::from(u32::MAX))
            .ok_or_else(invalid)?;
        Ok(Self {
            file: Arc::new(file.try_clone()?),
            domain,
            first: first as u32,
            pages,
            region: REGIONS.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Maps the whole region.
    pub(crate) fn map_all(self) -> io::Result<GrantMapping> {
        if self.pages > MAX_IN_ADVANCE {
            return Err(io::Error::other("too many grants to map in advance"));
        }
        self.map(0, self.pages, true)
    }

    /// Tells the kernel of the grants, and maps them. The pages lie in the region.
    fn map(&self, page: u64, count: u64, writable: bool) -> io::Result<GrantMapping> {
        let number = u32::try_from(count).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut request = Vec::with_capacity(count as usize + 2);
        request.extend([words(number, 0), 0]);
        request.extend(
            (0..count).map(|at| words(self.domain, (u64::from(self.first) + page + at) as u32)),
        );
        // SAFETY: the request has as many references as it says, and the kernel writes only its
        // second word.
        let result = unsafe {
            libc::ioctl(
                self.file.as_raw_fd(),
                MAP_GRANT_REF as _,
                request.as_mut_ptr(),
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let taken = Taken {
            file: self.file.clone(),
            index: request[1],
            count: number,
        };
        // Here the hypervisor says whether each reference is one.
        let range = Addresses::of_file(&self.file, taken.index, count, writable)?;
        Ok(GrantMapping {
            range,
            _grants: taken,
            writable,
        })
    }

    /// Maps what an access needs, or as much of it as one mapping may have. An error has the offset
    /// in the place of the address.
    pub(crate) fn window(
        &self,
        offset: u64,
        len: usize,
        access: Access,
        cache: &GrantCache,
    ) -> Result<(*mut u8, usize, Hold), AccessError> {
        let page = offset / page_size();
        let skip = offset % page_size();
        let wanted = (skip + len as u64).div_ceil(page_size());
        let limit = if cache.is_used() { 1 } else { MAX_WINDOW };
        let count = wanted.min(limit);
        let len = (len as u64).min(count * page_size() - skip) as usize;
        let writable = access == Access::Write;
        let mapping = match cache.find(self.region, page, writable) {
            Some(mapping) => mapping,
            None => {
                let mapping = self
                    .map(page, count, writable)
                    .map(Arc::new)
                    .map_err(|error| AccessError::Unmappable {
                        addr: offset,
                        len: len as u64,
                        errno: Errno::from_io_error(&error).unwrap_or(Errno::FAULT),
                    })?;
                cache.insert(self.region, page, &mapping);
                mapping
            }
        };
        let start = mapping.start().wrapping_add(skip as usize);
        Ok((start, len, Hold(Some(mapping))))
    }
}

/// What keeps a window mapped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold(#[allow(dead_code)] Option<Arc<GrantMapping>>);

/// Single pages that stay mapped after an access, for all regions of a guest.
///
/// While a page is here the guest cannot end its grant: that is why there are none unless the
/// operator asks for them, and why they go when a ring stops.
#[derive(Debug, Default)]
pub(crate) struct GrantCache {
    capacity: usize,
    state: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    /// By region and page: when it was used last, and the mapping.
    pages: HashMap<(u64, u64), (u64, Arc<GrantMapping>)>,
    /// By time of last use.
    order: BTreeMap<u64, (u64, u64)>,
    now: u64,
}

impl GrantCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
        }
    }

    fn is_used(&self) -> bool {
        self.capacity > 0
    }

    fn state(&self) -> MutexGuard<'_, Cached> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, region: u64, page: u64, writable: bool) -> Option<Arc<GrantMapping>> {
        if !self.is_used() {
            return None;
        }
        let mut state = self.state();
        let state = &mut *state;
        let key = (region, page);
        let (used, mapping) = state.pages.get_mut(&key)?;
        if writable && !mapping.writable {
            return None;
        }
        state.now += 1;
        state.order.remove(used);
        *used = state.now;
        state.order.insert(state.now, key);
        Some(mapping.clone())
    }

    fn insert(&self, region: u64, page: u64, mapping: &Arc<GrantMapping>) {
        if !self.is_used() {
            return;
        }
        // Unmapped after the lock is gone.
        let mut evicted = Vec::new();
        let mut state = self.state();
        state.now += 1;
        let (now, key) = (state.now, (region, page));
        if let Some((used, former)) = state.pages.insert(key, (now, mapping.clone())) {
            state.order.remove(&used);
            evicted.push(former);
        }
        state.order.insert(now, key);
        while state.pages.len() > self.capacity
            && let Some((_, oldest)) = state.order.pop_first()
        {
            evicted.extend(state.pages.remove(&oldest).map(|(_, mapping)| mapping));
        }
        drop(state);
    }

    /// A region goes away.
    pub(crate) fn forget(&self, grants: &Grants) {
        if !self.is_used() {
            return;
        }
        let mut state = self.state();
        state
            .order
            .retain(|_, (region, _)| *region != grants.region);
        let gone: Vec<_> = state
            .pages
            .extract_if(|(region, _), _| *region == grants.region)
            .collect();
        drop(state);
        drop(gone);
    }

    /// A ring stopped.
    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut *self.state());
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(base: u64, size: u64) -> io::Result<Grants> {
        Grants::new(&tempfile::tempfile().unwrap(), 1, base, size)
    }

    /// A page that looks mapped: the kernel is asked to give it back in vain.
    fn page(writable: bool) -> Arc<GrantMapping> {
        Arc::new(GrantMapping {
            range: Addresses::reserve(1).unwrap(),
            _grants: Taken {
                file: Arc::new(tempfile::tempfile().unwrap()),
                index: 0,
                count: 1,
            },
            writable,
        })
    }

    #[test]
    fn the_numbers_are_those_of_the_kernels_headers() {
        assert_eq!((MAP_GRANT_REF, UNMAP_GRANT_REF), (0x18_4700, 0x10_4701));
    }

    #[test]
    fn a_region_is_named_by_the_reference_in_its_address() {
        let grants = grants(GRANT_ADDRESS | (7 * page_size()), 2 * page_size()).unwrap();

        assert_eq!((grants.first, grants.pages), (7, 2));
    }

    #[test]
    fn references_past_32_bits_are_refused() {
        let last = GRANT_ADDRESS | (u64::from(u32::MAX) * page_size());

        assert!(grants(last, page_size()).is_ok());
        assert!(grants(last, page_size() + 1).is_err());
        assert!(grants(GRANT_ADDRESS | 8, page_size()).is_err());
    }

    #[test]
    fn a_file_that_is_no_gntdev_is_an_error_of_the_access() {
        let grants = grants(GRANT_ADDRESS, 4 * page_size()).unwrap();

        let result = grants.window(10, 4, Access::Read, &GrantCache::default());

        assert!(matches!(
            result,
            Err(AccessError::Unmappable {
                addr: 10,
                len: 4,
                ..
            })
        ));
    }

    #[test]
    fn a_full_cache_forgets_what_was_used_longest_ago() {
        let cache = GrantCache::new(2);
        cache.insert(0, 1, &page(true));
        cache.insert(0, 2, &page(true));
        assert!(cache.find(0, 1, false).is_some());

        cache.insert(0, 3, &page(true));

        let found = [1, 2, 3].map(|page| cache.find(0, page, true).is_some());
        assert_eq!(found, [true, false, true]);
        assert_eq!(cache.state().order.len(), 2);
    }

    #[test]
    fn a_page_that_is_cached_for_reading_is_not_written() {
        let cache = GrantCache::new(2);
        cache.insert(0, 1, &page(false));

        assert!(cache.find(0, 1, false).is_some());
        assert!(cache.find(0, 1, true).is_none());
        cache.insert(0, 1, &page(true));
        assert!(cache.find(0, 1, true).is_some());
        assert_eq!(cache.state().order.len(), 1);
    }

    #[test]
    fn a_region_that_goes_away_takes_its_pages_and_no_others() {
        let cache = GrantCache::new(4);
        let (gone, stays) = (grants(0, 1).unwrap(), grants(0, 1).unwrap());
        cache.insert(gone.region, 0, &page(true));
        cache.insert(stays.region, 0, &page(true));

        cache.forget(&gone);

        assert!(cache.find(gone.region, 0, false).is_none());
        assert!(cache.find(stays.region, 0, false).is_some());
        cache.clear();
        assert!(cache.find(stays.region, 0, false).is_none());
    }

    #[test]
    fn a_cache_of_no_pages_keeps_none() {
        let cache = GrantCache::new(0);
        let mapping = page(true);

        cache.insert(0, 1, &mapping);

        assert_eq!(Arc::strong_count(&mapping), 1);
    }
}
