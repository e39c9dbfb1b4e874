// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The vhost-user protocol, as a frontend meets it, on a device made for these tests.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vhost_user_daemon::{Endpoint, Serving, Shutdown};
use virtio_device::{Chain, ConfigError, Device, Identity, QueueSpec, Queues, StateError, Worker};
use virtio_guest::{Error, Guest};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Echoes what it reads. A request that starts with one of these is treated otherwise.
const HOLD: u8 = b'H';
const PANIC: u8 = b'P';

const SPEC: QueueSpec = QueueSpec {
    max_size: 256,
    worker: 0,
};
const QUEUES: [QueueSpec; 2] = [SPEC, QueueSpec { worker: 1, ..SPEC }];

/// What a test sees of the device, and may do to it.
#[derive(Default)]
struct Bench {
    config: Mutex<[u8; 8]>,
    state: Mutex<Vec<u8>>,
    /// Requests that were handed to a helper thread arrive here.
    held: Mutex<Option<Sender<Chain>>>,
    resets: Mutex<Option<Sender<()>>>,
}

struct Lab(Arc<Bench>);

impl Device for Lab {
    type Worker = LabWorker;

    fn identity(&self) -> Identity {
        Identity {
            name: "lab",
            device_id: 63,
        }
    }

    fn queues(&self) -> &[QueueSpec] {
        &QUEUES
    }

    fn config(&self) -> Vec<u8> {
        self.0.config.lock().unwrap().to_vec()
    }

    fn write_config(&self, offset: u32, data: &[u8]) -> Result<(), ConfigError> {
        if offset < 4 {
            return Err(ConfigError::ReadOnly {
                offset,
                len: data.len(),
            });
        }
        let offset = offset as usize;
        self.0.config.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn worker(&self, _index: usize) -> io::Result<LabWorker> {
        Ok(LabWorker(self.0.clone()))
    }

    fn has_state(&self) -> bool {
        true
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        Ok(self.0.state.lock().unwrap().clone())
    }

    fn load(&self, state: &[u8]) -> Result<(), StateError> {
        if state.first() == Some(&0xff) {
            return Err(StateError::Damaged("it starts with 0xff"));
        }
        *self.0.state.lock().unwrap() = state.to_vec();
        Ok(())
    }

    fn reset(&self) {
        if let Some(resets) = &*self.0.resets.lock().unwrap() {
            let _ = resets.send(());
        }
    }
}

struct LabWorker(Arc<Bench>);

impl Worker for LabWorker {
    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        let Some(queue) = queues.get(queue) else {
            return;
        };
        while let Some(mut request) = queue.pop() {
            let mut bytes = vec![0; request.readable_len() as usize];
            let _ = request.read(&mut bytes);
            let held = self.0.held.lock().unwrap().clone();
            match (bytes.first(), held) {
                (Some(&PANIC), _) => panic!("asked for by the test"),
                (Some(&HOLD), Some(held)) => {
                    let _ = held.send(request);
                    continue;
                }
                _ => {}
            }
            request.write(&bytes);
            queue.complete(request);
        }
    }
}

/// The device, served in this process on a socket of its own.
struct Served {
    bench: Arc<Bench>,
    path: PathBuf,
    serving: Option<Serving>,
    _directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        Self::polling(Duration::ZERO)
    }

    fn polling(poll: Duration) -> Self {
        let bench = Arc::new(Bench::default());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = Endpoint::Listening {
            path: None,
            listener,
        };
        let shutdown = Shutdown::new().unwrap();
        let device = Lab(bench.clone());
        let serving = Serving::start(vec![device], vec![endpoint], poll, &shutdown).unwrap();
        Self {
            bench,
            path,
            serving: Some(serving),
            _directory: directory,
        }
    }

    fn guest(&self) -> Guest {
        Guest::builder(&self.path).timeout(TIMEOUT).boot().unwrap()
    }

    /// Requests that begin with [`HOLD`] come out here instead of being answered.
    fn hold(&self) -> Receiver<Chain> {
        let (sender, receiver) = channel();
        *self.bench.held.lock().unwrap() = Some(sender);
        receiver
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            assert!(serving.stop() || std::thread::panicking());
        }
    }
}

fn echo(guest: &mut Guest, queue: u16, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let reply = guest.queue(queue).request(&[bytes], &[bytes.len()])?;
    Ok(reply.data())
}

