// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The wire format (VIRTIO 1.3, section 5.3).

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `cols` and `rows` of the configuration space mean something.
pub const VIRTIO_CONSOLE_F_SIZE: u64 = 1 << 0;
/// Several ports, and the control queues.
pub const VIRTIO_CONSOLE_F_MULTIPORT: u64 = 1 << 1;
/// `emerg_wr` of the configuration space takes a character.
pub const VIRTIO_CONSOLE_F_EMERG_WRITE: u64 = 1 << 2;

/// The configuration space (5.3.4).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Config {
    /// Width of port 0.
    pub cols: U16,
    /// Height of port 0.
    pub rows: U16,
    /// Ports there can be.
    pub max_nr_ports: U32,
    /// A character, from a driver that has no queues yet or any more.
    pub emerg_wr: U32,
}

/// Where [`Config::emerg_wr`] lies.
pub const EMERG_WR: u32 = 8;

/// A control message (5.3.6.2). A name or a size may follow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Control {
    /// The port.
    pub id: U32,
    /// One of the events below.
    pub event: U16,
    /// Depends on the event.
    pub value: U16,
}

/// Driver: it is ready (1) or failed (0).
pub const DEVICE_READY: u16 = 0;
/// Device: there is such a port.
pub const PORT_ADD: u16 = 1;
/// Device: the port is gone.
pub const PORT_REMOVE: u16 = 2;
/// Driver: the port can be used (1) or cannot (0).
pub const PORT_READY: u16 = 3;
/// Device: the port is a console.
pub const CONSOLE_PORT: u16 = 4;
/// Device: the console's size; [`Resize`] follows.
pub const RESIZE: u16 = 5;
/// Either: the port is open on this side (1) or closed (0).
pub const PORT_OPEN: u16 = 6;
/// Device: the port's name follows.
pub const PORT_NAME: u16 = 7;

/// Size of a console, behind a [`RESIZE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Resize {
    /// Width.
    pub cols: U16,
    /// Height.
    pub rows: U16,
}

/// The control receive queue, on which the device speaks.
pub const CONTROL_RX: u16 = 2;
/// The control transmit queue, on which the driver speaks.
pub const CONTROL_TX: u16 = 3;

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// From the host to the guest.
    Receive(usize),
    /// From the guest to the host.
    Transmit(usize),
    /// Control messages of the device.
    ControlReceive,
    /// Control messages of the driver.
    ControlTransmit,
}

impl Role {
    /// The role of a queue (5.3.2).
    pub fn of(queue: u16) -> Self {
        match queue {
            0 => Self::Receive(0),
            1 => Self::Transmit(0),
            CONTROL_RX => Self::ControlReceive,
            CONTROL_TX => Self::ControlTransmit,
            _ if queue.is_multiple_of(2) => Self::Receive(usize::from(queue / 2) - 1),
            _ => Self::Transmit(usize::from(queue / 2) - 1),
        }
    }
}

/// The receive queue of a port; its transmit queue is the next one. Ports are 256 at most.
pub fn receive_queue(port: usize) -> u16 {
    match port {
        0 => 0,
        _ => 2 + 2 * port as u16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_and_ports_agree_for_every_port() {
        for port in 0..256 {
            let queue = receive_queue(port);

            assert_eq!(Role::of(queue), Role::Receive(port));
            assert_eq!(Role::of(queue + 1), Role::Transmit(port));
        }
    }

    #[test]
    fn queues_two_and_three_are_the_control_queues() {
        assert_eq!(Role::of(2), Role::ControlReceive);
        assert_eq!(Role::of(3), Role::ControlTransmit);
        assert_eq!(Role::of(4), Role::Receive(1));
    }
}
