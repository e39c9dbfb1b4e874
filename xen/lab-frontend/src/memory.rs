// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Memory that a daemon maps by grants, or as another domain's.
//!
//! It shares no code with the daemons: an error in their ioctls is not repeated here.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags};
use virtio_guest::{PAGE, Region, wire};

use crate::Result;

const GNTALLOC: &str = "/dev/xen/gntalloc";
const GNTDEV: &str = "/dev/xen/gntdev";
const PRIVCMD: &str = "/dev/xen/privcmd";

/// Dom0 grants to itself: it is the guest as well.
const DOM0: u32 = 0;

const WRITABLE: u32 = 1;
const ALLOC: u64 = (24 << 16) | ((b'G' as u64) << 8) | 5;
const DEALLOC: u64 = (16 << 16) | ((b'G' as u64) << 8) | 6;
const MMAPBATCH_V2: u64 = (32 << 16) | ((b'P' as u64) << 8) | 4;

/// Guest address of a grant.
pub(crate) fn address(reference: u32) -> u64 {
    (1 << 63) | (u64::from(reference) * PAGE)
}

/// A mapping of this process.
#[derive(Debug)]
struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to no thread.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    fn reserve(count: usize, access: ProtFlags) -> Result<Self> {
        let len = count * PAGE as usize;
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing.
        let start = unsafe {
            rustix::mm::mmap_anonymous(std::ptr::null_mut(), len, access, MapFlags::PRIVATE)?
        };
        let start = NonNull::new(start.cast()).ok_or("mapped at zero")?;
        Ok(Self { start, len })
    }

    fn map(&self, page: usize, count: usize, file: &File, offset: u64) -> Result<()> {
        let at = self.start.as_ptr().wrapping_add(page * PAGE as usize);
        // SAFETY: within the range that is this value's own.
        unsafe {
            rustix::mm::mmap(
                at.cast(),
                count * PAGE as usize,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::FIXED,
                file.as_fd(),
                offset,
            )?;
        }
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the range is this value's own.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

fn ioctl(file: &File, number: u64, words: &mut [u64]) -> io::Result<()> {
    // SAFETY: callers give as many words as the request has.
    match unsafe { libc::ioctl(file.as_raw_fd(), number as _, words.as_mut_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

/// Pages that were granted, in the order of their references.
#[derive(Debug)]
pub(crate) struct Granted {
    file: File,
    /// Reference, and where the page is mapped from.
    pages: Vec<(u32, u64)>,
}

/// The lab's machine is little-endian, and so is what is put together here.
fn allocate(count: usize) -> Result<Granted> {
    let file = File::options().read(true).write(true).open(GNTALLOC)?;
    let mut words = vec![0u64; 2 + count.div_ceil(2)];
    words[0] = u64::from(DOM0) | u64::from(WRITABLE) << 16 | (count as u64) << 32;
    ioctl(&file, ALLOC, &mut words)
        .map_err(|error| format!("cannot grant {count} pages: {error}"))?;
    let index = words[1];
    let mut pages: Vec<_> = words[2..]
        .iter()
        .flat_map(|word| halves(*word))
        .take(count)
        .zip((0..).map(|at| index + at * PAGE))
        .collect();
    pages.sort_unstable();
    Ok(Granted { file, pages })
}

impl Granted {
    /// `count` pages whose references have no gap.
    pub(crate) fn run(count: usize) -> Result<Arc<Self>> {
        // References in between belong to others, or come back late from a daemon that ended.
        Self::run_of(count, 64).or_else(|_| Self::run_of(count, 4 * count))
    }

    /// So many more are asked for, and given up again.
    fn run_of(count: usize, spare: usize) -> Result<Arc<Self>> {
        let mut granted = allocate(count + spare)?;
        let mut start = 0;
        for at in 1..=granted.pages.len() {
            if at - start == count {
                break;
            }
            let next = granted.pages.get(at).map(|page| page.0);
            if next != Some(granted.pages[at - 1].0 + 1) {
                start = at;
            }
        }
        let run: Vec<_> = granted.pages.drain(..).skip(start).take(count).collect();
        if run.len() < count {
            return Err(format!("no {count} references without a gap").into());
        }
        granted.pages = run;
        Ok(Arc::new(granted))
    }

    /// A region of some of the pages.
    pub(crate) fn region(
        self: &Arc<Self>,
        first: usize,
        count: usize,
        flags: u32,
    ) -> Result<Arc<Region>> {
        let pages = Pages::reserve(count, ProtFlags::empty())?;
        let part = &self.pages[first..first + count];
        for (at, (_, offset)) in part.iter().enumerate() {
            pages.map(at, 1, &self.file, *offset)?;
        }
        let gntdev = File::options().read(true).write(true).open(GNTDEV)?;
        let (start, len) = (pages.start, pages.len);
        let owner = Box::new((pages, self.clone()));
        // SAFETY: the pages are mapped until the owner goes.
        Ok(unsafe {
            Region::of_mapping(address(part[0].0), len, gntdev, [flags, DOM0], start, owner)
        })
    }

    pub(crate) fn reference(&self, page: usize) -> u32 {
        self.pages[page].0
    }

    /// Ends the grant of one page, which nobody may have mapped.
    pub(crate) fn revoke(&self, page: usize) -> Result<()> {
        let mut words = [self.pages[page].1, 1];
        ioctl(&self.file, DEALLOC, &mut words)
            .map_err(|error| format!("cannot end a grant: {error}"))?;
        Ok(())
    }
}

/// Grants, made or not, with memory in their place here that nobody else sees.
pub(crate) fn unseen(reference: u32, count: usize, flags: u32) -> Result<Arc<Region>> {
    let pages = Pages::reserve(count, ProtFlags::READ | ProtFlags::WRITE)?;
    let gntdev = File::options().read(true).write(true).open(GNTDEV)?;
    let (start, len) = (pages.start, pages.len);
    // SAFETY: the pages are mapped until the owner goes.
    Ok(unsafe {
        Region::of_mapping(
            address(reference),
            len,
            gntdev,
            [flags, DOM0],
            start,
            Box::new(pages),
        )
    })
}

/// Pages of another domain from a guest frame on. Those that it does not have are plain memory here.
pub(crate) fn foreign(domain: u16, frame: u64, count: usize) -> Result<(Arc<Region>, Vec<usize>)> {
    let privcmd = File::options().read(true).write(true).open(PRIVCMD)?;
    let pages = Pages::reserve(count, ProtFlags::READ | ProtFlags::WRITE)?;
    let mut missing = Vec::new();
    for page in 0..count {
        pages.map(page, 1, &privcmd, 0)?;
        let mut error = 0i32;
        let frames = [frame + page as u64];
        let at = pages.start.as_ptr().wrapping_add(page * PAGE as usize);
        let mut words = [
            1 | u64::from(domain) << 32,
            at as u64,
            frames.as_ptr() as u64,
            &raw mut error as u64,
        ];
        let result = ioctl(&privcmd, MMAPBATCH_V2, &mut words);
        if error != 0 || result.is_err() {
            missing.push(page);
            // SAFETY: within the range that is this value's own.
            unsafe {
                rustix::mm::mmap_anonymous(
                    at.cast(),
                    PAGE as usize,
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE | MapFlags::FIXED,
                )?;
            }
        }
    }
    let (start, len) = (pages.start, pages.len);
    let xen = [wire::xen::FOREIGN, u32::from(domain)];
    let owner = Box::new(pages);
    // SAFETY: the pages are mapped until the owner goes.
    let region =
        unsafe { Region::of_mapping(frame * PAGE, len, privcmd.try_clone()?, xen, start, owner) };
    Ok((region, missing))
}
