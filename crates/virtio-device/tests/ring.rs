// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One queue against a driver that the test plays, without a thread.

mod driver;

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;

use driver::{
    Descriptor, Driver, INDIRECT, NEXT, OUTSIDE, Silent, WRITE, faults, queue, readable, writable,
};
use proptest::prelude::*;
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, PinError, Tracking};
use virtio_device::{
    Chain, ChainTooShort, Queue, QueueError, Queues, RingConfig, RingError, RingFault,
};

/// Whether the descriptor has something to read, now.
fn is_readable(fd: BorrowedFd<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).unwrap() > 0
}

fn pop_all(queue: &mut Queue) -> usize {
    let mut count = 0;
    while let Some(chain) = queue.pop() {
        queue.complete(chain);
        count += 1;
    }
    queue.flush();
    count
}

#[test]
fn a_request_of_two_descriptors_is_read_and_answered() {
    let mut driver = Driver::new(8);
    let (mut queue, line) = queue(&driver, driver.config());
    let (head, answer) = driver.offer_request(b"ping", 8);

    let mut chain = queue.pop().unwrap();
    let mut request = [0; 4];
    chain.read_exact(&mut request).unwrap();
    chain.write_all(b"pong!").unwrap();
    queue.complete(chain);
    queue.flush();

    assert_eq!(&request, b"ping");
    assert_eq!(driver.take_used(), Some((u32::from(head), 5)));
    assert_eq!(driver.bytes(answer, 8), b"pong!\0\0\0");
    assert_eq!(line.used(), 1);
    assert_eq!(queue.in_flight(), 0);
}

#[test]
fn an_empty_ring_has_nothing() {
    let driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());

    assert!(queue.pop().is_none());
    assert_eq!(queue.peek(), None);
    assert!(!queue.has_news());
    assert_eq!(queue.fault(), None);
}

#[test]
fn a_ring_of_one_descriptor_works_across_the_wrap_of_its_indices() {
    let mut driver = Driver::new(1);
    driver.start_at(0xfffe);
    let (mut queue, _line) = queue(&driver, driver.config());

    for round in 0..5u8 {
        let (_, room) = driver.offer_room(1);
        let mut chain = queue.pop().unwrap();
        chain.write(&[round]);
        queue.complete(chain);
        queue.flush();
        assert_eq!(driver.take_used(), Some((0, 1)));
        assert_eq!(driver.bytes(room, 1), [round]);
    }
    assert_eq!(queue.next_available(), 3);
    assert_eq!(queue.next_used(), 3);
}

#[test]
fn the_largest_ring_can_be_filled_completely_across_the_wrap() {
    let mut driver = Driver::new(32768);
    driver.start_at(0xf000);
    let (mut queue, _line) = queue(&driver, driver.config());
    for _ in 0..32768 {
        let head = driver.link(&[writable(0x1000, 1)]);
        driver.push(head);
    }
    driver.publish();

    let mut answered = 0;
    while queue.has_news() {
        queue.begin_turn();
        answered += pop_all(&mut queue);
    }

    assert_eq!(answered, 32768);
    assert_eq!(driver.used_index(), 0xf000u16.wrapping_add(32768));
    assert_eq!(queue.fault(), None);
}

#[test]
fn chains_of_a_full_ring_may_all_be_in_flight_at_once() {
    let mut driver = Driver::new(32768);
    let (mut queue, _line) = queue(&driver, driver.config());
    for _ in 0..32768 {
        let head = driver.link(&[writable(0x1000, 1)]);
        driver.push(head);
    }
    driver.publish();

    let mut held = Vec::new();
    for _ in 0..8 {
        queue.begin_turn();
        held.extend(std::iter::from_fn(|| queue.pop()));
    }
    assert_eq!(held.len(), 32768);
    for chain in held {
        queue.complete(chain);
    }
    queue.flush();

    assert_eq!(driver.used_index(), 32768);
    assert_eq!(queue.fault(), None);
}

#[test]
fn a_size_that_is_no_power_of_two_is_refused() {
    for size in [0, 3, 0xffff] {
        let driver = Driver::new(8);
        let config = RingConfig {
            size,
            ..driver.config()
        };

        let result = Queue::new(0, config, driver.memory.clone(), Box::new(Silent), faults());

        assert!(
            matches!(result, Err(QueueError::Ring(RingError::Size(refused))) if refused == size)
        );
    }
}

#[test]
fn a_ring_outside_memory_or_misaligned_is_refused() {
    let driver = Driver::new(8);
    let good = driver.config();
    let cases = [
        (
            RingConfig {
                descriptors: OUTSIDE,
                ..good
            },
            "descriptor table",
            false,
        ),
        (
            RingConfig {
                descriptors: good.descriptors + 8,
                ..good
            },
            "descriptor table",
            true,
        ),
        (
            RingConfig {
                available: OUTSIDE - 8,
                ..good
            },
            "available ring",
            false,
        ),
        (
            RingConfig {
                available: good.available + 1,
                ..good
            },
            "available ring",
            true,
        ),
        (
            RingConfig {
                used: OUTSIDE - 8,
                ..good
            },
            "used ring",
            false,
        ),
        (
            RingConfig {
                used: u64::MAX - 3,
                ..good
            },
            "used ring",
            false,
        ),
        (
            RingConfig {
                used: good.used + 2,
                ..good
            },
            "used ring",
            true,
        ),
    ];

    for (config, place, misaligned) in cases {
        let result = Queue::new(0, config, driver.memory.clone(), Box::new(Silent), faults());

        let Err(QueueError::Ring(RingError::Placement { part, source })) = result else {
            panic!("{config:?} was not refused for its place");
        };
        assert_eq!(part, place);
        assert_eq!(matches!(source, PinError::Misaligned { .. }), misaligned);
    }
}

