// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Worker threads: what the transport asks of them, against a driver that the test plays.

mod driver;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver::{Driver, Line, LineEnd, MEMORY_SIZE, TIMEOUT, faults, line, writable};
use rustix::event::{EventfdFlags, eventfd};
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{
    Chain, Device, Identity, Interest, QueueSpec, Queues, Requests, RingFault, Sources, Start,
    StartError, Stopped, Token, Worker, WorkerFault, WorkerOptions, WorkerThread,
};

type Make<W> = Box<dyn Fn() -> io::Result<W> + Send + Sync>;

/// A device of four queues with one worker, which the test makes.
struct TestDevice<W> {
    make: Make<W>,
}

const QUEUES: [QueueSpec; 4] = [QueueSpec {
    max_size: 256,
    worker: 0,
}; 4];

impl<W: Worker> Device for TestDevice<W> {
    type Worker = W;

    fn identity(&self) -> Identity {
        Identity {
            name: "test",
            device_id: 42,
        }
    }

    fn queues(&self) -> &[QueueSpec] {
        &QUEUES
    }

    fn worker(&self, _index: usize) -> io::Result<W> {
        (self.make)()
    }
}

type OnQueue = Box<dyn FnMut(u16, &mut Queues<'_>) + Send>;
type OnToken = Box<dyn FnMut(Token, &mut Queues<'_>) + Send>;
type OnSettled = Box<dyn FnMut(&mut Queues<'_>) + Send>;
type OnSources = Box<dyn FnMut(&mut Sources) -> io::Result<()> + Send>;
type OnEnabled = Box<dyn FnMut(u16, bool) + Send>;
type OnFeatures = Box<dyn FnMut(u64) + Send>;

/// A worker whose parts the test writes.
#[derive(Default)]
struct Script {
    kicked: Option<OnQueue>,
    ready: Option<OnToken>,
    settled: Option<OnSettled>,
    quiesce: Option<OnQueue>,
    sources: Option<OnSources>,
    enabled: Option<OnEnabled>,
    negotiated: Option<OnFeatures>,
}

impl Worker for Script {
    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        if let Some(kicked) = &mut self.kicked {
            kicked(queue, queues);
        }
    }

    fn ready(&mut self, token: Token, queues: &mut Queues<'_>) {
        if let Some(ready) = &mut self.ready {
            ready(token, queues);
        }
    }

    fn settled(&mut self, queues: &mut Queues<'_>) {
        if let Some(settled) = &mut self.settled {
            settled(queues);
        }
    }

    fn quiesce(&mut self, queue: u16, queues: &mut Queues<'_>) {
        if let Some(quiesce) = &mut self.quiesce {
            quiesce(queue, queues);
        }
    }

    fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        self.sources.as_mut().map_or(Ok(()), |add| add(sources))
    }

    fn enabled(&mut self, queue: u16, on: bool) {
        if let Some(enabled) = &mut self.enabled {
            enabled(queue, on);
        }
    }

    fn negotiated(&mut self, features: u64) {
        if let Some(negotiated) = &mut self.negotiated {
            negotiated(features);
        }
    }
}

const PANIC: &[u8] = b"panic!";

/// Answers each request with its own bytes; panics at [`PANIC`].
struct Echo;

impl Requests for Echo {
    fn handle(&mut self, request: &mut Chain) {
        let mut bytes = vec![0; request.readable_len().min(64) as usize];
        request.read(&mut bytes);
        assert_ne!(bytes, PANIC, "the test asked for a panic");
        request.write(&bytes);
    }
}

fn options() -> (WorkerOptions, Receiver<WorkerFault>) {
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    let options = WorkerOptions {
        poll: Duration::ZERO,
        on_stall: Arc::new(|| {}),
        on_fault: Arc::new(move |fault| {
            let _ = sender.lock().unwrap().send(fault);
        }),
        faults: faults(),
    };
    (options, receiver)
}

fn spawn<W: Worker>(make: impl Fn() -> io::Result<W> + Send + Sync + 'static) -> WorkerThread {
    let device = TestDevice {
        make: Box::new(make),
    };
    WorkerThread::spawn(Arc::new(device), 0, options().0).unwrap()
}

/// A thread with one scripted worker; it is not made a second time.
fn spawn_script(script: Script) -> WorkerThread {
    let script = Mutex::new(Some(script));
    spawn(move || Ok(script.lock().unwrap().take().unwrap_or_default()))
}

/// Sends every chain that it gets to the test.
fn hand_out() -> (Script, Receiver<Chain>) {
    let (sender, chains) = channel();
    let script = Script {
        kicked: Some(Box::new(move |queue, queues| {
            while let Some(chain) = queues.get(queue).and_then(|queue| queue.pop()) {
                sender.send(chain).unwrap();
            }
        })),
        ..Script::default()
    };
    (script, chains)
}

/// Keeps every chain that it gets; a stop gives it back through [`Queues::get`].
fn park(told: Sender<u16>) -> Script {
    let parked = Arc::new(Mutex::new(Vec::<(u16, Chain)>::new()));
    let kept = parked.clone();
    Script {
        kicked: Some(Box::new(move |index, queues| {
            while let Some(chain) = queues.get(index).and_then(|queue| queue.pop()) {
                kept.lock().unwrap().push((index, chain));
                let _ = told.send(index);
            }
        })),
        quiesce: Some(Box::new(move |index, queues| {
            let Some(queue) = queues.get(index) else {
                return;
            };
            let mut parked = parked.lock().unwrap();
            for at in (0..parked.len()).rev() {
                if parked[at].0 == index {
                    let (_, chain) = parked.remove(at);
                    if let Err(chain) = queue.put_back(chain) {
                        queue.complete(chain);
                    }
                }
            }
        })),
        ..Script::default()
    }
}

fn event() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC).unwrap()
}

