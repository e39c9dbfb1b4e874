// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Serves one request queue: from a chain to a command, from a command to the image, and back.
//!
//! ```text
//!            in the page cache
//! command ──────────────────────────────────────────> answer
//!    │ must wait                                         ^
//!    └──> engine: io_uring, or threads ──> finished ─────┘
//! ```
//!
//! A read or a small write is first tried at once (RWF_NOWAIT): what the page cache has costs no
//! round trip through the engine. Small reads that stand one behind the other in the ring are tried by
//! one system call. Commands that the engine has may finish in any order.

use std::io;
use std::sync::Arc;

use virtio_device::memory::{Direction, Mode};
use virtio_device::{
    Chain, Engine, EngineKind, Finished, Interest, PromptQueue, Queue, Queues, Sources, Token,
};
use zerocopy::{FromBytes, IntoBytes};

use crate::control_queue::ControlWorker;
use crate::disk::Disk;
use crate::server::Server;
use crate::spec::{RequestHeader, ResponseHeader, attribute, response};
use crate::target::address::Address;
use crate::target::opcodes::{self, Cdb, MAX_CDB, Transfer, op};
use crate::target::sense::{Code, MAX_SENSE, Sense, key};
use crate::target::tasks::{Command, Ended, Lane, Running};
use crate::target::unit::{Action, Compare, Reply};
use crate::target::{Lun, Luns, answer_absent, answer_well_known, has_target};
use crate::{MAX_CDB_SIZE, MAX_SENSE_SIZE, Sizes};

const HEADER: usize = size_of::<RequestHeader>();
const ANSWER: usize = size_of::<ResponseHeader>();

/// Threads of one queue for what may block: without io_uring, all that the page cache does not have.
const THREADS: usize = 8;
const THREADS_BESIDE_URING: usize = 2;

/// Parameter lists are at most as long as their length fields of two bytes say; the one with a
/// longer field (PERSISTENT RESERVE OUT) has a fixed length.
const MAX_LIST: u64 = 0xffff;

/// A write to the page cache of at most so many whole pages is made at once even where the file
/// system cannot say whether it would have to wait.
const MAX_PROMPT_WRITE: u64 = 64 * 1024;
const PAGE: u64 = 4096;

/// Reads that are tried by one system call: the driver waits for the last of them to see the first, and
/// beyond this many there is nothing to gain.
const PROMPT_READS: u16 = 16;

/// Of longer ones a call each costs little.
const MAX_PROMPT_READ: u64 = 16 * 1024;

const NOWAIT: Mode = Mode {
    nowait: true,
    durable: false,
};

const ENGINE: Token = Token(0);
const WANTED: Token = Token(1);

/// SAM status codes.
mod status {
    pub(super) const GOOD: u8 = 0x00;
    pub(super) const CHECK_CONDITION: u8 = 0x02;
    pub(super) const RESERVATION_CONFLICT: u8 = 0x18;
}

/// One worker of the device.
#[derive(Debug)]
pub enum ScsiWorker {
    /// The one that has the control and the event queue.
    Control(ControlWorker),
    /// One that has a request queue.
    Requests(Box<RequestWorker>),
}

/// Serves one request queue.
#[derive(Debug)]
pub struct RequestWorker {
    queue: u16,
    nexus: usize,
    server: Arc<Server>,
    sizes: Arc<Sizes>,
    engine: Engine<Task>,
    prompt: PromptQueue<Reading>,
    lane: Lane,
    /// An ORDERED command is under way: nothing may begin before it ends.
    ordered: bool,
    /// Something was left in the ring until the engine has nothing more.
    waiting: bool,
    list: Vec<u8>,
}

/// A read that is tried together with its neighbours.
#[derive(Debug)]
struct Reading {
    lun: Arc<Lun<Disk>>,
    command: Command,
    frame: Frame,
    offset: u64,
    bytes: u64,
}