#[test]
fn a_request_split_over_more_descriptors_than_a_page_holds_is_one_request() {
    let mut driver = Driver::new(512);
    let (mut queue, _line) = queue(&driver, driver.config());
    let room = driver.place(400);
    let chain: Vec<_> = (0..400).map(|n| writable(room + n, 1)).collect();
    driver.offer(&chain);

    let mut chain = queue.pop().unwrap();
    assert_eq!(chain.write(&[7; 500]), 400);
    queue.complete(chain);
    queue.flush();

    assert_eq!(driver.take_used(), Some((0, 400)));
    assert_eq!(driver.bytes(room, 400), [7; 400]);
}

#[test]
fn descriptors_without_bytes_are_passed_over_wherever_they_point() {
    let mut driver = Driver::new(16);
    let (mut queue, _line) = queue(&driver, driver.config());
    let request = driver.place_bytes(b"ab");
    let room = driver.place(2);
    let nothing = [readable(OUTSIDE + 5, 0), writable(u64::MAX, 0)];
    driver.offer(&[
        nothing[0],
        readable(request, 1),
        nothing[1],
        readable(request + 1, 1),
        nothing[0],
        writable(room, 1),
        nothing[0],
        writable(room + 1, 1),
        nothing[1],
    ]);

    let mut chain = queue.pop().unwrap();
    let mut bytes = [0; 3];
    let read = chain.read(&mut bytes);
    let written = chain.write(b"xyz");
    queue.complete(chain);
    queue.flush();

    assert_eq!((read, &bytes[..2]), (2, b"ab".as_slice()));
    assert_eq!(written, 2);
    assert_eq!(driver.take_used(), Some((0, 2)));
}

#[test]
fn a_chain_without_any_bytes_is_a_request_that_holds_nothing() {
    let mut driver = Driver::new(4);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer(&[readable(0, 0)]);

    let mut chain = queue.pop().unwrap();

    assert_eq!((chain.readable_len(), chain.writable_len()), (0, 0));
    assert_eq!(chain.write(b"x"), 0);
    assert_eq!(chain.read(&mut [0; 4]), 0);
    queue.complete(chain);
}

#[test]
fn a_request_in_an_indirect_table_is_read_and_answered() {
    let mut driver = Driver::new(2);
    let (mut queue, _line) = queue(&driver, driver.config());
    let request = driver.place_bytes(b"indirect");
    let room = driver.place(3);
    let table = driver.table(
        &[
            readable(request, 3),
            readable(request + 3, 5),
            writable(room, 1),
            writable(room + 1, 2),
        ],
        0,
    );
    driver.offer(&[table]);

    let mut chain = queue.pop().unwrap();
    let mut bytes = [0; 8];
    chain.read_exact(&mut bytes).unwrap();
    chain.write_all(b"abc").unwrap();
    queue.complete(chain);
    queue.flush();

    assert_eq!(&bytes, b"indirect");
    assert_eq!(driver.bytes(room, 3), b"abc");
    assert_eq!(driver.take_used(), Some((0, 3)));
}

#[test]
fn direct_descriptors_may_be_followed_by_one_indirect_table() {
    let mut driver = Driver::new(4);
    let (mut queue, _line) = queue(&driver, driver.config());
    let request = driver.place_bytes(b"direct, then table");
    let room = driver.place(4);
    let mut table = driver.table(&[readable(request + 6, 12), writable(room, 4)], 0);
    // The device must ignore the direction of the descriptor that refers to a table.
    table.flags |= WRITE;
    driver.offer(&[readable(request, 6), table]);

    let mut chain = queue.pop().unwrap();
    let mut bytes = [0; 18];
    chain.read_exact(&mut bytes).unwrap();

    assert_eq!(&bytes, b"direct, then table");
    assert_eq!(chain.writable_len(), 4);
    queue.complete(chain);
}

#[test]
fn an_indirect_table_may_be_larger_than_its_chain() {
    let mut driver = Driver::new(4);
    let (mut queue, _line) = queue(&driver, driver.config());
    let room = driver.place(4);
    for unused in [1, 300, 4000] {
        let table = driver.table(&[writable(room, 4)], unused);
        driver.offer(&[table]);

        let chain = queue.pop().unwrap();

        assert_eq!(chain.writable_len(), 4);
        queue.complete(chain);
    }
}

#[test]
fn an_indirect_table_across_two_regions_is_read() {
    let mut driver = Driver::new(4);
    let (mut queue, _line) = queue(&driver, driver.config());
    let room = driver.place(4);
    let mut table = driver.table(&[readable(room, 1), writable(room + 1, 3)], 0);
    let bytes = driver.bytes(table.addr, 32);
    let border = driver::MEMORY_SIZE / 2;
    driver.memory.write(border - 17, &bytes).unwrap();
    table.addr = border - 17;
    driver.offer(&[table]);

    let chain = queue.pop().unwrap();

    assert_eq!((chain.readable_len(), chain.writable_len()), (1, 3));
    queue.complete(chain);
}

