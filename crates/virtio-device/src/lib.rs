// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a virtio device is (VIRTIO 1.3): its traits, the device's side of split virtqueues, and the
//! threads that serve them. No transport: the same device runs behind a vhost-user socket, or as
//! a library within a virtual machine monitor.
//!
//! | who | implements |
//! |---|---|
//! | device that answers requests in order | [`Device`], [`Requests`] |
//! | device with host events, several queues, or answers that wait | [`Device`], [`Worker`] |
//! | transport | [`Interrupt`], and calls [`WorkerThread`] or the worker itself |
//!
//! Supported: split rings of up to 32768 descriptors, indirect tables, EVENT_IDX, completion out
//! of order and from other threads. Not supported: packed rings, legacy (pre-1.0) layout.
#![forbid(unsafe_code)]

mod chain;
mod device;
mod engine;
mod fault;
mod prompt;
mod queue;
mod sources;
mod thread;
mod wake;

pub use chain::{Chain, ChainTooShort};
pub use device::{Channel, ConfigError, Device, Identity, QueueSpec, Requests, StateError, Worker};
pub use engine::{Engine, EngineKind, Finished, Job};
pub use fault::GuestFaults;
pub use guest_memory as memory;
pub use prompt::PromptQueue;
pub use queue::{
    Interrupt, Peek, Queue, QueueError, Queues, RING_FEATURES, RingConfig, RingError, RingFault,
    VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC,
};
pub use sources::{Interest, Sources, Token};
pub use thread::{
    Start, StartError, Stopped, WorkerFault, WorkerGone, WorkerOptions, WorkerThread,
};
