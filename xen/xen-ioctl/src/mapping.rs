// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Memory that is shared with another domain.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::{Error, Result};

/// What this side does with the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It reads and writes.
    ReadWrite,
}

impl Access {
    pub(crate) fn protection(self) -> ProtFlags {
        match self {
            Self::Read => ProtFlags::READ,
            Self::ReadWrite => ProtFlags::READ | ProtFlags::WRITE,
        }
    }
}

/// What is undone after the memory is unmapped.
pub(crate) trait Release: Send + Sync {
    fn release(&self);
}

/// Mapped memory. It is unmapped when dropped.
pub struct Mapping {
    start: NonNull<c_void>,
    len: usize,
    access: Access,
    release: Option<Box<dyn Release>>,
    /// The device stays open as long as its memory is mapped.
    _device: Option<Arc<File>>,
}

// SAFETY: the memory belongs to the process, not to a thread; it is accessed by atomics only.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { start, len, .. } = self;
        write!(f, "Mapping({len} bytes at {start:?}, {:?})", self.access)
    }
}

impl Mapping {
    /// Maps `len` bytes of a device.
    pub(crate) fn new(device: &Arc<File>, offset: u64, len: usize, access: Access) -> Result<Self> {
        // SAFETY: the kernel chooses an address that is free.
        let start = unsafe {
            mmap(
                null_mut(),
                len,
                access.protection(),
                MapFlags::SHARED,
                device,
                offset,
            )
        };
        Self::from_raw(start, len, access, Some(device))
    }

    /// Sets addresses aside that [`place`](Self::place) fills.
    pub(crate) fn reserve(device: &Arc<File>, len: usize, access: Access) -> Result<Self> {
        // SAFETY: the kernel chooses an address that is free.
        let start = unsafe {
            rustix::mm::mmap_anonymous(null_mut(), len, ProtFlags::empty(), MapFlags::PRIVATE)
        };
        Self::from_raw(start, len, access, Some(device))
    }

    fn from_raw(
        start: rustix::io::Result<*mut c_void>,
        len: usize,
        access: Access,
        device: Option<&Arc<File>>,
    ) -> Result<Self> {
        let failed = |error| Error::new(format!("map {len} bytes"), error);
        let start = start.map_err(|error| failed(io::Error::from(error)))?;
        Ok(Self {
            start: NonNull::new(start).ok_or_else(|| failed(io::ErrorKind::OutOfMemory.into()))?,
            len,
            access,
            release: None,
            _device: device.cloned(),
        })
    }

    /// Puts `len` bytes of the device at `at` of reserved addresses.
    pub(crate) fn place(&self, device: &File, at: usize, offset: u64, len: usize) -> Result<()> {
        self.check(at, len)?;
        // SAFETY: the addresses are this mapping's own, as just checked.
        let placed = unsafe {
            mmap(
                self.start.as_ptr().byte_add(at),
                len,
                self.access.protection(),
                MapFlags::SHARED | MapFlags::FIXED,
                device,
                offset,
            )
        };
        placed
            .map(drop)
            .map_err(|error| Error::new(format!("map {len} bytes at offset {offset:#x}"), error))
    }

    pub(crate) fn on_release(&mut self, release: impl Release + 'static) {
        self.release = Some(Box::new(release));
    }