/// What the driver may not do with a chain; the ring itself is in order.
fn malformed(driver: &mut Driver) -> Vec<(&'static str, Vec<Descriptor>)> {
    let room = driver.place(64);
    let (read, write) = (readable(room, 4), writable(room + 4, 4));
    let flagged = |mut descriptor: Descriptor, flags, next| {
        descriptor.flags |= flags;
        descriptor.next = next;
        descriptor
    };
    let good = driver.table(&[read, write], 0);
    let nested = driver.table(&[good], 0);
    let reversed = driver.table(&[write, read], 0);
    let outside = driver.table(&[writable(OUTSIDE - 1, 2)], 0);
    let runaway = driver.table(&[flagged(read, NEXT, 7)], 0);
    let looped = driver.table(&[flagged(read, NEXT, 0)], 3);
    let too_long = driver.table(&vec![read; 1025], 0);
    let mut odd = good;
    odd.len -= 1;
    let mut empty = good;
    empty.len = 0;
    let mut unmapped = good;
    unmapped.addr = OUTSIDE - 16;
    let mut misplaced = good;
    misplaced.addr = u64::MAX - 15;
    vec![
        (
            "a loop of one",
            vec![flagged(read, NEXT, driver_slot(driver))],
        ),
        (
            "a next one that does not exist",
            vec![flagged(read, NEXT, 0x8000)],
        ),
        ("readable behind writable", vec![write, read]),
        ("outside memory", vec![writable(OUTSIDE, 1)]),
        ("half outside memory", vec![readable(OUTSIDE - 1, 2)]),
        ("4 GiB", vec![writable(room, u32::MAX)]),
        ("an address that wraps", vec![readable(u64::MAX, 2)]),
        (
            "a good one, then a bad one",
            vec![read, writable(OUTSIDE, 1)],
        ),
        (
            "an indirect table with a next one",
            vec![flagged(good, NEXT, 0)],
        ),
        ("a table in a table", vec![nested]),
        ("a table with the wrong order", vec![reversed]),
        ("a table that points outside", vec![outside]),
        ("a table that leaves itself", vec![runaway]),
        ("a table with a loop", vec![looped]),
        ("a table with more than 1024 entries", vec![too_long]),
        ("a table of 31 bytes", vec![odd]),
        ("a table without bytes", vec![empty]),
        ("a table half outside", vec![unmapped]),
        ("a table that wraps", vec![misplaced]),
        (
            "writable, then a table with a readable one",
            vec![write, good],
        ),
    ]
}

/// Where the next chain will start.
fn driver_slot(driver: &mut Driver) -> u16 {
    let head = driver.link(&[readable(0, 0)]);
    (head + 1) % 64
}

#[test]
fn each_malformed_chain_returns_unanswered_and_the_queue_goes_on() {
    let mut driver = Driver::new(64);
    let (mut queue, line) = queue(&driver, driver.config());

    for (what, chain) in malformed(&mut driver) {
        let bad = driver.offer(&chain);
        let (good, _) = driver.offer_room(4);

        queue.begin_turn();
        let mut chain = queue
            .pop()
            .unwrap_or_else(|| panic!("{what}: nothing after it"));
        chain.write(b"fine");
        let head = chain.head();
        queue.complete(chain);
        queue.flush();

        assert_eq!(head, good, "{what}");
        assert_eq!(driver.take_used(), Some((u32::from(bad), 0)), "{what}");
        assert_eq!(driver.take_used(), Some((u32::from(good), 4)), "{what}");
        assert_eq!(queue.fault(), None, "{what}");
        assert_eq!(queue.in_flight(), 0, "{what}");
    }
    assert_eq!(line.failed(), 0);
}

#[test]
fn an_indirect_table_that_was_not_negotiated_is_refused() {
    let mut driver = Driver::new(4);
    let config = RingConfig {
        indirect: false,
        ..driver.config()
    };
    let (mut queue, _line) = queue(&driver, config);
    let table = driver.table(&[writable(0x1000, 4)], 0);
    driver.offer(&[table]);

    assert!(queue.pop().is_none());
    queue.flush();

    assert_eq!(driver.take_used(), Some((0, 0)));
}

#[test]
fn a_chain_of_more_than_4_gib_is_refused() {
    let tracking = Tracking::new();
    let region = MappedRegion::anonymous(5 << 30, GuestAddress(0), &tracking).unwrap();
    let memory = std::sync::Arc::new(Memory::new(vec![region]).unwrap());
    let mut driver = Driver::in_memory(memory, 8, 0);
    let (mut queue, _line) = queue(&driver, driver.config());
    let half = 1 << 31;
    driver.offer(&[writable(0, half), writable(0, half)]);
    driver.offer(&[writable(0, half), writable(0, half), writable(0, 1)]);

    let largest = queue.pop().unwrap();

    assert_eq!(largest.writable_len(), 1 << 32);
    assert!(queue.pop().is_none());
    queue.complete(largest);
    queue.flush();
    assert_eq!(driver.take_used(), Some((2, 0)));
    assert_eq!(driver.take_used(), Some((0, 0)));
}

#[test]
fn an_available_index_that_jumps_retires_the_queue_once() {
    let mut driver = Driver::new(8);
    let (mut queue, line) = queue(&driver, driver.config());
    driver.offer_room(4);
    driver.set_available_index(9);

    assert!(queue.pop().is_none());
    assert!(queue.pop().is_none());

    assert_eq!(queue.fault(), Some(RingFault::IndexJump { from: 0, to: 9 }));
    assert_eq!(line.failed(), 1);
    assert!(!queue.has_news());
    assert!(!queue.enable_notification());
}

#[test]
fn a_head_that_does_not_exist_retires_the_queue() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.push(8);
    driver.publish();

    assert!(queue.pop().is_none());

    assert_eq!(queue.fault(), Some(RingFault::Head(8)));
}

#[test]
fn a_retired_queue_takes_chains_back_and_leaves_the_ring_alone() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_room(4);
    let mut chain = queue.pop().unwrap();
    driver.set_available_index(100);
    assert!(queue.pop().is_none());

    chain.write(b"late");
    queue.complete(chain);
    queue.flush();

    assert_eq!(queue.in_flight(), 0);
    assert_eq!(driver.used_index(), 0);
}

