// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A set of regions, and checked access to it.

use std::fmt;
use std::sync::Arc;

use rustix::io::Errno;
use vm_memory::GuestMemoryBackend;

use crate::region::{Access, MapError, MappedRegion, Window};
use crate::{GuestMemoryMmap, Tracking};

/// Why an access was not made, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The address range is not all guest memory. No byte moved.
    #[error("{len:#x} bytes at {addr:#x} are not all guest memory")]
    Outside {
        /// First guest address of the access.
        addr: u64,
        /// Length of the access in bytes.
        len: u64,
    },
    /// The guest granted no such page, or took it back, or never had it (Xen).
    #[error("{len:#x} bytes at {addr:#x} cannot be mapped: {errno}")]
    Unmappable {
        /// First guest address that could not be mapped.
        addr: u64,
        /// Bytes from there on that were wanted.
        len: u64,
        /// What the kernel said.
        errno: Errno,
    },
}

impl AccessError {
    pub(crate) fn outside(addr: u64, len: u64) -> Self {
        Self::Outside { addr, len }
    }

    /// Turns an offset in a region into a guest address.
    pub(crate) fn in_region(mut self, base: u64) -> Self {
        let (Self::Outside { addr, .. } | Self::Unmappable { addr, .. }) = &mut self;
        *addr = addr.saturating_add(base);
        self
    }
}

/// Why a set of regions cannot be a guest's memory.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Two regions claim the same addresses.
    #[error("the region at {base:#x} with {size:#x} bytes overlaps the one at {other:#x}")]
    Overlap {
        /// Guest address of the region that came second.
        base: u64,
        /// Its size in bytes.
        size: u64,
        /// Guest address of the region that was there.
        other: u64,
    },
    /// What should be removed is not there.
    #[error("there is no region at {base:#x} with {size:#x} bytes to remove")]
    Unknown {
        /// Guest address that was named.
        base: u64,
        /// Size that was named, in bytes.
        size: u64,
    },
}

/// What one memory table describes. Immutable: a change makes a new one that shares the mappings
/// which stay, and a mapping ends with the last `Memory` that has it.
#[derive(Clone, Default)]
pub struct Memory {
    /// Sorted by address.
    regions: Vec<Arc<MappedRegion>>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.regions.iter().map(|r| (r.base(), r.size(), r.kind())))
            .finish()
    }
}

impl Memory {
    /// The regions, in any order.
    pub fn new(regions: Vec<MappedRegion>) -> Result<Self, TableError> {
        let mut memory = Self::default();
        for region in regions {
            memory = memory.with_region(region)?;
        }
        Ok(memory)
    }

    /// The memory of a virtual machine monitor that embeds a device: the mappings are shared, not
    /// copied.
    pub fn from_vm_memory(
        memory: &GuestMemoryMmap,
        tracking: &Arc<Tracking>,
    ) -> Result<Self, EmbedError> {
        let mut regions = Self::default();
        for region in memory.iter() {
            let region = MappedRegion::share(region, tracking)?;
            regions = regions.with_region(region)?;
        }
        Ok(regions)
    }

    /// This memory and one more region.
    pub fn with_region(&self, region: MappedRegion) -> Result<Self, TableError> {
        let at = self
            .regions
            .partition_point(|other| other.base() < region.base());
        let below = at.checked_sub(1).map(|below| &self.regions[below]);
        let clash = below.filter(|below| below.end() > region.base()).or(self
            .regions
            .get(at)
            .filter(|above| above.base() < region.end()));
        if let Some(other) = clash {
            return Err(TableError::Overlap {
                base: region.base(),
                size: region.size(),
                other: other.base(),
            });
        }
        let mut regions = self.regions.clone();
        regions.insert(at, Arc::new(region));
        Ok(Self { regions })
    }

    /// This memory without one region, which must match exactly.
    pub fn without_region(&self, base: u64, size: u64) -> Result<Self, TableError> {
        let at = self
            .regions
            .iter()
            .position(|region| region.base() == base && region.size() == size)
            .ok_or(TableError::Unknown { base, size })?;
        let mut regions = self.regions.clone();
        regions.remove(at);
        Ok(Self { regions })
    }