/// A thread that takes a held request and finishes it once it is told to.
struct Helper {
    taken: Receiver<()>,
    go: Sender<()>,
    finished: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Helper {
    fn new(held: Receiver<Chain>) -> Self {
        let finished = Arc::new(AtomicBool::new(false));
        let flag = finished.clone();
        let ((take, taken), (go, wait)) = (channel(), channel());
        let thread = std::thread::spawn(move || {
            let mut chain = held.recv_timeout(TIMEOUT).unwrap();
            take.send(()).unwrap();
            wait.recv_timeout(TIMEOUT).unwrap();
            chain.write(b"late");
            flag.store(true, Ordering::SeqCst);
            chain.finish();
        });
        Self {
            taken,
            go,
            finished,
            thread,
        }
    }

    /// Waits until the device has handed the request over.
    fn wait_taken(&self) {
        self.taken.recv_timeout(TIMEOUT).unwrap();
    }

    fn go(&self) {
        self.go.send(()).unwrap();
    }

    /// Lets the request go while the caller does something that waits for it.
    fn go_during<T>(self, action: impl FnOnce() -> T) -> T {
        self.wait_taken();
        let release = std::thread::spawn(move || {
            self.go();
            self.thread.join().unwrap();
        });
        let result = action();
        release.join().unwrap();
        result
    }
}

#[test]
fn both_queues_echo() {
    let served = Served::start();
    let mut guest = served.guest();

    assert_eq!(echo(&mut guest, 0, b"zero").unwrap(), b"zero");
    assert_eq!(echo(&mut guest, 1, b"one").unwrap(), b"one");
}

#[test]
fn a_polling_worker_echoes() {
    let served = Served::polling(Duration::from_millis(2));
    let mut guest = served.guest();

    for round in 0..60u8 {
        assert_eq!(echo(&mut guest, 0, &[round; 32]).unwrap(), [round; 32]);
    }
}

#[test]
fn a_request_finished_on_another_thread_is_answered() {
    let served = Served::start();
    let mut guest = served.guest();
    let helper = Helper::new(served.hold());

    let token = guest.queue(0).post(&[b"H"], &[8]).unwrap();
    guest.queue(0).kick().unwrap();
    helper.go();
    let reply = guest.queue(0).wait_for(token).unwrap();

    assert_eq!(reply.data(), b"late");
}

#[test]
fn a_held_request_does_not_hold_the_others() {
    let served = Served::start();
    let mut guest = served.guest();
    let helper = Helper::new(served.hold());
    let token = guest.queue(0).post(&[b"H"], &[8]).unwrap();

    let next = echo(&mut guest, 0, b"next").unwrap();
    helper.go();

    assert_eq!(next, b"next");
    assert_eq!(guest.queue(0).wait_for(token).unwrap().data(), b"late");
}

#[test]
fn stopping_a_queue_waits_for_requests_on_other_threads() {
    let served = Served::start();
    let mut guest = served.guest();
    let helper = Helper::new(served.hold());
    let finished = helper.finished.clone();
    guest.queue(0).post(&[b"H"], &[8]).unwrap();
    guest.queue(0).kick().unwrap();

    let (base, finished) = helper.go_during(|| {
        let base = guest.stop_queue(0).unwrap();
        (base, finished.load(Ordering::SeqCst))
    });

    assert_eq!((base, finished), (1, true));
}

#[test]
fn a_stopped_queue_leaves_memory_alone_and_goes_on_from_its_base() {
    let served = Served::start();
    let mut guest = served.guest();
    echo(&mut guest, 0, b"before").unwrap();

    let base = guest.stop_queue(0).unwrap();
    let before = guest.arena().snapshot();
    guest.queue(0).kick_always();
    guest.frontend().sync().unwrap();
    let difference = guest.arena().first_difference(&before);
    guest.start_queue(0, base).unwrap();

    assert_eq!(difference, None);
    assert_eq!(echo(&mut guest, 0, b"after").unwrap(), b"after");
}

#[test]
fn a_disabled_queue_is_served_once_it_is_enabled() {
    let served = Served::start();
    let mut guest = served.guest();
    guest.enable_queue(0, false).unwrap();
    let token = guest.queue(0).post(&[b"wait"], &[4]).unwrap();
    guest.queue(0).kick_always();
    guest.frontend().sync().unwrap();
    let early = guest.queue(0).poll_used().unwrap();

    guest.enable_queue(0, true).unwrap();

    assert!(early.is_none());
    assert_eq!(guest.queue(0).wait_for(token).unwrap().data(), b"wait");
}

#[test]
fn a_panicking_device_costs_that_connection_and_no_more() {
    let served = Served::start();
    let mut guest = served.guest();

    let result = guest.queue(0).request(&[b"P"], &[8]);
    let ended = guest.frontend().hung_up(TIMEOUT);
    drop(guest);
    let mut next = served.guest();

    assert!(result.is_err());
    assert!(ended);
    assert_eq!(echo(&mut next, 0, b"alive").unwrap(), b"alive");
}

#[test]
fn a_second_frontend_waits_until_the_first_is_gone() {
    let served = Served::start();
    let mut first = served.guest();
    let path = served.path.clone();
    let (booted, second) = channel();
    let thread = std::thread::spawn(move || {
        let mut guest = Guest::builder(path).timeout(TIMEOUT).boot().unwrap();
        booted
            .send(echo(&mut guest, 0, b"second").unwrap())
            .unwrap();
    });

    for _ in 0..50 {
        echo(&mut first, 0, b"first").unwrap();
    }
    let early = second.try_recv();
    drop(first);

    assert!(early.is_err());
    assert_eq!(second.recv_timeout(TIMEOUT).unwrap(), b"second");
    thread.join().unwrap();
}

#[test]
fn a_disconnect_resets_the_device() {
    let served = Served::start();
    let (sender, resets) = channel();
    *served.bench.resets.lock().unwrap() = Some(sender);

    drop(served.guest());

    resets.recv_timeout(TIMEOUT).unwrap();
}

#[test]
fn a_reset_device_starts_anew() {
    let served = Served::start();
    let mut guest = served.guest();
    echo(&mut guest, 0, b"before").unwrap();

    guest.reset_device().unwrap();
    guest.restart().unwrap();

    assert_eq!(echo(&mut guest, 0, b"after").unwrap(), b"after");
}

#[test]
fn configuration_is_read_within_its_bounds_only() {
    let served = Served::start();
    *served.bench.config.lock().unwrap() = *b"abcdefgh";
    let guest = served.guest();

    assert_eq!(guest.get_config(2, 4).unwrap(), b"cdef");
    assert!(
        guest
            .get_config(6, 4)
            .map_or(true, |bytes| bytes.is_empty())
    );
    assert!(
        guest
            .get_config(300, 4)
            .map_or(true, |bytes| bytes.is_empty())
    );
}

#[test]
fn a_refused_configuration_write_leaves_the_connection() {
    let served = Served::start();
    let mut guest = served.guest();

    let _ = guest.set_config(0, b"no");
    let _ = guest.set_config(7, b"outside");
    guest.set_config(4, b"yes").unwrap();

    assert_eq!(guest.get_config(4, 3).unwrap(), b"yes");
    assert_eq!(echo(&mut guest, 0, b"alive").unwrap(), b"alive");
}

#[test]
fn state_moves_from_one_daemon_to_another() {
    let (old, new) = (Served::start(), Served::start());
    *old.bench.state.lock().unwrap() = (0..100_000u32).map(|i| i as u8 & 0x7f).collect();
    let mut guest = old.guest();
    let (state, _) = guest.suspend().unwrap();
    let mut successor = new.guest();
    successor.suspend().unwrap();

    successor.load_state(&state).unwrap();

    assert_eq!(
        *new.bench.state.lock().unwrap(),
        *old.bench.state.lock().unwrap()
    );
}

#[test]
fn a_damaged_state_is_reported_and_the_connection_goes_on() {
    let served = Served::start();
    let mut guest = served.guest();
    let (_, bases) = guest.suspend().unwrap();

    let result = guest.load_state(&[0xff, 1, 2]);
    guest.start_queue(0, bases[0]).unwrap();

    assert!(result.is_err());
    assert_eq!(echo(&mut guest, 0, b"alive").unwrap(), b"alive");
}

#[test]
fn state_cannot_be_saved_while_a_queue_runs() {
    let served = Served::start();
    let mut guest = served.guest();

    let result = guest.save_state();

    assert!(result.is_err());
    assert_eq!(echo(&mut guest, 0, b"alive").unwrap(), b"alive");
}

#[test]
fn a_removed_region_is_left_alone_and_the_queue_goes_on() {
    let served = Served::start();
    let mut guest = served.guest();
    let gpa = 64 << 30;
    guest.add_region(gpa, 1 << 20).unwrap();

    guest.remove_region(gpa).unwrap();

    assert_eq!(echo(&mut guest, 0, b"alive").unwrap(), b"alive");
}

#[test]
fn a_removal_waits_for_requests_that_use_the_memory() {
    let served = Served::start();
    let mut guest = served.guest();
    guest.add_region(64 << 30, 1 << 20).unwrap();
    let helper = Helper::new(served.hold());
    let finished = helper.finished.clone();
    guest.queue(0).post(&[b"H"], &[8]).unwrap();
    guest.queue(0).kick().unwrap();

    let finished = helper.go_during(|| {
        guest.remove_region(64 << 30).unwrap();
        finished.load(Ordering::SeqCst)
    });

    assert!(finished);
    assert_eq!(guest.queue(0).wait(TIMEOUT).unwrap().data(), b"late");
}

/// The dirty log exists for plain memory only: Xen's toolstack tracks pages itself.
fn logs(guest: &Guest) -> bool {
    let offered = guest.has(virtio_guest::wire::protocol::LOG_SHMFD);
    assert_eq!(offered, guest.variant() == "mmap");
    offered
}

/// Has the device answer requests that were posted before the memory was looked at, so that
/// between the two looks only the device writes. Returns the pages that changed and, if there is a
/// log, those that are marked in it.
fn changed_and_marked(guest: &mut Guest, log: bool) -> (BTreeSet<u64>, BTreeSet<u64>) {
    guest.enable_queue(0, false).unwrap();
    for round in 1..40u8 {
        let bytes = vec![round; usize::from(round) * 300];
        guest.queue(0).post(&[&bytes], &[bytes.len()]).unwrap();
    }
    let log = log.then(|| guest.start_logging().unwrap());
    let before = guest.arena().snapshot();
    guest.enable_queue(0, true).unwrap();
    // Draining waits for what was taken, not for what is still to take.
    let deadline = Instant::now() + TIMEOUT;
    while guest.queue(0).used_idx().unwrap() != 39 {
        assert!(Instant::now() < deadline, "the requests were not answered");
        std::thread::yield_now();
    }
    guest.stop_queue(0).unwrap();
    let changed = guest.arena().changed_pages(&before);
    (changed, log.map(|log| log.pages()).unwrap_or_default())
}

fn logging_guest(served: &Served) -> Option<Guest> {
    let guest = Guest::builder(&served.path)
        .timeout(TIMEOUT)
        .memory_size(16 << 20)
        .queue_size(256)
        .protocol_features(u64::MAX)
        .boot()
        .unwrap();
    logs(&guest).then_some(guest)
}

#[test]
fn the_log_has_exactly_the_pages_that_were_written() {
    let served = Served::start();
    let Some(mut guest) = logging_guest(&served) else {
        return;
    };

    let (changed, marked) = changed_and_marked(&mut guest, true);

    assert!(changed.len() > 39, "{} pages", changed.len());
    assert_eq!(marked, changed);
}

#[test]
fn a_log_that_was_turned_off_stays_as_it_was() {
    let served = Served::start();
    let Some(mut guest) = logging_guest(&served) else {
        return;
    };
    let log = guest.start_logging().unwrap();
    echo(&mut guest, 0, b"logged").unwrap();

    guest.stop_logging().unwrap();
    assert!(!log.take().is_empty());
    echo(&mut guest, 0, b"not logged").unwrap();

    assert!(log.pages().is_empty());
}

#[test]
fn a_log_that_is_shorter_than_the_memory_is_refused() {
    let served = Served::start();
    let Some(guest) = logging_guest(&served) else {
        return;
    };
    let log = virtio_guest::DirtyLog::new(0x1000).unwrap();

    let result = guest.set_log_base(log.size(), 0, std::os::fd::AsFd::as_fd(&log));
    drop(guest);

    assert!(result.is_err());
    assert_eq!(echo(&mut served.guest(), 0, b"next").unwrap(), b"next");
}
