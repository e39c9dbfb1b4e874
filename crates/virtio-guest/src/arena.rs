// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The guest's memory: memfd regions that the daemon maps as well.
//!
//! Regions lie apart by default, so that a daemon which adds to an address where it should look it
//! up is found out. User addresses (in which vhost-user names the rings) differ from guest physical
//! ones for the same reason.

use std::{
    any::Any,
    collections::BTreeMap,
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    ptr::NonNull,
    sync::{
        Arc, Mutex, OnceLock, RwLock,
        atomic::{AtomicU16, Ordering},
    },
};

use rustix::{
    fs::MemfdFlags,
    mm::{MapFlags, ProtFlags},
};

use crate::{Error, wire::MemoryRegion};

/// What is added to a guest physical address to make the user address that the daemon hears of.
const USER_BASE: u64 = 0x6000_0000_0000;

/// Guest memory is laid out, and logged, in pages of this size.
pub const PAGE: u64 = 4096;

/// One piece of guest memory in a file of its own.
#[derive(Debug)]
pub struct Region {
    gpa: u64,
    len: usize,
    file: File,
    host: NonNull<u8>,
    /// How the daemon is to map it, in a Xen build.
    xen: [u32; 2],
    /// Whose mapping `host` is, if not this region's own.
    owner: Option<Box<dyn Any + Send + Sync>>,
}

// SAFETY: the mapping belongs to the region until it is dropped, and is only accessed through raw
// pointers by volatile or atomic operations.
unsafe impl Send for Region {}
// SAFETY: as above; the daemon writes to the memory at any time anyhow.
unsafe impl Sync for Region {}

impl Region {
    /// A zeroed region at guest physical address `gpa`.
    pub fn new(gpa: u64, len: usize) -> Result<Arc<Self>, Error> {
        let file: File = rustix::fs::memfd_create("guest-memory", MemfdFlags::CLOEXEC)
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
        .map_err(Error::os("cannot map guest memory"))?;
        let host = NonNull::new(host.cast()).expect("mmap does not return null");
        Ok(Arc::new(Self {
            gpa,
            len,
            file,
            host,
            xen: [0; 2],
            owner: None,
        }))
    }

    /// Memory that somebody else has mapped here, and that the daemon is to map from `file` in the way
    /// that `xen` (flags and domain) says.
    ///
    /// # Safety
    ///
    /// `len` bytes at `host` are readable and writable memory for as long as `owner` lives.
    pub unsafe fn of_mapping(
        gpa: u64,
        len: usize,
        file: File,
        xen: [u32; 2],
        host: NonNull<u8>,
        owner: Box<dyn Any + Send + Sync>,
    ) -> Arc<Self> {
        Arc::new(Self {
            gpa,
            len,
            file,
            host,
            xen,
            owner: Some(owner),
        })
    }

    /// Guest physical address of the first byte.
    pub fn guest_addr(&self) -> u64 {
        self.gpa
    }

    /// Length in bytes, also after a truncation.
    pub fn size(&self) -> usize {
        self.len
    }

    /// Guest physical address behind the last byte.
    pub fn end(&self) -> u64 {
        self.gpa + self.len as u64
    }

    /// The file that the daemon maps.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The region as vhost-user messages describe it.
    pub fn describe(&self) -> MemoryRegion {
        MemoryRegion {
            guest_addr: self.gpa,
            size: self.len as u64,
            user_addr: user_addr(self.gpa),
            mmap_offset: 0,
            xen: self.xen,
        }
    }

    /// Cuts the file behind everybody's back. From then on an access behind `len` is a SIGBUS, in
    /// this process as well: whoever calls this keeps away from that part.
    pub fn truncate(&self, len: u64) -> Result<(), Error> {
        self.file
            .set_len(len)
            .map_err(Error::os("cannot truncate guest memory"))
    }