#[test]
fn a_driver_that_offers_a_descriptor_again_and_again_cannot_exceed_the_ring() {
    let mut driver = Driver::new(4);
    let (mut queue, _line) = queue(&driver, driver.config());
    let head = driver.link(&[writable(0x1000, 4)]);
    let mut held = Vec::new();

    for _ in 0..8 {
        driver.push(head);
        driver.publish();
        held.extend(queue.pop());
    }

    assert_eq!(held.len(), 4);
    assert_eq!(queue.fault(), Some(RingFault::TooManyInFlight(4)));
    held.into_iter().for_each(|chain| queue.complete(chain));
    assert_eq!(queue.in_flight(), 0);
}

#[test]
fn chains_completed_out_of_order_are_told_apart_by_their_heads() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let heads = [(); 3].map(|()| driver.offer_room(4).0);
    let mut chains: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();

    for (n, chain) in chains.iter_mut().enumerate() {
        chain.write(&vec![0; n + 1]);
    }
    let (third, second, first) = (chains.pop(), chains.pop(), chains.pop());
    for chain in [second, third, first] {
        queue.complete(chain.unwrap());
    }
    queue.flush();

    let used: Vec<_> = std::iter::from_fn(|| driver.take_used()).collect();
    let [first, second, third] = heads.map(u32::from);
    assert_eq!(used, [(second, 2), (third, 3), (first, 1)]);
}

#[test]
fn a_chain_finished_on_another_thread_comes_back_by_collect() {
    let mut driver = Driver::new(8);
    let (mut queue, line) = queue(&driver, driver.config());
    let (head, room) = driver.offer_room(4);
    let mut chain = queue.pop().unwrap();
    assert!(!is_readable(queue.returned_fd().unwrap()));

    let thread = std::thread::spawn(move || {
        chain.write(b"far");
        chain.finish();
    });
    thread.join().unwrap();
    let announced = is_readable(queue.returned_fd().unwrap());
    queue.collect();
    queue.flush();

    assert!(announced);
    assert!(!is_readable(queue.returned_fd().unwrap()));
    assert_eq!(driver.take_used(), Some((u32::from(head), 3)));
    assert_eq!(driver.bytes(room, 3), b"far");
    assert_eq!(line.used(), 1);
}

#[test]
fn chains_finished_by_many_threads_all_come_back() {
    let mut driver = Driver::new(256);
    let (mut queue, _line) = queue(&driver, driver.config());
    for _ in 0..20 {
        (0..256).for_each(|_| {
            let head = driver.link(&[writable(0x1000, 4)]);
            driver.push(head);
        });
        driver.publish();
        queue.begin_turn();
        let mut chains: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        std::thread::scope(|scope| {
            while !chains.is_empty() {
                let part = chains.split_off(chains.len().saturating_sub(64));
                scope.spawn(|| part.into_iter().for_each(virtio_device::Chain::finish));
            }
            queue.collect();
        });
        queue.collect();
        queue.flush();

        assert_eq!(std::iter::from_fn(|| driver.take_used()).count(), 256);
        assert!(!is_readable(queue.returned_fd().unwrap()));
    }
}

#[test]
fn a_dropped_chain_returns_with_no_bytes_whatever_was_written() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let (head, _) = driver.offer_room(4);
    let mut chain = queue.pop().unwrap();
    chain.write(b"half");

    drop(chain);
    queue.collect();
    queue.flush();

    assert_eq!(driver.take_used(), Some((u32::from(head), 0)));
    assert_eq!(queue.in_flight(), 0);
}

#[test]
fn a_chain_that_outlives_its_queue_is_dropped_in_peace() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_room(4);
    let mut chain = queue.pop().unwrap();
    let memory = driver.memory.clone();

    drop(queue);
    chain.write(b"ok");
    chain.finish();
    drop(driver);

    assert_eq!(std::sync::Arc::strong_count(&memory), 1);
}

#[test]
fn a_returned_chain_that_nobody_collected_goes_with_its_queue() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_room(4);
    queue.pop().unwrap().finish();
    let memory = driver.memory.clone();

    drop(queue);
    drop(driver);

    assert_eq!(std::sync::Arc::strong_count(&memory), 1);
}

#[test]
fn a_chain_given_to_another_queue_returns_to_its_own() {
    let mut driver = Driver::new(8);
    let mut other = Driver::in_memory(driver.memory.clone(), 8, 1);
    let (mut first, _line) = queue(&driver, driver.config());
    let (mut second, _other_line) = queue(&other, other.config());
    driver.offer_room(4);
    other.offer_room(4);
    let stray = first.pop().unwrap();
    let own = second.pop().unwrap();

    let stray = second.put_back(stray).unwrap_err();
    second.complete(stray);
    second.flush();
    let untouched = other.used_index();
    second.complete(own);
    second.flush();
    first.collect();
    first.flush();

    assert_eq!(untouched, 0);
    assert_eq!(driver.take_used(), Some((0, 0)));
    assert_eq!(other.take_used(), Some((0, 0)));
    assert_eq!((first.in_flight(), second.in_flight()), (0, 0));
}

#[test]
fn a_chain_put_back_is_the_next_one_again_and_starts_afresh() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_request(b"abcd", 4);
    let mut chain = queue.pop().unwrap();
    chain.read(&mut [0; 3]);
    chain.write(b"x");

    queue.put_back(chain).unwrap();
    let mut again = queue.pop().unwrap();
    let mut bytes = [0; 4];
    again.read_exact(&mut bytes).unwrap();

    assert_eq!(&bytes, b"abcd");
    assert_eq!(again.written(), 0);
    queue.complete(again);
    queue.flush();
    assert_eq!(driver.take_used(), Some((0, 0)));
    assert_eq!(driver.take_used(), None);
}

#[test]
fn only_the_chain_taken_last_can_be_put_back() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_room(1);
    driver.offer_room(2);
    let first = queue.pop().unwrap();
    let second = queue.pop().unwrap();

    let first = queue.put_back(first).unwrap_err();
    queue.put_back(second).unwrap();
    queue.put_back(first).unwrap();

    assert_eq!(queue.next_available(), 0);
    assert_eq!(queue.in_flight(), 0);
    assert_eq!(queue.pop().map(|chain| chain.writable_len()), Some(1));
}