    /// Number of regions.
    pub fn region_count(&self) -> usize {
        self.regions.len()
    }

    /// The regions by address.
    pub fn regions(&self) -> impl Iterator<Item = &MappedRegion> {
        self.regions.iter().map(AsRef::as_ref)
    }

    /// Last address of guest memory; `None` where there is no memory.
    pub fn last_address(&self) -> Option<u64> {
        self.regions.last().map(|region| region.end() - 1)
    }

    /// Whether a page vanished: see [`crate::Tracking::has_vanished`].
    pub fn has_vanished(&self) -> bool {
        self.regions
            .first()
            .is_some_and(|region| region.tracking().has_vanished())
    }

    /// The region that has `addr`, and the offset in it.
    #[inline]
    pub(crate) fn find(&self, addr: u64) -> Option<(&Arc<MappedRegion>, u64)> {
        let at = match self.regions.as_slice() {
            [_] => 0,
            regions => regions.partition_point(|region| region.end() <= addr),
        };
        let region = self.regions.get(at)?;
        let offset = addr.checked_sub(region.base())?;
        (offset < region.size()).then_some((region, offset))
    }

    /// Maps the range for an access, and calls `each` with its windows one after the other: the
    /// region, the guest address, and the window. Nothing is called unless all of the range is guest
    /// memory; `each` may end it, and so does a page that cannot be mapped.
    #[inline]
    pub(crate) fn windows<'m>(
        &'m self,
        addr: u64,
        len: u64,
        access: Access,
        mut each: impl FnMut(&'m MappedRegion, u64, Window<'m>) -> bool,
    ) -> Result<(), AccessError> {
        if len == 0 {
            return Ok(());
        }
        let error = AccessError::outside(addr, len);
        let (region, offset) = self.find(addr).ok_or(error)?;
        if len <= region.size() - offset {
            let window = region.window(offset, len as usize, access)?;
            let done = window.len() as u64;
            if !each(region, addr, window) || done >= len {
                return Ok(());
            }
            return self.more_windows(addr + done, len - done, access, each);
        }
        if !self.contains(addr, len) {
            return Err(error);
        }
        self.more_windows(addr, len, access, each)
    }

    /// The range is all guest memory.
    fn more_windows<'m>(
        &'m self,
        mut addr: u64,
        mut left: u64,
        access: Access,
        mut each: impl FnMut(&'m MappedRegion, u64, Window<'m>) -> bool,
    ) -> Result<(), AccessError> {
        while left > 0 {
            let error = AccessError::outside(addr, left);
            let (region, offset) = self.find(addr).ok_or(error)?;
            let piece = left.min(region.size() - offset);
            let window = region.window(offset, piece as usize, access)?;
            let done = window.len() as u64;
            if done == 0 {
                return Err(error);
            }
            if !each(region, addr, window) {
                break;
            }
            addr = addr.wrapping_add(done);
            left = left.saturating_sub(done);
        }
        Ok(())
    }

    /// Whether all of the range is guest memory. It may go from one region into an adjacent one.
    #[inline]
    pub fn contains(&self, addr: u64, len: u64) -> bool {
        let (mut addr, mut left) = (addr, len);
        while left > 0 {
            let Some((region, offset)) = self.find(addr) else {
                return false;
            };
            let piece = left.min(region.size() - offset);
            left -= piece;
            match addr.checked_add(piece) {
                Some(next) => addr = next,
                None => return left == 0,
            }
        }
        true
    }

    /// Copies guest memory into `buf`. The guest may change it meanwhile: what was read once is
    /// the only thing that may be checked. After an error `buf` means nothing.
    #[inline]
    pub fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), AccessError> {
        let mut done = 0;
        self.windows(addr, buf.len() as u64, Access::Read, |_, _, window| {
            let end = done + window.len();
            window.copy_to(&mut buf[done..end]);
            done = end;
            true
        })
    }

    /// Copies `buf` into guest memory, and marks it in the dirty log.
    #[inline]
    pub fn write(&self, addr: u64, buf: &[u8]) -> Result<(), AccessError> {
        let mut done = 0;
        self.windows(addr, buf.len() as u64, Access::Write, |_, _, window| {
            let end = done + window.len();
            window.copy_from(&buf[done..end]);
            done = end;
            true
        })
    }
}