    fn contains(&self, addr: u64, len: usize) -> bool {
        addr >= self.gpa
            && (addr - self.gpa)
                .checked_add(len as u64)
                .is_some_and(|end| end <= self.len as u64)
    }
}

impl AsFd for Region {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if self.owner.is_some() {
            return;
        }
        // SAFETY: this is the mapping made by `new`, and nobody else can reach it any more.
        let _ = unsafe { rustix::mm::munmap(self.host.as_ptr().cast(), self.len) };
    }
}

/// The user address by which the daemon knows guest physical address `gpa`.
pub fn user_addr(gpa: u64) -> u64 {
    gpa.wrapping_add(USER_BASE)
}

#[derive(Debug, Default)]
struct Heap {
    /// Free spans by address.
    free: BTreeMap<u64, u64>,
    /// Spans that were given out.
    taken: BTreeMap<u64, u64>,
}

impl Heap {
    fn release(&mut self, addr: u64, len: u64) {
        let (mut addr, mut len) = (addr, len);
        if let Some((&before, &size)) = self.free.range(..addr).next_back()
            && before + size == addr
        {
            self.free.remove(&before);
            addr = before;
            len += size;
        }
        if let Some(size) = self.free.remove(&(addr + len)) {
            len += size;
        }
        self.free.insert(addr, len);
    }

    /// Anywhere but in `kept`, or in one region.
    fn take(
        &mut self,
        len: u64,
        align: u64,
        within: Option<&Region>,
        kept: Option<&Region>,
    ) -> Option<u64> {
        let (span, size, start) = self.free.iter().find_map(|(&span, &size)| {
            let fits = match (within, kept) {
                (Some(region), _) => region.contains(span, 1),
                (None, Some(kept)) => !kept.contains(span, 1),
                (None, None) => true,
            };
            if !fits {
                return None;
            }
            let start = span.next_multiple_of(align);
            (start + len <= span + size).then_some((span, size, start))
        })?;
        self.free.remove(&span);
        if start > span {
            self.free.insert(span, start - span);
        }
        if start + len < span + size {
            self.free.insert(start + len, span + size - start - len);
        }
        self.taken.insert(start, len);
        Some(start)
    }
}

/// All memory of a guest, and an allocator on it.
///
/// Regions that were removed stay mapped until the arena is dropped, so that a raw pointer into it
/// lives as long as the arena.
#[derive(Debug)]
pub struct Arena {
    regions: RwLock<Vec<Arc<Region>>>,
    removed: Mutex<Vec<Arc<Region>>>,
    heap: Mutex<Heap>,
    /// Rings lie here and nothing else does, if it is set.
    rings: OnceLock<Arc<Region>>,
}

impl Arena {
    /// `regions` equal regions of together `size` bytes, 1 GiB apart, or end to end if `adjacent`.
    pub fn new(size: usize, regions: usize, adjacent: bool) -> Result<Arc<Self>, Error> {
        let each = (size / regions.max(1)).next_multiple_of(PAGE as usize);
        let stride = if adjacent {
            each as u64
        } else {
            (each as u64 + 1).next_multiple_of(1 << 30)
        };
        let layout: Vec<_> = (0..regions.max(1) as u64)
            .map(|i| (i * stride, each))
            .collect();
        Self::with_layout(&layout)
    }

    /// Regions at the given guest physical addresses, of the given lengths.
    pub fn with_layout(layout: &[(u64, usize)]) -> Result<Arc<Self>, Error> {
        let arena = Arc::new(Self {
            regions: RwLock::default(),
            removed: Mutex::default(),
            heap: Mutex::default(),
            rings: OnceLock::new(),
        });
        for &(gpa, len) in layout {
            arena.add_region(gpa, len)?;
        }
        Ok(arena)
    }

