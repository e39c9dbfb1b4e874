// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Transfers that go on while the worker goes on: each test by each kind of engine that there is.

mod driver;

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver::{Driver, queue, readable, writable};
use rustix::event::{PollFd, PollFlags, poll};
use virtio_device::memory::{Direction, Mode};
use virtio_device::{Engine, EngineKind, Finished, PromptQueue};

const TIMEOUT: Duration = Duration::from_secs(20);

fn engines() -> Vec<Engine<u32>> {
    [EngineKind::Uring, EngineKind::Threads]
        .into_iter()
        .filter_map(|kind| match Engine::new(kind, 2) {
            Ok(engine) => Some(engine),
            Err(error) => {
                assert_eq!(kind, EngineKind::Uring, "{error}");
                eprintln!("without io_uring: {error}");
                None
            }
        })
        .collect()
}

fn next(engine: &mut Engine<u32>) -> Finished<u32> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        engine.clear();
        if let Some(finished) = engine.finished() {
            return finished;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "nothing finished");
        engine.submit();
        let left = left.try_into().unwrap();
        poll(&mut [PollFd::new(engine, PollFlags::IN)], Some(&left)).unwrap();
    }
}

fn file(content: &[u8]) -> Arc<File> {
    let mut file = tempfile();
    file.write_all(content).unwrap();
    Arc::new(file)
}

/// The kernel may refuse to read a memfd without waiting.
fn file_on_disk(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

fn tempfile() -> File {
    rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC)
        .unwrap()
        .into()
}