/// A queue that was started, from the driver's side.
struct Served {
    driver: Driver,
    line: LineEnd,
    kick: OwnedFd,
}

impl Served {
    fn kick(&self) {
        rustix::io::write(&self.kick, &1u64.to_ne_bytes()).unwrap();
    }

    /// Offers a request, kicks, and waits for the answer.
    fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        let (head, answer) = self.driver.offer_request(request, 64);
        self.kick();
        let (id, len) = self.line.wait_used(&mut self.driver);
        assert_eq!(id, u32::from(head));
        self.driver.bytes(answer, len as usize)
    }
}

fn start_of(driver: &Driver, index: u16, line: Line, kick: Option<OwnedFd>) -> Start {
    Start {
        index,
        config: driver.config(),
        memory: driver.memory.clone(),
        interrupt: Box::new(line),
        kick,
        enabled: true,
    }
}

fn serve(thread: &WorkerThread, driver: Driver, index: u16) -> Served {
    let (interrupt, line) = line();
    let kick = event();
    let theirs = kick.try_clone().unwrap();
    thread
        .start(start_of(&driver, index, interrupt, Some(theirs)))
        .unwrap();
    Served { driver, line, kick }
}

fn second_ring(first: &Driver) -> Driver {
    Driver::in_memory(first.memory.clone(), 8, 1)
}

/// Runs `code` on another thread; it must end in time.
fn in_time<T: Send + 'static>(code: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(code()));
    receiver.recv_timeout(TIMEOUT).expect("it did not end")
}

#[test]
fn a_request_offered_before_the_start_is_answered_without_a_kick() {
    let thread = spawn(|| Ok(Echo));
    let mut driver = Driver::new(8);
    let (_, answer) = driver.offer_request(b"early", 8);

    let mut served = serve(&thread, driver, 0);

    let (_, len) = served.line.wait_used(&mut served.driver);
    assert_eq!(served.driver.bytes(answer, len as usize), b"early");
}

#[test]
fn each_kick_gets_its_answer() {
    let thread = spawn(|| Ok(Echo));
    let mut served = serve(&thread, Driver::new(8), 0);

    for round in 0..1000u32 {
        let request = round.to_le_bytes();
        assert_eq!(served.ask(&request), request);
    }
}

#[test]
fn with_event_idx_a_driver_that_kicks_only_when_asked_never_waits_in_vain() {
    let thread = spawn(|| Ok(Echo));
    let driver = Driver::new(8);
    let (interrupt, line) = line();
    let kick = event();
    let mut start = start_of(&driver, 0, interrupt, Some(kick.try_clone().unwrap()));
    start.config = driver.config_with_event_idx();
    thread.start(start).unwrap();
    let mut served = Served { driver, line, kick };

    for _ in 0..20_000u32 {
        served.driver.set_used_event(served.driver.next_used);
        let old = served.driver.next_available;
        served.driver.offer_room(0);
        std::sync::atomic::fence(Ordering::SeqCst);
        if served.driver.available_event() == old {
            served.kick();
        }
        served.line.wait_used(&mut served.driver);
    }
}

#[test]
fn a_disabled_queue_waits_until_it_is_enabled() {
    let (sender, told) = channel();
    let script = Script {
        kicked: Some(Box::new(|index, queues| Echo.kicked(index, queues))),
        enabled: Some(Box::new(move |index, on| sender.send((index, on)).unwrap())),
        ..Script::default()
    };
    let thread = spawn_script(script);
    let mut driver = Driver::new(8);
    driver.offer_request(b"wait", 8);
    let (interrupt, line) = line();
    let mut start = start_of(&driver, 0, interrupt, None);
    start.enabled = false;
    thread.start(start).unwrap();
    // Each call lets the thread come round.
    (0..20).for_each(|_| thread.negotiated(0).unwrap());
    let before = driver.used_index();

    thread.enable(0, true).unwrap();
    line.wait_used(&mut driver);
    thread.enable(0, true).unwrap();
    thread.enable(0, false).unwrap();
    driver.offer_request(b"again", 8);
    (0..20).for_each(|_| thread.negotiated(0).unwrap());

    assert_eq!(before, 0);
    assert_eq!(driver.take_used(), None);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [(0, true), (0, false)]);
}

#[test]
fn a_stopped_queue_tells_where_it_stood_and_touches_nothing_more() {
    let thread = spawn(|| Ok(Echo));
    let mut served = serve(&thread, Driver::new(8), 0);
    served.ask(b"one");
    served.ask(b"two");

    let stopped = thread.stop(0).unwrap();
    served.driver.offer_request(b"three", 8);
    served.kick();
    (0..20).for_each(|_| thread.negotiated(0).unwrap());

    let expected = Stopped {
        next_available: 2,
        next_used: 2,
        fault: None,
    };
    assert_eq!(stopped, Some(expected));
    assert_eq!(served.driver.used_index(), 2);
    assert_eq!(thread.stop(0), Ok(None));
}