    /// Regions that exist already. Rings are laid into `rings` alone, and nothing else is.
    pub fn of_regions(
        regions: &[Arc<Region>],
        rings: Option<&Arc<Region>>,
    ) -> Result<Arc<Self>, Error> {
        let arena = Self::with_layout(&[])?;
        for region in regions {
            arena.adopt(region.clone());
        }
        if let Some(rings) = rings {
            let _ = arena.rings.set(rings.clone());
        }
        Ok(arena)
    }

    /// All present regions.
    pub fn regions(&self) -> Vec<Arc<Region>> {
        self.regions.read().expect("not poisoned").clone()
    }

    /// The `index`th region.
    ///
    /// # Panics
    ///
    /// When there are fewer.
    pub fn region(&self, index: usize) -> Arc<Region> {
        self.regions.read().expect("not poisoned")[index].clone()
    }

    /// Adds a region here (the daemon must be told).
    pub fn add_region(&self, gpa: u64, len: usize) -> Result<Arc<Region>, Error> {
        let region = Region::new(gpa, len)?;
        self.adopt(region.clone());
        Ok(region)
    }

    fn adopt(&self, region: Arc<Region>) {
        let (gpa, len) = (region.gpa, region.len);
        self.regions.write().expect("not poisoned").push(region);
        // Address zero is left out: too much code takes it for "none".
        let skip = if gpa == 0 { PAGE } else { 0 };
        if len as u64 > skip {
            self.heap
                .lock()
                .expect("not poisoned")
                .release(gpa + skip, len as u64 - skip);
        }
    }

    /// Takes a region away here (the daemon must be told). What was allocated in it is gone.
    pub fn remove_region(&self, gpa: u64) -> Option<Arc<Region>> {
        let mut regions = self.regions.write().expect("not poisoned");
        let at = regions.iter().position(|r| r.gpa == gpa)?;
        let region = regions.remove(at);
        let mut heap = self.heap.lock().expect("not poisoned");
        heap.free.retain(|&addr, _| !region.contains(addr, 1));
        heap.taken.retain(|&addr, _| !region.contains(addr, 1));
        self.removed
            .lock()
            .expect("not poisoned")
            .push(region.clone());
        Some(region)
    }

    /// Allocates where rings may lie.
    pub fn alloc_ring(&self, len: usize, align: u64) -> Result<u64, Error> {
        self.take(len, align, self.rings.get().map(AsRef::as_ref))
    }

    /// Allocates anywhere. The bytes are what they were.
    pub fn alloc(&self, len: usize, align: u64) -> Result<u64, Error> {
        self.take(len, align, None)
    }

    /// Allocates in a region of the caller's choice.
    pub fn alloc_in(&self, region: &Region, len: usize, align: u64) -> Result<u64, Error> {
        self.take(len, align, Some(region))
    }

    fn take(&self, len: usize, align: u64, within: Option<&Region>) -> Result<u64, Error> {
        self.heap
            .lock()
            .expect("not poisoned")
            .take(
                len.max(1) as u64,
                align,
                within,
                self.rings.get().map(AsRef::as_ref),
            )
            .ok_or_else(|| Error::NoRoom(format!("{len} bytes of guest memory")))
    }

    /// Gives back what [`Arena::alloc`] returned.
    pub fn free(&self, addr: u64) {
        let mut heap = self.heap.lock().expect("not poisoned");
        // An address in a region that was removed meanwhile is unknown here, and that is right.
        if let Some(len) = heap.taken.remove(&addr) {
            heap.release(addr, len);
        }
    }

    /// Gives nothing out of a range that is free now.
    pub fn keep(&self, addr: u64, len: u64) {
        let mut heap = self.heap.lock().expect("not poisoned");
        let spans: Vec<_> = heap
            .free
            .range(..addr + len)
            .map(|(a, l)| (*a, *l))
            .collect();
        for (start, size) in spans {
            let end = start + size;
            if end <= addr {
                continue;
            }
            heap.free.remove(&start);
            if start < addr {
                heap.free.insert(start, addr - start);
            }
            if end > addr + len {
                heap.free.insert(addr + len, end - addr - len);
            }
        }
    }

