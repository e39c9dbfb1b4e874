// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A set of regions, and checked access to it.

use std::fmt;
use std::sync::Arc;

use vm_memory::GuestMemoryBackend;

use crate::region::{MapError, MappedRegion};
use crate::{GuestMemoryMmap, Tracking};

/// The address range that an access wanted is not all guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len:#x} bytes at {addr:#x} are not all guest memory")]
pub struct AccessError {
    /// First guest address of the access.
    pub addr: u64,
    /// Length of the access in bytes.
    pub len: u64,
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

    /// Calls `each` with every piece of the range that lies in one region: the region, the offset
    /// in it, and the piece's length. Nothing is called unless all of the range is guest memory.
    #[inline]
    pub(crate) fn pieces<'m>(
        &'m self,
        addr: u64,
        len: u64,
        mut each: impl FnMut(&'m MappedRegion, u64, usize),
    ) -> Result<(), AccessError> {
        if len == 0 {
            return Ok(());
        }
        let error = AccessError { addr, len };
        let (region, offset) = self.find(addr).ok_or(error)?;
        if len <= region.size() - offset {
            each(region, offset, len as usize);
            return Ok(());
        }
        if !self.contains(addr, len) {
            return Err(error);
        }
        let (mut addr, mut left) = (addr, len);
        while left > 0 {
            let (region, offset) = self.find(addr).ok_or(error)?;
            let piece = left.min(region.size() - offset);
            each(region, offset, piece as usize);
            addr = addr.wrapping_add(piece);
            left -= piece;
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
    /// the only thing that may be checked.
    #[inline]
    pub fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), AccessError> {
        let mut done = 0;
        self.pieces(addr, buf.len() as u64, |region, offset, len| {
            if let Some(slice) = region.slice(offset, len) {
                slice.copy_to(&mut buf[done..done + len]);
            }
            done += len;
        })
    }

    /// Copies `buf` into guest memory, and marks it in the dirty log.
    #[inline]
    pub fn write(&self, addr: u64, buf: &[u8]) -> Result<(), AccessError> {
        let mut done = 0;
        self.pieces(addr, buf.len() as u64, |region, offset, len| {
            if let Some(slice) = region.slice(offset, len) {
                slice.copy_from(&buf[done..done + len]);
            }
            done += len;
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
            Err(AccessError {
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