#[test]
fn a_queue_goes_on_where_it_was_stopped() {
    let thread = spawn(|| Ok(Echo));
    let mut served = serve(&thread, Driver::new(8), 0);
    for round in 0..20u8 {
        assert_eq!(served.ask(&[round]), [round]);
        let stopped = thread.stop(0).unwrap().unwrap();
        assert_eq!(stopped.next_available, served.driver.next_available);
        served = serve(&thread, served.driver, 0);
    }
}

#[test]
fn a_stop_waits_for_a_chain_on_another_thread() {
    let (script, chains) = hand_out();
    let thread = Arc::new(spawn_script(script));
    let mut driver = Driver::new(8);
    driver.offer_room(4);
    let mut served = serve(&thread, driver, 0);
    let mut chain = chains.recv_timeout(TIMEOUT).unwrap();
    let (sender, stopped) = channel();
    let stopper = thread.clone();
    std::thread::spawn(move || sender.send(stopper.stop(0)));

    let too_early = stopped.try_recv();
    chain.write(b"done");
    chain.finish();
    let stopped = stopped.recv_timeout(TIMEOUT).unwrap().unwrap().unwrap();

    assert!(matches!(too_early, Err(TryRecvError::Empty)));
    assert_eq!(stopped.next_used, 1);
    assert_eq!(served.driver.take_used(), Some((0, 4)));
}

#[test]
fn a_stop_that_takes_long_is_told_and_ends_when_the_request_does() {
    let (script, chains) = hand_out();
    let (told, stalls) = channel();
    let told = Mutex::new(told);
    let options = WorkerOptions {
        on_stall: Arc::new(move || {
            let _ = told.lock().unwrap().send(());
        }),
        ..options().0
    };
    let script = Mutex::new(Some(script));
    let device = TestDevice {
        make: Box::new(move || Ok(script.lock().unwrap().take().unwrap_or_default())),
    };
    let thread = Arc::new(WorkerThread::spawn(Arc::new(device), 0, options).unwrap());
    let mut driver = Driver::new(8);
    driver.offer_room(4);
    let _served = serve(&thread, driver, 0);
    let chain = chains.recv_timeout(TIMEOUT).unwrap();
    let (sender, stopped) = channel();
    let stopper = thread.clone();
    std::thread::spawn(move || sender.send(stopper.stop(0)));

    stalls.recv_timeout(TIMEOUT).unwrap();
    chain.finish();

    let stopped = stopped.recv_timeout(TIMEOUT).unwrap().unwrap().unwrap();
    assert_eq!(stopped.next_used, 1);
}

#[test]
fn a_chain_of_another_queue_that_returns_during_a_stop_is_not_forgotten() {
    let (script, chains) = hand_out();
    let thread = Arc::new(spawn_script(script));
    let mut driver = Driver::new(8);
    let mut other = second_ring(&driver);
    driver.offer_room(4);
    other.offer_room(4);
    let _first = serve(&thread, driver, 0);
    let first_chain = chains.recv_timeout(TIMEOUT).unwrap();
    let mut second = serve(&thread, other, 1);
    let second_chain = chains.recv_timeout(TIMEOUT).unwrap();
    let (sender, stopped) = channel();
    let stopper = thread.clone();
    std::thread::spawn(move || sender.send(stopper.stop(0)));

    second_chain.finish();
    first_chain.finish();

    stopped.recv_timeout(TIMEOUT).unwrap().unwrap();
    assert_eq!(second.line.wait_used(&mut second.driver), (0, 0));
}

#[test]
fn chains_finished_on_other_threads_interrupt_the_driver() {
    let (script, chains) = hand_out();
    let thread = spawn_script(script);
    let mut served = serve(&thread, Driver::new(8), 0);
    for _ in 0..1000 {
        let (_, room) = served.driver.offer_room(4);
        served.kick();
        let mut chain = chains.recv_timeout(TIMEOUT).unwrap();

        chain.write(b"far!");
        std::thread::spawn(move || chain.finish());

        let (_, len) = served.line.wait_used(&mut served.driver);
        assert_eq!(served.driver.bytes(room, len as usize), b"far!");
    }
}

#[test]
fn a_broken_ring_retires_its_queue_and_no_other() {
    let thread = spawn(|| Ok(Echo));
    let driver = Driver::new(8);
    let other = second_ring(&driver);
    let broken = serve(&thread, driver, 0);
    let mut fine = serve(&thread, other, 1);

    broken.driver.set_available_index(0x100);
    broken.kick();
    let told = broken.line.next();
    let answer = fine.ask(b"still here");
    let stopped = thread.stop(0).unwrap().unwrap();

    assert_eq!(told, "failed");
    assert_eq!(answer, b"still here");
    assert_eq!(
        stopped.fault,
        Some(RingFault::IndexJump { from: 0, to: 0x100 })
    );
}

#[test]
fn a_retired_queue_lives_again_when_it_is_set_up_anew() {
    let thread = spawn(|| Ok(Echo));
    let mut served = serve(&thread, Driver::new(8), 0);
    for _ in 0..10 {
        served.driver.set_available_index(0x100);
        served.kick();
        served.line.wait_failed();
        thread.stop(0).unwrap();
        served.driver.reset();

        served = serve(&thread, served.driver, 0);

        assert_eq!(served.ask(b"alive"), b"alive");
    }
}