/// A command that the engine has.
#[derive(Debug)]
struct Task {
    lun: Arc<Lun<Disk>>,
    running: Running,
    work: Work,
    sense_size: usize,
    /// Bytes that the driver has, or has room for.
    data: u64,
    /// Bytes of it that count, if all goes well.
    processed: u64,
    ordered: bool,
    /// A read that began there, and is answered once what it shows is on the medium.
    forced: Option<u64>,
    /// It goes through a buffer that lies as direct I/O wants it.
    bounced: bool,
    /// What a job found.
    sense: Option<Sense>,
}

impl Task {
    fn new(
        lun: Arc<Lun<Disk>>,
        running: Running,
        frame: Frame,
        work: Work,
        processed: u64,
    ) -> Self {
        Self {
            lun,
            running,
            work,
            sense_size: frame.sense_size,
            data: frame.data,
            processed: processed.min(frame.data),
            ordered: false,
            forced: None,
            bounced: false,
            sense: None,
        }
    }

    /// Gives the engine what is left to move. [`Engine::submit`] must follow.
    fn transfer(mut self, chain: Chain, engine: &mut Engine<Self>) {
        let Work::Transfer {
            direction,
            offset,
            left,
            durable,
        } = self.work
        else {
            return;
        };
        let disk = &self.lun.medium;
        let reads = direction == Direction::Read;
        if !self.bounced && disk.takes(&chain, reads, left) {
            let mode = Mode {
                nowait: false,
                durable,
            };
            let file = disk.file().clone();
            engine.transfer(chain, self, direction, &file, offset, left, mode);
        } else {
            self.bounced = true;
            let lun = self.lun.clone();
            let bounce = move |chain: &mut Chain, _: &mut Self| {
                lun.medium.bounce(chain, reads, offset, left, durable)
            };
            engine.run(chain, self, Box::new(bounce));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Transfer {
        direction: Direction,
        offset: u64,
        left: u64,
        durable: bool,
    },
    Flush {
        failed_before: u64,
        /// Its number for a witness.
        flush: u64,
        /// Where a read began whose data it is for.
        read: Option<u64>,
    },
    Job {
        lba: u64,
        reads: bool,
    },
}

impl Work {
    fn flush(disk: &Disk, read: Option<u64>) -> Self {
        Self::Flush {
            failed_before: disk.failed_flushes(),
            flush: disk.witness().map_or(0, |it| it.flush_began()),
            read,
        }
    }
}

/// Where a command got to.
enum Begun {
    /// It has its answer.
    Answered(Chain),
    /// The engine has it, or will get it.
    Away,
    /// It has to wait until the engine has nothing more.
    Later(Chain),
}

/// What all answers to one chain need.
#[derive(Clone, Copy, Debug)]
struct Frame {
    sense_size: usize,
    data: u64,
}

impl RequestWorker {
    pub(crate) fn new(
        queue: u16,
        nexus: usize,
        server: Arc<Server>,
        sizes: Arc<Sizes>,
    ) -> io::Result<Self> {
        let engine = match server.engine() {
            EngineKind::Uring => {
                Engine::new(EngineKind::Uring, THREADS_BESIDE_URING).or_else(|error| {
                    log::warn!("no io_uring for queue {queue}, threads instead: {error}");
                    Engine::new(EngineKind::Threads, THREADS)
                })?
            }
            EngineKind::Threads => Engine::new(EngineKind::Threads, THREADS)?,
        };
        Ok(Self {
            queue,
            nexus,
            lane: server.targets().tasks.lane(nexus)?,
            server,
            sizes,
            prompt: PromptQueue::new(engine.kind(), PROMPT_READS),
            engine,
            ordered: false,
            waiting: false,
            list: Vec::new(),
        })
    }

    fn serve(&mut self, queue: &mut Queue) {
        let luns = self.server.targets().luns();
        while !self.ordered {
            let Some(chain) = queue.pop() else {
                if !self.prompt.is_empty() {
                    self.read_together(queue);
                    continue;
                }
                let wanted = self.lane.wanted();
                if !queue.has_news() {
                    self.lane.swept(wanted);
                }
                break;
            };
            let waiting = self.prompt.len();
            match self.begin(chain, &luns, queue) {
                Begun::Answered(chain) => queue.complete(chain),
                Begun::Away => {}
                Begun::Later(chain) => {
                    self.waiting = true;
                    if let Err(chain) = queue.put_back(chain) {
                        // Requests are taken one at a time, so this one was the last.
                        queue.complete(chain);
                    }
                    break;
                }
            }
            // Another command than a small read ends the row.
            let ended = self.prompt.len() == waiting;
            if ended || self.prompt.is_full() || self.lane.is_wanted() {
                self.read_together(queue);
            }
            self.lane.passed(queue.size());
        }
        self.engine.submit();
    }

    fn begin(&mut self, mut chain: Chain, luns: &Luns<Disk>, queue: &mut Queue) -> Begun {
        let (cdb_size, sense_size) = self.sizes.get();
        let header = HEADER + cdb_size;
        let mut frame = Frame {
            sense_size,
            data: 0,
        };
        if chain.readable_len() < header as u64
            || chain.writable_len() < (ANSWER + sense_size) as u64
        {
            return Begun::Answered(malformed(chain, header, ANSWER + sense_size));
        }
        let mut bytes = [0; HEADER + MAX_CDB_SIZE];
        if chain.read(&mut bytes[..header]) < header {
            return frame.fail(chain, response::FAILURE);
        }
        // It was asked for right above.
        let _ = chain.leave_room((ANSWER + sense_size) as u64);
        let (data_out, data_in) = (chain.readable_len(), chain.writable_len());
        frame.data = data_out.saturating_add(data_in);
        let Ok((request, cdb_bytes)) = RequestHeader::read_from_prefix(&bytes) else {
            return frame.fail(chain, response::FAILURE);
        };
        let mut cdb: Cdb = [0; MAX_CDB];
        let len = cdb_size.min(MAX_CDB);
        cdb[..len].copy_from_slice(&cdb_bytes[..len]);
        if data_out > 0 && data_in > 0 {
            chain.warn(format_args!(
                "a request in both directions, which was not negotiated"
            ));
            return frame.fail(chain, response::FAILURE);
        }
        let (target, number) = match Address::parse(&request.lun) {
            Some(Address::Unit { target, lun }) => (target, lun),
            Some(Address::ReportLuns { target }) => {
                if target.is_some_and(|target| !has_target(luns, target)) {
                    return frame.fail(chain, response::BAD_TARGET);
                }
                return frame.reply_without_unit(
                    chain,
                    &cdb,
                    answer_well_known(luns, target, &cdb),
                );
            }
            None => return frame.fail(chain, response::BAD_TARGET),
        };
        let Some(lun) = luns.get(&(target, number)) else {
            if !has_target(luns, target) {
                return frame.fail(chain, response::BAD_TARGET);
            }
            return frame.reply_without_unit(chain, &cdb, answer_absent(luns, target, &cdb));
        };
        let ordered = request.task_attr == attribute::ORDERED;
        if ordered || !opcodes::is_read(cdb[0]) {
            // It comes after them.
            self.read_together(queue);
        }
        if request.task_attr >= attribute::ACA {
            let sense = Sense::illegal(Code::INVALID_MESSAGE_ERROR);
            return frame.reply(chain, lun, Reply::Check(sense), 0);
        }
        if ordered && self.engine.in_flight() > 0 {
            return Begun::Later(chain);
        }
        if cdb[0] == op::REPORT_LUNS {
            // The one command of a unit that is about the others.
            return match lun.unit.admit(self.nexus, &cdb) {
                Ok(_) if !frame.fits(&cdb, lun, data_in, data_out) => {
                    frame.fail(chain, response::OVERRUN)
                }
                Ok(_) => {
                    let reply = crate::target::report_luns(luns, Some(target), &cdb);
                    frame.reply(chain, lun, reply, 0)
                }
                Err(reply) => frame.reply(chain, lun, reply, 0),
            };
        }
        if let Err(reply) = lun.unit.admit(self.nexus, &cdb) {
            return frame.reply(chain, lun, reply, 0);
        }
        if !frame.fits(&cdb, lun, data_in, data_out) {
            return frame.fail(chain, response::OVERRUN);
        }
        self.list.clear();
        if takes_list(cdb[0])
            && let Transfer::Out(len) = opcodes::transfer(&cdb, lun.unit.block_size())
        {
            self.list.resize(len.min(MAX_LIST) as usize, 0);
            let lent = chain.readable_len().min(self.list.len() as u64);
            if (chain.read(&mut self.list) as u64) < lent {
                return frame.fail(chain, response::FAILURE);
            }
        }
        let action = lun.unit.execute(self.nexus, &cdb, &self.list);
        let command = Command {
            nexus: self.nexus,
            target,
            lun: number,
            tag: request.id.get(),
        };
        self.act(chain, lun, command, frame, ordered, action)
    }

    fn act(
        &mut self,
        mut chain: Chain,
        lun: &Arc<Lun<Disk>>,
        command: Command,
        frame: Frame,
        ordered: bool,
        action: Action,
    ) -> Begun {
        let block = u64::from(lun.unit.block_size());
        let taken = self.list.len() as u64;
        let mut forced = None;
        let (work, processed) = match action {
            Action::Reply(reply) => return frame.reply(chain, lun, reply, taken),
            Action::Read {
                lba,
                blocks,
                flush: true,
            } => {
                let (offset, bytes) = (lba * block, blocks * block);
                forced = Some(offset);
                (rest_of_read(offset, bytes, 0), bytes)
            }
            Action::Read { lba, blocks, .. } => {
                let (offset, bytes) = (lba * block, blocks * block);
                let prompt = lun.medium.read_nowait();
                if prompt && !ordered && (1..=MAX_PROMPT_READ).contains(&bytes) {
                    let file = lun.medium.file();
                    let reading = Reading {
                        lun: lun.clone(),
                        command,
                        frame,
                        offset,
                        bytes,
                    };
                    self.prompt.push(chain, reading, file, offset, bytes);
                    return Begun::Away;
                }
                let done = read_promptly(&mut chain, &lun.medium, offset, bytes);
                if done == bytes {
                    return frame.reply(chain, lun, Reply::Good, bytes);
                }
                (rest_of_read(offset, bytes, done), bytes)
            }
            Action::Write {
                lba,
                blocks,
                durable,
            } => {
                let (offset, bytes) = (lba * block, blocks * block);
                let done = if durable {
                    0
                } else {
                    write_promptly(&mut chain, &lun.medium, offset, bytes)
                };
                if done == bytes {
                    return frame.reply(chain, lun, Reply::Good, bytes);
                }
                let work = Work::Transfer {
                    direction: Direction::Write,
                    offset: offset + done,
                    left: bytes - done,
                    durable,
                };
                (work, bytes)
            }
            Action::Flush => {
                if lun.medium.is_read_only() {
                    return frame.reply(chain, lun, Reply::Good, taken);
                }
                (Work::flush(&lun.medium, None), taken)
            }
            Action::Abort(initiators) => {
                let tasks = self.server.targets().tasks.clone();
                let (target, number) = (command.target, command.lun);
                let whose = |nexus: usize| initiators.contains(&nexus);
                let matches = |other: &Command| {
                    (other.target, other.lun) == (target, number) && whose(other.nexus)
                };
                let done = move || {
                    if let Begun::Answered(chain) = frame.good(chain, taken) {
                        chain.finish();
                    }
                };
                tasks.end(whose, matches, Ended::Aborted, done);
                return Begun::Away;
            }
            Action::Verify { lba, .. } | Action::WriteSame { lba, .. } => (
                Work::Job {
                    lba,
                    reads: matches!(action, Action::Verify { .. }),
                },
                frame.data,
            ),
            Action::Unmap(ref ranges) => {
                let lba = ranges.first().map_or(0, |range| range.0);
                (Work::Job { lba, reads: false }, taken)
            }
        };
        let running = self.lane.begin(command);
        let mut task = Task::new(lun.clone(), running, frame, work, processed);
        task.ordered = ordered;
        task.forced = forced;
        self.ordered |= ordered;
        match work {
            Work::Transfer { .. } => task.transfer(chain, &mut self.engine),
            Work::Flush { .. } => {
                let file = lun.medium.file().clone();
                self.engine.sync(chain, task, &file);
            }
            Work::Job { .. } => {
                let job =
                    Box::new(move |chain: &mut Chain, task: &mut Task| job(chain, task, action));
                self.engine.run(chain, task, job);
            }
        }
        Begun::Away
    }

    /// Tries the reads that were taken. What must be waited for goes to the engine.
    fn read_together(&mut self, queue: &mut Queue) {
        if self.prompt.is_empty() {
            return;
        }
        queue.gather(true);
        for finished in self.prompt.run() {
            let Finished {
                chain,
                task: reading,
                result,
            } = finished;
            let Reading { frame, bytes, .. } = reading;
            let done = prompt_bytes(result, &reading.lun.medium);
            if done == bytes {
                if let Begun::Answered(chain) = frame.good(chain, done) {
                    queue.complete(chain);
                }
                continue;
            }
            let work = rest_of_read(reading.offset, bytes, done);
            let running = self.lane.begin(reading.command);
            let task = Task::new(reading.lun, running, frame, work, bytes);
            task.transfer(chain, &mut self.engine);
        }
        queue.gather(false);
    }

    /// Returns the chain if it has its answer.
    fn finish(&mut self, finished: Finished<Task>) -> Option<Chain> {
        let Finished {
            chain,
            mut task,
            result,
        } = finished;
        let lun = task.lun.clone();
        let disk = &lun.medium;
        let block = u64::from(lun.unit.block_size());
        let sense = match (&mut task.work, result) {
            (
                Work::Transfer {
                    offset,
                    left,
                    direction,
                    durable,
                },
                Ok(done),
            ) => {
                if *direction == Direction::Write {
                    witness_write(disk, *offset, done, *durable);
                }
                *offset += done;
                *left = left.saturating_sub(done);
                if *left > 0 && done > 0 {
                    task.transfer(chain, &mut self.engine);
                    self.engine.submit();
                    return None;
                }
                // Not the other way round: somebody may write between a flush and a read.
                if *left == 0 && task.forced.is_some() {
                    task.work = Work::flush(disk, task.forced);
                    self.engine.sync(chain, task, disk.file());
                    self.engine.submit();
                    return None;
                }
                // The image ends before the unit does.
                let lba = *offset / block;
                (*left > 0).then(|| {
                    let code = match direction {
                        Direction::Read => Code::UNRECOVERED_READ_ERROR,
                        Direction::Write => Code::WRITE_ERROR,
                    };
                    Sense::new(key::MEDIUM_ERROR, code).at(lba)
                })
            }
            (Work::Transfer { .. }, Err(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                ) =>
            {
                task.transfer(chain, &mut self.engine);
                self.engine.submit();
                return None;
            }
            // The kernel wants buffers to lie better than was thought.
            (Work::Transfer { .. }, Err(error))
                if disk.is_direct()
                    && !task.bounced
                    && error.kind() == io::ErrorKind::InvalidInput =>
            {
                task.bounced = true;
                task.transfer(chain, &mut self.engine);
                self.engine.submit();
                return None;
            }
            (
                Work::Transfer {
                    offset, direction, ..
                },
                Err(error),
            ) => Some(medium_error(
                &chain,
                disk,
                &error,
                *direction == Direction::Read,
                *offset / block,
            )),
            (
                &mut Work::Flush {
                    failed_before,
                    flush,
                    read,
                },
                result,
            ) => {
                let result = match read {
                    Some(_) => disk.flushed_for_read(result, failed_before),
                    None => disk.flushed(result, failed_before),
                };
                if let (Ok(_), Some(witness)) = (&result, disk.witness()) {
                    witness.flush_ended(flush);
                }
                let lba = read.map_or(0, |offset| offset / block);
                result
                    .err()
                    .map(|error| medium_error(&chain, disk, &error, false, lba))
            }
            (Work::Job { lba, reads }, Err(error)) => {
                Some(medium_error(&chain, disk, &error, *reads, *lba))
            }
            (Work::Job { .. }, Ok(_)) => task.sense,
        };
        if task.ordered {
            self.ordered = false;
        }
        let frame = Frame {
            sense_size: task.sense_size,
            data: task.data,
        };
        let begun = match (task.running.ended(), sense) {
            (Some(Ended::Aborted), _) => frame.fail(chain, response::ABORTED),
            (Some(Ended::Reset), _) => frame.fail(chain, response::RESET),
            (None, Some(sense)) => frame.reply(chain, &lun, Reply::Check(sense), 0),
            (None, None) => frame.good(chain, task.processed),
        };
        match begun {
            Begun::Answered(chain) => Some(chain),
            _ => None,
        }
    }

    fn collect(&mut self, queues: &mut Queues<'_>) {
        self.engine.clear();
        while let Some(finished) = self.engine.finished() {
            if let Some(chain) = self.finish(finished) {
                queues.complete(self.queue, chain);
            }
        }
    }

    pub(crate) fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        sources.add(&self.engine, Interest::Readable, ENGINE)?;
        sources.add(&self.lane, Interest::ReadEdges, WANTED)
    }

    pub(crate) fn kicked(&mut self, queues: &mut Queues<'_>) {
        if let Some(queue) = queues.get(self.queue) {
            self.serve(queue);
        }
    }

    pub(crate) fn ready(&mut self, queues: &mut Queues<'_>) {
        let held = self.ordered || self.waiting;
        self.collect(queues);
        if held && !self.ordered && self.engine.in_flight() == 0 {
            self.waiting = false;
            self.kicked(queues);
        } else if self.lane.is_wanted() && !self.ordered && !self.waiting {
            match queues.get(self.queue) {
                Some(queue) => self.serve(queue),
                None => self.lane.swept(self.lane.wanted()),
            }
        }
    }

    pub(crate) fn quiesce(&mut self, queues: &mut Queues<'_>) {
        self.collect(queues);
        while self.engine.in_flight() > 0 {
            self.engine.wait();
            self.collect(queues);
        }
        self.ordered = false;
        self.waiting = false;
        self.lane.swept(self.lane.wanted());
        self.engine.rest();
    }
}

/// A request that is too short to be one, or has no room for its answer.
#[cold]
fn malformed(mut chain: Chain, header: usize, answer: usize) -> Chain {
    chain.warn(format_args!(
        "a request of {} bytes with room for {}: at least {header} and {answer} are needed",
        chain.readable_len(),
        chain.writable_len(),
    ));
    let failure = ResponseHeader {
        sense_len: 0.into(),
        residual: 0.into(),
        status_qualifier: 0.into(),
        status: status::GOOD,
        response: response::FAILURE,
    };
    // One without room for even that gets nothing.
    let _ = chain.write_at(0, failure.as_bytes());
    chain
}

fn takes_list(code: u8) -> bool {
    matches!(
        code,
        op::MODE_SELECT_6
            | op::MODE_SELECT_10
            | op::PERSISTENT_RESERVE_OUT
            | op::UNMAP
            | op::WRITE_SAME_10
            | op::WRITE_SAME_16
    )
}

impl Frame {
    /// Whether the driver has what the command block says (5.6.6.1, VIRTIO_SCSI_S_OVERRUN).
    fn fits(self, cdb: &Cdb, lun: &Lun<Disk>, data_in: u64, data_out: u64) -> bool {
        match opcodes::transfer(cdb, lun.unit.block_size()) {
            Transfer::None => true,
            Transfer::In(bytes) => bytes <= data_in,
            Transfer::Out(bytes) => bytes <= data_out,
        }
    }

    fn reply_without_unit(self, chain: Chain, cdb: &Cdb, reply: Reply) -> Begun {
        let room = chain.writable_len();
        match opcodes::transfer(cdb, 512) {
            Transfer::In(bytes) if matches!(reply, Reply::Data(_)) && bytes > room => {
                self.fail(chain, response::OVERRUN)
            }
            _ => self.answer(chain, false, reply, 0),
        }
    }

    fn reply(self, chain: Chain, lun: &Lun<Disk>, reply: Reply, processed: u64) -> Begun {
        self.answer(chain, lun.unit.descriptor_sense(), reply, processed)
    }

    #[inline]
    fn good(self, chain: Chain, processed: u64) -> Begun {
        self.finish(chain, response::OK, status::GOOD, &[], processed)
    }

    fn answer(self, mut chain: Chain, descriptor: bool, reply: Reply, processed: u64) -> Begun {
        match reply {
            Reply::Good => self.good(chain, processed),
            Reply::Data(bytes) => {
                let written = chain.write(&bytes) as u64;
                self.good(chain, written)
            }
            Reply::Check(sense) => {
                let (bytes, len) = sense.to_bytes(descriptor);
                let check = status::CHECK_CONDITION;
                self.finish(chain, response::OK, check, &bytes[..len], 0)
            }
            Reply::Conflict => {
                self.finish(chain, response::OK, status::RESERVATION_CONFLICT, &[], 0)
            }
        }
    }

    /// For what is not the unit's answer.
    #[cold]
    fn fail(self, chain: Chain, response: u8) -> Begun {
        self.finish(chain, response, status::GOOD, &[], 0)
    }

    #[inline]
    fn finish(
        self,
        mut chain: Chain,
        response: u8,
        status: u8,
        sense: &[u8],
        processed: u64,
    ) -> Begun {
        let mut bytes = [0; ANSWER + MAX_SENSE_SIZE];
        let sense_len = sense.len().min(self.sense_size).min(MAX_SENSE);
        let residual = self.data.saturating_sub(processed);
        let header = ResponseHeader {
            sense_len: (sense_len as u32).into(),
            residual: u32::try_from(residual).unwrap_or(u32::MAX).into(),
            status_qualifier: 0.into(),
            status,
            response,
        };
        bytes[..ANSWER].copy_from_slice(header.as_bytes());
        bytes[ANSWER..ANSWER + sense_len].copy_from_slice(&sense[..sense_len]);
        // The room was there when the command began.
        let _ = chain.write_at(0, &bytes[..ANSWER + self.sense_size]);
        Begun::Answered(chain)
    }
}

/// Reads what need not be waited for. Returns how much that is.
#[inline]
fn read_promptly(chain: &mut Chain, disk: &Disk, offset: u64, bytes: u64) -> u64 {
    if bytes == 0 || !disk.read_nowait() {
        return 0;
    }
    let result = chain.fill_from_with(disk.file(), Some(offset), bytes, NOWAIT);
    prompt_bytes(result.map(|done| done as u64), disk)
}

fn prompt_bytes(result: io::Result<u64>, disk: &Disk) -> u64 {
    result.unwrap_or_else(|error| {
        if is_unknown(&error) {
            disk.no_read_nowait();
        }
        0
    })
}

fn rest_of_read(offset: u64, bytes: u64, done: u64) -> Work {
    Work::Transfer {
        direction: Direction::Read,
        offset: offset + done,
        left: bytes - done,
        durable: false,
    }
}

/// Writes what need not be waited for. Returns how much that is.
#[inline]
fn write_promptly(chain: &mut Chain, disk: &Disk, offset: u64, bytes: u64) -> u64 {
    if bytes == 0 || bytes > MAX_PROMPT_WRITE || disk.is_direct() {
        return 0;
    }
    let mut result = Err(io::ErrorKind::Unsupported.into());
    if disk.write_nowait() {
        result = chain.drain_to_with(disk.file(), Some(offset), bytes, NOWAIT);
        if let Err(error) = &result
            && is_unknown(error)
        {
            disk.no_write_nowait();
        }
    }
    // Whole pages are not read first. Writing them waits when too many are dirty, and then the
    // guest has to wait in any case.
    if !disk.write_nowait() && offset.is_multiple_of(PAGE) && bytes.is_multiple_of(PAGE) {
        result = chain.drain_to(disk.file(), Some(offset), bytes);
    }
    let done = result.map_or(0, |done| done as u64);
    witness_write(disk, offset, done, false);
    done
}

/// The file system, the kernel or an emulator does not know how not to wait.
fn is_unknown(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(code) if code == rustix::io::Errno::OPNOTSUPP.raw_os_error()
            || code == rustix::io::Errno::NOSYS.raw_os_error()
            || code == rustix::io::Errno::INVAL.raw_os_error()
    )
}

fn witness_write(disk: &Disk, offset: u64, bytes: u64, durable: bool) {
    if let Some(witness) = disk.witness()
        && bytes > 0
    {
        let mut content = Vec::new();
        let all = disk.read_through(offset, bytes, |_, piece| {
            content.extend_from_slice(piece);
            true
        });
        if all.is_ok() {
            witness.wrote(offset, &content, durable);
        }
    }
}

#[cold]
fn medium_error(chain: &Chain, disk: &Disk, error: &io::Error, reads: bool, lba: u64) -> Sense {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    let is = |errno: Errno| code == Some(errno.raw_os_error());
    if is(Errno::FAULT) {
        // A page of the guest vanished, and its connection ends.
        return Sense::new(key::ABORTED_COMMAND, Code::INTERNAL_TARGET_FAILURE);
    }
    // A guest can ask for a bad block again and again.
    chain.warn(format_args!("{}: {error}", disk.path().display()));
    if is(Errno::NOSPC) || is(Errno::DQUOT) {
        let code = Code::SPACE_ALLOCATION_FAILED_WRITE_PROTECT;
        return Sense::new(key::DATA_PROTECT, code);
    }
    if is(Errno::IO) || error.kind() == io::ErrorKind::UnexpectedEof {
        let code = if reads {
            Code::UNRECOVERED_READ_ERROR
        } else {
            Code::WRITE_ERROR
        };
        return Sense::new(key::MEDIUM_ERROR, code).at(lba);
    }
    Sense::new(key::HARDWARE_ERROR, Code::INTERNAL_TARGET_FAILURE)
}

/// What is not worth an operation of its own in the engine: it runs on a thread.
fn job(chain: &mut Chain, task: &mut Task, action: Action) -> io::Result<u64> {
    let lun = task.lun.clone();
    let (unit, disk) = (&lun.unit, &lun.medium);
    let block = u64::from(unit.block_size());
    match action {
        Action::Verify {
            lba,
            blocks,
            compare,
        } => {
            let mut expected = Vec::new();
            if compare == Compare::One {
                expected.resize(block as usize, 0);
                chain.read_exact(&mut expected)?;
            }
            let mut differs = None;
            let mut unreadable = None;
            let mut data = Vec::new();
            disk.read_through(lba * block, blocks * block, |at, piece| {
                let difference = match compare {
                    Compare::Nothing => None,
                    Compare::Each => {
                        data.resize(piece.len(), 0);
                        if let Err(error) = chain.read_exact(&mut data) {
                            unreadable = Some(error);
                            return false;
                        }
                        first_difference(piece, &data)
                    }
                    Compare::One => piece
                        .chunks(expected.len().max(1))
                        .zip(0u64..)
                        .find_map(|(part, n)| Some(first_difference(part, &expected)? + n * block)),
                };
                differs = difference.map(|difference| at + difference);
                differs.is_none()
            })?;
            if let Some(error) = unreadable {
                return Err(error.into());
            }
            task.sense = differs.map(|at| {
                let code = Code::MISCOMPARE_DURING_VERIFY;
                Sense::new(key::MISCOMPARE, code).at(lba + at / block)
            });
        }
        Action::WriteSame {
            lba,
            blocks,
            unmap,
            block: pattern,
        } => {
            let (offset, bytes) = (lba * block, blocks * block);
            if pattern.is_empty() {
                disk.zero(offset, bytes, unmap)?;
            } else {
                disk.write_pattern(offset, bytes, &pattern)?;
            }
            if !unit.write_cache() {
                disk.flush()?;
            }
        }
        Action::Unmap(ranges) => {
            for (lba, blocks) in ranges {
                disk.discard(lba * block, blocks * block)?;
            }
            if !unit.write_cache() {
                disk.flush()?;
            }
        }
        _ => {}
    }
    Ok(0)
}

fn first_difference(left: &[u8], right: &[u8]) -> Option<u64> {
    let at = left
        .iter()
        .zip(right)
        .position(|(left, right)| left != right);
    at.map(|at| at as u64)
}