#[test]
fn a_chain_held_for_65536_others_is_not_mistaken_for_the_last() {
    let mut driver = Driver::new(2);
    let (mut queue, _line) = queue(&driver, driver.config());
    let held_head = driver.link(&[writable(0x1000, 1)]);
    let other = driver.link(&[writable(0x2000, 2)]);
    driver.push(held_head);
    driver.publish();
    let held = queue.pop().unwrap();
    for _ in 0..0x1_0000 {
        driver.push(other);
        driver.publish();
        queue.begin_turn();
        let chain = queue.pop().unwrap();
        queue.complete(chain);
    }

    let result = queue.put_back(held);

    queue.complete(result.unwrap_err());
    assert_eq!(queue.in_flight(), 0);
    assert_eq!(queue.next_available(), 1);
}

#[test]
fn peeking_tells_the_lengths_and_takes_nothing() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_request(b"abc", 5);

    for _ in 0..10_000 {
        let peek = queue.peek().unwrap();
        assert_eq!((peek.readable_len, peek.writable_len), (3, 5));
    }

    assert_eq!(queue.next_available(), 0);
    assert_eq!(pop_all(&mut queue), 1);
    assert_eq!(driver.take_used(), Some((0, 0)));
}

#[test]
fn completions_are_invisible_until_the_batch_ends_at_the_latest_with_the_flush() {
    let mut driver = Driver::new(64);
    let (mut queue, line) = queue(&driver, driver.config());
    for _ in 0..40 {
        driver.offer_room(4);
    }

    while let Some(chain) = queue.pop() {
        queue.complete(chain);
    }
    let (before, interrupts) = (driver.used_index(), line.used());
    queue.flush();
    queue.flush();

    assert!(before <= 40);
    assert_eq!(interrupts, 0);
    assert_eq!(driver.used_index(), 40);
    assert_eq!(line.used(), 1);
}

#[test]
fn a_large_answer_is_shown_at_once() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_room(4096);

    let mut chain = queue.pop().unwrap();
    chain.write(&[1; 4096]);
    queue.complete(chain);

    assert_eq!(driver.used_index(), 1);
}

#[test]
fn large_answers_that_are_gathered_are_shown_together() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let mut answer = |queue: &mut Queue| {
        driver.offer_room(4096);
        let mut chain = queue.pop().unwrap();
        chain.write(&[1; 4096]);
        queue.complete(chain);
        driver.used_index()
    };

    queue.gather(true);
    let seen = [answer(&mut queue), answer(&mut queue)];
    queue.gather(false);

    assert_eq!(seen, [0, 0]);
    assert_eq!(driver.used_index(), 2);
}

#[test]
fn a_turn_ends_after_4096_chains_and_the_rest_is_news() {
    let mut driver = Driver::new(8192);
    let (mut queue, _line) = queue(&driver, driver.config());
    for _ in 0..5000 {
        let head = driver.link(&[writable(0x1000, 1)]);
        driver.push(head);
    }
    driver.publish();

    queue.begin_turn();
    let first = pop_all(&mut queue);
    let news = queue.has_news();
    queue.begin_turn();
    let second = pop_all(&mut queue);

    assert_eq!((first, news, second), (4096, true, 904));
    assert!(!queue.has_news());
}

#[test]
fn buffers_left_in_the_ring_are_no_news_after_the_turn_that_told_of_them() {
    for event_idx in [false, true] {
        let mut driver = Driver::new(8);
        let config = RingConfig {
            event_idx,
            ..driver.config()
        };
        let (mut queue, _line) = queue(&driver, config);
        driver.offer_room(4);
        let told = queue.has_news();

        queue.begin_turn();
        let again = queue.has_news() || queue.enable_notification();
        driver.offer_room(4);
        let later = queue.has_news();

        assert!(told && !again && later);
        assert_eq!(pop_all(&mut queue), 2);
    }
}

#[test]
fn the_no_interrupt_flag_is_honoured() {
    let mut driver = Driver::new(8);
    let (mut queue, line) = queue(&driver, driver.config());
    driver.set_no_interrupt(true);
    driver.offer_room(4);
    pop_all(&mut queue);
    let silent = line.used();

    driver.set_no_interrupt(false);
    driver.offer_room(4);
    pop_all(&mut queue);

    assert_eq!((silent, line.used()), (0, 1));
    assert_eq!(driver.used_index(), 2);
}

#[test]
fn the_no_interrupt_flag_means_nothing_with_event_idx() {
    let mut driver = Driver::new(8);
    let (mut queue, line) = queue(&driver, driver.config_with_event_idx());
    driver.set_no_interrupt(true);
    driver.set_used_event(0);
    driver.offer_room(4);

    pop_all(&mut queue);

    assert_eq!(line.used(), 1);
}

#[test]
fn notifications_are_asked_for_and_declined_by_the_flag() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());

    queue.disable_notification();
    let declined = driver.device_wants_no_kick();
    let nothing_came = queue.enable_notification();
    let asked = !driver.device_wants_no_kick();
    driver.offer_room(4);
    let came = queue.enable_notification();

    assert!(declined && asked);
    assert_eq!((nothing_came, came), (false, true));
}

#[test]
fn a_worker_that_leaves_buffers_wants_no_notification_of_more() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    for _ in 0..3 {
        driver.offer_room(4);
    }
    queue.begin_turn();
    queue.disable_notification();
    let first = queue.pop().unwrap();
    queue.complete(first);

    let came = queue.enable_notification();
    let satisfied = driver.device_wants_no_kick();
    driver.offer_room(4);
    let more = queue.enable_notification();
    pop_all(&mut queue);
    let starved = queue.enable_notification();

    assert!(satisfied && !came && !more && !starved);
    assert!(!driver.device_wants_no_kick());
}