#[test]
fn starting_over_a_live_queue_stops_it_first() {
    let thread = spawn(|| Ok(Echo));
    let mut first = serve(&thread, Driver::new(8), 0);
    first.ask(b"one");

    let mut second = serve(&thread, first.driver, 0);

    assert_eq!(second.ask(b"two"), b"two");
    assert_eq!(thread.stop(0).unwrap().unwrap().next_used, 2);
}

#[test]
fn a_stop_of_a_retired_queue_gets_parked_chains_back() {
    let (told, parked) = channel();
    let thread = Arc::new(spawn_script(park(told)));
    let mut driver = Driver::new(8);
    driver.offer_room(4);
    let served = serve(&thread, driver, 0);
    parked.recv_timeout(TIMEOUT).unwrap();
    served.driver.set_available_index(0x100);
    served.kick();
    assert_eq!(served.line.next(), "failed");

    let stopper = thread.clone();
    let stopped = in_time(move || stopper.stop(0));

    assert!(stopped.unwrap().unwrap().fault.is_some());
}

#[test]
fn a_parked_chain_is_put_back_by_a_stop_and_served_after_the_next_start() {
    let (told, parked) = channel();
    let thread = spawn_script(park(told));
    let mut driver = Driver::new(8);
    driver.offer_room(4);
    driver.offer_room(4);
    let served = serve(&thread, driver, 0);
    parked.recv_timeout(TIMEOUT).unwrap();
    parked.recv_timeout(TIMEOUT).unwrap();

    let stopped = thread.stop(0).unwrap().unwrap();
    let mut driver = served.driver;
    let untouched = driver.take_used();
    let (interrupt, _line) = line();
    let mut start = start_of(&driver, 0, interrupt, None);
    start.config.next_available = stopped.next_available;
    thread.start(start).unwrap();

    assert_eq!((stopped.next_available, stopped.next_used), (0, 0));
    assert_eq!(untouched, None);
    assert!(parked.recv_timeout(TIMEOUT).is_ok());
    assert!(parked.recv_timeout(TIMEOUT).is_ok());
}

#[test]
fn completions_of_other_queues_during_a_stop_become_visible() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let (told, taken) = channel();
    let keep = held.clone();
    let thread = spawn_script(Script {
        kicked: Some(Box::new(move |index, queues| {
            while let Some(chain) = queues.get(index).and_then(|queue| queue.pop()) {
                keep.lock().unwrap().push((index, chain));
                told.send(()).unwrap();
            }
        })),
        quiesce: Some(Box::new(move |_, queues| {
            for (index, chain) in held.lock().unwrap().drain(..) {
                queues.complete(index, chain);
            }
        })),
        ..Script::default()
    });
    let mut driver = Driver::new(8);
    let mut other = second_ring(&driver);
    driver.offer_room(4);
    other.offer_room(4);
    let _first = serve(&thread, driver, 0);
    let mut second = serve(&thread, other, 1);
    taken.recv_timeout(TIMEOUT).unwrap();
    taken.recv_timeout(TIMEOUT).unwrap();

    thread.stop(0).unwrap();

    assert_eq!(second.line.wait_used(&mut second.driver), (0, 0));
}

#[test]
fn after_a_drained_change_nothing_holds_the_former_memory() {
    let (told, parked) = channel();
    let thread = spawn_script(park(told));
    let mut driver = Driver::new(8);
    driver.offer_room(4);
    let served = serve(&thread, driver, 0);
    parked.recv_timeout(TIMEOUT).unwrap();
    let former = served.driver.memory.clone();
    let next = Arc::new(Memory::clone(&former));
    drop(served.driver);

    thread.set_memory(next.clone(), true).unwrap();

    assert_eq!(Arc::strong_count(&former), 1);
    // The chain was put back and taken again, from the new table.
    parked.recv_timeout(TIMEOUT).unwrap();
    thread.stop(0).unwrap();
    assert_eq!(Arc::strong_count(&next), 1);
}

#[test]
fn requests_in_a_region_added_while_one_was_under_way_are_answered() {
    let (script, chains) = hand_out();
    let thread = spawn_script(script);
    let mut served = serve(&thread, Driver::new(8), 0);
    served.driver.offer_room(4);
    served.kick();
    let under_way = chains.recv_timeout(TIMEOUT).unwrap();
    let tracking = Tracking::new();
    let region = MappedRegion::anonymous(0x1000, GuestAddress(MEMORY_SIZE), &tracking).unwrap();
    let larger = Arc::new(served.driver.memory.with_region(region).unwrap());

    thread.set_memory(larger.clone(), false).unwrap();
    under_way.finish();
    served.line.wait_used(&mut served.driver);
    served.driver.offer(&[writable(MEMORY_SIZE + 8, 4)]);
    served.kick();
    let mut chain = chains.recv_timeout(TIMEOUT).unwrap();
    let written = chain.write(b"new!");
    chain.finish();
    served.line.wait_used(&mut served.driver);

    let mut bytes = [0; 4];
    larger.read(MEMORY_SIZE + 8, &mut bytes).unwrap();
    assert_eq!((written, &bytes), (4, b"new!"));
}

#[test]
fn a_memory_table_without_the_ring_retires_the_queue() {
    let thread = spawn(|| Ok(Echo));
    let mut served = serve(&thread, Driver::new(8), 0);
    served.ask(b"before");

    thread.set_memory(Arc::default(), true).unwrap();
    served.driver.offer_request(b"after", 8);
    served.kick();
    let stopped = thread.stop(0).unwrap().unwrap();

    assert_eq!(stopped.fault, Some(RingFault::Unmapped));
    assert_eq!(served.driver.used_index(), 1);
}

