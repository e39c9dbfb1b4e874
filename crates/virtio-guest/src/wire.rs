// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The vhost-user messages as bytes (QEMU's "Vhost-user Protocol" document).
//!
//! Nothing here refuses a value: the hostile suite needs every wrong one. All fields are in the
//! machine's byte order, as the protocol has it.

/// Message codes a frontend sends.
pub mod request {
    #![allow(missing_docs)]
    pub const GET_FEATURES: u32 = 1;
    pub const SET_FEATURES: u32 = 2;
    pub const SET_OWNER: u32 = 3;
    pub const RESET_OWNER: u32 = 4;
    pub const SET_MEM_TABLE: u32 = 5;
    pub const SET_LOG_BASE: u32 = 6;
    pub const SET_LOG_FD: u32 = 7;
    pub const SET_VRING_NUM: u32 = 8;
    pub const SET_VRING_ADDR: u32 = 9;
    pub const SET_VRING_BASE: u32 = 10;
    pub const GET_VRING_BASE: u32 = 11;
    pub const SET_VRING_KICK: u32 = 12;
    pub const SET_VRING_CALL: u32 = 13;
    pub const SET_VRING_ERR: u32 = 14;
    pub const GET_PROTOCOL_FEATURES: u32 = 15;
    pub const SET_PROTOCOL_FEATURES: u32 = 16;
    pub const GET_QUEUE_NUM: u32 = 17;
    pub const SET_VRING_ENABLE: u32 = 18;
    pub const SET_BACKEND_REQ_FD: u32 = 21;
    pub const GET_CONFIG: u32 = 24;
    pub const SET_CONFIG: u32 = 25;
    pub const GET_INFLIGHT_FD: u32 = 31;
    pub const SET_INFLIGHT_FD: u32 = 32;
    pub const GPU_SET_SOCKET: u32 = 33;
    pub const RESET_DEVICE: u32 = 34;
    pub const VRING_KICK: u32 = 35;
    pub const GET_MAX_MEM_SLOTS: u32 = 36;
    pub const ADD_MEM_REG: u32 = 37;
    pub const REM_MEM_REG: u32 = 38;
    pub const SET_STATUS: u32 = 39;
    pub const GET_STATUS: u32 = 40;
    pub const GET_SHARED_OBJECT: u32 = 41;
    pub const SET_DEVICE_STATE_FD: u32 = 42;
    pub const CHECK_DEVICE_STATE: u32 = 43;
    pub const GET_SHMEM_CONFIG: u32 = 44;

    /// The message's name in the protocol document, for diagnostics.
    pub fn name(code: u32) -> &'static str {
        match code {
            GET_FEATURES => "GET_FEATURES",
            SET_FEATURES => "SET_FEATURES",
            SET_OWNER => "SET_OWNER",
            RESET_OWNER => "RESET_OWNER",
            SET_MEM_TABLE => "SET_MEM_TABLE",
            SET_LOG_BASE => "SET_LOG_BASE",
            SET_LOG_FD => "SET_LOG_FD",
            SET_VRING_NUM => "SET_VRING_NUM",
            SET_VRING_ADDR => "SET_VRING_ADDR",
            SET_VRING_BASE => "SET_VRING_BASE",
            GET_VRING_BASE => "GET_VRING_BASE",
            SET_VRING_KICK => "SET_VRING_KICK",
            SET_VRING_CALL => "SET_VRING_CALL",
            SET_VRING_ERR => "SET_VRING_ERR",
            GET_PROTOCOL_FEATURES => "GET_PROTOCOL_FEATURES",
            SET_PROTOCOL_FEATURES => "SET_PROTOCOL_FEATURES",
            GET_QUEUE_NUM => "GET_QUEUE_NUM",
            SET_VRING_ENABLE => "SET_VRING_ENABLE",
            SET_BACKEND_REQ_FD => "SET_BACKEND_REQ_FD",
            GET_CONFIG => "GET_CONFIG",
            SET_CONFIG => "SET_CONFIG",
            GET_INFLIGHT_FD => "GET_INFLIGHT_FD",
            SET_INFLIGHT_FD => "SET_INFLIGHT_FD",
            GPU_SET_SOCKET => "GPU_SET_SOCKET",
            RESET_DEVICE => "RESET_DEVICE",
            VRING_KICK => "VRING_KICK",
            GET_MAX_MEM_SLOTS => "GET_MAX_MEM_SLOTS",
            ADD_MEM_REG => "ADD_MEM_REG",
            REM_MEM_REG => "REM_MEM_REG",
            SET_STATUS => "SET_STATUS",
            GET_STATUS => "GET_STATUS",
            GET_SHARED_OBJECT => "GET_SHARED_OBJECT",
            SET_DEVICE_STATE_FD => "SET_DEVICE_STATE_FD",
            CHECK_DEVICE_STATE => "CHECK_DEVICE_STATE",
            GET_SHMEM_CONFIG => "GET_SHMEM_CONFIG",
            _ => "unknown message",
        }
    }
}

