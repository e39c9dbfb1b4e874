// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Second level: the worker against a ring in plain memory. No socket, no thread of its own.
//!
//! The power is cut here as well: what is done to an image is recorded, in order, together with what
//! the driver was told, and every cut of that record is checked. Killing the process would prove
//! nothing, because the page cache survives that.

mod driver;

use std::collections::{BTreeMap, HashMap};
use std::io::IoSliceMut;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use driver::{BLOCK, Image, SENSE, address, header, pattern, sixteen, ten};
use rustix::io::{ReadWriteFlags, preadv2};
use vhost_device_scsi::disk::{Cache, Disk, DiskOptions, Witness};
use vhost_device_scsi::server::{ImageOptions, Server};
use vhost_device_scsi::{Scsi, ScsiWorker};
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{Device, EngineKind, GuestFaults, Queue, Queues, RingConfig, Token, Worker};
use virtio_guest::{Arena, Reply};

const TIMEOUT: Duration = Duration::from_secs(20);
const CONTROL: usize = 0;
const QUEUE: usize = 2;

/// The engines that this host has.
fn engines() -> Vec<EngineKind> {
    let mut engines = vec![EngineKind::Threads];
    if vhost_device_scsi::server::probe_uring().is_ok() {
        engines.push(EngineKind::Uring);
    }
    engines
}

struct Local {
    driver: virtio_guest::Queue,
    slots: [Option<Queue>; 3],
    worker: ScsiWorker,
    control: Control,
}

/// The control queue, with its worker.
struct Control {
    driver: virtio_guest::Queue,
    slots: [Option<Queue>; 1],
    worker: ScsiWorker,
}

impl Local {
    fn new(
        image: &Image,
        cache: Cache,
        engine: EngineKind,
        witness: Option<Arc<dyn Witness>>,
    ) -> Self {
        let options = ImageOptions {
            disk: DiskOptions {
                path: image.path.clone(),
                read_only: false,
                block_size: BLOCK as u32,
                cache,
                unlocked: false,
            },
            solid_state: false,
            target: None,
            lun: 0,
            serial: None,
            wwn: None,
        };
        let server = Server::new(1, engine, None).unwrap();
        let mut disk = Disk::open(&options.disk).unwrap();
        if let Some(witness) = witness {
            disk = disk.with_witness(witness);
        }
        server.add_disk(disk, &options).unwrap();
        let arena = Arena::new(4 << 20, 1, false).unwrap();
        let driver = virtio_guest::Queue::new(&arena, QUEUE as u16, 256, false).unwrap();
        let control = virtio_guest::Queue::new(&arena, CONTROL as u16, 16, false).unwrap();
        let tracking = Tracking::new();
        let regions = arena.regions().into_iter().map(|region| {
            let file = region.file().try_clone().unwrap();
            let base = GuestAddress(region.guest_addr());
            MappedRegion::from_file(file, 0, region.size(), base, &tracking).unwrap()
        });
        let memory = Arc::new(Memory::new(regions.collect()).unwrap());
        let queue = |index: usize, driver: &virtio_guest::Queue| {
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
            let memory = memory.clone();
            Queue::new(index as u16, config, memory, Box::new(()), faults).unwrap()
        };
        let device = Scsi::new(&server, 0, 1);
        let mut local = Self {
            slots: [None, None, Some(queue(QUEUE, &driver))],
            driver,
            worker: device.worker(1).unwrap(),
            control: Control {
                slots: [Some(queue(CONTROL, &control))],
                driver: control,
                worker: device.worker(0).unwrap(),
            },
        };
        // What the driver has to hear first.
        local.post(0, &[0; 6], &[], 0);
        local.next();
        local
    }

    fn post(&mut self, tag: u64, cdb: &[u8], data: &[u8], room: usize) -> virtio_guest::Token {
        let header = header(address(0, 0), tag, 0, cdb);
        let token = self
            .driver
            .post(&[&header, data], &[12 + SENSE, room])
            .unwrap();
        self.turn(|worker, queues| worker.kicked(QUEUE as u16, queues));
        token
    }