#[test]
fn a_panic_is_contained_and_a_new_worker_serves_the_next_start() {
    let made = Arc::new(AtomicU32::new(0));
    let count = made.clone();
    let device = TestDevice {
        make: Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(Echo)
        }),
    };
    let (options, told) = options();
    let thread = WorkerThread::spawn(Arc::new(device), 0, options).unwrap();
    let mut served = serve(&thread, Driver::new(8), 0);
    served.ask(b"fine");

    served.driver.offer_request(PANIC, 8);
    served.kick();
    let fault = told.recv_timeout(TIMEOUT).unwrap();
    let stopped = thread.stop(0).unwrap().unwrap();
    served.driver.reset();
    let mut served = serve(&thread, served.driver, 0);

    assert_eq!(fault, WorkerFault::Panicked);
    assert_eq!(stopped.fault, Some(RingFault::Device));
    assert_eq!(served.ask(b"again"), b"again");
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[test]
fn a_worker_that_cannot_be_made_again_at_once_is_made_at_the_next_start() {
    let made = Arc::new(AtomicU32::new(0));
    let count = made.clone();
    let thread = spawn(move || match count.fetch_add(1, Ordering::SeqCst) {
        1 => Err(io::Error::other("not now")),
        2 => panic!("the test asked for a panic"),
        _ => Ok(Echo),
    });
    let mut served = serve(&thread, Driver::new(8), 0);
    served.driver.offer_request(PANIC, 8);
    served.kick();
    assert_eq!(served.line.next(), "failed");

    thread.stop(0).unwrap();
    thread.negotiated(0).unwrap();
    served.driver.reset();
    let mut served = serve(&thread, served.driver, 0);

    assert_eq!(served.ask(b"back"), b"back");
    assert_eq!(made.load(Ordering::SeqCst), 4);
}

#[test]
fn a_stop_after_a_panic_does_not_wait_for_what_the_worker_held() {
    let thread = Arc::new(spawn({
        let made = AtomicU32::new(0);
        move || {
            if made.fetch_add(1, Ordering::SeqCst) > 0 {
                return Err(io::Error::other("never again"));
            }
            let mut held = Vec::new();
            Ok(Script {
                kicked: Some(Box::new(move |index, queues| {
                    held.extend(queues.get(index).and_then(|queue| queue.pop()));
                    assert!(held.len() < 2, "the test asked for a panic");
                })),
                ..Script::default()
            })
        }
    }));
    let mut driver = Driver::new(8);
    driver.offer_room(4);
    driver.offer_room(4);
    let served = serve(&thread, driver, 0);
    served.kick();
    assert_eq!(served.line.next(), "failed");

    let stopper = thread.clone();
    let stopped = in_time(move || stopper.stop(0));

    assert_eq!(stopped.unwrap().unwrap().fault, Some(RingFault::Device));
}

#[test]
fn descriptors_that_a_failed_worker_watched_are_watched_no_more() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // The device keeps the file open, so closing the worker's descriptor does not end the watch.
    let kept = reader.try_clone().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let first = AtomicBool::new(true);
    let thread = spawn(move || {
        let first = first.swap(false, Ordering::SeqCst);
        let reader = kept.try_clone()?;
        let counted = counted.clone();
        Ok(Script {
            sources: Some(Box::new(move |sources| {
                if first {
                    sources.add(&reader, Interest::Readable, Token(7))?;
                }
                Ok(())
            })),
            ready: Some(Box::new(move |_, _| {
                counted.fetch_add(1, Ordering::SeqCst);
                panic!("the test asked for a panic");
            })),
            ..Script::default()
        })
    });
    let served = serve(&thread, Driver::new(8), 0);

    io::Write::write_all(&mut writer, b"x").unwrap();
    assert_eq!(served.line.next(), "failed");
    (0..100).for_each(|_| thread.negotiated(0).unwrap());

    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_worker_is_told_the_features_again_after_a_failure() {
    let (sender, features) = channel();
    let thread = spawn(move || {
        let sender = sender.clone();
        Ok(Script {
            kicked: Some(Box::new(|_, queues| {
                assert!(
                    queues.get(0).and_then(|queue| queue.pop()).is_none(),
                    "the test asked for a panic"
                );
            })),
            negotiated: Some(Box::new(move |features| sender.send(features).unwrap())),
            ..Script::default()
        })
    });
    thread.negotiated(5).unwrap();
    let mut driver = Driver::new(8);
    driver.offer_room(4);

    let _served = serve(&thread, driver, 0);

    assert_eq!(features.recv_timeout(TIMEOUT), Ok(5));
    assert_eq!(features.recv_timeout(TIMEOUT), Ok(5));
}

#[test]
fn a_polling_worker_answers_without_a_kick() {
    let device = TestDevice {
        make: Box::new(|| Ok(Echo)),
    };
    let options = WorkerOptions {
        poll: Duration::MAX,
        ..options().0
    };
    let thread = WorkerThread::spawn(Arc::new(device), 0, options).unwrap();
    let driver = Driver::new(8);
    let (interrupt, line) = line();
    thread.start(start_of(&driver, 0, interrupt, None)).unwrap();
    let kick = event();
    let mut served = Served { driver, line, kick };

    for round in 0..100u8 {
        // The kick goes to a descriptor that nobody watches.
        assert_eq!(served.ask(&[round]), [round]);
    }
    assert!(thread.stop(0).unwrap().is_some());
}

