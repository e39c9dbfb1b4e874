// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! State as one opaque sequence of bytes: what the kernel would see in memory.
//!
//! Structures only ever grow at their ends, and zero there means "as before". So a shorter blob,
//! from an older version, is filled up with zeroes. A longer one, from a newer version, is taken if
//! the rest is zero; else it says something that this version would lose, which is an error.
//!
//! **Unions.** A value whose variant is shorter than the union has bytes that were never written,
//! and to read those is undefined behaviour; nor may they leak into a snapshot. No type tells them
//! from the others, but the structure around the union does: its tag names the variant. So types
//! with a union do not have zerocopy's `IntoBytes`; only the bytes of the variant that the tag
//! names are taken, and all others are zero in the blob.
//!
//! Safe code can still pair a tag with a shorter variant. Then the bytes are arbitrary but defined:
//! they pass through [`Bytes::settled`] before anything looks at them.

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Range;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// A blob that is being put together.
pub(crate) struct Bytes<const N: usize>([MaybeUninit<u8>; N]);

impl<const N: usize> Bytes<N> {
    pub(crate) fn zeroed() -> Self {
        Self([MaybeUninit::new(0); N])
    }

    /// Takes over a range of the bytes of `value`, whether they have a value or not.
    pub(crate) fn take<T>(mut self, value: &T, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= N && N <= size_of::<T>());
        let from: *const MaybeUninit<u8> = (&raw const *value).cast();
        // SAFETY: the range lies in both, which do not overlap; and MaybeUninit asks nothing of
        // what is copied.
        unsafe {
            core::ptr::copy_nonoverlapping(
                from.add(range.start),
                self.0.as_mut_ptr().add(range.start),
                range.len(),
            );
        }
        self
    }

    /// The bytes. One that had no value has an arbitrary one from here on.
    pub(crate) fn settled(mut self) -> [u8; N] {
        // For the compiler, this may write any value to each byte, and so all have one after it.
        // Miri knows no assembly: there, a byte without a value is found and reported.
        #[cfg(not(miri))]
        // SAFETY: it is empty, and what it is allowed to do (write bytes to memory that is
        // borrowed mutably) may be done.
        unsafe {
            core::arch::asm!(
                "/* {} */",
                in(reg) self.0.as_mut_ptr(),
                options(nostack, preserves_flags)
            );
        }
        let bytes: *mut [u8; N] = self.0.as_mut_ptr().cast();
        // SAFETY: an array of the same size, all of it with a value.
        unsafe { bytes.read() }
    }
}

/// Reads a blob into `N` bytes.
pub(crate) fn read<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
    name: &'static str,
) -> Result<[u8; N], D::Error> {
    deserializer.deserialize_bytes(Blob::<N> { name })
}

struct Blob<const N: usize> {
    name: &'static str,
}

impl<const N: usize> Blob<N> {
    fn too_long<E: Error>(&self, offset: usize) -> E {
        E::custom(format_args!(
            "{}: byte {offset} is not zero, and only {N} bytes are known here: this state is of a \
             newer version",
            self.name
        ))
    }
}

impl<'de, const N: usize> Visitor<'de> for Blob<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes of a {}", self.name)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        let (known, rest) = bytes.split_at(bytes.len().min(N));
        if let Some(at) = rest.iter().position(|&byte| byte != 0) {
            return Err(self.too_long(N + at));
        }
        let mut value = [0; N];
        value[..known.len()].copy_from_slice(known);
        Ok(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<[u8; N], A::Error> {
        let mut value = [0; N];
        let mut offset = 0usize;
        while let Some(byte) = bytes.next_element::<u8>()? {
            match value.get_mut(offset) {
                Some(place) => *place = byte,
                None if byte != 0 => return Err(self.too_long(offset)),
                None => {}
            }
            offset = offset.saturating_add(1);
        }
        Ok(value)
    }
}

/// `$type` is read from a blob.
macro_rules! readable {
    ($($type:ident),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let bytes: [u8; size_of::<$type>()] =
                    $crate::blob::read(deserializer, stringify!($type))?;
                Ok(zerocopy::transmute!(bytes))
            }
        }
    )*};
}

/// Types that have a value in each byte.
macro_rules! plain {
    ($($type:ident),* $(,)?) => {
        $crate::blob::readable!($($type),*);
        $(
            impl serde::Serialize for $type {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_bytes(zerocopy::IntoBytes::as_bytes(self))
                }
            }
        )*
    };
}

/// Types with a union: `$ranges` says, for a value, which of its bytes are the state; or which tag
/// is not known.
macro_rules! tagged {
    ($type:ident, $tag:ident, $ranges:expr) => {
        $crate::blob::readable!($type);
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let ranges: fn(&$type) -> Option<[core::ops::Range<usize>; 2]> = $ranges;
                let Some(ranges) = ranges(self) else {
                    return Err(serde::ser::Error::custom(format_args!(
                        "{}: {} is {}, which is not known here",
                        stringify!($type),
                        stringify!($tag),
                        self.$tag
                    )));
                };
                let mut bytes = $crate::blob::Bytes::<{ size_of::<$type>() }>::zeroed();
                for range in ranges {
                    bytes = bytes.take(self, range);
                }
                serializer.serialize_bytes(&bytes.settled())
            }
        }
    };
}

/// Interrupt routes, which all architectures have.
macro_rules! routes {
    () => {
        $crate::blob::plain!(kvm_mp_state);

        $crate::blob::readable!(kvm_irq_routing);
        impl serde::Serialize for kvm_irq_routing {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // Without its array, as all types of this kind.
                let header = [self.nr, self.flags];
                serializer.serialize_bytes(zerocopy::IntoBytes::as_bytes(&header))
            }
        }

        $crate::blob::tagged!(kvm_irq_routing_entry, type_, |entry| {
            let length = match entry.type_ {
                // No route yet: as many bytes as every variant has.
                0 => size_of::<kvm_irq_routing_irqchip>(),
                KVM_IRQ_ROUTING_IRQCHIP => size_of::<kvm_irq_routing_irqchip>(),
                KVM_IRQ_ROUTING_MSI => size_of::<kvm_irq_routing_msi>(),
                KVM_IRQ_ROUTING_S390_ADAPTER => size_of::<kvm_irq_routing_s390_adapter>(),
                KVM_IRQ_ROUTING_HV_SINT => size_of::<kvm_irq_routing_hv_sint>(),
                KVM_IRQ_ROUTING_XEN_EVTCHN => size_of::<kvm_irq_routing_xen_evtchn>(),
                _ => return None,
            };
            let union_ = core::mem::offset_of!(kvm_irq_routing_entry, u);
            Some([0..union_, union_..union_ + length])
        });
    };
}

pub(crate) use {plain, readable, routes, tagged};