/// Bits of GET_FEATURES / SET_FEATURES that belong to the ring and the transport.
pub mod feature {
    /// The backend marks the pages it writes (vhost's own bit, never seen by a driver).
    pub const LOG_ALL: u64 = 1 << 26;
    /// A descriptor may point to a table of descriptors.
    pub const INDIRECT_DESC: u64 = 1 << 28;
    /// Notifications are suppressed by index instead of by flag.
    pub const EVENT_IDX: u64 = 1 << 29;
    /// The backend understands GET_PROTOCOL_FEATURES (vhost-user's own bit).
    pub const PROTOCOL_FEATURES: u64 = 1 << 30;
    /// Not a legacy device.
    pub const VERSION_1: u64 = 1 << 32;
    /// All bits of a feature word that name the transport or the ring, not the device.
    pub const NOT_OF_A_DEVICE: u64 = ((1 << 50) - 1) & !((1 << 24) - 1);
}

/// Bits of GET_PROTOCOL_FEATURES / SET_PROTOCOL_FEATURES.
pub mod protocol {
    #![allow(missing_docs)]
    pub const MQ: u64 = 1 << 0;
    pub const LOG_SHMFD: u64 = 1 << 1;
    pub const REPLY_ACK: u64 = 1 << 3;
    pub const BACKEND_REQ: u64 = 1 << 5;
    pub const CONFIG: u64 = 1 << 9;
    pub const BACKEND_SEND_FD: u64 = 1 << 10;
    pub const INFLIGHT_SHMFD: u64 = 1 << 12;
    pub const RESET_DEVICE: u64 = 1 << 13;
    pub const CONFIGURE_MEM_SLOTS: u64 = 1 << 15;
    pub const STATUS: u64 = 1 << 16;
    pub const XEN_MMAP: u64 = 1 << 17;
    pub const DEVICE_STATE: u64 = 1 << 19;
    pub const SHMEM: u64 = 1 << 22;
}

/// Version 1, as every message carries it.
pub const VERSION: u32 = 1;
/// Header flag of an answer.
pub const REPLY: u32 = 1 << 2;
/// Header flag that asks for an answer to a message that has none of its own.
pub const NEED_REPLY: u32 = 1 << 3;
/// In the u64 of SET_VRING_KICK and its like: no descriptor comes along.
pub const NO_FD: u64 = 1 << 8;
/// In SET_VRING_ADDR: writes to the used ring are logged.
pub const VRING_LOG: u32 = 1;

/// Length of a message header.
pub const HEADER: usize = 12;

/// A message header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message code, of [`request`].
    pub request: u32,
    /// Version, reply and need-reply bits.
    pub flags: u32,
    /// Length of what follows.
    pub size: u32,
}

impl Header {
    /// The header's bytes.
    pub fn bytes(self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0..4].copy_from_slice(&self.request.to_ne_bytes());
        out[4..8].copy_from_slice(&self.flags.to_ne_bytes());
        out[8..12].copy_from_slice(&self.size.to_ne_bytes());
        out
    }

    /// Reads a header.
    pub fn parse(bytes: [u8; HEADER]) -> Self {
        Self {
            request: get_u32(&bytes, 0),
            flags: get_u32(&bytes, 4),
            size: get_u32(&bytes, 8),
        }
    }
}

/// One region as SET_MEM_TABLE, ADD_MEM_REG and REM_MEM_REG describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRegion {
    /// Guest physical address.
    pub guest_addr: u64,
    /// Length.
    pub size: u64,
    /// The frontend's own address of the region; ring addresses are given in this space.
    pub user_addr: u64,
    /// Where in the file the region begins.
    pub mmap_offset: u64,
    /// With XEN_MMAP: how it is mapped (flags), and of which domain the pages are.
    pub xen: [u32; 2],
}

