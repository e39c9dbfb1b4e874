// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Types whose bit fields bindgen lays out wrongly, from `hvm/ioreq.h`.

/// Slots of a [`buffered_iopage`].
const SLOTS: usize = 511;

/// A write that the guest does not wait for.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct buf_ioreq {
    /// Type in bits 0 to 7, direction in bit 9, size in bits 10 and 11, address from bit 12 on.
    pub bits: u32,
    /// What is written.
    pub data: u32,
}

impl buf_ioreq {
    /// `IOREQ_TYPE_*`.
    pub const fn type_(&self) -> u8 {
        (self.bits & 0xff) as u8
    }

    /// Whether the guest reads.
    pub const fn is_read(&self) -> bool {
        self.bits & (1 << 9) != 0
    }

    /// In bytes. Eight take two slots.
    pub const fn size(&self) -> u32 {
        1 << ((self.bits >> 10) & 3)
    }

    /// The low 20 bits of the guest's address.
    pub const fn addr(&self) -> u32 {
        self.bits >> 12
    }
}

/// The ring of such writes.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct buffered_iopage {
    /// Where the server reads next.
    pub read_pointer: u32,
    /// Where Xen writes next.
    pub write_pointer: u32,
    /// Slots.
    pub buf_ioreq: [buf_ioreq; SLOTS],
}
