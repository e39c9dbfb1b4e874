// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The wire format (VIRTIO 1.3, section 5.10).

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// VIRTIO 1.3, section 5: device ids.
pub const DEVICE_ID: u32 = 19;

/// Stream sockets (5.10.3).
pub const VIRTIO_VSOCK_F_STREAM: u64 = 1 << 0;
/// Sockets with message boundaries.
pub const VIRTIO_VSOCK_F_SEQPACKET: u64 = 1 << 1;
/// Streams only if their own bit was accepted.
pub const VIRTIO_VSOCK_F_NO_IMPLIED_STREAM: u64 = 1 << 2;

/// From the device to the guest.
pub const RX: u16 = 0;
/// From the guest to the device.
pub const TX: u16 = 1;
/// Events for the guest.
pub const EVENT: u16 = 2;

/// The host's context id, as guests know it.
pub const HOST_CID: u64 = 2;

/// The smallest that a guest may have: those below are the hypervisor's, the loopback's and the host's.
pub const FIRST_GUEST_CID: u64 = 3;

/// The largest: the upper 32 bits are reserved, and all ones means any.
pub const LAST_GUEST_CID: u64 = 0xffff_fffe;

/// Of every packet (5.10.6).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(C)]
pub struct Header {
    /// Sender.
    pub src_cid: U64,
    /// Receiver.
    pub dst_cid: U64,
    /// Sender's port.
    pub src_port: U32,
    /// Receiver's port.
    pub dst_port: U32,
    /// Bytes of payload.
    pub len: U32,
    /// [`TYPE_STREAM`] or [`TYPE_SEQPACKET`].
    pub kind: U16,
    /// One of the `OP_` constants.
    pub op: U16,
    /// Of the operation.
    pub flags: U32,
    /// Room for received bytes that the sender has in all.
    pub buf_alloc: U32,
    /// Bytes that the sender received and passed on, modulo 2^32.
    pub fwd_cnt: U32,
}

/// Length of a [`Header`].
pub const HEADER_LEN: u64 = size_of::<Header>() as u64;

/// Bytes in order.
pub const TYPE_STREAM: u16 = 1;
/// Messages in order.
pub const TYPE_SEQPACKET: u16 = 2;

/// Asks for a connection.
pub const OP_REQUEST: u16 = 1;
/// Accepts one.
pub const OP_RESPONSE: u16 = 2;
/// Refuses or ends one.
pub const OP_RST: u16 = 3;
/// Says what the sender will not do any more.
pub const OP_SHUTDOWN: u16 = 4;
/// Has payload.
pub const OP_RW: u16 = 5;
/// Has nothing but credit, as every packet does.
pub const OP_CREDIT_UPDATE: u16 = 6;
/// Asks for the other's.
pub const OP_CREDIT_REQUEST: u16 = 7;

/// The sender will receive no more.
pub const SHUTDOWN_RECEIVE: u32 = 1;
/// The sender will send no more.
pub const SHUTDOWN_SEND: u32 = 2;
/// Neither.
pub const SHUTDOWN_BOTH: u32 = SHUTDOWN_RECEIVE | SHUTDOWN_SEND;

/// The payload ends a message.
pub const SEQ_EOM: u32 = 1;
/// The message ends a record: MSG_EOR.
pub const SEQ_EOR: u32 = 2;

/// Of the event queue (5.10.6.7).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Event {
    /// [`EVENT_TRANSPORT_RESET`] is the only one.
    pub id: U32,
}

/// Connections are gone, and the guest may have another context id.
pub const EVENT_TRANSPORT_RESET: u32 = 0;

/// Whether packets keep boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`TYPE_STREAM`].
    Stream,
    /// [`TYPE_SEQPACKET`].
    SeqPacket,
}

impl Kind {
    /// `None` for a type that is not in the specification.
    pub fn from_wire(kind: u16) -> Option<Self> {
        match kind {
            TYPE_STREAM => Some(Self::Stream),
            TYPE_SEQPACKET => Some(Self::SeqPacket),
            _ => None,
        }
    }

    /// The number in a packet.
    pub fn wire(self) -> u16 {
        match self {
            Self::Stream => TYPE_STREAM,
            Self::SeqPacket => TYPE_SEQPACKET,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_44_bytes_in_the_order_of_the_specification() {
        let header = Header {
            src_cid: 0x0102.into(),
            dst_cid: 3.into(),
            src_port: 4.into(),
            dst_port: 5.into(),
            len: 6.into(),
            kind: 7.into(),
            op: 8.into(),
            flags: 9.into(),
            buf_alloc: 10.into(),
            fwd_cnt: 11.into(),
        };

        let bytes = header.as_bytes();

        assert_eq!(bytes.len(), 44);
        assert_eq!(bytes[..2], [2, 1]);
        let at = |at: usize| bytes[at];
        assert_eq!(
            [8, 16, 20, 24, 28, 30, 32, 36, 40].map(at),
            [3, 4, 5, 6, 7, 8, 9, 10, 11]
        );
    }
}