    /// How many bytes are allocated.
    pub fn allocated(&self) -> u64 {
        self.heap.lock().expect("not poisoned").taken.values().sum()
    }

    /// Where `len` bytes at guest address `addr` lie in this process. Valid as long as the arena.
    pub fn host(&self, addr: u64, len: usize) -> Result<NonNull<u8>, Error> {
        let regions = self.regions.read().expect("not poisoned");
        let region = regions
            .iter()
            .find(|r| r.contains(addr, len))
            .ok_or(Error::Unmapped { addr, len })?;
        // SAFETY: `contains` has shown that the offset lies in the mapping or just behind it.
        Ok(unsafe { region.host.add((addr - region.gpa) as usize) })
    }

    /// Copies bytes out of guest memory.
    pub fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), Error> {
        let from = self.host(addr, into.len())?;
        // SAFETY: `host` has checked the range, and mappings live as long as `self`.
        unsafe { copy_out(from.as_ptr(), into) };
        Ok(())
    }

    /// Copies bytes out of guest memory into a new vector.
    pub fn read_vec(&self, addr: u64, len: usize) -> Result<Vec<u8>, Error> {
        let mut out = vec![0; len];
        self.read(addr, &mut out)?;
        Ok(out)
    }

    /// Copies bytes into guest memory.
    pub fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), Error> {
        let to = self.host(addr, bytes.len())?;
        for (i, byte) in bytes.iter().enumerate() {
            // SAFETY: `host` has checked the range, and mappings live as long as `self`.
            unsafe { to.add(i).write_volatile(*byte) };
        }
        Ok(())
    }

    /// Sets bytes of guest memory.
    pub fn fill(&self, addr: u64, len: usize, byte: u8) -> Result<(), Error> {
        let to = self.host(addr, len)?;
        for i in 0..len {
            // SAFETY: `host` has checked the range, and mappings live as long as `self`.
            unsafe { to.add(i).write_volatile(byte) };
        }
        Ok(())
    }

    /// Reads a u16 that the daemon may be writing; what it wrote before is visible afterwards.
    pub fn load_u16(&self, addr: u64) -> Result<u16, Error> {
        Ok(self.word(addr)?.load(Ordering::Acquire).to_le())
    }

    /// Writes a u16; what was written before is visible to who reads it.
    pub fn store_u16(&self, addr: u64, value: u16) -> Result<(), Error> {
        self.word(addr)?.store(value.to_le(), Ordering::Release);
        Ok(())
    }

    fn word(&self, addr: u64) -> Result<&AtomicU16, Error> {
        if !addr.is_multiple_of(2) {
            return Err(Error::Unmapped { addr, len: 2 });
        }
        let at = self.host(addr, 2)?;
        // SAFETY: aligned, in a mapping that lives as long as `self`, and such words are accessed
        // atomically only by whoever shares them.
        Ok(unsafe { AtomicU16::from_ptr(at.as_ptr().cast()) })
    }

    /// A copy of all memory, region by region.
    pub fn snapshot(&self) -> Vec<(u64, Vec<u8>)> {
        self.regions()
            .iter()
            .map(|region| {
                let mut copy = vec![0; region.len];
                // SAFETY: the mapping is as long as the region.
                unsafe { copy_out(region.host.as_ptr(), &mut copy) };
                (region.gpa, copy)
            })
            .collect()
    }

    /// The first guest address at which memory is not what it was in `snapshot`.
    pub fn first_difference(&self, snapshot: &[(u64, Vec<u8>)]) -> Option<u64> {
        self.snapshot()
            .iter()
            .zip(snapshot)
            .find_map(|((gpa, now), (_, then))| {
                if now == then {
                    return None;
                }
                let at = now.iter().zip(then).position(|(a, b)| a != b).unwrap_or(0);
                Some(gpa + at as u64)
            })
    }

    /// Numbers of the pages that differ from `snapshot`.
    pub fn changed_pages(&self, snapshot: &[(u64, Vec<u8>)]) -> std::collections::BTreeSet<u64> {
        let page = PAGE as usize;
        let mut changed = std::collections::BTreeSet::new();
        for ((gpa, now), (_, then)) in self.snapshot().iter().zip(snapshot) {
            for (i, (a, b)) in now.chunks(page).zip(then.chunks(page)).enumerate() {
                if a != b {
                    changed.insert(gpa / PAGE + i as u64);
                }
            }
        }
        changed
    }
}