    fn turn(&mut self, code: impl FnOnce(&mut ScsiWorker, &mut Queues<'_>)) {
        if let Some(queue) = &mut self.slots[QUEUE] {
            queue.begin_turn();
        }
        code(&mut self.worker, &mut Queues::new(&mut self.slots));
        if let Some(queue) = &mut self.slots[QUEUE] {
            queue.flush();
        }
    }

    /// What the driver finds in the used ring at this moment.
    fn poll(&mut self) -> Option<Reply> {
        self.turn(|worker, queues| worker.ready(Token(0), queues));
        self.driver.poll_used().unwrap()
    }

    fn next(&mut self) -> Reply {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(reply) = self.poll() {
                return reply;
            }
            assert!(Instant::now() < deadline, "no answer");
            std::thread::yield_now();
        }
    }
}

impl Control {
    /// Sends a task management function. Its answer may come later.
    fn manage(&mut self, subtype: u32, tag: u64) {
        let mut request = vec![0; 4];
        request.extend(subtype.to_le_bytes());
        request.extend(address(0, 0));
        request.extend(tag.to_le_bytes());
        self.driver.post(&[&request], &[1]).unwrap();
        if let Some(queue) = &mut self.slots[CONTROL] {
            queue.begin_turn();
        }
        let mut queues = Queues::new(&mut self.slots);
        self.worker.kicked(CONTROL as u16, &mut queues);
    }

    /// The answer to the last one, if it is there.
    fn managed(&mut self) -> Option<u8> {
        if let Some(queue) = &mut self.slots[CONTROL] {
            queue.collect();
            queue.flush();
        }
        let reply = self.driver.poll_used().unwrap()?;
        Some(reply.bytes()[0])
    }
}

#[test]
fn a_read_is_answered_by_each_engine() {
    for engine in engines() {
        for cache in [Cache::Writeback, Cache::Writethrough] {
            let image = Image::new(32 * BLOCK);
            let mut local = Local::new(&image, cache, engine, None);

            local.post(1, &ten(0x28, 4, 8), &[], 8 * BLOCK);
            let answer = driver::answer(&local.next()).good();

            assert!(answer.data == pattern(4, 8), "{engine} {cache}");
        }
    }
}

#[test]
fn reads_that_stand_together_are_each_answered_before_the_write_behind_them() {
    for engine in engines() {
        let image = Image::new(64 * BLOCK);
        let mut local = Local::new(&image, Cache::Writeback, engine, None);
        let mut post = |tag: u64, cdb: &[u8], data: &[u8], room: usize| {
            let header = header(address(0, 0), tag, 0, cdb);
            let driver = &mut local.driver;
            driver.post(&[&header, data], &[12 + SENSE, room]).unwrap()
        };

        let reads: Vec<_> = (0..20u32)
            .map(|n| (n, post(n.into(), &ten(0x28, n, 2), &[], 2 * BLOCK)))
            .collect();
        post(20, &ten(0x2a, 0, 1), &[0xee; BLOCK], 0);
        local.turn(|worker, queues| worker.kicked(QUEUE as u16, queues));

        let mut answers: HashMap<_, _> = (0..21)
            .map(|_| local.next())
            .map(|reply| (reply.token(), driver::answer(&reply).good()))
            .collect();
        for (n, token) in reads {
            let data = answers.remove(&token).unwrap().data;
            assert!(data == pattern(n, 2), "{engine}: read {n}");
        }
    }
}

/// Whether what the page cache has of an image can be read without waiting. Some file systems do not
/// know how, and emulators neither.
fn is_read_at_once(image: &Image) -> bool {
    let mut buffer = [0; BLOCK];
    let mut buffers = [IoSliceMut::new(&mut buffer)];
    let result = preadv2(image.file(), &mut buffers, 0, ReadWriteFlags::NOWAIT);
    result == Ok(BLOCK)
}