#[test]
fn with_event_idx_buffers_that_are_left_put_no_new_notification_in_line() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config_with_event_idx());
    for _ in 0..3 {
        driver.offer_room(4);
    }
    queue.begin_turn();
    let first = queue.pop().unwrap();
    queue.complete(first);

    queue.enable_notification();
    let satisfied = driver.available_event();
    pop_all(&mut queue);
    queue.enable_notification();

    assert_eq!((satisfied, driver.available_event()), (0, 3));
}

#[test]
fn a_worker_that_found_too_little_and_put_it_back_is_notified_of_more() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_room(4);
    queue.begin_turn();
    queue.disable_notification();
    let first = queue.pop().unwrap();
    let second = queue.pop();
    queue.put_back(first).unwrap();

    let came = queue.enable_notification();

    assert!(second.is_none() && !came);
    assert!(!driver.device_wants_no_kick());
}

#[test]
fn the_available_event_is_the_index_that_was_looked_at() {
    let mut driver = Driver::new(8);
    driver.start_at(0xffff);
    let (mut queue, _line) = queue(&driver, driver.config_with_event_idx());
    driver.offer_room(4);
    driver.offer_room(4);
    queue.begin_turn();
    pop_all(&mut queue);

    let came = queue.enable_notification();

    assert!(!came);
    assert_eq!(driver.available_event(), 1);
    assert!(!driver.device_wants_no_kick());
}

proptest! {
    /// VIRTIO 1.3, 2.7.7.2: the interrupt is due exactly when the batch goes past the index that
    /// the driver named.
    #[test]
    fn with_event_idx_a_batch_interrupts_exactly_if_it_passes_the_event(
        start: u16,
        batches in prop::collection::vec((1usize..16, 0u16..20), 1..8),
    ) {
        let mut driver = Driver::new(16);
        driver.start_at(start);
        let (mut queue, line) = queue(&driver, driver.config_with_event_idx());
        for (batch, ahead) in batches {
            let first = driver.next_available;
            let event = first.wrapping_add(ahead).wrapping_sub(2);
            driver.set_used_event(event);
            for _ in 0..batch {
                let head = driver.link(&[writable(0x1000, 1)]);
                driver.push(head);
            }
            driver.publish();
            let before = line.used();

            queue.begin_turn();
            pop_all(&mut queue);

            let passed = (0..batch as u16).any(|n| first.wrapping_add(n) == event);
            prop_assert_eq!(line.used() - before, u32::from(passed));
            while driver.take_used().is_some() {}
        }
    }

    /// Whatever way a legal request is split, the device reads the same bytes, and the same bytes
    /// arrive.
    #[test]
    fn any_legal_split_of_a_request_is_the_same_request(
        request in prop::collection::vec(any::<u8>(), 0..300),
        answer in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(0usize..300, 0..12),
        gaps in prop::collection::vec(any::<bool>(), 32),
        direct in 0usize..40,
        indirect: bool,
        chunk in 1usize..64,
        start: u16,
    ) {
        let mut driver = Driver::new(64);
        driver.start_at(start);
        let (mut queue, _line) = queue(&driver, driver.config());
        let from = driver.place_bytes(&request);
        let to = driver.place(answer.len() as u64);
        let split = |addr: u64, len: usize, make: fn(u64, u32) -> Descriptor| {
            let mut ends: Vec<_> = cuts.iter().map(|&cut| cut.min(len)).chain([len]).collect();
            ends.sort_unstable();
            let mut at = 0;
            let mut pieces = Vec::new();
            for (end, gap) in ends.into_iter().zip(&gaps) {
                // An empty piece stays as a descriptor without bytes, or goes.
                if end > at || *gap {
                    pieces.push(make(addr + at as u64, (end - at) as u32));
                }
                at = end;
            }
            pieces
        };
        let mut chain = split(from, request.len(), readable);
        chain.extend(split(to, answer.len(), writable));
        prop_assume!(!chain.is_empty());
        if indirect {
            let rest = chain.split_off(direct.min(chain.len()));
            if !rest.is_empty() {
                let table = driver.table(&rest, 0);
                chain.push(table);
            }
        }
        let head = driver.offer(&chain);

        let mut chain = queue.pop().unwrap();
        let mut read = vec![0; request.len()];
        for part in read.chunks_mut(chunk) {
            prop_assert_eq!(chain.read(part), part.len());
        }
        prop_assert_eq!(chain.readable_len(), 0);
        for part in answer.chunks(chunk) {
            prop_assert_eq!(chain.write(part), part.len());
        }
        prop_assert_eq!(chain.writable_len(), 0);
        queue.complete(chain);
        queue.flush();

        prop_assert_eq!(read, request);
        prop_assert_eq!(driver.take_used(), Some((u32::from(head), answer.len() as u32)));
        prop_assert_eq!(driver.bytes(to, answer.len()), answer);
    }

    /// A driver that writes anything into its rings harms nobody: no panic, no access outside (it
    /// would end the test), and every chain is accounted for.
    #[test]
    fn rings_of_random_words_are_survived(
        descriptors in prop::collection::vec(
            (prop_oneof![0u64..0x2000, Just(OUTSIDE - 1), any::<u64>()],
             prop_oneof![0u32..64, any::<u32>()],
             prop_oneof![0u16..8, any::<u16>()],
             prop_oneof![0u16..16, any::<u16>()]), 16),
        heads in prop::collection::vec(prop_oneof![20 => 0u16..16, 1 => any::<u16>()], 1..64),
        steps in prop::collection::vec((0u8..4, prop_oneof![20 => 0u16..4, 1 => any::<u16>()]), 1..64),
        start: u16,
        event_idx: bool,
    ) {
        let mut driver = Driver::new(16);
        driver.start_at(start);
        let config = RingConfig { event_idx, ..driver.config() };
        let (mut queue, _line) = queue(&driver, config);
        for (index, &(addr, len, flags, next)) in descriptors.iter().enumerate() {
            driver.set_descriptor(index as u16, Descriptor { addr, len, flags, next });
            let mut bytes = addr.to_le_bytes().to_vec();
            bytes.extend(len.to_le_bytes());
            bytes.extend((flags & !INDIRECT).to_le_bytes());
            bytes.extend(next.to_le_bytes());
            driver.memory.write(index as u64 * 16, &bytes).unwrap();
        }
        let mut held = Vec::new();
        let mut heads = heads.iter().cycle();
        for (what, count) in steps {
            for _ in 0..count.min(16) {
                driver.push(*heads.next().unwrap());
            }
            driver.set_available_index(driver.next_available.wrapping_add(count.saturating_sub(16)));
            queue.begin_turn();
            while let Some(mut chain) = queue.pop() {
                chain.read(&mut [0; 100]);
                chain.write(&[1; 100]);
                match what {
                    0 => queue.complete(chain),
                    1 => drop(chain),
                    2 => held.push(chain),
                    _ => {
                        queue.put_back(chain).unwrap();
                        break;
                    }
                }
            }
            if what == 0 {
                held.drain(..).rev().for_each(|chain| queue.complete(chain));
            }
            queue.collect();
            queue.flush();
            queue.enable_notification();
            prop_assert!(queue.in_flight() <= 16);
        }
        held.into_iter().for_each(virtio_device::Chain::finish);
        queue.collect();
        queue.flush();
        prop_assert_eq!(queue.in_flight(), 0);
        if queue.fault().is_none() {
            prop_assert_eq!(driver.used_index(), queue.next_used());
        }
    }
}

