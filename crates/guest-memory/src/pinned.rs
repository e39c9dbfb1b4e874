// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Rings: words of guest memory that are looked up once and then accessed directly.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::memory::Memory;
use crate::region::{MappedRegion, RegionKind};

/// Why a ring cannot lie where the driver or the frontend put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Not (all) guest memory, or split over two regions.
    #[error("{len:#x} bytes at {addr:#x} do not lie in one region of guest memory")]
    Unmapped {
        /// First guest address.
        addr: u64,
        /// Length in bytes.
        len: u64,
    },
    /// The address is not a multiple of what the specification asks for.
    #[error("{addr:#x} is not aligned to {align} bytes")]
    Misaligned {
        /// First guest address.
        addr: u64,
        /// Alignment asked for, in bytes.
        align: u64,
    },
    /// The other domain has no such page.
    #[error("{addr:#x} lies in pages that the other domain does not have")]
    NotThere {
        /// First guest address.
        addr: u64,
    },
    /// The pages are mapped for the length of an access only; an atomic access to them would be a
    /// segmentation fault.
    #[error(
        "{addr:#x} lies in grants that are mapped at each access: rings need grants that are \
         mapped in advance"
    )]
    NotMappedInAdvance {
        /// First guest address.
        addr: u64,
    },
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

/// A little-endian word that guest and device share.
pub trait Word: Copy + sealed::Sealed {
    #[doc(hidden)]
    /// # Safety
    /// `at` must be valid and aligned for the word's atomic type.
    unsafe fn load(at: *mut Self, order: Ordering) -> Self;
    #[doc(hidden)]
    /// # Safety
    /// As for `load`.
    unsafe fn store(self, at: *mut Self, order: Ordering);
}

macro_rules! word {
    ($word:ty, $atomic:ty) => {
        impl Word for $word {
            #[inline]
            unsafe fn load(at: *mut Self, order: Ordering) -> Self {
                // SAFETY: the caller vouches for the pointer; all access to it is atomic.
                let cell = unsafe { <$atomic>::from_ptr(at) };
                <$word>::from_le(cell.load(order))
            }

            #[inline]
            unsafe fn store(self, at: *mut Self, order: Ordering) {
                // SAFETY: as above.
                let cell = unsafe { <$atomic>::from_ptr(at) };
                cell.store(self.to_le(), order);
            }
        }
    };
}

word!(u16, AtomicU16);
word!(u32, AtomicU32);
word!(u64, AtomicU64);

/// An array of words in guest memory. Keeps its mapping alive; whoever holds one must give it up
/// before the region may be said to be gone.
#[derive(Debug)]
pub struct Pinned<T> {
    first: NonNull<T>,
    len: usize,
    addr: u64,
    region: Arc<MappedRegion>,
    words: PhantomData<T>,
}

// SAFETY: the memory behind the pointer is mapped as long as `region` lives, belongs to no thread,
// and is accessed through atomics only.
unsafe impl<T> Send for Pinned<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Pinned<T> {}

impl Memory {
    /// Looks up `len` words at `addr`, which must be a multiple of `align` bytes. They must lie in
    /// one region that is mapped in advance.
    pub fn pin<T: Word>(&self, addr: u64, len: usize, align: u64) -> Result<Pinned<T>, PinError> {
        let bytes = (len as u64).saturating_mul(size_of::<T>() as u64);
        let unmapped = PinError::Unmapped { addr, len: bytes };
        let align = align.max(align_of::<T>() as u64);
        if !addr.is_multiple_of(align) {
            return Err(PinError::Misaligned { addr, align });
        }
        let (region, offset) = self.find(addr).ok_or(unmapped)?;
        if len == 0 || bytes > region.size() - offset {
            return Err(unmapped);
        }
        if region.kind() == RegionKind::GrantOnAccess {
            return Err(PinError::NotMappedInAdvance { addr });
        }
        if !region.is_there(offset, bytes) {
            return Err(PinError::NotThere { addr });
        }
        let first = region
            .host_address()
            .wrapping_add(offset as usize)
            .cast::<T>();
        // A region may start at an address, or its file at an offset, that is not page-aligned on
        // both sides.
        if !first.is_aligned() {
            return Err(PinError::Misaligned { addr, align });
        }
        Ok(Pinned {
            first: NonNull::new(first).ok_or(unmapped)?,
            len,
            addr,
            region: region.clone(),
            words: PhantomData,
        })
    }
}

impl<T: Word> Pinned<T> {
    /// Guest address of the first word.
    pub fn address(&self) -> u64 {
        self.addr
    }

    /// An index outside is the caller's mistake, never the guest's; it must still not leave the
    /// mapping, and a compare costs nothing here.
    #[inline]
    fn checked(&self, index: usize) -> usize {
        debug_assert!(index < self.len);
        if index < self.len { index } else { 0 }
    }

    /// Reads a word.
    #[inline]
    pub fn load(&self, index: usize, order: Ordering) -> T {
        let at = self.first.as_ptr().wrapping_add(self.checked(index));
        // SAFETY: `at` lies in the range that was checked when it was pinned, and the region that
        // is held keeps it mapped.
        unsafe { T::load(at, order) }
    }

    /// Writes a word, and marks it in the dirty log.
    #[inline]
    pub fn store(&self, index: usize, word: T, order: Ordering) {
        let index = self.checked(index);
        let at = self.first.as_ptr().wrapping_add(index);
        // SAFETY: as in `load`.
        unsafe { word.store(at, order) };
        let size = size_of::<T>() as u64;
        self.region
            .tracking()
            .mark(self.addr + index as u64 * size, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GuestAddress, Tracking};

    fn memory() -> Memory {
        let region =
            MappedRegion::anonymous(0x2000, GuestAddress(0x1000), &Tracking::new()).unwrap();
        Memory::new(vec![region]).unwrap()
    }

    #[test]
    fn a_stored_word_is_little_endian_in_memory() {
        let memory = memory();
        let words = memory.pin::<u32>(0x1004, 2, 4).unwrap();

        words.store(1, 0x0102_0304, Ordering::Relaxed);

        let mut bytes = [0; 4];
        memory.read(0x1008, &mut bytes).unwrap();
        assert_eq!(bytes, [4, 3, 2, 1]);
        assert_eq!(words.load(1, Ordering::Relaxed), 0x0102_0304);
    }

    #[test]
    fn a_range_past_the_region_is_refused() {
        assert!(matches!(
            memory().pin::<u16>(0x2ffe, 2, 2),
            Err(PinError::Unmapped { .. })
        ));
    }

    #[test]
    fn a_misaligned_address_is_refused() {
        assert_eq!(
            memory().pin::<u16>(0x1008, 1, 16).unwrap_err(),
            PinError::Misaligned {
                addr: 0x1008,
                align: 16
            }
        );
    }
}