#[test]
fn a_read_of_what_is_cached_is_answered_before_the_slow_request_ahead_of_it() {
    let mut forced_write = ten(0x2a, 0, 1);
    forced_write[1] = 0x08;
    let mut forced_read = ten(0x28, 0, 1);
    forced_read[1] = 0x08;
    let (none, block): (&[u8], &[u8]) = (&[], &pattern(500, 1));
    let slow_ones = [
        (ten(0x35, 0, 0), none, 0),
        (forced_write, block, 0),
        (forced_read, none, BLOCK),
    ];
    for engine in engines() {
        for (cdb, data, room) in slow_ones {
            let image = Image::new(64 * BLOCK);
            if !is_read_at_once(&image) {
                eprintln!("skipped: no RWF_NOWAIT here");
                return;
            }
            let mut local = Local::new(&image, Cache::Writeback, engine, None);
            let slow = header(address(0, 0), 1, 0, &cdb);
            let fast = header(address(0, 0), 2, 0, &ten(0x28, 32, 1));
            let driver = &mut local.driver;
            let slow = driver.post(&[&slow, data], &[12 + SENSE, room]).unwrap();
            let fast = driver.post(&[&fast], &[12 + SENSE, BLOCK]).unwrap();

            // What the engine has is looked at in a later turn, however fast it was.
            local.turn(|worker, queues| worker.kicked(QUEUE as u16, queues));
            let at_once = local.driver.poll_used().unwrap();
            let nothing_else = local.driver.poll_used().unwrap().is_none();
            let later = local.next();

            let at_once = at_once.expect("the read waits for the other");
            assert_eq!(at_once.token(), fast, "{engine} {cdb:x?}");
            assert!(driver::answer(&at_once).good().data == pattern(32, 1));
            assert!(nothing_else, "{engine} {cdb:x?}");
            assert_eq!(later.token(), slow, "{engine} {cdb:x?}");
            driver::answer(&later).good();
        }
    }
}

#[test]
fn of_reads_that_stand_together_those_behind_the_images_end_fail_alone() {
    for engine in engines() {
        let image = Image::new(64 * BLOCK);
        let mut local = Local::new(&image, Cache::Writeback, engine, None);
        // Somebody truncates it without telling.
        let file = std::fs::File::options().write(true).open(&image.path);
        file.unwrap().set_len(32 * BLOCK as u64).unwrap();
        let mut post = |lba: u32| {
            let header = header(address(0, 0), lba.into(), 0, &ten(0x28, lba, 1));
            let driver = &mut local.driver;
            driver.post(&[&header], &[12 + SENSE, BLOCK]).unwrap()
        };

        let (there, gone): (Vec<_>, Vec<_>) = (0..4).map(|n| (post(n), post(40 + n))).unzip();
        local.turn(|worker, queues| worker.kicked(QUEUE as u16, queues));

        let answers: HashMap<_, _> = (0..8)
            .map(|_| local.next())
            .map(|reply| (reply.token(), driver::answer(&reply)))
            .collect();
        for token in there {
            answers[&token].clone().good();
        }
        for token in gone {
            assert_eq!(answers[&token].key(), (3, 0x11, 0), "{engine}");
        }
    }
}

#[test]
fn a_command_under_way_is_found_by_queries_and_an_abort_is_answered_after_it() {
    const ABORT_TASK: u32 = 0;
    const QUERY_TASK: u32 = 6;
    const QUERY_TASK_SET: u32 = 7;
    const COMPLETE: u8 = 0;
    const SUCCEEDED: u8 = 10;
    const ABORTED: u8 = 2;
    for engine in engines() {
        let image = Image::new(64 * BLOCK);
        let mut local = Local::new(&image, Cache::Writethrough, engine, None);
        let ask = |local: &mut Local, subtype, tag| {
            local.control.manage(subtype, tag);
            local.control.managed()
        };

        // It is under way until the worker looks at what the engine has finished.
        local.post(5, &ten(0x2a, 0, 1), &pattern(500, 1), 0);
        let found = ask(&mut local, QUERY_TASK, 5);
        let other = ask(&mut local, QUERY_TASK, 6);
        let any = ask(&mut local, QUERY_TASK_SET, 0);
        let early = ask(&mut local, ABORT_TASK, 5);
        let answer = driver::answer(&local.next());
        let late = local.control.managed();
        let gone = ask(&mut local, QUERY_TASK, 5);

        assert_eq!(found, Some(SUCCEEDED), "{engine}");
        assert_eq!(other, Some(COMPLETE), "{engine}");
        assert_eq!(any, Some(SUCCEEDED), "{engine}");
        assert_eq!((early, late), (None, Some(COMPLETE)), "{engine}");
        assert_eq!(answer.response, ABORTED, "{engine}");
        assert_eq!(gone, Some(COMPLETE), "{engine}");
    }
}

