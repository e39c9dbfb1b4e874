// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Pages of another Xen domain (`/dev/xen/privcmd`), mapped in advance.
//!
//! A guest's address space has holes, and a guest gives pages back whenever it likes; so a page that
//! cannot be mapped is no reason to refuse a region. The kernel says which ones: they are kept in a
//! list, and an access to one is that request's error.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::grants::{Addresses, page_size};

/// Pages that one call maps: what it needs beside them stays small, whatever a frontend announces.
const BATCH: u64 = 16384;

/// Separate holes of one region. A guest has a handful.
const MAX_HOLES: usize = 65536;

/// `privcmd_mmapbatch_v2`.
#[repr(C)]
struct MmapBatch {
    num: u32,
    domid: u16,
    addr: u64,
    arr: *const u64,
    err: *mut libc::c_int,
}

/// `IOCTL_PRIVCMD_MMAPBATCH_V2`: no direction, `P`, 4.
const MMAPBATCH_V2: u64 = ((size_of::<MmapBatch>() as u64) << 16) | ((b'P' as u64) << 8) | 4;

/// Missing pages of one region, 16 GiB: each costs a call of the hypervisor, and a frontend may
/// announce what it likes.
const MAX_MISSING: u64 = 1 << 22;

/// A mapped range, and the pages of it that are not there.
#[derive(Debug)]
pub(crate) struct Foreign {
    range: Addresses,
    /// First page and the one behind the last, sorted.
    holes: Vec<(u64, u64)>,
}

impl Foreign {
    pub(crate) fn map(file: &File, domain: u32, base: u64, size: u64) -> io::Result<Self> {
        let domid = u16::try_from(domain).map_err(|_| io::ErrorKind::InvalidInput)?;
        if !base.is_multiple_of(page_size()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let pages = size.div_ceil(page_size());
        let range = Addresses::reserve(pages)?;
        let mut holes: Vec<(u64, u64)> = Vec::new();
        let mut frames = Vec::new();
        let mut errors: Vec<libc::c_int> = Vec::new();
        let (mut page, mut missing) = (0, 0);
        while page < pages {
            let count = BATCH.min(pages - page);
            let first = base / page_size() + page;
            frames.clear();
            frames.extend(first..first + count);
            errors.clear();
            errors.resize(count as usize, 0);
            let at = range.map(page, count, file)?;
            let batch = MmapBatch {
                // At most BATCH.
                num: count as u32,
                domid,
                addr: at as u64,
                arr: frames.as_ptr(),
                err: errors.as_mut_ptr(),
            };
            // SAFETY: both arrays have `num` entries and the range at `addr` has as many pages, all
            // of them mapped from this file just now.
            let result = unsafe { libc::ioctl(file.as_raw_fd(), MMAPBATCH_V2 as _, &batch) };
            if result != 0 {
                let error = io::Error::last_os_error();
                // Some pages are paged out: their entries say so, as they do of other failures.
                if error.raw_os_error() != Some(libc::ENOENT) {
                    return Err(error);
                }
            }
            for (page, error) in (page..).zip(&errors) {
                if *error == 0 {
                    continue;
                }
                missing += 1;
                if missing > MAX_MISSING {
                    return Err(io::Error::other("too many pages are missing"));
                }
                if let Some((_, end)) = holes.last_mut()
                    && *end == page
                {
                    *end += 1;
                } else if holes.len() < MAX_HOLES {
                    holes.push((page, page + 1));
                } else {
                    return Err(io::Error::other("too many pages are missing"));
                }
            }
            page += count;
        }
        if holes == [(0, pages)] {
            return Err(io::Error::other(
                "the domain has none of these pages, or does not exist",
            ));
        }
        Ok(Self { range, holes })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.range.start()
    }

    pub(crate) fn is_there(&self, offset: u64, len: u64) -> bool {
        is_clear(&self.holes, offset, len)
    }
}

/// Whether none of the pages of a range is in a hole.
fn is_clear(holes: &[(u64, u64)], offset: u64, len: u64) -> bool {
    if holes.is_empty() || len == 0 {
        return true;
    }
    let first = offset / page_size();
    let last = offset.saturating_add(len - 1) / page_size();
    let next = holes.partition_point(|(_, end)| *end <= first);
    holes.get(next).is_none_or(|(start, _)| *start > last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_has_the_size_that_its_ioctl_number_says() {
        assert_eq!(MMAPBATCH_V2, 0x20_5004);
    }

    #[test]
    fn a_range_that_touches_a_hole_by_a_byte_is_not_there() {
        let page = page_size();
        let holes = [(2, 3), (5, 9)];

        assert!(is_clear(&holes, 0, 2 * page));
        assert!(!is_clear(&holes, 0, 2 * page + 1));
        assert!(!is_clear(&holes, 3 * page - 1, 1));
        assert!(is_clear(&holes, 3 * page, 2 * page));
        assert!(!is_clear(&holes, 4 * page, 2 * page));
        assert!(is_clear(&holes, 9 * page, u64::MAX));
    }

    #[test]
    fn a_file_that_is_no_privcmd_maps_nothing() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(0x4000).unwrap();

        assert!(Foreign::map(&file, 1, 0, 0x4000).is_err());
        assert!(Foreign::map(&file, 1 << 16, 0, 0x4000).is_err());
        assert!(Foreign::map(&file, 1, 0x800, 0x4000).is_err());
    }
}