/// Why a virtual machine monitor's memory cannot be used by a device.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// A mapping cannot be used.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The regions do not fit together.
    #[error(transparent)]
    Table(#[from] TableError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::GuestAddress;

    fn memory(regions: &[(u64, usize)]) -> Memory {
        let tracking = Tracking::new();
        Memory::new(
            regions
                .iter()
                .map(|&(base, size)| {
                    MappedRegion::anonymous(size, GuestAddress(base), &tracking).unwrap()
                })
                .collect(),
        )
        .unwrap()
    }

    #[test]
    fn a_write_across_adjacent_regions_reads_back() {
        let memory = memory(&[(0x1000, 0x1000), (0x2000, 0x1000)]);

        memory.write(0x1ffe, &[1, 2, 3, 4]).unwrap();

        let mut bytes = [0; 4];
        memory.read(0x1ffe, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4]);
    }

    #[test]
    fn a_range_with_a_hole_is_refused_before_a_byte_moves() {
        let memory = memory(&[(0x1000, 0x1000), (0x3000, 0x1000)]);

        let result = memory.write(0x1ff0, &[9; 0x20]);

        assert_eq!(
            result,
            Err(AccessError::Outside {
                addr: 0x1ff0,
                len: 0x20
            })
        );
        let mut bytes = [0; 16];
        memory.read(0x1ff0, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 16]);
    }

    #[test]
    fn a_wrapping_range_is_not_guest_memory() {
        let memory = memory(&[(0x1000, 0x1000)]);

        assert!(!memory.contains(0x1800, u64::MAX));
        assert!(!memory.contains(u64::MAX, 2));
    }

    #[test]
    fn overlapping_regions_are_refused() {
        let memory = memory(&[(0x1000, 0x2000)]);
        let tracking = Tracking::new();
        let region = MappedRegion::anonymous(0x1000, GuestAddress(0x2000), &tracking).unwrap();

        let result = memory.with_region(region);

        assert!(matches!(
            result,
            Err(TableError::Overlap { other: 0x1000, .. })
        ));
    }

    #[test]
    fn a_removed_region_is_gone_and_the_others_stay() {
        let memory = memory(&[(0x1000, 0x1000), (0x2000, 0x1000)]);

        let rest = memory.without_region(0x1000, 0x1000).unwrap();

        assert!(!rest.contains(0x1000, 1));
        assert!(rest.contains(0x2000, 0x1000));
    }

    #[test]
    fn a_region_that_is_not_there_cannot_be_removed() {
        let memory = memory(&[(0x1000, 0x1000)]);

        assert!(matches!(
            memory.without_region(0x1000, 0x800),
            Err(TableError::Unknown { .. })
        ));
    }

    #[test]
    fn a_short_file_is_refused_at_mapping() {
        let file = std::fs::File::from(
            rustix::fs::memfd_create("t", rustix::fs::MemfdFlags::CLOEXEC).unwrap(),
        );
        file.set_len(0x1000).unwrap();

        let result = MappedRegion::from_file(file, 0, 0x2000, GuestAddress(0), &Tracking::new());

        assert!(matches!(
            result,
            Err(MapError::FileTooShort {
                file_len: 0x1000,
                needed: 0x2000,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn contains_agrees_with_a_bytewise_look_up(addr in 0u64..0x6000, len in 0u64..0x3000) {
            let memory = memory(&[(0x1000, 0x1000), (0x2000, 0x1000), (0x4000, 0x1000)]);
            let expected = (addr..addr + len)
                .all(|a| (0x1000..0x3000).contains(&a) || (0x4000..0x5000).contains(&a));
            prop_assert_eq!(memory.contains(addr, len), expected);
        }
    }
}