/// Does something in the middle of the first write: its bytes are in the image, its answer is not made.
struct Meanwhile(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meanwhile").finish_non_exhaustive()
    }
}

impl Witness for Meanwhile {
    fn wrote(&self, _offset: u64, _bytes: &[u8], _durable: bool) {
        let first = self.0.lock().unwrap().take();
        if let Some(first) = first {
            first();
        }
    }

    fn flush_began(&self) -> u64 {
        0
    }

    fn flush_ended(&self, _flush: u64) {}
}

#[test]
fn an_abort_of_a_command_that_its_worker_is_at_is_answered_after_it() {
    const ABORT_TASK: u32 = 0;
    const LOGICAL_UNIT_RESET: u32 = 5;
    const COMPLETE: u8 = 0;
    for engine in engines() {
        for subtype in [ABORT_TASK, LOGICAL_UNIT_RESET] {
            let image = Image::new(64 * BLOCK);
            let meanwhile = Arc::new(Meanwhile(Mutex::new(None)));
            let witness = meanwhile.clone();
            let mut local = Local::new(&image, Cache::Writeback, engine, Some(witness));
            let other = Local::new(&Image::new(64 * BLOCK), Cache::Writeback, engine, None);
            let mut control = std::mem::replace(&mut local.control, other.control);
            let (back, done) = std::sync::mpsc::channel();
            *meanwhile.0.lock().unwrap() = Some(Box::new(move || {
                control.manage(subtype, 5);
                let early = control.managed();
                back.send((control, early)).unwrap();
            }));

            // A whole page goes into the page cache at once.
            local.post(5, &ten(0x2a, 0, 8), &pattern(500, 8), 0);
            let answer = driver::answer(&local.next());
            let (mut control, early) = done.recv_timeout(TIMEOUT).unwrap();
            let late = control.managed();

            assert_eq!((early, late), (None, Some(COMPLETE)), "{engine} {subtype}");
            assert_eq!((answer.status, answer.data.len()), (0, 0), "{engine}");
        }
    }
}

/// A disk that is slow to take writes holds the worker up, and what lies in the ring meanwhile the driver
/// gives up on. Were it told at once that nothing is left of that, it would put other data there.
#[test]
fn an_abort_of_a_command_that_still_lies_in_the_ring_is_answered_after_it() {
    const ABORT_TASK: u32 = 0;
    const COMPLETE: u8 = 0;
    for engine in engines() {
        let image = Image::new(64 * BLOCK);
        let mut local = Local::new(&image, Cache::Writeback, engine, None);
        let request = header(address(0, 0), 5, 0, &ten(0x2a, 0, 8));
        let data = pattern(500, 8);
        local
            .driver
            .post(&[&request, &data], &[12 + SENSE])
            .unwrap();

        local.control.manage(ABORT_TASK, 5);
        let early = local.control.managed();
        let answer = driver::answer(&local.next());
        let late = local.control.managed();

        assert_eq!((early, late), (None, Some(COMPLETE)), "{engine}");
        assert_eq!((answer.status, answer.response), (0, 0), "{engine}");
        assert!(image.content()[..8 * BLOCK] == data[..], "{engine}");
    }
}

#[test]
fn a_task_management_function_waits_for_no_queue_that_is_stopped() {
    const LOGICAL_UNIT_RESET: u32 = 5;
    const COMPLETE: u8 = 0;
    for engine in engines() {
        let image = Image::new(64 * BLOCK);
        let mut local = Local::new(&image, Cache::Writeback, engine, None);
        local.slots[QUEUE] = None;

        local.control.manage(LOGICAL_UNIT_RESET, 0);
        let early = local.control.managed();
        local.turn(|worker, queues| worker.ready(Token(1), queues));
        let late = local.control.managed();

        assert_eq!((early, late), (None, Some(COMPLETE)), "{engine}");
    }
}

