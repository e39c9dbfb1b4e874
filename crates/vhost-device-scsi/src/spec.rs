// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The wire format of the SCSI host device (VIRTIO 1.3, section 5.6).

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The device reports hot-plugged and removed targets (5.6.3).
pub const VIRTIO_SCSI_F_HOTPLUG: u64 = 1 << 1;
/// The device reports changes of its units' parameters (5.6.3).
pub const VIRTIO_SCSI_F_CHANGE: u64 = 1 << 2;

/// The control queue.
pub const CONTROL_QUEUE: u16 = 0;
/// The event queue.
pub const EVENT_QUEUE: u16 = 1;
/// The first of the request queues.
pub const FIRST_REQUEST_QUEUE: u16 = 2;

/// The configuration space (5.6.4).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Config {
    pub num_queues: U32,
    pub seg_max: U32,
    pub max_sectors: U32,
    pub cmd_per_lun: U32,
    pub event_info_size: U32,
    /// Writable by the driver.
    pub sense_size: U32,
    /// Writable by the driver.
    pub cdb_size: U32,
    pub max_channel: U16,
    pub max_target: U16,
    pub max_lun: U32,
}

/// What `sense_size` is after a reset (5.6.4).
pub const SENSE_SIZE: u32 = 96;
/// What `cdb_size` is after a reset (5.6.4).
pub const CDB_SIZE: u32 = 32;

/// The fixed part of a request, before the command block (5.6.6.1).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct RequestHeader {
    pub lun: [u8; 8],
    pub id: U64,
    pub task_attr: u8,
    pub prio: u8,
    pub crn: u8,
}

/// The fixed part of a response, before the sense data (5.6.6.1).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct ResponseHeader {
    pub sense_len: U32,
    pub residual: U32,
    pub status_qualifier: U16,
    pub status: u8,
    pub response: u8,
}

/// `task_attr` of a request (5.6.6.1).
#[allow(missing_docs)]
pub mod attribute {
    pub const SIMPLE: u8 = 0;
    pub const ORDERED: u8 = 1;
    pub const HEAD: u8 = 2;
    pub const ACA: u8 = 3;
}

/// `response` of requests and of task management functions (5.6.6.1, 5.6.6.2).
#[allow(missing_docs)]
pub mod response {
    pub const OK: u8 = 0;
    pub const OVERRUN: u8 = 1;
    pub const ABORTED: u8 = 2;
    pub const BAD_TARGET: u8 = 3;
    pub const RESET: u8 = 4;
    pub const BUSY: u8 = 5;
    pub const FAILURE: u8 = 9;
    pub const FUNCTION_COMPLETE: u8 = 0;
    pub const FUNCTION_SUCCEEDED: u8 = 10;
    pub const FUNCTION_REJECTED: u8 = 11;
    pub const INCORRECT_LUN: u8 = 12;
}

/// `type` of a control request (5.6.6.2).
#[allow(missing_docs)]
pub mod control {
    pub const TMF: u32 = 0;
    pub const AN_QUERY: u32 = 1;
    pub const AN_SUBSCRIBE: u32 = 2;
}

/// `subtype` of a task management function (5.6.6.2).
#[allow(missing_docs)]
pub mod tmf {
    pub const ABORT_TASK: u32 = 0;
    pub const ABORT_TASK_SET: u32 = 1;
    pub const CLEAR_ACA: u32 = 2;
    pub const CLEAR_TASK_SET: u32 = 3;
    pub const I_T_NEXUS_RESET: u32 = 4;
    pub const LOGICAL_UNIT_RESET: u32 = 5;
    pub const QUERY_TASK: u32 = 6;
    pub const QUERY_TASK_SET: u32 = 7;
}

/// What the driver writes of a task management function, behind `type` (5.6.6.2).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct TaskManagement {
    pub subtype: U32,
    pub lun: [u8; 8],
    pub id: U64,
}

/// What the driver writes of an asynchronous notification request, behind `type` (5.6.6.2).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Notification {
    pub lun: [u8; 8],
    pub event_requested: U32,
}

/// What the device answers to it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NotificationAnswer {
    pub event_actual: U32,
    pub response: u8,
}

/// An event (5.6.6.3).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Event {
    pub event: U32,
    pub lun: [u8; 8],
    pub reason: U32,
}

/// `event` (5.6.6.3).
#[allow(missing_docs)]
pub mod event {
    pub const NO_EVENT: u32 = 0;
    pub const TRANSPORT_RESET: u32 = 1;
    pub const PARAM_CHANGE: u32 = 3;
    pub const EVENTS_MISSED: u32 = 0x8000_0000;
    /// `reason` of TRANSPORT_RESET: the unit is new, or all of it should be looked at again.
    pub const RESET_RESCAN: u32 = 1;
    /// `reason` of TRANSPORT_RESET: the unit is gone.
    pub const RESET_REMOVED: u32 = 2;
}
