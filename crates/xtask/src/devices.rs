// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The devices of this workspace: the one list that the chores go by.

use virtio_guest::Guest;

use crate::Result;
use crate::demo::{self, Request};
use crate::workspace::{BOTH, Memory};

/// One device crate. Its binary has the name of the package.
#[derive(Debug)]
pub(crate) struct Device {
    /// Name of the package and of the binary.
    pub name: &'static str,
    /// Virtio device id.
    pub id: u32,
    /// The memory variants that it is built for.
    pub memory: &'static [Memory],
    /// What a host must have, if any host will not do.
    pub needs: Option<&'static str>,
    /// Arguments for the demo and the measurements, besides the socket's.
    pub args: &'static [&'static str],
    /// Uses the device, and tells what was done.
    pub demo: fn(&mut Guest) -> Result<String>,
    /// A request that moves so many bytes, for the measurements.
    pub request: fn(usize) -> Request,
}

/// A new device joins the chores by a line here.
#[rustfmt::skip]
pub(crate) const DEVICES: &[Device] = &[
    Device { name: "vhost-device-console",  id: 3,     memory: BOTH, needs: None, args: &[], demo: demo::console,  request: demo::console_request },
    Device { name: "vhost-device-rng",      id: 4,     memory: BOTH, needs: None, args: &[], demo: demo::rng,      request: demo::rng_request },
    Device { name: "vhost-device-template", id: 65535, memory: BOTH, needs: None, args: &[], demo: demo::template, request: demo::template_request },
    Device { name: "vhost-device-vsock",    id: 19,    memory: BOTH, needs: None, args: &["--socket", "{socket}", "--uds-path", "{dir}/v"], demo: demo::vsock, request: demo::vsock_request },
];

impl Device {
    /// The queue that takes [`Device::request`].
    pub(crate) fn request_queue(&self) -> u16 {
        match self.name {
            "vhost-device-console" => demo::TRANSMIT,
            _ => 0,
        }
    }

    /// Whether the demo can run it on this variant.
    pub(crate) fn runs_on(&self, memory: Memory) -> bool {
        self.needs.is_none() && self.memory.contains(&memory)
    }
}