#[test]
fn quiescing_waits_for_all_that_is_under_way() {
    for engine in engines() {
        let image = Image::new(64 * BLOCK);
        let mut local = Local::new(&image, Cache::Writethrough, engine, None);
        for n in 0..16u32 {
            local.post(n.into(), &ten(0x2a, n, 1), &pattern(n + 500, 1), 0);
        }

        local.turn(|worker, queues| worker.quiesce(QUEUE as u16, queues));

        let in_flight = local.slots[QUEUE].as_ref().unwrap().in_flight();
        assert_eq!(in_flight, 0, "{engine}");
        let mut answered = 0;
        while let Some(reply) = local.driver.poll_used().unwrap() {
            driver::answer(&reply).good();
            answered += 1;
        }
        assert_eq!(answered, 16);
        assert!(image.content()[..16 * BLOCK] == pattern(500, 16)[..]);
    }
}

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// This version of a block was written; it is on the medium already, or it is not.
    Wrote(u64, u32, bool),
    FlushBegan(u64),
    FlushEnded(u64),
    /// The driver was told that this version of a block is written, durably or not.
    ToldWrite(u64, u32, bool),
    /// The driver gave a flush, with this number, to the device.
    Asked(u64),
    /// It was told that it is done.
    ToldFlush(u64),
}

#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Entry>>);

impl Recorder {
    fn push(&self, entry: Entry) {
        self.0.lock().unwrap().push(entry);
    }
}

impl Witness for Recorder {
    fn wrote(&self, offset: u64, bytes: &[u8], durable: bool) {
        for (index, block) in (0..).zip(bytes.chunks(BLOCK)) {
            let version = u32::from_be_bytes(block[..4].try_into().unwrap());
            self.push(Entry::Wrote(
                offset / BLOCK as u64 + index,
                version,
                durable,
            ));
        }
    }

    fn flush_began(&self) -> u64 {
        let mut log = self.0.lock().unwrap();
        let flush = log.len() as u64;
        log.push(Entry::FlushBegan(flush));
        flush
    }

    fn flush_ended(&self, flush: u64) {
        self.push(Entry::FlushEnded(flush));
    }
}

/// Cuts the power after each entry. The medium then has, of each block, what was written last before
/// a flush that has ended began, or anything written later. Returns the first promise that was broken.
fn check_every_cut(log: &[Entry]) -> Result<usize, String> {
    // What is sure to be on the medium, what was written, what the driver was told: by block, the
    // place of the version in the order of writes.
    let mut sure: BTreeMap<u64, usize> = BTreeMap::new();
    let mut written: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut told: BTreeMap<u64, usize> = BTreeMap::new();
    let mut promised: BTreeMap<u64, usize> = BTreeMap::new();
    let mut flushes: BTreeMap<u64, BTreeMap<u64, usize>> = BTreeMap::new();
    let mut asked: BTreeMap<u64, BTreeMap<u64, usize>> = BTreeMap::new();
    let raise = |to: &mut BTreeMap<u64, usize>, block: u64, place: usize| {
        let entry = to.entry(block).or_insert(place);
        *entry = (*entry).max(place);
    };
    for (cut, entry) in log.iter().enumerate() {
        match *entry {
            Entry::Wrote(block, version, durable) => {
                let versions = written.entry(block).or_default();
                versions.push(version);
                if durable {
                    raise(&mut sure, block, versions.len());
                }
            }
            Entry::FlushBegan(flush) => {
                let covered = written.iter().map(|(&block, all)| (block, all.len()));
                flushes.insert(flush, covered.collect());
            }
            Entry::FlushEnded(flush) => {
                for (block, place) in flushes.remove(&flush).ok_or("a flush that never began")? {
                    raise(&mut sure, block, place);
                }
            }
            Entry::ToldWrite(block, version, durable) => {
                let place = written
                    .get(&block)
                    .and_then(|all| all.iter().rposition(|&it| it == version))
                    .ok_or(format!("{cut}: block {block} was never written"))?
                    + 1;
                raise(&mut told, block, place);
                if durable {
                    raise(&mut promised, block, place);
                }
            }
            Entry::Asked(flush) => {
                asked.insert(flush, told.clone());
            }
            Entry::ToldFlush(flush) => {
                for (block, place) in asked.remove(&flush).ok_or("a flush nobody asked for")? {
                    raise(&mut promised, block, place);
                }
            }
        }
        for (block, &place) in &promised {
            if sure.get(block).is_none_or(|&sure| sure < place) {
                return Err(format!("{cut}: block {block} may be lost after {entry:?}"));
            }
        }
    }
    Ok(log.len())
}