/// Copies memory that somebody else may be writing.
///
/// # Safety
///
/// `from` is readable for the length of `into`.
unsafe fn copy_out(from: *const u8, into: &mut [u8]) {
    let mut at = 0;
    // Words where both sides allow it: snapshots are megabytes long.
    if from.cast::<u64>().is_aligned() {
        for chunk in into.chunks_exact_mut(8) {
            // SAFETY: the caller promises the whole range; each step of eight stays aligned.
            let word = unsafe { from.add(at).cast::<u64>().read_volatile() };
            chunk.copy_from_slice(&word.to_ne_bytes());
            at += 8;
        }
    }
    for (i, byte) in into.iter_mut().enumerate().skip(at) {
        // SAFETY: the caller promises the whole range.
        *byte = unsafe { from.add(i).read_volatile() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_spans_merge_again() {
        let arena = Arena::new(64 * 1024, 1, false).unwrap();
        let a = arena.alloc(10, 1).unwrap();
        let b = arena.alloc(20, 64).unwrap();
        let c = arena.alloc(4096, 4096).unwrap();
        assert!(b.is_multiple_of(64) && c.is_multiple_of(4096) && a != 0);
        for addr in [b, a, c] {
            arena.free(addr);
        }
        assert_eq!(arena.allocated(), 0);
        assert_eq!(arena.heap.lock().unwrap().free.len(), 1);
        assert!(arena.alloc(60 * 1024, 1).is_ok());
    }

    #[test]
    fn bytes_come_back_at_any_alignment_and_length() {
        let arena = Arena::new(64 * 1024, 2, false).unwrap();
        let pattern: Vec<u8> = (0..100).collect();
        for offset in 0..9 {
            let addr = arena.region(1).guest_addr() + offset;
            arena.write(addr, &pattern).unwrap();
            assert_eq!(arena.read_vec(addr, 100).unwrap(), pattern);
        }
    }

    #[test]
    fn an_access_behind_a_region_is_refused() {
        let arena = Arena::new(16 * 1024, 2, false).unwrap();
        let end = arena.region(0).end();
        assert!(matches!(
            arena.write(end - 1, &[1, 2]),
            Err(Error::Unmapped { .. })
        ));
        assert!(arena.host(u64::MAX, 2).is_err());
    }

    #[test]
    fn a_changed_byte_is_found_with_its_page() {
        let arena = Arena::new(64 * 1024, 2, false).unwrap();
        let before = arena.snapshot();
        assert_eq!(arena.first_difference(&before), None);
        let addr = arena.region(1).guest_addr() + 5000;
        arena.write(addr, &[1]).unwrap();
        assert_eq!(arena.first_difference(&before), Some(addr));
        assert_eq!(
            arena.changed_pages(&before).into_iter().collect::<Vec<_>>(),
            [addr / PAGE]
        );
    }

    #[test]
    fn a_removed_region_is_neither_found_nor_allocated_from() {
        let arena = Arena::new(64 * 1024, 2, false).unwrap();
        let gone = arena.region(1);
        arena.remove_region(gone.guest_addr()).unwrap();
        assert!(arena.host(gone.guest_addr(), 1).is_err());
        assert!(arena.alloc_in(&gone, 16, 1).is_err());
    }
}