#[test]
fn a_polling_worker_hears_of_a_host_event_while_it_polls() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (sender, tokens) = channel();
    let sender = Mutex::new(sender);
    let slot = Mutex::new(Some(Script {
        sources: Some(Box::new(move |sources| {
            sources.add(&reader, Interest::ReadEdges, Token(3))
        })),
        ready: Some(Box::new(move |token, _| {
            sender.lock().unwrap().send(token).unwrap();
        })),
        ..Script::default()
    }));
    let device = TestDevice {
        make: Box::new(move || Ok(slot.lock().unwrap().take().unwrap())),
    };
    let options = WorkerOptions {
        poll: Duration::MAX,
        ..options().0
    };
    let thread = WorkerThread::spawn(Arc::new(device), 0, options).unwrap();
    let _served = serve(&thread, Driver::new(8), 0);

    io::Write::write_all(&mut writer, b"x").unwrap();

    assert_eq!(tokens.recv_timeout(TIMEOUT), Ok(Token(3)));
}

#[test]
fn a_worker_that_polls_for_a_while_sleeps_and_wakes() {
    let device = TestDevice {
        make: Box::new(|| Ok(Echo)),
    };
    let options = WorkerOptions {
        poll: Duration::from_nanos(1),
        ..options().0
    };
    let thread = WorkerThread::spawn(Arc::new(device), 0, options).unwrap();
    let mut served = serve(&thread, Driver::new(8), 0);

    for round in 0..200u8 {
        assert_eq!(served.ask(&[round]), [round]);
    }
}

#[test]
fn a_blocking_kick_that_somebody_else_drained_does_not_hold_the_worker() {
    let (release, gate) = channel();
    let (entered, inside) = channel();
    let gate = Mutex::new(gate);
    let thread = Arc::new(spawn_script(Script {
        kicked: Some(Box::new(move |index, queues| {
            entered.send(()).unwrap();
            gate.lock().unwrap().recv().unwrap();
            Echo.kicked(index, queues);
        })),
        ..Script::default()
    }));
    let mut served = serve(&thread, Driver::new(8), 0);
    inside.recv_timeout(TIMEOUT).unwrap();

    // The worker is busy while it is kicked, and the kick is taken away from it.
    for _ in 0..3 {
        served.kick();
        rustix::io::read(&served.kick, &mut [0; 8]).unwrap();
    }
    drop((0..100).map(|_| release.send(())).collect::<Vec<_>>());
    let answer = served.ask(b"ping");
    let stopper = thread.clone();
    let stopped = in_time(move || stopper.stop(0));

    assert_eq!(answer, b"ping");
    assert!(stopped.unwrap().is_some());
}

/// A worker that counts how often it is called and takes nothing.
fn idler() -> (WorkerThread, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let thread = spawn_script(Script {
        kicked: Some(Box::new(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
        })),
        ..Script::default()
    });
    (thread, calls)
}

#[test]
fn a_kick_pipe_whose_other_end_is_closed_does_not_spin() {
    let (thread, calls) = idler();
    let driver = Driver::new(8);
    let (interrupt, _line) = line();
    let (reader, writer) = std::io::pipe().unwrap();
    let start = start_of(&driver, 0, interrupt, Some(reader.into()));
    thread.start(start).unwrap();

    drop(writer);
    // A thread that spins takes a turn each time it comes round.
    (0..1000).for_each(|_| thread.negotiated(0).unwrap());

    assert!(calls.load(Ordering::SeqCst) <= 3);
}

#[test]
fn a_kick_that_cannot_be_read_away_does_not_spin() {
    let (thread, calls) = idler();
    let driver = Driver::new(8);
    let (interrupt, _line) = line();
    // The writing end: the kernel lets it be waited for, and refuses to read.
    let (_reader, writer) = std::io::pipe().unwrap();
    thread
        .start(start_of(&driver, 0, interrupt, Some(writer.into())))
        .unwrap();

    (0..1000).for_each(|_| thread.negotiated(0).unwrap());

    assert!(calls.load(Ordering::SeqCst) <= 3);
}

#[test]
fn a_kick_that_cannot_be_waited_for_is_survived() {
    let thread = spawn(|| Ok(Echo));
    let mut driver = Driver::new(8);
    driver.offer_request(b"once", 8);
    let (interrupt, line) = line();
    let file = tempfile();

    thread
        .start(start_of(&driver, 0, interrupt, Some(file)))
        .unwrap();

    line.wait_used(&mut driver);
}

/// A regular file: epoll refuses it.
fn tempfile() -> OwnedFd {
    std::fs::File::open("/proc/self/exe").unwrap().into()
}