fn content(file: &Arc<File>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = &**file;
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_read_skips_the_room_that_was_left_and_is_accounted_for() {
    for mut engine in engines() {
        let mut driver = Driver::new(16);
        let (mut queue, _) = queue(&driver, driver.config());
        let (head, room) = driver.offer_room(64);
        let file = file(b"0123456789");
        let mut chain = queue.pop().unwrap();
        chain.leave_room(10).unwrap();

        engine.transfer(chain, 7, Direction::Read, &file, 2, 6, Mode::default());
        engine.submit();
        let finished = next(&mut engine);
        let written = finished.chain.written();
        queue.complete(finished.chain);
        queue.flush();

        assert_eq!((finished.task, finished.result.unwrap()), (7, 6));
        assert_eq!(written, 16);
        assert_eq!(driver.take_used(), Some((head.into(), 16)));
        assert_eq!(driver.bytes(room + 10, 6), b"234567");
        assert_eq!(engine.in_flight(), 0);
    }
}

#[test]
fn a_write_of_scattered_pieces_goes_on_where_the_chain_stands() {
    for mut engine in engines() {
        let mut driver = Driver::new(16);
        let (mut queue, _) = queue(&driver, driver.config());
        let first = driver.place_bytes(b"headab");
        let second = driver.place_bytes(b"cdef");
        driver.offer(&[readable(first, 6), readable(second, 4)]);
        let file = file(b"....");
        let mut chain = queue.pop().unwrap();
        chain.read(&mut [0; 4]);

        engine.transfer(chain, 1, Direction::Write, &file, 1, 5, Mode::default());
        engine.submit();
        let finished = next(&mut engine);

        assert_eq!(finished.result.unwrap(), 5);
        assert_eq!(finished.chain.readable_len(), 1);
        assert_eq!(content(&file), b".abcde");
        queue.complete(finished.chain);
    }
}

#[test]
fn many_are_all_finished_whatever_their_order() {
    for mut engine in engines() {
        let mut driver = Driver::new(256);
        let (mut queue, _) = queue(&driver, driver.config());
        let file = file(&[]);
        for n in 0..200u8 {
            let at = driver.place_bytes(&[n]);
            driver.offer(&[readable(at, 1)]);
        }

        for n in 0..200 {
            let chain = queue.pop().unwrap();
            let (direction, mode) = (Direction::Write, Mode::default());
            engine.transfer(chain, n, direction, &file, n.into(), 1, mode);
        }
        engine.submit();
        let mut tasks: Vec<_> = (0..200)
            .map(|_| {
                let finished = next(&mut engine);
                queue.complete(finished.chain);
                finished.task
            })
            .collect();

        tasks.sort_unstable();
        assert_eq!(tasks, (0..200).collect::<Vec<_>>());
        assert_eq!(content(&file), (0..200).collect::<Vec<u8>>());
        assert_eq!((engine.in_flight(), queue.in_flight()), (0, 0));
    }
}

#[test]
fn a_sync_is_finished() {
    for mut engine in engines() {
        let mut driver = Driver::new(16);
        let (mut queue, _) = queue(&driver, driver.config());
        driver.offer_room(1);

        engine.sync(queue.pop().unwrap(), 3, &file(b"x"));
        engine.submit();
        let finished = next(&mut engine);

        assert_eq!((finished.task, finished.result.unwrap()), (3, 0));
        queue.complete(finished.chain);
    }
}

#[test]
fn an_error_of_the_kernel_leaves_the_chain_as_it_was() {
    for mut engine in engines() {
        let mut driver = Driver::new(16);
        let (mut queue, _) = queue(&driver, driver.config());
        driver.offer_room(8);
        let directory = Arc::new(File::open("/").unwrap());

        let chain = queue.pop().unwrap();
        let (direction, mode) = (Direction::Read, Mode::default());
        engine.transfer(chain, 3, direction, &directory, 0, 8, mode);
        engine.submit();
        let finished = next(&mut engine);

        assert!(finished.result.is_err());
        assert_eq!(finished.chain.written(), 0);
        assert_eq!(finished.chain.writable_len(), 8);
        queue.complete(finished.chain);
    }
}

#[test]
fn a_job_that_panics_costs_no_chain_and_no_thread() {
    for mut engine in engines() {
        let mut driver = Driver::new(16);
        let (mut queue, _) = queue(&driver, driver.config());
        driver.offer_room(8);
        driver.offer_room(8);

        let chain = queue.pop().unwrap();
        engine.run(chain, 1, Box::new(|_, _| panic!("on purpose")));
        let failed = next(&mut engine);
        let job = |chain: &mut virtio_device::Chain, task: &mut u32| {
            *task += 1;
            chain.write(b"fine");
            io::Result::Ok(4)
        };
        engine.run(queue.pop().unwrap(), 2, Box::new(job));
        let fine = next(&mut engine);

        assert!(failed.result.is_err());
        assert_eq!((fine.task, fine.result.unwrap()), (3, 4));
        assert_eq!(fine.chain.written(), 4);
        queue.complete(failed.chain);
        queue.complete(fine.chain);
        assert_eq!(queue.in_flight(), 0);
    }
}

#[test]
fn a_dropped_engine_gives_every_chain_back() {
    for mut engine in engines() {
        let mut driver = Driver::new(16);
        let (mut queue, _) = queue(&driver, driver.config());
        let file = file(b"0123456789");
        for _ in 0..8 {
            driver.offer_room(8);
            let chain = queue.pop().unwrap();
            engine.transfer(chain, 0, Direction::Read, &file, 0, 8, Mode::default());
        }

        drop(engine);

        let deadline = Instant::now() + TIMEOUT;
        while queue.in_flight() > 0 {
            assert!(Instant::now() < deadline, "{} are lost", queue.in_flight());
            queue.collect();
            std::thread::yield_now();
        }
    }
}

#[test]
fn alignment_is_judged_from_where_the_chain_stands() {
    let mut driver = Driver::new(16);
    let (mut queue, _) = queue(&driver, driver.config());
    let at = driver.place(0x2000).next_multiple_of(0x1000);
    driver.offer(&[
        readable(at + 0x10, 16),
        readable(at + 0x200, 0x200),
        writable(at + 0x3f0, 16),
        writable(at + 0x400, 0x200),
    ]);
    let mut chain = queue.pop().unwrap();

    let before = (
        chain.is_readable_aligned(0x210, 512),
        chain.is_room_aligned(0x210, 512),
    );
    chain.skip(16).unwrap();
    chain.leave_room(16).unwrap();

    assert_eq!(before, (false, false));
    assert!(chain.is_readable_aligned(0x200, 512));
    assert!(chain.is_room_aligned(0x200, 512));
    queue.complete(chain);
}

#[test]
fn prompt_reads_fill_their_chains_and_come_back_in_order() {
    for kind in [EngineKind::Uring, EngineKind::Threads] {
        let mut prompt = PromptQueue::new(kind, 4);
        let mut driver = Driver::new(16);
        let (mut queue, _) = queue(&driver, driver.config());
        let rooms: Vec<_> = (0..5).map(|_| driver.offer_room(8)).collect();
        let file = Arc::new(file_on_disk(b"0123456789"));

        for n in 0..5 {
            let mut chain = queue.pop().unwrap();
            chain.leave_room(1).unwrap();
            prompt.push(chain, n, &file, 2 * n, 3);
        }
        let full = prompt.is_full();
        let mut done = Vec::new();
        let mut unknown = None;
        for finished in prompt.run() {
            match finished.result {
                Ok(bytes) => done.push((finished.task, bytes)),
                Err(error) => unknown = Some(error),
            }
            queue.complete(finished.chain);
        }
        queue.flush();

        assert!(full && prompt.is_empty());
        if let Some(error) = unknown {
            // An emulator need not know how not to wait; then it is told of each.
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
            assert_eq!((done.len(), driver.used_index()), (0, 5));
            continue;
        }
        assert_eq!(done, [(0, 3), (1, 3), (2, 3), (3, 3), (4, 2)]);
        for (n, &(head, room)) in rooms.iter().enumerate().take(4) {
            assert_eq!(driver.take_used(), Some((head.into(), 4)));
            assert_eq!(driver.bytes(room + 1, 3), b"0123456789"[2 * n..2 * n + 3]);
        }
    }
}
