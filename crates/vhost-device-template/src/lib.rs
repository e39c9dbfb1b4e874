// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Template device: answers each request with the request's own bytes (no specification).
//!
//! | queue | direction | served by |
//! |---|---|---|
//! | 0 requestq | driver writes, device answers | worker 0 |
//!
//! Features: none of its own. Configuration space: [`spec::Config`], read-only. Not supported:
//! state transfer, because there is no state that outlives a request.
//!
//! This crate exists to be copied; the README next to it says how. What a comment here explains
//! holds for every device of this workspace.
//!
//! The crate is a library with a small program around it: who runs devices within a virtual machine
//! monitor uses [`Template`] without a socket.
#![forbid(unsafe_code)]

mod options;
pub mod spec;
mod worker;

use std::io;

use virtio_device::{Device, Identity, QueueSpec};
use zerocopy::IntoBytes;

pub use options::Options;
pub use worker::TemplateWorker;

/// VIRTIO has no id for this device. Its appendix "Creating New Device Types" gives 65535, and
/// those counted down from it, to experiments.
///
/// No message of vhost-user carries the id: whoever starts the virtual machine tells it to the
/// driver. Over PCI the largest that can be told is 63 (4.1.2: the PCI device id is 0x1040 and the
/// virtio id, up to 0x107f).
pub const DEVICE_ID: u32 = 65535;

const QUEUES: [QueueSpec; 1] = [QueueSpec {
    max_size: 256,
    // Queues that name the same worker are served by the same thread, in turn. Number workers from
    // zero, without a gap.
    worker: 0,
}];

/// The template device of one guest.
///
/// It is shared by all threads of this guest, so what changes here while the device runs needs a
/// lock or an atomic. What only one thread needs belongs to its worker.
#[derive(Debug)]
pub struct Template {
    max_len: u32,
}

impl Template {
    /// A device that takes up to `max_len` bytes of data in one request.
    pub fn new(max_len: u32) -> Self {
        Self { max_len }
    }
}

impl Device for Template {
    type Worker = TemplateWorker;

    fn identity(&self) -> Identity {
        Identity {
            name: "template",
            device_id: DEVICE_ID,
        }
    }

    // The device's own feature bits would be returned by `features`, and come to the worker's
    // `negotiated` as far as the driver takes them. Bits of the ring and of the transport are none
    // of a device's business.

    fn queues(&self) -> &[QueueSpec] {
        &QUEUES
    }

    /// Always the whole: which part the driver reads, and whether there is such a part, is checked
    /// elsewhere.
    fn config(&self) -> Vec<u8> {
        spec::Config {
            max_len: self.max_len.into(),
        }
        .as_bytes()
        .to_vec()
    }

    /// Host resources are opened by `Options::devices`, where a failure has a reader: the operator.
    /// Here they are only cloned, because this is called once more if a worker's code panicked.
    fn worker(&self, _index: usize) -> io::Result<TemplateWorker> {
        Ok(TemplateWorker::new(self.max_len))
    }
}
