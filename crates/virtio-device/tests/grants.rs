// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A guest on Xen that names grants which cannot be mapped, in the middle of the worker's code or of
//! this crate's own.

mod driver;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use driver::{Descriptor, Driver, INDIRECT, faults, line, readable};
use rustix::event::{EventfdFlags, eventfd};
use virtio_device::memory::{GuestAddress, MappedRegion, MmapRegion, Tracking};
use virtio_device::{
    Chain, Device, Identity, QueueSpec, Requests, Start, WorkerOptions, WorkerThread,
};
use vm_memory::{FileOffset, MmapRange, MmapXenFlags};

const GRANTS: u64 = 1 << 63;

struct Echo;

impl Requests for Echo {
    fn handle(&mut self, request: &mut Chain) {
        let mut bytes = [0; 16];
        request.read(&mut bytes);
        request.write(&bytes);
    }
}

struct EchoDevice;

impl Device for EchoDevice {
    type Worker = Echo;

    fn identity(&self) -> Identity {
        Identity {
            name: "echo",
            device_id: 42,
        }
    }

    fn queues(&self) -> &[QueueSpec] {
        &[QueueSpec {
            max_size: 256,
            worker: 0,
        }]
    }

    fn worker(&self, _index: usize) -> std::io::Result<Echo> {
        Ok(Echo)
    }
}

/// Plain memory with the rings, and grants that no hypervisor knows.
fn driver_with_grants() -> Driver {
    let flags = MmapXenFlags::GRANT | MmapXenFlags::NO_ADVANCE_MAP;
    let file = std::fs::File::open("/dev/null").unwrap();
    let range = MmapRange::new(
        0x4000,
        Some(FileOffset::new(file, 0)),
        GuestAddress(GRANTS),
        flags.bits(),
        1,
    );
    let mapping = MmapRegion::from_range(range).unwrap();
    let grants = MappedRegion::new(mapping, GuestAddress(GRANTS), &Tracking::new()).unwrap();
    let memory = driver::memory().with_region(grants).unwrap();
    Driver::in_memory(Arc::new(memory), 8, 0)
}

fn start(thread: &WorkerThread, driver: &Driver) -> (driver::LineEnd, OwnedFd) {
    let (interrupt, end) = line();
    let kick = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    thread
        .start(Start {
            index: 0,
            config: driver.config(),
            memory: driver.memory.clone(),
            interrupt: Box::new(interrupt),
            kick: Some(kick.try_clone().unwrap()),
            enabled: true,
        })
        .unwrap();
    (end, kick)
}

#[test]
fn a_grant_that_cannot_be_mapped_fails_its_request_and_no_other() {
    let table = Descriptor {
        addr: GRANTS,
        len: 32,
        flags: INDIRECT,
        next: 0,
    };
    let (told, faults_told) = channel();
    let told = std::sync::Mutex::new(told);
    let options = WorkerOptions {
        poll: Duration::ZERO,
        on_stall: Arc::new(|| {}),
        on_fault: Arc::new(move |fault| told.lock().unwrap().send(fault).unwrap()),
        faults: faults(),
    };
    let thread = WorkerThread::spawn(Arc::new(EchoDevice), 0, options).unwrap();
    let mut driver = driver_with_grants();
    let (end, kick) = start(&thread, &driver);

    for bad in [readable(GRANTS, 16), table] {
        driver.offer(&[bad]);
        rustix::io::write(&kick, &1u64.to_ne_bytes()).unwrap();
        assert_eq!(end.wait_used(&mut driver).1, 0);
    }
    driver.offer_request(b"plain", 16);
    rustix::io::write(&kick, &1u64.to_ne_bytes()).unwrap();

    assert_eq!(end.wait_used(&mut driver).1, 16);
    assert_eq!(thread.stop(0).unwrap().unwrap().fault, None);
    assert!(faults_told.try_recv().is_err());
}
