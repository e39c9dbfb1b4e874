// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The log of pages that the daemon has written, as migration reads it.

use std::{
    collections::BTreeSet,
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    ptr::NonNull,
    sync::atomic::{AtomicU8, Ordering},
};

use rustix::{
    fs::MemfdFlags,
    mm::{MapFlags, ProtFlags},
};

use crate::{Error, arena::PAGE};

/// A shared bitmap, one bit a page, counted from guest physical address zero.
#[derive(Debug)]
pub struct DirtyLog {
    file: File,
    len: usize,
    host: NonNull<u8>,
}

// SAFETY: the mapping belongs to the log until it is dropped, and is accessed atomically only.
unsafe impl Send for DirtyLog {}
// SAFETY: as above.
unsafe impl Sync for DirtyLog {}

impl DirtyLog {
    /// A clean log for memory that ends at `end`.
    pub fn new(end: u64) -> Result<Self, Error> {
        let len = end.div_ceil(8 * PAGE).next_multiple_of(PAGE) as usize;
        let file: File = rustix::fs::memfd_create("dirty-log", MemfdFlags::CLOEXEC)
            .map_err(Error::os("cannot create a memfd"))?
            .into();
        file.set_len(len as u64)
            .map_err(Error::os("cannot size a memfd"))?;
        // SAFETY: a new shared mapping at an address of the kernel's choice aliases nothing.
        let host = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )
        }
        .map_err(Error::os("cannot map the log"))?;
        let host = NonNull::new(host.cast()).expect("mmap does not return null");
        Ok(Self { file, len, host })
    }

    /// Length of the bitmap in bytes.
    pub fn size(&self) -> u64 {
        self.len as u64
    }

    /// The file that the daemon maps. Who truncates it must not read the log any more.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Numbers of the pages that are marked.
    pub fn pages(&self) -> BTreeSet<u64> {
        self.collect(|byte| byte.load(Ordering::SeqCst))
    }

    /// Numbers of the pages that are marked, and wipes the marks.
    pub fn take(&self) -> BTreeSet<u64> {
        self.collect(|byte| byte.swap(0, Ordering::SeqCst))
    }

    fn collect(&self, read: impl Fn(&AtomicU8) -> u8) -> BTreeSet<u64> {
        let mut pages = BTreeSet::new();
        for at in 0..self.len {
            // SAFETY: inside the mapping, which lives as long as `self`; a byte is always aligned,
            // and both sides access it atomically.
            let bits = read(unsafe { AtomicU8::from_ptr(self.host.as_ptr().add(at)) });
            pages.extend(
                (0..8)
                    .filter(|bit| bits & (1 << bit) != 0)
                    .map(|bit| 8 * at as u64 + bit),
            );
        }
        pages
    }
}

impl AsFd for DirtyLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for DirtyLog {
    fn drop(&mut self) {
        // SAFETY: this is the mapping made by `new`, and nobody else can reach it any more.
        let _ = unsafe { rustix::mm::munmap(self.host.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn marks_are_page_numbers_and_are_taken_once() {
        let log = DirtyLog::new(1 << 30).unwrap();
        assert_eq!(log.size(), 32 * 1024);
        log.file().write_all_at(&[0b1000_0001], 3).unwrap();
        assert_eq!(log.pages().into_iter().collect::<Vec<_>>(), [24, 31]);
        assert_eq!(log.take().len(), 2);
        assert!(log.pages().is_empty());
    }
}