/// Flags of a region under XEN_MMAP; none is an ordinary shared file.
pub mod xen {
    /// Pages of another domain; the file is /dev/xen/privcmd.
    pub const FOREIGN: u32 = 1;
    /// Granted pages; the file is /dev/xen/gntdev.
    pub const GRANT: u32 = 2;
    /// With `GRANT`: mapped at each access.
    pub const NO_ADVANCE_MAP: u32 = 8;
}

impl MemoryRegion {
    fn put(&self, extended: bool, out: &mut Vec<u8>) {
        for field in [self.guest_addr, self.size, self.user_addr, self.mmap_offset] {
            out.extend_from_slice(&field.to_ne_bytes());
        }
        if extended {
            for field in self.xen {
                out.extend_from_slice(&field.to_ne_bytes());
            }
        }
    }
}

/// Payload of SET_MEM_TABLE. `extended` is the layout that follows from XEN_MMAP.
pub fn memory_table(regions: &[MemoryRegion], extended: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + 40 * regions.len());
    out.extend_from_slice(&(regions.len() as u32).to_ne_bytes());
    out.extend_from_slice(&0u32.to_ne_bytes());
    for region in regions {
        region.put(extended, &mut out);
    }
    out
}

/// Payload of ADD_MEM_REG and REM_MEM_REG.
pub fn single_region(region: &MemoryRegion, extended: bool) -> Vec<u8> {
    let mut out = vec![0; 8];
    region.put(extended, &mut out);
    out
}

/// Payload of SET_VRING_NUM, SET_VRING_BASE, GET_VRING_BASE and SET_VRING_ENABLE.
pub fn vring_state(index: u32, num: u32) -> [u8; 8] {
    let mut out = [0; 8];
    out[0..4].copy_from_slice(&index.to_ne_bytes());
    out[4..8].copy_from_slice(&num.to_ne_bytes());
    out
}

/// Payload of SET_VRING_ADDR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VringAddr {
    /// Queue number.
    pub index: u32,
    /// [`VRING_LOG`] or nothing.
    pub flags: u32,
    /// Descriptor table, as a user address.
    pub descriptors: u64,
    /// Used ring, as a user address.
    pub used: u64,
    /// Available ring, as a user address.
    pub available: u64,
    /// Guest physical address of the used ring, for the log.
    pub log: u64,
}

impl VringAddr {
    /// The payload's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vring_state(self.index, self.flags).to_vec();
        for field in [self.descriptors, self.used, self.available, self.log] {
            out.extend_from_slice(&field.to_ne_bytes());
        }
        out
    }
}

/// Payload of GET_CONFIG and SET_CONFIG.
pub fn config(offset: u32, size: u32, flags: u32, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(12 + data.len());
    for field in [offset, size, flags] {
        out.extend_from_slice(&field.to_ne_bytes());
    }
    out.extend_from_slice(data);
    out
}

/// Two u64: payload of SET_LOG_BASE (size, offset).
pub fn log_base(size: u64, offset: u64) -> [u8; 16] {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&size.to_ne_bytes());
    out[8..].copy_from_slice(&offset.to_ne_bytes());
    out
}

/// The u32 at `at`; zero where the payload is too short, so that a wrong reply fails a comparison
/// instead of the test's process.
pub fn get_u32(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .map_or(0, |b| u32::from_ne_bytes(b.try_into().expect("four bytes")))
}

/// The u64 at `at`, under the same rule as [`get_u32`].
pub fn get_u64(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |b| {
        u64::from_ne_bytes(b.try_into().expect("eight bytes"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extended_layout_grows_each_region_by_eight_bytes() {
        let region = MemoryRegion {
            guest_addr: 1,
            size: 2,
            user_addr: 3,
            mmap_offset: 4,
            xen: [0; 2],
        };
        assert_eq!(memory_table(&[region; 3], false).len(), 8 + 3 * 32);
        assert_eq!(memory_table(&[region; 3], true).len(), 8 + 3 * 40);
        assert_eq!(single_region(&region, false).len(), 40);
        assert_eq!(single_region(&region, true).len(), 48);
    }

    #[test]
    fn a_header_survives_the_way_to_bytes_and_back() {
        let header = Header {
            request: 0x0102_0304,
            flags: 9,
            size: 77,
        };
        assert_eq!(Header::parse(header.bytes()), header);
    }
}