#[test]
fn a_worker_is_not_called_again_for_buffers_that_it_leaves_in_the_ring() {
    for poll in [Duration::ZERO, Duration::from_micros(1)] {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = calls.clone();
        let script = Mutex::new(Some(Script {
            kicked: Some(Box::new(move |_, _| {
                counted.fetch_add(1, Ordering::SeqCst);
            })),
            ..Script::default()
        }));
        let device = TestDevice {
            make: Box::new(move || Ok(script.lock().unwrap().take().unwrap())),
        };
        let options = WorkerOptions {
            poll,
            ..options().0
        };
        let thread = WorkerThread::spawn(Arc::new(device), 0, options).unwrap();
        let mut driver = Driver::new(8);
        driver.offer_room(4);
        driver.offer_room(4);

        let _served = serve(&thread, driver, 0);
        (0..1000).for_each(|_| thread.negotiated(0).unwrap());

        assert!(calls.load(Ordering::SeqCst) <= 2);
    }
}

#[test]
fn a_driver_that_refills_for_ever_cannot_hold_up_a_stop_or_another_queue() {
    let greedy = Arc::new(Mutex::new(Driver::new(8)));
    greedy.lock().unwrap().offer_room(4);
    let memory = greedy.lock().unwrap().memory.clone();
    let refill = greedy.clone();
    let thread = Arc::new(spawn_script(Script {
        kicked: Some(Box::new(move |index, queues| {
            while let Some(mut chain) = queues.get(index).and_then(|queue| queue.pop()) {
                chain.write(b"more");
                queues.complete(index, chain);
                if index == 0 {
                    let mut driver = refill.lock().unwrap();
                    let head = driver.link(&[writable(0x1000, 4)]);
                    driver.push(head);
                    driver.publish();
                }
            }
        })),
        ..Script::default()
    }));
    let (interrupt, _line) = line();
    let start = start_of(&greedy.lock().unwrap(), 0, interrupt, None);
    thread.start(start).unwrap();

    let mut modest = serve(&thread, Driver::in_memory(memory, 8, 1), 1);
    let (head, _) = modest.driver.offer_room(4);
    modest.kick();
    let used = modest.line.wait_used(&mut modest.driver);
    let stopper = thread.clone();
    let stopped = in_time(move || stopper.stop(0));

    assert_eq!(used, (u32::from(head), 4));
    assert!(stopped.unwrap().is_some());
}

#[test]
fn a_host_event_reaches_the_worker_which_takes_a_buffer_for_it() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let reader = Arc::new(reader);
    let watched = reader.clone();
    let thread = spawn_script(Script {
        sources: Some(Box::new(move |sources| {
            sources.add(&*watched, Interest::Readable, Token(3))
        })),
        ready: Some(Box::new(move |token, queues| {
            assert_eq!(token, Token(3));
            if let Some(queue) = queues.get(0)
                && let Some(mut chain) = queue.pop()
            {
                chain.fill_from(&*reader, None, 1).unwrap();
                queue.complete(chain);
            }
        })),
        ..Script::default()
    });
    let mut served = serve(&thread, Driver::new(8), 0);

    // More than the budget of one turn.
    for round in 0..6000u32 {
        let (_, room) = served.driver.offer_room(1);
        io::Write::write_all(&mut writer, &[round as u8]).unwrap();
        served.line.wait_used(&mut served.driver);
        assert_eq!(served.driver.bytes(room, 1), [round as u8]);
    }
}

#[test]
fn what_several_descriptors_brought_at_once_is_one_notification() {
    let pipes: Vec<_> = (0..4).map(|_| std::io::pipe().unwrap()).collect();
    let (readers, mut writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
    for writer in &mut writers {
        io::Write::write_all(writer, b"x").unwrap();
    }
    let ready = Arc::new(AtomicU32::new(0));
    let (count, seen) = (ready.clone(), ready.clone());
    let (settled, looks) = std::sync::mpsc::channel();
    let _thread = spawn_script(Script {
        sources: Some(Box::new(move |sources| {
            (0..).zip(&readers).try_for_each(|(token, reader)| {
                sources.add(reader, Interest::ReadEdges, Token(token))
            })
        })),
        ready: Some(Box::new(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
        })),
        settled: Some(Box::new(move |_| {
            let _ = settled.send(seen.load(Ordering::SeqCst));
        })),
        ..Script::default()
    });

    let first = looks.recv_timeout(TIMEOUT).unwrap();

    assert_eq!(first, 4);
    assert_eq!(ready.load(Ordering::SeqCst), 4, "an edge is told once");
}

#[test]
fn a_source_without_interest_is_not_reported_more_than_once() {
    let (reader, writer) = std::io::pipe().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let thread = spawn_script(Script {
        sources: Some(Box::new(move |sources| {
            sources.add(&reader, Interest::None, Token(1))
        })),
        ready: Some(Box::new(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
        })),
        ..Script::default()
    });

    drop(writer);
    (0..1000).for_each(|_| thread.negotiated(0).unwrap());

    assert!(calls.load(Ordering::SeqCst) <= 1);
}

#[test]
fn another_kick_and_another_interrupt_take_over_on_a_live_queue() {
    let thread = spawn(|| Ok(Echo));
    let mut served = serve(&thread, Driver::new(8), 0);
    served.ask(b"one");
    let (interrupt, line) = line();
    let kick = event();

    thread.set_kick(0, Some(kick.try_clone().unwrap())).unwrap();
    thread.set_interrupt(0, Box::new(interrupt)).unwrap();
    // What the former one may have lost.
    assert_eq!(line.next(), "used");
    let old = served.line.used();
    let mut served = Served {
        line,
        kick,
        ..served
    };

    assert_eq!(served.ask(b"two"), b"two");
    assert_eq!(old, 1);
}

