// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Second level: the worker against a ring in plain memory. No socket, no thread; a debugger steps
//! from the driver's request to the device's answer.

use std::sync::Arc;

use vhost_device_template::spec::{
    Config, Operation, RequestHeader, ResponseHeader, STATUS_ERROR, STATUS_OK,
};
use vhost_device_template::{Template, TemplateWorker};
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{Device, GuestFaults, Interrupt, Queue, Queues, RingConfig, Worker};
use virtio_guest::{Arena, Reply};
use zerocopy::{FromBytes, IntoBytes};

const MAX_LEN: u32 = 64;

/// A driver that looks at the used ring by itself.
struct Unheard;

impl Interrupt for Unheard {
    fn used(&self) {}
}

struct Local {
    driver: virtio_guest::Queue,
    slots: [Option<Queue>; 1],
    worker: TemplateWorker,
    faults: Arc<GuestFaults>,
}

impl Local {
    fn new() -> Self {
        let arena = Arena::new(1 << 20, 1, false).unwrap();
        let driver = virtio_guest::Queue::new(&arena, 0, 16, false).unwrap();
        let tracking = Tracking::new();
        let regions = arena.regions().into_iter().map(|region| {
            let file = region.file().try_clone().unwrap();
            let base = GuestAddress(region.guest_addr());
            MappedRegion::from_file(file, 0, region.size(), base, &tracking).unwrap()
        });
        let memory = Arc::new(Memory::new(regions.collect()).unwrap());
        let ring = driver.ring();
        let config = RingConfig {
            size: driver.size(),
            descriptors: ring.descriptors,
            available: ring.available,
            used: ring.used,
            next_available: 0,
            next_used: Some(0),
            event_idx: false,
            indirect: true,
        };
        let faults = Arc::new(GuestFaults::new("test"));
        let queue = Queue::new(0, config, memory, Box::new(Unheard), faults.clone()).unwrap();
        Self {
            driver,
            slots: [Some(queue)],
            worker: Template::new(MAX_LEN).worker(0).unwrap(),
            faults,
        }
    }

    fn request(&mut self, readable: &[&[u8]], writable: &[usize]) -> Reply {
        self.driver.post(readable, writable).unwrap();
        let mut queues = Queues::new(&mut self.slots);
        // What the device's thread does around each call.
        queues.get(0).unwrap().begin_turn();
        self.worker.kicked(0, &mut queues);
        queues.get(0).unwrap().flush();
        self.driver.poll_used().unwrap().unwrap()
    }
}

fn header(operation: u32) -> [u8; 4] {
    let header = RequestHeader {
        operation: operation.into(),
    };
    header.as_bytes().try_into().unwrap()
}

const ECHO: u32 = Operation::Echo as u32;
const UPPER: u32 = Operation::Upper as u32;

/// Status and result.
fn answer(reply: &Reply) -> (u32, Vec<u8>) {
    let data = reply.data();
    let (header, result) = ResponseHeader::read_from_prefix(&data).unwrap();
    (header.status.get(), result.to_vec())
}

#[test]
fn a_request_is_echoed() {
    let mut local = Local::new();

    let reply = local.request(&[&header(ECHO), b"hello"], &[4 + 5]);

    assert_eq!(answer(&reply), (STATUS_OK, b"hello".to_vec()));
}

#[test]
fn a_request_is_answered_in_upper_case() {
    let mut local = Local::new();

    let reply = local.request(&[&header(UPPER), b"hello"], &[4 + 5]);

    assert_eq!(answer(&reply), (STATUS_OK, b"HELLO".to_vec()));
}

#[test]
fn splits_of_a_request_make_no_difference() {
    let head = header(UPPER);
    let whole = [&head[..], b"hello"].concat();
    for cut in 1..whole.len() {
        let mut local = Local::new();

        let reply = local.request(&[&whole[..cut], &whole[cut..]], &[cut, 9 - cut]);

        let expected = [&STATUS_OK.to_le_bytes()[..], b"HELLO"].concat();
        assert_eq!(reply.data(), expected, "cut at {cut}");
    }
}

#[test]
fn a_request_without_data_has_an_empty_result() {
    let mut local = Local::new();

    let reply = local.request(&[&header(ECHO)], &[4]);

    assert_eq!(answer(&reply), (STATUS_OK, vec![]));
}

#[test]
fn room_that_is_not_needed_stays_unwritten() {
    let mut local = Local::new();
    local.driver.set_fill(0xee);

    let reply = local.request(&[&header(ECHO), b"hi"], &[4, 100]);

    assert_eq!(reply.written(), 4 + 2);
    assert!(reply.buffers()[1][2..].iter().all(|&byte| byte == 0xee));
}

#[test]
fn less_room_than_data_is_an_error_and_no_data() {
    let mut local = Local::new();

    let reply = local.request(&[&header(ECHO), b"hello"], &[4 + 4]);

    assert_eq!(answer(&reply), (STATUS_ERROR, vec![]));
}

#[test]
fn no_room_for_a_status_gives_the_request_back_unwritten() {
    let mut local = Local::new();

    assert_eq!(local.request(&[&header(ECHO), b"hello"], &[]).written(), 0);
    assert_eq!(local.request(&[&header(ECHO), b"hello"], &[3]).written(), 0);
}

#[test]
fn data_of_the_limit_is_taken_and_one_byte_more_is_not() {
    let mut local = Local::new();
    let data = [b'a'; MAX_LEN as usize + 1];

    let at_limit = local.request(&[&header(ECHO), &data[1..]], &[1000]);
    let above = local.request(&[&header(ECHO), &data], &[1000]);

    assert_eq!(answer(&at_limit), (STATUS_OK, data[1..].to_vec()));
    assert_eq!(answer(&above), (STATUS_ERROR, vec![]));
}

#[test]
fn an_unknown_operation_is_an_error() {
    let mut local = Local::new();

    let reply = local.request(&[&header(2), b"hello"], &[100]);

    assert_eq!(answer(&reply), (STATUS_ERROR, vec![]));
}

#[test]
fn a_request_without_a_header_is_an_error() {
    let mut local = Local::new();

    assert_eq!(answer(&local.request(&[], &[100])).0, STATUS_ERROR);
    assert_eq!(answer(&local.request(&[&[0; 3]], &[100])).0, STATUS_ERROR);
}

#[test]
fn a_driver_that_repeats_its_mistake_does_not_fill_the_log() {
    let mut local = Local::new();

    for _ in 0..1000 {
        local.request(&[&header(2)], &[4]);
    }

    assert!(local.faults.suppressed() > 900);
    let reply = local.request(&[&header(ECHO), b"hello"], &[100]);
    assert_eq!(answer(&reply), (STATUS_OK, b"hello".to_vec()));
}

#[test]
fn the_configuration_space_tells_the_limit() {
    let config = Template::new(MAX_LEN).config();

    let config = Config::read_from_bytes(&config).unwrap();

    assert_eq!(config.max_len.get(), MAX_LEN);
}
