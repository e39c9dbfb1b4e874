// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A request that is answered at once costs no allocation.

mod driver;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use driver::{Driver, queue, readable, writable};
use virtio_device::{Queue, RingConfig};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what this thread asks for; the test harness has others.
struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One round: sixteen requests, read and answered.
fn round(driver: &mut Driver, queue: &mut Queue, head: u16) {
    for _ in 0..16 {
        driver.push(head);
    }
    driver.publish();
    queue.begin_turn();
    queue.disable_notification();
    while let Some(mut chain) = queue.pop() {
        let mut request = [0; 16];
        chain.read(&mut request);
        chain.write(&[7; 64]);
        queue.complete(chain);
    }
    queue.flush();
    queue.enable_notification();
    while driver.take_used().is_some() {}
}

fn allocations_of_10_000_requests(event_idx: bool, indirect: bool) -> u64 {
    let mut driver = Driver::new(64);
    let config = RingConfig {
        event_idx,
        ..driver.config()
    };
    let (mut queue, _line) = queue(&driver, config);
    driver.set_no_interrupt(true);
    driver.set_used_event(0x8000);
    let request = driver.place(16);
    let room = driver.place(64);
    let chain = [
        readable(request, 4),
        readable(request + 4, 12),
        writable(room, 64),
    ];
    let head = if indirect {
        let table = driver.table(&chain, 0);
        driver.link(&[table])
    } else {
        driver.link(&chain)
    };
    // What is kept for the next request is made by the first.
    round(&mut driver, &mut queue, head);

    let before = ALLOCATIONS.get();
    for _ in 0..10_000 / 16 {
        round(&mut driver, &mut queue, head);
    }
    let allocations = ALLOCATIONS.get() - before;

    assert_eq!(queue.next_used(), 10_016);
    allocations
}

#[test]
fn ten_thousand_requests_allocate_nothing() {
    assert_eq!(allocations_of_10_000_requests(false, false), 0);
}

#[test]
fn ten_thousand_requests_with_event_idx_allocate_nothing() {
    assert_eq!(allocations_of_10_000_requests(true, false), 0);
}

#[test]
fn ten_thousand_requests_in_indirect_tables_allocate_nothing() {
    assert_eq!(allocations_of_10_000_requests(false, true), 0);
}

#[test]
fn chains_finished_away_from_their_queue_allocate_nothing_in_the_long_run() {
    let mut driver = Driver::new(64);
    let (mut queue, _line) = queue(&driver, driver.config());
    driver.set_no_interrupt(true);
    let room = driver.place(64);
    let head = driver.link(&[writable(room, 64)]);
    let mut requests = |count: u32| {
        for _ in 0..count {
            driver.push(head);
            driver.publish();
            queue.begin_turn();
            let mut chain = queue.pop().unwrap();
            chain.write(&[7; 64]);
            chain.finish();
            queue.collect();
            queue.flush();
        }
    };
    requests(16);

    let before = ALLOCATIONS.get();
    requests(10_000);

    assert_eq!(ALLOCATIONS.get() - before, 0);
}
