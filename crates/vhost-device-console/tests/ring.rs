// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The device as a library: its worker thread on rings in plain memory, as a monitor of its own
//! transport has them. vhost-user cannot number the queues of these ports.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vhost_device_console::{Console, Host, MAX_PORTS, PortConfig, Settings, spec};
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{GuestFaults, Interrupt, RingConfig, Start, WorkerOptions, WorkerThread};
use virtio_guest::Arena;

const TIMEOUT: Duration = Duration::from_secs(30);

/// The call descriptor that the driver of a queue sleeps on.
struct Bell(OwnedFd);

impl Interrupt for Bell {
    fn used(&self) {
        // Only a full counter would be an error, and that is as good.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

/// A monitor with a console, and the driver of some of its queues.
struct Monitor {
    queues: BTreeMap<u16, virtio_guest::Queue>,
    _thread: WorkerThread,
}

impl Monitor {
    fn boot(console: Console, queues: &[u16]) -> Self {
        let options = WorkerOptions {
            poll: Duration::ZERO,
            on_stall: Arc::new(|| {}),
            on_fault: Arc::new(|fault| panic!("{fault}")),
            faults: Arc::new(GuestFaults::new("guest")),
        };
        let thread = WorkerThread::spawn(Arc::new(console), 0, options).unwrap();
        thread.negotiated(spec::VIRTIO_CONSOLE_F_MULTIPORT).unwrap();
        let arena = Arena::new(1 << 20, 1, false).unwrap();
        let tracking = Tracking::new();
        let regions = arena.regions().into_iter().map(|region| {
            let file = region.file().try_clone().unwrap();
            let base = GuestAddress(region.guest_addr());
            MappedRegion::from_file(file, 0, region.size(), base, &tracking).unwrap()
        });
        let memory = Arc::new(Memory::new(regions.collect()).unwrap());
        let start = |&index: &u16| {
            let mut queue = virtio_guest::Queue::new(&arena, index, 16, false).unwrap();
            queue.set_timeout(TIMEOUT);
            let ring = queue.ring();
            let config = RingConfig {
                size: queue.size(),
                descriptors: ring.descriptors,
                available: ring.available,
                used: ring.used,
                next_available: 0,
                next_used: Some(0),
                event_idx: false,
                indirect: true,
            };
            let call = queue.call_signal().theirs().try_clone_to_owned().unwrap();
            let kick = queue.kick_signal().theirs().try_clone_to_owned().unwrap();
            thread
                .start(Start {
                    index,
                    config,
                    memory: memory.clone(),
                    interrupt: Box::new(Bell(call)),
                    kick: Some(kick),
                    enabled: true,
                })
                .unwrap();
            (index, queue)
        };
        Self {
            queues: queues.iter().map(start).collect(),
            _thread: thread,
        }
    }

    fn send(&mut self, queue: u16, bytes: &[u8]) {
        let queue = self.queues.get_mut(&queue).unwrap();
        queue.request(&[bytes], &[]).unwrap();
    }

    fn receive(&mut self, queue: u16) -> Vec<u8> {
        let queue = self.queues.get_mut(&queue).unwrap();
        queue.request(&[], &[64]).unwrap().data()
    }
}

fn control(id: usize, event: u16, value: u16) -> Vec<u8> {
    let mut message = (id as u32).to_le_bytes().to_vec();
    message.extend(event.to_le_bytes());
    message.extend(value.to_le_bytes());
    message
}

/// As many ports as there can be, each with a Unix socket named after it.
fn console(directory: &Path) -> Console {
    let port = |index: usize| PortConfig {
        name: None,
        console: false,
        host: Host::unix(&directory.join(index.to_string())).unwrap(),
    };
    Console::new((0..MAX_PORTS).map(port).collect(), Settings::default()).unwrap()
}

#[test]
fn the_last_port_of_256_passes_a_byte_in_both_directions() {
    const LAST: usize = MAX_PORTS - 1;
    let directory = tempfile::tempdir().unwrap();
    let console = console(directory.path());
    let mut client = UnixStream::connect(directory.path().join("255")).unwrap();
    client.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut monitor = Monitor::boot(console, &[spec::CONTROL_RX, spec::CONTROL_TX, 512, 513]);
    monitor.send(spec::CONTROL_TX, &control(0, spec::DEVICE_READY, 1));
    let added: Vec<_> = (0..MAX_PORTS)
        .map(|_| monitor.receive(spec::CONTROL_RX))
        .collect();
    monitor.send(spec::CONTROL_TX, &control(LAST, spec::PORT_READY, 1));
    let opened = monitor.receive(spec::CONTROL_RX);
    monitor.send(spec::CONTROL_TX, &control(LAST, spec::PORT_OPEN, 1));

    monitor.send(513, b">");
    let mut shown = [0];
    client.read_exact(&mut shown).unwrap();
    client.write_all(b"<").unwrap();
    let typed = monitor.receive(512);

    assert_eq!(added[LAST], control(LAST, spec::PORT_ADD, 1));
    assert_eq!(opened, control(LAST, spec::PORT_OPEN, 1));
    assert_eq!(&shown, b">");
    assert_eq!(typed, b"<");
}