/// Random writes, forced writes and flushes, many at a time; what was told is recorded as it is told.
fn record(cache: Cache, engine: EngineKind) -> Vec<Entry> {
    const BLOCKS: u64 = 24;
    let image = Image::new(BLOCKS as usize * BLOCK);
    let recorder = Arc::new(Recorder::default());
    let mut local = Local::new(&image, cache, engine, Some(recorder.clone()));
    let mut seed = 7u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    // What the driver learns from each answer.
    let mut posted = HashMap::new();
    let mut busy = vec![false; BLOCKS as usize];
    let tell = |reply: Reply, posted: &mut HashMap<_, Entry>, busy: &mut [bool]| {
        driver::answer(&reply).good();
        let entry = posted.remove(&reply.token()).unwrap();
        if let Entry::ToldWrite(block, ..) = entry {
            busy[block as usize] = false;
        }
        recorder.push(entry);
    };
    for round in 1..600u32 {
        let block = random(BLOCKS);
        if random(6) == 0 {
            recorder.push(Entry::Asked(round.into()));
            let token = local.post(round.into(), &ten(0x35, 0, 0), &[], 0);
            posted.insert(token, Entry::ToldFlush(round.into()));
        } else if !std::mem::replace(&mut busy[block as usize], true) {
            let forced = random(5) == 0;
            let durable = forced || cache == Cache::Writethrough;
            let mut cdb = ten(0x2a, block as u32, 1);
            cdb[1] = if forced { 0x08 } else { 0 };
            let token = local.post(round.into(), &cdb, &pattern(round, 1), 0);
            posted.insert(token, Entry::ToldWrite(block, round, durable));
        }
        // Several are to be under way at once.
        if random(4) == 0 || local.driver.pending() > 24 {
            while let Some(reply) = local.poll() {
                tell(reply, &mut posted, &mut busy);
            }
        }
        while local.driver.pending() > 24 {
            let reply = local.next();
            tell(reply, &mut posted, &mut busy);
        }
    }
    while local.driver.pending() > 0 {
        let reply = local.next();
        tell(reply, &mut posted, &mut busy);
    }
    recorder.0.lock().unwrap().clone()
}

#[test]
fn no_cut_of_the_power_loses_what_was_flushed() {
    for engine in engines() {
        for cache in [Cache::Writeback, Cache::Writethrough] {
            let log = record(cache, engine);

            let checked = check_every_cut(&log);

            assert!(checked.is_ok(), "{engine} {cache}: {checked:?}");
            let flushes = log.iter().filter(|it| matches!(it, Entry::ToldFlush(_)));
            assert!(flushes.count() > 50, "too little was tried");
        }
    }
}

/// What the image saw of a write, and of a read of the same block behind it.
fn written_and_read(cache: Cache, engine: EngineKind, read: &[u8]) -> Vec<Entry> {
    let image = Image::new(64 * BLOCK);
    let recorder = Arc::new(Recorder::default());
    let mut local = Local::new(&image, cache, engine, Some(recorder.clone()));
    local.post(1, &ten(0x2a, 4, 1), &pattern(500, 1), 0);
    driver::answer(&local.next()).good();

    local.post(2, read, &[], BLOCK);
    let answer = driver::answer(&local.next()).good();

    assert!(answer.data == pattern(500, 1), "{engine} {cache}");
    assert_eq!(answer.residual, 0, "{engine} {cache}");
    recorder.0.lock().unwrap().clone()
}

/// The blocks 4 and following by READ of ten, twelve and sixteen bytes, with these flags.
fn reads_of_block_4(flags: u8) -> [Vec<u8>; 3] {
    let ten_bytes = ten(0x28, 4, 1);
    let mut twelve = [0; 12];
    (twelve[0], twelve[5], twelve[9]) = (0xa8, 4, 1);
    let sixteen_bytes = sixteen(0x88, 4, 1);
    [ten_bytes.to_vec(), twelve.to_vec(), sixteen_bytes.to_vec()].map(|mut cdb| {
        cdb[1] = flags;
        cdb
    })
}