#[test]
fn what_is_asked_of_a_queue_that_is_not_live_does_nothing() {
    let thread = spawn(|| Ok(Echo));
    for index in [0, 3, 4, 0xffff] {
        assert_eq!(thread.stop(index), Ok(None));
        thread.enable(index, true).unwrap();
        thread.enable(index, false).unwrap();
        thread.set_kick(index, Some(event())).unwrap();
        thread.set_interrupt(index, Box::new(line().0)).unwrap();
    }
    thread.set_memory(Arc::default(), true).unwrap();
    thread.set_memory(Arc::default(), false).unwrap();

    let mut served = serve(&thread, Driver::new(8), 0);

    assert_eq!(served.ask(b"ok"), b"ok");
}

#[test]
fn a_queue_number_that_the_device_does_not_have_is_not_served() {
    let thread = spawn(|| Ok(Echo));

    let mut served = serve(&thread, Driver::new(8), 9);
    served.driver.offer_room(4);
    served.kick();

    assert_eq!(thread.stop(9), Ok(None));
    assert_eq!(served.driver.take_used(), None);
}

#[test]
fn a_ring_that_cannot_be_used_is_refused_at_the_start() {
    let thread = spawn(|| Ok(Echo));
    let driver = Driver::new(8);
    let mut start = start_of(&driver, 0, line().0, None);
    start.config.used = driver::OUTSIDE;

    assert!(matches!(thread.start(start), Err(StartError::Ring(_))));
    assert_eq!(thread.stop(0), Ok(None));
}

#[test]
fn a_thread_that_is_dropped_stops_its_queues_and_puts_parked_chains_back() {
    let (told, parked) = channel();
    let thread = spawn_script(park(told));
    let mut driver = Driver::new(8);
    driver.offer_room(4);
    let served = serve(&thread, driver, 0);
    parked.recv_timeout(TIMEOUT).unwrap();
    let memory = served.driver.memory.clone();
    drop(served.driver);

    in_time(move || drop(thread));

    assert_eq!(Arc::strong_count(&memory), 1);
}

#[test]
fn a_device_that_has_no_worker_starts_no_thread() {
    let device = TestDevice::<Echo> {
        make: Box::new(|| Err(io::Error::other("no such bus"))),
    };

    let result = WorkerThread::spawn(Arc::new(device), 0, options().0);

    assert_eq!(result.unwrap_err().to_string(), "no such bus");
}

#[test]
fn memory_whose_file_was_truncated_is_reported_once_and_ends_no_process() {
    let file = std::fs::File::from(
        rustix::fs::memfd_create("t", rustix::fs::MemfdFlags::CLOEXEC).unwrap(),
    );
    file.set_len(MEMORY_SIZE).unwrap();
    let handle = file.try_clone().unwrap();
    let tracking = Tracking::new();
    let region = MappedRegion::from_file(file, 0, MEMORY_SIZE as usize, GuestAddress(0), &tracking);
    let memory = Arc::new(Memory::new(vec![region.unwrap()]).unwrap());
    let device = TestDevice {
        make: Box::new(|| Ok(Echo)),
    };
    let (options, told) = options();
    let thread = WorkerThread::spawn(Arc::new(device), 0, options).unwrap();
    let mut served = serve(&thread, Driver::in_memory(memory, 8, 0), 0);
    served.ask(b"fine");

    handle.set_len(0).unwrap();
    served.kick();
    let fault = told.recv_timeout(TIMEOUT).unwrap();
    served.kick();
    thread.stop(0).unwrap();

    assert_eq!(fault, WorkerFault::MemoryVanished);
    assert!(told.try_recv().is_err());
}

#[test]
fn commands_from_many_threads_and_a_busy_driver_end_with_the_queue_in_order() {
    let thread = Arc::new(spawn(|| Ok(Echo)));
    let mut served = serve(&thread, Driver::new(8), 0);
    let memory = served.driver.memory.clone();
    let done = Arc::new(AtomicBool::new(false));
    let meddlers: Vec<_> = (0..3u64)
        .map(|kind| {
            let (thread, memory, done) = (thread.clone(), memory.clone(), done.clone());
            std::thread::spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    match kind {
                        0 => thread.set_memory(Arc::new(Memory::clone(&memory)), true),
                        1 => thread.set_memory(Arc::new(Memory::clone(&memory)), false),
                        _ => thread
                            .enable(0, false)
                            .and_then(|()| thread.enable(0, true)),
                    }
                    .unwrap();
                }
            })
        })
        .collect();

    for round in 0..500u32 {
        let request = round.to_le_bytes();
        assert_eq!(served.ask(&request), request);
    }
    done.store(true, Ordering::SeqCst);
    meddlers
        .into_iter()
        .for_each(|meddler| meddler.join().unwrap());

    let stopped = thread.stop(0).unwrap().unwrap();
    assert_eq!((stopped.next_used, stopped.fault), (500, None));
}

#[test]
fn the_watched_descriptor_of_a_stopped_queue_is_let_go() {
    let thread = spawn(|| Ok(Echo));
    let served = serve(&thread, Driver::new(8), 0);
    let (reader, writer) = std::io::pipe().unwrap();
    thread.set_kick(0, Some(reader.into())).unwrap();
    thread.stop(0).unwrap();
    drop(served);

    // The worker's end was the only reader.
    let result = rustix::io::write(writer.as_fd(), b"x");

    assert_eq!(result, Err(rustix::io::Errno::PIPE));
}
