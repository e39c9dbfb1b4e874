// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What goes over the wire.
//!
//! Names and order are those of the specification, which here is this file:
//!
//! ```text
//! struct request {
//!     // for the device to read
//!     le32 operation;
//!     u8   data[];
//!     // for the device to write
//!     le32 status;
//!     u8   result[];
//! };
//! ```
//!
//! All integers are little-endian types without alignment, so a structure can lie anywhere and has
//! no padding: the derives refuse to compile where it would. A driver may split a request over
//! descriptors wherever it likes (2.7.4.3); [`virtio_device::Chain`] hides where.
//!
//! The status stands in front of the result, although many devices have it last. `used.len` counts
//! from the first writable byte and promises that all of them were written (2.7.8.2): behind a
//! result that does not fill its room, a status would promise bytes that nobody wrote.

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Configuration space.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Config {
    /// The most bytes of data that one request may have.
    pub max_len: U32,
}

/// In front of the data that the driver sends.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct RequestHeader {
    /// What to do with the data: [`Operation`].
    pub operation: U32,
}

/// In front of the result that the device returns.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ResponseHeader {
    /// [`STATUS_OK`] or [`STATUS_ERROR`].
    pub status: U32,
}

/// The result follows, and is as long as the data.
pub const STATUS_OK: u32 = 0;

/// The request was refused; nothing follows.
pub const STATUS_ERROR: u32 = 1;

/// What a driver can ask for.
///
/// The wire structure has the number, because a driver may send any; this is what it turns into
/// once it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Operation {
    /// The data as it is.
    Echo = 0,
    /// The data with ASCII letters in upper case.
    Upper = 1,
}

impl Operation {
    /// `None` for a number that has no meaning.
    pub fn from_wire(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Echo),
            1 => Some(Self::Upper),
            _ => None,
        }
    }

    /// Turns the data into the result.
    pub fn apply(self, data: &mut [u8]) {
        match self {
            Self::Echo => {}
            Self::Upper => data.make_ascii_uppercase(),
        }
    }
}

// First level of tests: pure logic, next to what it tests.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_numbers_of_the_specification() {
        for operation in [Operation::Echo, Operation::Upper] {
            assert_eq!(Operation::from_wire(operation as u32), Some(operation));
        }
        assert_eq!(Operation::from_wire(2), None);
        assert_eq!(Operation::from_wire(u32::MAX), None);
    }

    #[test]
    fn upper_changes_ascii_letters_and_nothing_else() {
        let mut data = *b"aZ 9\xe4\x00";

        Operation::Upper.apply(&mut data);

        assert_eq!(&data, b"AZ 9\xe4\x00");
    }

    #[test]
    fn structures_are_little_endian_and_as_long_as_specified() {
        let header = RequestHeader {
            operation: 0x0102_0304.into(),
        };

        assert_eq!(header.as_bytes(), [4, 3, 2, 1]);
        assert_eq!(size_of::<ResponseHeader>(), 4);
        assert_eq!(size_of::<Config>(), 4);
    }
}