#[test]
fn a_forced_read_is_answered_after_what_it_shows_was_flushed() {
    for engine in engines() {
        for read in reads_of_block_4(0x08) {
            let log = written_and_read(Cache::Writeback, engine, &read);

            let [
                Entry::Wrote(4, 500, false),
                Entry::FlushBegan(began),
                Entry::FlushEnded(ended),
            ] = log[..]
            else {
                panic!("{engine} {read:x?}: {log:?}");
            };
            assert_eq!(began, ended, "{engine}");
        }
    }
}

/// Another initiator, that writes to block 4 whenever a flush has begun.
#[derive(Debug)]
struct Intruder(std::fs::File);

impl Witness for Intruder {
    fn wrote(&self, _: u64, _: &[u8], _: bool) {}

    fn flush_began(&self) -> u64 {
        use std::os::unix::fs::FileExt;
        self.0
            .write_all_at(&pattern(501, 1), 4 * BLOCK as u64)
            .unwrap();
        0
    }

    fn flush_ended(&self, _: u64) {}
}

#[test]
fn a_forced_read_shows_nothing_that_was_written_after_its_flush_began() {
    for engine in engines() {
        for read in reads_of_block_4(0x08) {
            let image = Image::new(64 * BLOCK);
            let file = std::fs::File::options()
                .write(true)
                .open(image.path())
                .unwrap();
            let intruder = Arc::new(Intruder(file));
            let mut local = Local::new(&image, Cache::Writeback, engine, Some(intruder));
            local.post(1, &ten(0x2a, 4, 1), &pattern(500, 1), 0);
            driver::answer(&local.next()).good();

            local.post(2, &read, &[], BLOCK);
            let answer = driver::answer(&local.next()).good();

            assert!(answer.data == pattern(500, 1), "{engine} {read:x?}");
        }
    }
}

#[test]
fn both_lengths_of_synchronize_cache_flush_before_they_are_answered() {
    let flushes = [ten(0x35, 0, 0).to_vec(), sixteen(0x91, 0, 0).to_vec()];
    for engine in engines() {
        for flush in &flushes {
            let image = Image::new(64 * BLOCK);
            let recorder = Arc::new(Recorder::default());
            let witness = recorder.clone();
            let mut local = Local::new(&image, Cache::Writeback, engine, Some(witness));
            local.post(1, &ten(0x2a, 4, 1), &pattern(500, 1), 0);
            driver::answer(&local.next()).good();

            local.post(2, flush, &[], 0);
            driver::answer(&local.next()).good();

            let log = recorder.0.lock().unwrap().clone();
            let [
                Entry::Wrote(4, 500, false),
                Entry::FlushBegan(began),
                Entry::FlushEnded(ended),
            ] = log[..]
            else {
                panic!("{engine} {flush:x?}: {log:?}");
            };
            assert_eq!(began, ended, "{engine}");
        }
    }
}

#[test]
fn a_plain_read_and_a_forced_one_of_a_medium_without_cache_flush_nothing() {
    for engine in engines() {
        let plain = written_and_read(Cache::Writeback, engine, &ten(0x28, 4, 1));
        let [forced, ..] = reads_of_block_4(0x08);
        let through = written_and_read(Cache::Writethrough, engine, &forced);

        assert_eq!(plain, [Entry::Wrote(4, 500, false)], "{engine}");
        assert_eq!(through, [Entry::Wrote(4, 500, true)], "{engine}");
    }
}

#[test]
fn a_device_that_did_not_flush_would_be_found_out() {
    let log = record(Cache::Writeback, EngineKind::Threads);
    let without_flush: Vec<_> = log
        .iter()
        .filter(|it| !matches!(it, Entry::FlushBegan(_) | Entry::FlushEnded(_)))
        .cloned()
        .collect();
    let without_force: Vec<_> = log
        .iter()
        .map(|it| match *it {
            Entry::Wrote(block, version, _) => Entry::Wrote(block, version, false),
            ref other => other.clone(),
        })
        .collect();
    let answered_early: Vec<_> = log
        .iter()
        .flat_map(|it| match *it {
            Entry::Asked(flush) => vec![it.clone(), Entry::ToldFlush(flush)],
            Entry::ToldFlush(_) => vec![],
            _ => vec![it.clone()],
        })
        .collect();

    assert!(check_every_cut(&without_flush).is_err());
    assert!(check_every_cut(&without_force).is_err());
    assert!(check_every_cut(&answered_early).is_err());
}