    /// Its size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where it is. Whoever dereferences it keeps the mapping, and checks the bounds.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr().cast()
    }

    fn check(&self, offset: usize, len: usize) -> Result<()> {
        let end = offset.checked_add(len).filter(|&end| end <= self.len);
        end.map(drop).ok_or_else(|| {
            Error::new(
                format!("access {len} bytes at {offset} of {} mapped", self.len),
                io::ErrorKind::InvalidInput,
            )
        })
    }

    fn writable(&self) -> Result<()> {
        if self.access == Access::ReadWrite {
            return Ok(());
        }
        Err(Error::new(
            "write to memory that is mapped for reading",
            io::ErrorKind::PermissionDenied,
        ))
    }

    /// Copies out. Bytes that the other side changes meanwhile are old or new.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        self.check(offset, to.len())?;
        for (index, byte) in to.iter_mut().enumerate() {
            // SAFETY: within the mapping, as checked above.
            *byte = unsafe { self.as_ptr().add(offset + index).read_volatile() };
        }
        Ok(())
    }

    /// Copies in.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<()> {
        self.check(offset, from.len())?;
        self.writable()?;
        for (index, byte) in from.iter().enumerate() {
            // SAFETY: within the mapping, as checked above.
            unsafe { self.as_ptr().add(offset + index).write_volatile(*byte) };
        }
        Ok(())
    }

    fn atomic<T>(&self, offset: usize) -> Result<&T> {
        self.check(offset, size_of::<T>())?;
        self.writable()?; // an atomic's methods write
        if !offset.is_multiple_of(align_of::<T>()) {
            return Err(Error::new(
                format!("access an atomic at {offset}, which is not aligned"),
                io::ErrorKind::InvalidInput,
            ));
        }
        // SAFETY: within the mapping, aligned, valid for any bits, and shared by atomics only.
        Ok(unsafe { &*self.as_ptr().add(offset).cast::<T>() })
    }

    /// One byte, for atomic access.
    pub fn atomic_u8(&self, offset: usize) -> Result<&AtomicU8> {
        self.atomic(offset)
    }

    /// Four bytes, for atomic access.
    pub fn atomic_u32(&self, offset: usize) -> Result<&AtomicU32> {
        self.atomic(offset)
    }

    /// Eight bytes, for atomic access.
    pub fn atomic_u64(&self, offset: usize) -> Result<&AtomicU64> {
        self.atomic(offset)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody can have a reference into it any more.
        let _ = unsafe { munmap(self.start.as_ptr(), self.len) };
        if let Some(release) = self.release.take() {
            release.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    fn memory(len: usize) -> Arc<File> {
        let file: File = rustix::fs::memfd_create("memory", rustix::fs::MemfdFlags::CLOEXEC)
            .unwrap()
            .into();
        file.set_len(len as u64).unwrap();
        Arc::new(file)
    }

    #[test]
    fn bytes_written_are_read_back_up_to_the_end() {
        let mapping = Mapping::new(&memory(4096), 0, 4096, Access::ReadWrite).unwrap();
        let mut read = [0; 4];

        mapping.write(4092, b"last").unwrap();
        mapping.read(4092, &mut read).unwrap();

        assert_eq!(&read, b"last");
    }

    #[test]
    fn access_beyond_the_end_is_refused() {
        let mapping = Mapping::new(&memory(4096), 0, 4096, Access::ReadWrite).unwrap();

        assert!(mapping.read(4093, &mut [0; 4]).is_err());
        assert!(mapping.write(usize::MAX, &[0; 4]).is_err());
        assert!(mapping.atomic_u64(4089).is_err());
        assert!(mapping.atomic_u32(2).is_err());
    }

    #[test]
    fn memory_mapped_for_reading_is_not_written() {
        let mapping = Mapping::new(&memory(4096), 0, 4096, Access::Read).unwrap();

        let error = mapping.write(0, b"x").unwrap_err();

        assert!(error.to_string().contains("mapped for reading"), "{error}");
        assert!(mapping.atomic_u32(0).is_err());
    }

    #[test]
    fn pages_are_placed_in_the_order_asked() {
        let device = memory(8192);
        let whole = Mapping::new(&device, 0, 8192, Access::ReadWrite).unwrap();
        let placed = Mapping::reserve(&device, 8192, Access::ReadWrite).unwrap();

        placed.place(&device, 0, 4096, 4096).unwrap();
        placed.place(&device, 4096, 0, 4096).unwrap();
        whole.atomic_u32(4096).unwrap().store(7, Ordering::Relaxed);

        assert_eq!(placed.atomic_u32(0).unwrap().load(Ordering::Relaxed), 7);
        assert!(placed.place(&device, 8192, 0, 4096).is_err());
    }

    #[test]
    fn a_dropped_mapping_is_unmapped_and_released() {
        static RELEASED: AtomicBool = AtomicBool::new(false);
        struct Mark;
        impl Release for Mark {
            fn release(&self) {
                RELEASED.store(true, SeqCst);
            }
        }
        let device = memory(4096);
        let mut mapping = Mapping::new(&device, 0, 4096, Access::Read).unwrap();
        mapping.on_release(Mark);

        drop(mapping);

        assert!(RELEASED.load(SeqCst));
        assert_eq!(Arc::strong_count(&device), 1);
    }
}