#[test]
fn exact_reads_and_writes_move_all_or_nothing() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_request(b"abc", 3);
    let mut chain = queue.pop().unwrap();

    let read = chain.read_exact(&mut [0; 4]);
    let written = chain.write_all(&[0; 4]);

    let short = ChainTooShort { has: 3, needed: 4 };
    assert_eq!((read, written), (Err(short), Err(short)));
    assert_eq!((chain.readable_len(), chain.writable_len()), (3, 3));
    assert_eq!(chain.written(), 0);
    queue.complete(chain);
}

#[test]
fn a_status_written_behind_the_data_counts_in_the_used_length() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let room = driver.place(10);
    driver.offer(&[writable(room, 4), writable(room + 4, 6)]);
    let mut chain = queue.pop().unwrap();

    chain.write_at(3, b"##").unwrap();
    chain.write_at(9, b"S").unwrap();
    chain.write(b"ab");
    let past = chain.write_at(10, b"x");
    let empty = chain.write_at(10, b"");
    queue.complete(chain);
    queue.flush();

    assert_eq!(past, Err(ChainTooShort { has: 0, needed: 1 }));
    assert_eq!(empty, Ok(()));
    assert_eq!(driver.bytes(room, 10), b"ab\0##\0\0\0\0S");
    assert_eq!(driver.take_used(), Some((0, 10)));
}

#[test]
fn writing_nothing_somewhere_writes_nothing() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_room(10);
    let mut chain = queue.pop().unwrap();

    chain.write_at(7, b"").unwrap();

    assert_eq!(chain.written(), 0);
    queue.complete(chain);
}

#[test]
fn skipped_bytes_are_not_read() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let request = driver.place_bytes(b"headpayload");
    driver.offer(&[readable(request, 2), readable(request + 2, 9)]);
    let mut chain = queue.pop().unwrap();

    chain.skip(4).unwrap();
    let mut rest = String::new();
    chain.read_to_string(&mut rest).unwrap();

    assert_eq!(rest, "payload");
    assert!(chain.skip(1).is_err());
    queue.complete(chain);
}

#[test]
fn structures_are_read_and_written_in_their_wire_form() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let (_, answer) = driver.offer_request(&[1, 2, 3, 4], 4);
    let mut chain = queue.pop().unwrap();

    let value: zerocopy::little_endian::U32 = chain.read_obj().unwrap();
    chain
        .write_obj(&zerocopy::little_endian::U32::new(value.get() + 1))
        .unwrap();
    let short = chain.read_obj::<u8>();

    assert_eq!(value.get(), 0x0403_0201);
    assert_eq!(driver.bytes(answer, 4), [2, 2, 3, 4]);
    assert_eq!(short, Err(ChainTooShort { has: 0, needed: 1 }));
    queue.complete(chain);
}

#[test]
fn a_file_is_read_straight_into_a_chain_and_a_chain_drained_to_a_file() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let request = driver.place_bytes(b"out");
    let room = driver.place(8);
    driver.offer(&[
        readable(request, 3),
        writable(room, 3),
        writable(room + 3, 5),
    ]);
    let mut chain = queue.pop().unwrap();

    writer.write_all(b"inside").unwrap();
    let filled = chain.fill_from(&reader, None, 5).unwrap();
    let filled_more = chain.fill_from(&reader, None, 5).unwrap();
    let drained = chain.drain_to(&writer, None, 2).unwrap();
    let mut out = [0; 2];
    (&reader).read_exact(&mut out).unwrap();

    assert_eq!((filled, filled_more, drained), (5, 1, 2));
    assert_eq!(driver.bytes(room, 6), b"inside");
    assert_eq!(&out, b"ou");
    assert_eq!((chain.written(), chain.readable_len()), (6, 1));
    queue.complete(chain);
}

#[test]
fn a_file_is_read_into_several_chains_at_once_up_to_the_limit() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let rooms: Vec<_> = (0..3).map(|_| driver.offer_room(4).1).collect();
    let mut chains: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
    chains[0].write_all(b"H").unwrap();

    writer.write_all(b"abcdefghij").unwrap();
    let filled = Chain::fill_all(&mut chains, &reader, 8).unwrap();

    let written: Vec<_> = chains.iter().map(Chain::written).collect();
    assert_eq!((filled, written), (8, vec![4, 4, 1]));
    assert_eq!(driver.bytes(rooms[0], 4), b"Habc");
    assert_eq!(driver.bytes(rooms[1], 4), b"defg");
    assert_eq!(driver.bytes(rooms[2], 4), b"h\0\0\0");
    chains.into_iter().for_each(|chain| queue.complete(chain));
}

#[test]
fn several_chains_are_drained_at_once_each_up_to_where_it_was_truncated() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let (mut reader, writer) = std::io::pipe().unwrap();
    let parts = [b"abc", b"def", b"ghi"].map(|part| driver.place_bytes(part));
    driver.offer(&[readable(parts[0], 3), readable(parts[1], 3)]);
    driver.offer(&[readable(parts[2], 3)]);
    let mut chains: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();

    chains[0].skip(1).unwrap();
    chains[0].truncate_readable(3);
    chains[1].truncate_readable(9);
    let drained = Chain::drain_all(&mut chains, &writer, u64::MAX).unwrap();
    let mut out = [0; 6];
    reader.read_exact(&mut out).unwrap();

    assert_eq!((drained, &out), (6, b"bcdghi"));
    assert!(chains.iter().all(|chain| chain.readable_len() == 0));
    chains.into_iter().for_each(|chain| queue.complete(chain));
}

#[test]
fn a_chain_that_is_truncated_keeps_its_room() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let (_, answer) = driver.offer_request(b"ping", 8);
    let mut chain = queue.pop().unwrap();

    chain.truncate_readable(0);
    let short = chain.read_exact(&mut [0; 1]);
    chain.write_all(b"pong").unwrap();
    queue.complete(chain);

    assert_eq!(short, Err(ChainTooShort { has: 0, needed: 1 }));
    assert_eq!(driver.bytes(answer, 4), b"pong");
}

#[test]
fn random_bytes_fill_no_more_than_asked_for() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    let room = driver.place(96);
    driver.offer(&[writable(room, 32), writable(room + 32, 64)]);
    let mut chain = queue.pop().unwrap();

    let filled = chain.fill_random(64).unwrap();

    assert_eq!(filled, 64);
    assert_ne!(driver.bytes(room, 32), [0; 32]);
    assert_ne!(driver.bytes(room + 32, 32), [0; 32]);
    assert_eq!(driver.bytes(room + 64, 32), [0; 32]);
    queue.complete(chain);
}

#[test]
fn of_several_queues_only_those_in_order_are_to_be_had() {
    let mut driver = Driver::new(8);
    let (good, _line) = queue(&driver, driver.config());
    let (mut broken, _broken_line) = queue(&driver, driver.config());
    driver.offer_room(4);
    let chain = broken.pop().unwrap();
    driver.set_available_index(0x100);
    assert!(broken.pop().is_none());
    let mut slots = [None, Some(good), Some(broken)];
    let mut queues = Queues::new(&mut slots);

    let had = [0, 1, 2, 3].map(|index| queues.get(index).is_some());
    queues.complete(2, chain);

    assert_eq!(had, [false, true, false, false]);
    assert_eq!(slots[2].as_ref().map(Queue::in_flight), Some(0));
}

#[test]
fn a_queue_of_a_virtual_machine_monitor_goes_on_where_it_stood() {
    use virtio_queue::QueueT;
    let mut driver = Driver::new(8);
    driver.start_at(0xfff0);
    let config = driver.config();
    let mut theirs = virtio_queue::Queue::new(8).unwrap();
    theirs
        .try_set_desc_table_address(GuestAddress(config.descriptors))
        .unwrap();
    theirs
        .try_set_avail_ring_address(GuestAddress(config.available))
        .unwrap();
    theirs
        .try_set_used_ring_address(GuestAddress(config.used))
        .unwrap();
    theirs.set_next_avail(0xfff0);
    theirs.set_next_used(0xfff0);

    let (mut queue, _line) = queue(&driver, RingConfig::from_virtio_queue(&theirs, true));
    driver.offer_room(4);

    assert_eq!(pop_all(&mut queue), 1);
    assert_eq!(driver.take_used(), Some((0, 0)));
}

#[test]
fn without_an_index_the_used_ring_goes_on_where_memory_says() {
    let mut driver = Driver::new(8);
    driver.start_at(77);
    let config = RingConfig {
        next_used: None,
        ..driver.config()
    };

    let (queue, _line) = queue(&driver, config);

    assert_eq!(queue.next_used(), 77);
}

#[test]
fn several_chains_are_filled_and_drained_by_one_call_each_and_keep_their_places() {
    let mut driver = Driver::new(8);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.offer_request(b"abcd", 3);
    driver.offer_request(b"efgh", 3);
    driver.offer_request(b"ijkl", 3);
    let mut chains: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
    let (reader, writer) = rustix::pipe::pipe().unwrap();

    let drained = Chain::drain_all(&mut chains, &writer, 6).unwrap();
    let filled = Chain::fill_all(&mut chains, &reader, 9).unwrap();

    assert_eq!((drained, filled), (6, 6));
    let left: Vec<_> = chains.iter().map(Chain::readable_len).collect();
    let written: Vec<_> = chains.iter().map(Chain::written).collect();
    assert_eq!(left, [0, 2, 4]);
    assert_eq!(written, [3, 3, 0]);
    chains.into_iter().for_each(|chain| queue.complete(chain));
}
