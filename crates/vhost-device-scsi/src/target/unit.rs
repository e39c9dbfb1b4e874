// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A logical unit: what it answers by itself, and what it wants done with its medium.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::inquiry::{self, Facts};
use super::mode::{Fixed, Mode};
use super::opcodes::{self, Access, Cdb, Op, REPORT_SUPPORTED_OPCODES, be16, be32, be64, op};
use super::reservation::{PARAMETER_LEN, Refused, Reservations, parameter_length};
use super::sense::{Code, Sense, key};

/// What waits for an initiator to hear of it. A unit has few kinds of news, and each waits once.
const MAX_ATTENTIONS: usize = 16;

/// An answer that needs no medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// GOOD.
    Good,
    /// GOOD, with data: never more than was asked for.
    Data(Vec<u8>),
    /// CHECK CONDITION.
    Check(Sense),
    /// RESERVATION CONFLICT.
    Conflict,
}

/// What VERIFY compares the medium with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Nothing: it has to be readable.
    Nothing,
    /// As much data as there are blocks.
    Each,
    /// One block of data, with all blocks.
    One,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing more.
    Reply(Reply),
    /// Blocks go to the initiator.
    Read {
        /// First block.
        lba: u64,
        /// How many.
        blocks: u64,
        /// What they show is to be on the medium before that is answered.
        flush: bool,
    },
    /// Blocks come from the initiator.
    Write {
        /// First block.
        lba: u64,
        /// How many.
        blocks: u64,
        /// They are to be on the medium before the answer.
        durable: bool,
    },
    /// What was written is to be on the medium before the answer.
    Flush,
    /// Blocks are to be looked at.
    Verify {
        /// First block.
        lba: u64,
        /// How many.
        blocks: u64,
        /// What for.
        compare: Compare,
    },
    /// One block is to be written many times.
    WriteSame {
        /// First block.
        lba: u64,
        /// How many.
        blocks: u64,
        /// It may be discarded, if it is all zeroes.
        unmap: bool,
        /// The block; empty for zeroes.
        block: Vec<u8>,
    },
    /// Ranges of blocks are to be discarded.
    Unmap(Vec<(u64, u64)>),
    /// GOOD, once all commands of these initiators have ended.
    Abort(Vec<usize>),
}

impl From<Sense> for Action {
    fn from(sense: Sense) -> Self {
        Self::Reply(Reply::Check(sense))
    }
}

impl From<Reply> for Action {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// Keeps reservations beyond the end of the daemon.
pub trait Keeper: Send + Sync {
    /// Keeps those of the unit with this name. They are on stable storage when this returns. Tells the
    /// operator of an error, but not again and again.
    fn keep(&self, wwn: u64, reservations: &Reservations) -> std::io::Result<()>;
}

/// A logical unit.
pub struct LogicalUnit {
    facts: Facts,
    fixed: Fixed,
    /// `fixed.blocks` is what it began with.
    blocks: AtomicU64,
    write_cache: AtomicBool,
    descriptor_sense: AtomicBool,
    write_protect: AtomicBool,
    stopped: AtomicBool,
    /// Whether there is something in `attentions`, by initiator.
    has_attentions: Box<[AtomicBool]>,
    attentions: Mutex<Vec<VecDeque<Code>>>,
    /// Whether there is a reservation.
    is_reserved: AtomicBool,
    /// Held for moments only: commands of all initiators look at it.
    reservations: Mutex<Reservations>,
    /// Held by who changes them, also while they are put on stable storage.
    changing: Mutex<()>,
    keeper: Option<Arc<dyn Keeper>>,
}

impl std::fmt::Debug for LogicalUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogicalUnit")
            .field("facts", &self.facts)
            .field("blocks", &self.blocks)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LogicalUnit {
    /// A unit for so many initiators, with reservations of a former life.
    pub fn new(
        facts: Facts,
        fixed: Fixed,
        initiators: usize,
        reservations: Reservations,
        keeper: Option<Arc<dyn Keeper>>,
    ) -> Self {
        let unit = Self {
            blocks: AtomicU64::new(fixed.blocks),
            write_cache: AtomicBool::new(fixed.default.write_cache),
            descriptor_sense: AtomicBool::new(fixed.default.descriptor_sense),
            write_protect: AtomicBool::new(fixed.default.write_protect),
            stopped: AtomicBool::new(false),
            has_attentions: (0..initiators).map(|_| AtomicBool::new(false)).collect(),
            attentions: Mutex::new(vec![VecDeque::new(); initiators]),
            is_reserved: AtomicBool::new(reservations.held().is_some()),
            reservations: Mutex::new(reservations),
            changing: Mutex::default(),
            keeper,
            facts,
            fixed,
        };
        unit.tell_all(Code::POWER_ON_OCCURRED);
        unit
    }

    /// Bytes of a block.
    pub fn block_size(&self) -> u32 {
        self.fixed.block_size
    }

    /// Number of blocks.
    pub fn blocks(&self) -> u64 {
        self.blocks.load(Ordering::Relaxed)
    }

    /// What it tells of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether nobody can write.
    pub fn is_read_only(&self) -> bool {
        self.fixed.read_only
    }

    /// Whether sense data goes out in the descriptor format.
    pub fn descriptor_sense(&self) -> bool {
        self.descriptor_sense.load(Ordering::Relaxed)
    }

    /// Whether a write may stay in a cache.
    pub fn write_cache(&self) -> bool {
        self.write_cache.load(Ordering::Relaxed)
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The medium has another size. All initiators hear of it.
    pub fn resize(&self, blocks: u64) {
        self.blocks.store(blocks, Ordering::Relaxed);
        self.tell_all(Code::CAPACITY_DATA_HAS_CHANGED);
    }

    /// What an initiator can change, as it is.
    pub fn mode(&self) -> Mode {
        Mode {
            write_cache: self.write_cache(),
            descriptor_sense: self.descriptor_sense(),
            write_protect: self.write_protect.load(Ordering::Relaxed),
        }
    }

    /// Takes a mode over, as far as the unit has it.
    pub fn set_mode(&self, mode: Mode) {
        if self.fixed.cache_changes {
            self.write_cache.store(mode.write_cache, Ordering::Relaxed);
        }
        self.descriptor_sense
            .store(mode.descriptor_sense, Ordering::Relaxed);
        self.write_protect
            .store(mode.write_protect, Ordering::Relaxed);
    }

    /// Stops or starts it, as START STOP UNIT does.
    pub fn set_stopped(&self, stopped: bool) {
        self.stopped.store(stopped, Ordering::Relaxed);
    }

    /// A copy of the reservations.
    pub fn reservations(&self) -> Reservations {
        lock(&self.reservations).clone()
    }

    /// Replaces the reservations, and keeps them if they are to be kept.
    pub fn set_reservations(&self, reservations: Reservations) -> std::io::Result<()> {
        let _changing = lock(&self.changing);
        if let Some(keeper) = &self.keeper
            && reservations.is_persistent()
        {
            keeper.keep(self.facts.identity.wwn, &reservations)?;
        }
        let mut state = lock(&self.reservations);
        self.is_reserved
            .store(reservations.held().is_some(), Ordering::SeqCst);
        *state = reservations;
        Ok(())
    }

    /// Something for one initiator to hear.
    pub fn tell(&self, nexus: usize, code: Code) {
        let mut attentions = lock(&self.attentions);
        let Some(queue) = attentions.get_mut(nexus) else {
            return;
        };
        if !queue.contains(&code) && queue.len() < MAX_ATTENTIONS {
            queue.push_back(code);
            if let Some(flag) = self.has_attentions.get(nexus) {
                flag.store(true, Ordering::Release);
            }
        }
    }

    /// Something for all initiators to hear.
    pub fn tell_all(&self, code: Code) {
        for nexus in 0..self.has_attentions.len() {
            self.tell(nexus, code);
        }
    }

    fn tell_others(&self, nexus: usize, code: Code) {
        for other in (0..self.has_attentions.len()).filter(|&other| other != nexus) {
            self.tell(other, code);
        }
    }

    /// What an initiator has not heard yet.
    pub fn attentions(&self, nexus: usize) -> Vec<Code> {
        let attentions = lock(&self.attentions);
        attentions
            .get(nexus)
            .map(|queue| queue.iter().copied().collect())
            .unwrap_or_default()
    }

    /// What one initiator has not heard is what another daemon says.
    pub fn set_attentions(&self, nexus: usize, codes: &[Code]) {
        let mut attentions = lock(&self.attentions);
        if let (Some(queue), Some(flag)) =
            (attentions.get_mut(nexus), self.has_attentions.get(nexus))
        {
            *queue = codes.iter().copied().take(MAX_ATTENTIONS).collect();
            flag.store(!queue.is_empty(), Ordering::Release);
        }
    }

    fn take_attention(&self, nexus: usize) -> Option<Code> {
        let flag = self.has_attentions.get(nexus)?;
        if !flag.load(Ordering::Acquire) {
            return None;
        }
        let mut attentions = lock(&self.attentions);
        let queue = attentions.get_mut(nexus)?;
        let code = queue.pop_front();
        flag.store(!queue.is_empty(), Ordering::Release);
        code
    }

    /// A reset of the unit (SAM-5, 6.3.3).
    pub fn reset(&self) {
        self.set_mode(self.fixed.default);
        self.stopped.store(false, Ordering::Relaxed);
        self.tell_all(Code::BUS_DEVICE_RESET_FUNCTION_OCCURRED);
    }

    /// The connection to an initiator was lost or renewed.
    pub fn lose_nexus(&self, nexus: usize) {
        self.tell(nexus, Code::I_T_NEXUS_LOSS_OCCURRED);
    }

    /// The checks that come before anything of a command is done: news for the initiator, a command
    /// that is not known, bits that must be zero, another's reservation, a unit that was stopped.
    #[inline]
    pub fn admit(&self, nexus: usize, cdb: &Cdb) -> Result<&'static Op, Reply> {
        let hears = !matches!(cdb[0], op::INQUIRY | op::REPORT_LUNS | op::REQUEST_SENSE);
        if hears && let Some(code) = self.take_attention(nexus) {
            return Err(Reply::Check(Sense::new(key::UNIT_ATTENTION, code)));
        }
        let op = opcodes::find(cdb, self.facts.discards).map_err(Reply::Check)?;
        if self.is_reserved.load(Ordering::SeqCst) {
            // A start is always allowed, a stop is not.
            let access = match op.code {
                op::START_STOP_UNIT if cdb[4] & 1 == 0 => Access::Writes,
                _ => op.access,
            };
            if lock(&self.reservations).conflicts(nexus, access) {
                return Err(Reply::Conflict);
            }
        }
        if self.is_stopped() && (op.needs_medium || op.code == op::TEST_UNIT_READY) {
            return Err(Reply::Check(NOT_STARTED));
        }
        Ok(op)
    }

    /// Carries out a command that was admitted. `list` is the data that came with it, for those whose
    /// data is not for the medium: all of it, as long as the command block says.
    pub fn execute(&self, nexus: usize, cdb: &Cdb, list: &[u8]) -> Action {
        match self.try_execute(nexus, cdb, list) {
            Ok(action) => action,
            Err(sense) => sense.into(),
        }
    }

    fn try_execute(&self, nexus: usize, cdb: &Cdb, list: &[u8]) -> Result<Action, Sense> {
        Ok(match cdb[0] {
            op::TEST_UNIT_READY => Reply::Good.into(),
            op::READ_6 | op::READ_10 | op::READ_12 | op::READ_16 => {
                let (lba, blocks) = self.range(cdb)?;
                // What the initiator is shown it may rely on after a power cut (SBC-3, READ). Without
                // a cache all that was written is on the medium.
                let flush = is_forced(cdb) && blocks > 0 && self.write_cache();
                Action::Read {
                    lba,
                    blocks,
                    flush: flush && !self.is_read_only(),
                }
            }
            op::WRITE_6 | op::WRITE_10 | op::WRITE_12 | op::WRITE_16 => {
                let (lba, blocks) = self.range(cdb)?;
                self.check_writable()?;
                Action::Write {
                    lba,
                    blocks,
                    durable: is_forced(cdb) || !self.write_cache(),
                }
            }
            op::VERIFY_10 | op::VERIFY_12 | op::VERIFY_16 => {
                let (lba, blocks) = self.range(cdb)?;
                let compare = match (cdb[1] >> 1) & 3 {
                    0 => Compare::Nothing,
                    1 => Compare::Each,
                    3 => Compare::One,
                    _ => return Err(Sense::bad_cdb_bit(1, 2)),
                };
                Action::Verify {
                    lba,
                    blocks,
                    compare,
                }
            }
            op::SYNCHRONIZE_CACHE_10 | op::SYNCHRONIZE_CACHE_16 => {
                let (lba, blocks) = opcodes::range(cdb);
                self.check_range(lba, blocks)?;
                Action::Flush
            }
            op::WRITE_SAME_10 | op::WRITE_SAME_16 => self.write_same(cdb, list)?,
            op::UNMAP => self.unmap(list)?,
            op::READ_CAPACITY_10 => {
                let last = self.blocks().saturating_sub(1);
                let last = u32::try_from(last).unwrap_or(u32::MAX);
                let mut out = last.to_be_bytes().to_vec();
                out.extend(self.block_size().to_be_bytes());
                Reply::Data(out).into()
            }
            op::SERVICE_ACTION_IN_16 => data(self.capacity(), be32(cdb, 10)),
            op::INQUIRY => data(inquiry::answer(cdb, &self.facts)?, be16(cdb, 3).into()),
            op::REQUEST_SENSE => data(self.request_sense(nexus, cdb), cdb[4].into()),
            op::MODE_SENSE_6 => data(self.mode_sense(cdb)?, cdb[4].into()),
            op::MODE_SENSE_10 => data(self.mode_sense(cdb)?, be16(cdb, 7).into()),
            op::MODE_SELECT_6 | op::MODE_SELECT_10 => {
                let before = self.mode();
                let after = self.fixed.select(cdb, list, before)?;
                if after != before {
                    self.set_mode(after);
                    self.tell_others(nexus, Code::MODE_PARAMETERS_CHANGED);
                }
                // What the cache has was promised only to be in the cache.
                if before.write_cache && !after.write_cache {
                    Action::Flush
                } else {
                    Reply::Good.into()
                }
            }
            op::MAINTENANCE_IN => {
                let report = if cdb[1] & 0x1f == REPORT_SUPPORTED_OPCODES {
                    opcodes::report(cdb, self.facts.discards)?
                } else {
                    supported_task_management(cdb)
                };
                data(report, be32(cdb, 6))
            }
            op::PERSISTENT_RESERVE_IN => {
                let state = lock(&self.reservations);
                data(
                    state.report(cdb[1] & 0x1f, self.keeper.is_some())?,
                    be16(cdb, 7).into(),
                )
            }
            op::PERSISTENT_RESERVE_OUT => self.reserve(nexus, cdb, list)?,
            op::START_STOP_UNIT => {
                let start = cdb[4] & 1 != 0;
                let without_flush = cdb[4] & 4 != 0;
                self.set_stopped(!start);
                if start || without_flush || self.is_read_only() {
                    Reply::Good.into()
                } else {
                    Action::Flush
                }
            }
            _ => return Err(Sense::illegal(Code::INVALID_COMMAND_OPERATION_CODE)),
        })
    }

    /// Checks that the blocks exist.
    fn check_range(&self, lba: u64, blocks: u64) -> Result<(), Sense> {
        let all = self.blocks();
        if lba >= all || blocks > all - lba {
            let first_bad = lba.max(all);
            return Err(Sense::illegal(Code::LBA_OUT_OF_RANGE).at(first_bad));
        }
        Ok(())
    }

    /// The range of a command whose length the block limits bound.
    #[inline]
    fn range(&self, cdb: &Cdb) -> Result<(u64, u64), Sense> {
        let (lba, blocks) = opcodes::range(cdb);
        if blocks > u64::from(self.facts.limits.transfer) {
            return Err(Sense::bad_cdb(length_field(cdb)));
        }
        self.check_range(lba, blocks)?;
        Ok((lba, blocks))
    }

    #[inline]
    fn check_writable(&self) -> Result<(), Sense> {
        if self.is_read_only() {
            return Err(Sense::new(key::DATA_PROTECT, Code::WRITE_PROTECTED));
        }
        if self.write_protect.load(Ordering::Relaxed) {
            let code = Code::LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED;
            return Err(Sense::new(key::DATA_PROTECT, code));
        }
        Ok(())
    }

    fn write_same(&self, cdb: &Cdb, block: &[u8]) -> Result<Action, Sense> {
        let (lba, blocks) = opcodes::range(cdb);
        let without_data = cdb[0] == op::WRITE_SAME_16 && cdb[1] & 1 != 0;
        let unmap = cdb[1] & 0x08 != 0;
        if unmap && !self.facts.discards {
            return Err(Sense::bad_cdb_bit(1, 3));
        }
        if blocks == 0 || blocks > u64::from(self.facts.limits.write_same) {
            return Err(Sense::bad_cdb(length_field(cdb)));
        }
        self.check_range(lba, blocks)?;
        self.check_writable()?;
        let zeroes = without_data || block.iter().all(|&byte| byte == 0);
        Ok(Action::WriteSame {
            lba,
            blocks,
            unmap,
            block: if zeroes { Vec::new() } else { block.to_vec() },
        })
    }

    fn unmap(&self, list: &[u8]) -> Result<Action, Sense> {
        self.check_writable()?;
        if list.is_empty() {
            return Ok(Reply::Good.into());
        }
        if list.len() < 8 {
            return Err(Sense::illegal(Code::PARAMETER_LIST_LENGTH_ERROR));
        }
        let announced = usize::from(be16(list, 2));
        let ranges = list[8..]
            .chunks_exact(16)
            .take(announced / 16)
            .map(|range| (be64(range, 0), u64::from(be32(range, 8))));
        let limits = self.facts.limits;
        if ranges.len() > limits.unmap_ranges as usize {
            return Err(Sense::bad_parameter(2));
        }
        let mut left = u64::from(limits.unmap);
        let mut out = Vec::with_capacity(ranges.len());
        for (index, (lba, blocks)) in ranges.enumerate() {
            // Only first block and number together must not exceed the medium (SBC-3, 5.28.2): no
            // blocks right behind the last one do not.
            if blocks > 0 || lba > self.blocks() {
                self.check_range(lba, blocks)?;
            }
            left = left
                .checked_sub(blocks)
                .ok_or(Sense::bad_parameter(8 + 16 * index as u16 + 8))?;
            if blocks > 0 {
                out.push((lba, blocks));
            }
        }
        Ok(if out.is_empty() {
            Reply::Good.into()
        } else {
            Action::Unmap(out)
        })
    }

    fn capacity(&self) -> Vec<u8> {
        let mut out = vec![0; 32];
        let last = self.blocks().saturating_sub(1);
        out[..8].copy_from_slice(&last.to_be_bytes());
        out[8..12].copy_from_slice(&self.block_size().to_be_bytes());
        // Physical blocks of 4 KiB.
        out[13] = if self.block_size() == 512 { 3 } else { 0 };
        if self.facts.discards {
            out[14] = 0xc0;
        }
        out
    }

    fn mode_sense(&self, cdb: &Cdb) -> Result<Vec<u8>, Sense> {
        let fixed = Fixed {
            blocks: self.blocks(),
            ..self.fixed
        };
        fixed.sense(cdb, self.mode())
    }

    fn request_sense(&self, nexus: usize, cdb: &Cdb) -> Vec<u8> {
        let sense = match self.take_attention(nexus) {
            Some(code) => Sense::new(key::UNIT_ATTENTION, code),
            None if self.is_stopped() => NOT_STARTED,
            None => Sense::new(key::NO_SENSE, Code::NONE),
        };
        let (bytes, len) = sense.to_bytes(cdb[1] & 1 != 0);
        bytes[..len].to_vec()
    }

    fn reserve(&self, nexus: usize, cdb: &Cdb, list: &[u8]) -> Result<Action, Sense> {
        if parameter_length(cdb) as usize != PARAMETER_LEN || list.len() != PARAMETER_LEN {
            return Err(Sense::illegal(Code::PARAMETER_LIST_LENGTH_ERROR));
        }
        let mut parameters = [0; PARAMETER_LEN];
        parameters.copy_from_slice(list);
        let _changing = lock(&self.changing);
        let before = self.reservations();
        let mut next = before.clone();
        let can_persist = self.keeper.is_some();
        let action = cdb[1] & 0x1f;
        let effects = match next.change(nexus, action, cdb[2], &parameters, can_persist) {
            Ok(effects) => effects,
            Err(Refused::Conflict) => return Ok(Reply::Conflict.into()),
            Err(Refused::Check(sense)) => return Err(sense),
        };
        if let Some(keeper) = &self.keeper
            && (next.is_persistent() || before.is_persistent())
            && keeper.keep(self.facts.identity.wwn, &next).is_err()
        {
            // Nothing was changed, and the initiator knows.
            let code = Code::INSUFFICIENT_REGISTRATION_RESOURCES;
            return Err(Sense::illegal(code));
        }
        {
            let mut state = lock(&self.reservations);
            self.is_reserved
                .store(next.held().is_some(), Ordering::SeqCst);
            *state = next;
        }
        for (other, code) in effects.attentions {
            self.tell(other, code);
        }
        Ok(if effects.abort.is_empty() {
            Reply::Good.into()
        } else {
            Action::Abort(effects.abort)
        })
    }
}

const NOT_STARTED: Sense = Sense::new(key::NOT_READY, Code::INITIALIZING_COMMAND_REQUIRED);

/// Whether a READ or WRITE is about the medium and not about a cache (FUA). The form of six bytes has
/// a part of the address in that place.
#[inline]
fn is_forced(cdb: &Cdb) -> bool {
    !matches!(cdb[0], op::READ_6 | op::WRITE_6) && cdb[1] & 0x08 != 0
}

fn data(mut bytes: Vec<u8>, allocated: u32) -> Action {
    bytes.truncate(allocated as usize);
    Reply::Data(bytes).into()
}

/// Where the number of blocks stands.
fn length_field(cdb: &Cdb) -> u16 {
    match cdb[0] >> 5 {
        0 => 4,
        1 | 2 => 7,
        4 => 10,
        _ => 6,
    }
}

fn supported_task_management(cdb: &Cdb) -> Vec<u8> {
    // Abort task, abort task set, clear task set, logical unit reset, query task.
    let functions = 0x80 | 0x40 | 0x10 | 0x08 | 0x04;
    // Query task set, I_T nexus reset.
    let more = 0x02 | 0x01;
    let extended = cdb[2] & 0x80 != 0;
    let mut out = vec![functions, more, 0, 0];
    if extended {
        out[3] = 12;
        out.extend([0; 12]);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::inquiry::{Identity, Limits};
    use crate::target::opcodes::{MAX_CDB, OPS, Transfer, transfer};
    use crate::target::reservation::{Held, Kind, Registration};

    const BLOCKS: u64 = 1000;

    fn unit() -> LogicalUnit {
        unit_for(2)
    }

    fn unit_for(initiators: usize) -> LogicalUnit {
        let facts = Facts {
            identity: Identity {
                serial: "s".to_owned(),
                wwn: 1,
            },
            limits: Limits {
                transfer: 100,
                unmap: 200,
                unmap_ranges: 4,
                write_same: 300,
                granularity: 8,
            },
            solid_state: false,
            discards: true,
        };
        let fixed = Fixed {
            default: Mode {
                write_cache: true,
                descriptor_sense: false,
                write_protect: false,
            },
            read_only: false,
            cache_changes: true,
            block_size: 512,
            blocks: BLOCKS,
        };
        let unit = LogicalUnit::new(facts, fixed, initiators, Reservations::default(), None);
        for nexus in 0..initiators {
            unit.set_attentions(nexus, &[]);
        }
        unit
    }

    fn cdb(bytes: &[u8]) -> Cdb {
        let mut cdb = [0; MAX_CDB];
        cdb[..bytes.len()].copy_from_slice(bytes);
        cdb
    }

    #[test]
    fn news_are_heard_once_and_not_by_inquiry() {
        let unit = unit();
        unit.resize(500);

        let inquiry = unit.admit(0, &cdb(&[op::INQUIRY]));
        let first = unit.admit(0, &cdb(&[op::TEST_UNIT_READY]));
        let second = unit.admit(0, &cdb(&[op::TEST_UNIT_READY]));

        let news = Sense::new(key::UNIT_ATTENTION, Code::CAPACITY_DATA_HAS_CHANGED);
        assert!(inquiry.is_ok());
        assert_eq!(first.err(), Some(Reply::Check(news)));
        assert!(second.is_ok());
        assert_eq!(unit.attentions(1), [Code::CAPACITY_DATA_HAS_CHANGED]);
    }

    #[test]
    fn request_sense_takes_the_news_as_data() {
        let unit = unit();
        unit.resize(500);
        let ask = cdb(&[op::REQUEST_SENSE, 0, 0, 0, 18]);

        let Action::Reply(Reply::Data(data)) = unit.execute(0, &ask, &[]) else {
            panic!("no data");
        };

        assert_eq!((data[2], data[12], data[13]), (6, 0x2a, 9));
        assert!(unit.attentions(0).is_empty());
    }

    #[test]
    fn news_do_not_pile_up() {
        let unit = unit();
        for n in 0..1000u32 {
            unit.tell(0, Code((n % 200) as u8, 1));
        }

        assert_eq!(unit.attentions(0).len(), MAX_ATTENTIONS);
    }

    #[test]
    fn software_write_protection_refuses_writes_until_it_is_taken_back() {
        let unit = unit();
        let write = cdb(&[op::WRITE_10, 0, 0, 0, 0, 0, 0, 0, 1]);
        unit.set_mode(Mode {
            write_protect: true,
            ..unit.mode()
        });

        let refused = unit.execute(0, &write, &[]);
        unit.reset();
        let made = unit.execute(0, &write, &[]);

        let code = Code::LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED;
        assert_eq!(refused, Sense::new(key::DATA_PROTECT, code).into());
        assert!(matches!(made, Action::Write { .. }));
    }

    fn read(unit: &LogicalUnit, bytes: &[u8]) -> Action {
        unit.execute(0, &cdb(bytes), &[])
    }

    #[test]
    fn a_forced_read_flushes_first_only_where_a_cache_may_have_something() {
        let cached = unit();
        let through = unit();
        through.set_mode(Mode {
            write_cache: false,
            ..through.mode()
        });
        let mut locked = unit();
        locked.fixed.read_only = true;
        let forced = [op::READ_10, 0x08, 0, 0, 0, 5, 0, 0, 2];
        let (lba, blocks) = (5, 2);
        let read_of = |flush| Action::Read { lba, blocks, flush };

        assert_eq!(read(&cached, &forced), read_of(true));
        assert_eq!(read(&through, &forced), read_of(false));
        assert_eq!(read(&locked, &forced), read_of(false));
    }

    #[test]
    fn an_address_in_a_read_of_six_bytes_is_not_taken_for_force_unit_access() {
        let unit = unit();
        unit.resize(1 << 20);

        let action = read(&unit, &[op::READ_6, 0x08, 0, 0, 1]);

        let (lba, blocks, flush) = (0x8_0000, 1, false);
        assert_eq!(action, Action::Read { lba, blocks, flush });
    }

    fn unmap(lba: u64, blocks: u32) -> Action {
        let mut list = vec![0, 22, 0, 16, 0, 0, 0, 0];
        list.extend(lba.to_be_bytes());
        list.extend(blocks.to_be_bytes());
        list.extend([0; 4]);
        unit().execute(0, &cdb(&[op::UNMAP, 0, 0, 0, 0, 0, 0, 0, 24]), &list)
    }

    #[test]
    fn unmap_of_no_blocks_is_good_up_to_the_end_and_refused_behind_it() {
        let behind = Sense::illegal(Code::LBA_OUT_OF_RANGE).at(BLOCKS + 1);

        assert_eq!(unmap(BLOCKS, 0), Reply::Good.into());
        assert_eq!(unmap(BLOCKS + 1, 0), behind.into());
    }

    #[test]
    fn unmap_of_a_block_behind_the_end_is_refused() {
        let behind = Sense::illegal(Code::LBA_OUT_OF_RANGE).at(BLOCKS);

        assert_eq!(unmap(BLOCKS - 1, 1), Action::Unmap(vec![(BLOCKS - 1, 1)]));
        assert_eq!(unmap(BLOCKS, 1), behind.into());
    }

    const HOLDER: usize = 0;
    const REGISTERED: usize = 1;
    const STRANGER: usize = 2;

    /// A unit that [`HOLDER`] has reserved, and [`REGISTERED`] has a key for.
    fn reserved(kind: Kind) -> LogicalUnit {
        let unit = unit_for(3);
        let key_of = |nexus| Registration {
            nexus,
            key: key_of(nexus),
        };
        let keys = [HOLDER, REGISTERED].map(key_of).to_vec();
        let held = Held {
            nexus: HOLDER,
            kind,
        };
        let state = Reservations::restore(keys, Some(held), false);
        unit.set_reservations(state).unwrap();
        unit
    }

    fn key_of(nexus: usize) -> u64 {
        if nexus == STRANGER {
            0
        } else {
            10 + nexus as u64
        }
    }

    /// The columns of SPC-4, table 66: a reservation, who sends a command beside it, and the place of
    /// the answer in [`CONFLICTS`].
    const COLUMNS: [(Kind, usize, usize); 12] = [
        (Kind::WriteExclusive, REGISTERED, 0),
        (Kind::WriteExclusive, STRANGER, 0),
        (Kind::ExclusiveAccess, REGISTERED, 1),
        (Kind::ExclusiveAccess, STRANGER, 1),
        (Kind::WriteExclusiveRegistrantsOnly, REGISTERED, 2),
        (Kind::ExclusiveAccessRegistrantsOnly, REGISTERED, 2),
        (Kind::WriteExclusiveAllRegistrants, REGISTERED, 2),
        (Kind::ExclusiveAccessAllRegistrants, REGISTERED, 2),
        (Kind::WriteExclusiveRegistrantsOnly, STRANGER, 3),
        (Kind::WriteExclusiveAllRegistrants, STRANGER, 3),
        (Kind::ExclusiveAccessRegistrantsOnly, STRANGER, 4),
        (Kind::ExclusiveAccessAllRegistrants, STRANGER, 4),
    ];

    /// A command, its code, its service action, the fifth byte of its block, and whether it is allowed (A)
    /// or in conflict (C), by column.
    type Row = (&'static str, u8, Option<u8>, u8, &'static [u8; 5]);

    /// SPC-4, table 66, and SBC-3, table 13.
    ///
    /// |   | reservation | the command is of |
    /// |---|---|---|
    /// | 0 | write exclusive | anybody else |
    /// | 1 | exclusive access | anybody else |
    /// | 2 | registrants only, all registrants | one that is registered |
    /// | 3 | the same, of write exclusive | one that is not |
    /// | 4 | the same, of exclusive access | one that is not |
    #[rustfmt::skip]
    const CONFLICTS: &[Row] = &[
        ("TEST UNIT READY",                 0x00, None,       0, b"AAAAA"),
        ("REQUEST SENSE",                   0x03, None,       0, b"AAAAA"),
        ("READ (6)",                        0x08, None,       0, b"ACAAC"),
        ("WRITE (6)",                       0x0a, None,       0, b"CCACC"),
        ("INQUIRY",                         0x12, None,       0, b"AAAAA"),
        ("MODE SELECT (6)",                 0x15, None,       0, b"CCACC"),
        ("MODE SENSE (6)",                  0x1a, None,       0, b"ACAAC"),
        ("START STOP UNIT, START 0",        0x1b, None,       0, b"CCACC"),
        ("START STOP UNIT, START 1",        0x1b, None,       1, b"AAAAA"),
        ("READ CAPACITY (10)",              0x25, None,       0, b"AAAAA"),
        ("READ (10)",                       0x28, None,       0, b"ACAAC"),
        ("WRITE (10)",                      0x2a, None,       0, b"CCACC"),
        ("VERIFY (10)",                     0x2f, None,       0, b"ACAAC"),
        ("SYNCHRONIZE CACHE (10)",          0x35, None,       0, b"CCACC"),
        ("WRITE SAME (10)",                 0x41, None,       0, b"CCACC"),
        ("UNMAP",                           0x42, None,       0, b"CCACC"),
        ("MODE SELECT (10)",                0x55, None,       0, b"CCACC"),
        ("MODE SENSE (10)",                 0x5a, None,       0, b"ACAAC"),
        ("READ KEYS",                       0x5e, Some(0),    0, b"AAAAA"),
        ("READ RESERVATION",                0x5e, Some(1),    0, b"AAAAA"),
        ("REPORT CAPABILITIES",             0x5e, Some(2),    0, b"AAAAA"),
        ("READ FULL STATUS",                0x5e, Some(3),    0, b"AAAAA"),
        // These have a table of their own, for it matters what they are about.
        ("REGISTER",                        0x5f, Some(0),    0, b"AAAAA"),
        ("RESERVE",                         0x5f, Some(1),    0, b"AAAAA"),
        ("RELEASE",                         0x5f, Some(2),    0, b"AAAAA"),
        ("CLEAR",                           0x5f, Some(3),    0, b"AAAAA"),
        ("PREEMPT",                         0x5f, Some(4),    0, b"AAAAA"),
        ("PREEMPT AND ABORT",               0x5f, Some(5),    0, b"AAAAA"),
        ("REGISTER AND IGNORE EXISTING KEY", 0x5f, Some(6),   0, b"AAAAA"),
        ("READ (16)",                       0x88, None,       0, b"ACAAC"),
        ("WRITE (16)",                      0x8a, None,       0, b"CCACC"),
        ("VERIFY (16)",                     0x8f, None,       0, b"ACAAC"),
        ("SYNCHRONIZE CACHE (16)",          0x91, None,       0, b"CCACC"),
        ("WRITE SAME (16)",                 0x93, None,       0, b"CCACC"),
        ("READ CAPACITY (16)",              0x9e, Some(0x10), 0, b"AAAAA"),
        ("REPORT LUNS",                     0xa0, None,       0, b"AAAAA"),
        ("REPORT SUPPORTED OPERATION CODES", 0xa3, Some(0x0c), 0, b"ACAAC"),
        ("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", 0xa3, Some(0x0d), 0, b"ACAAC"),
        ("READ (12)",                       0xa8, None,       0, b"ACAAC"),
        ("WRITE (12)",                      0xaa, None,       0, b"CCACC"),
        ("VERIFY (12)",                     0xaf, None,       0, b"ACAAC"),
    ];

    #[test]
    fn every_command_is_in_conflict_with_those_reservations_that_the_standards_say() {
        let mut wrong = Vec::new();
        for &(name, code, action, fifth, allowed) in CONFLICTS {
            let cdb = cdb(&[code, action.unwrap_or(0), 0, 0, fifth]);
            for (kind, nexus, column) in COLUMNS {
                let expected = match allowed[column] {
                    b'A' => Ok(code),
                    _ => Err(Reply::Conflict),
                };
                let unit = reserved(kind);
                let found = unit.admit(nexus, &cdb).map(|op| op.code);
                let holders = unit.admit(HOLDER, &cdb).map(|op| op.code);
                if (&found, holders) != (&expected, Ok(code)) {
                    wrong.push((name, kind, nexus, found));
                }
            }
        }

        assert_eq!(wrong, []);
    }

    #[test]
    fn every_command_that_is_known_has_its_conflicts_in_the_table() {
        let known: Vec<_> = OPS.iter().map(|op| (op.code, op.action)).collect();
        let mut listed: Vec<_> = CONFLICTS.iter().map(|row| (row.1, row.2)).collect();
        // START STOP UNIT is there with and without START.
        listed.dedup();

        assert_eq!(listed, known);
    }

    /// SPC-4, table 67: a service action of PERSISTENT RESERVE OUT, the key that it names, and whether it
    /// is allowed to one that is registered, and to one that is not.
    #[rustfmt::skip]
    const CONFLICTS_OF_RESERVE_OUT: &[(&str, u8, u64, &[u8; 2])] = &[
        ("REGISTER",                         0, 77, b"AA"),
        ("RESERVE",                          1, 0,  b"CC"),
        ("RELEASE",                          2, 0,  b"AC"),
        ("CLEAR",                            3, 0,  b"AC"),
        ("PREEMPT",                          4, 10, b"AC"),
        ("PREEMPT AND ABORT",                5, 10, b"AC"),
        ("REGISTER AND IGNORE EXISTING KEY", 6, 77, b"AA"),
    ];

    #[test]
    fn every_change_of_a_reservation_is_a_conflict_for_those_that_the_standard_says() {
        let mut wrong = Vec::new();
        for &(name, action, other, allowed) in CONFLICTS_OF_RESERVE_OUT {
            for (kind, nexus, _) in COLUMNS {
                let holds = nexus == REGISTERED && kind.is_all_registrants();
                // Who holds a reservation may make it again.
                let expected = holds || allowed[nexus - REGISTERED] == b'A';
                let unit = reserved(kind);
                let ask = [op::PERSISTENT_RESERVE_OUT, action, kind as u8];
                let mut cdb = cdb(&ask);
                cdb[8] = PARAMETER_LEN as u8;
                let mut list = key_of(nexus).to_be_bytes().to_vec();
                list.extend(other.to_be_bytes());
                list.extend([0; 8]);

                let admitted = unit.admit(nexus, &cdb).is_ok();
                let reply = unit.execute(nexus, &cdb, &list);

                let found = match reply {
                    Action::Reply(Reply::Good) | Action::Abort(_) => Some(true),
                    Action::Reply(Reply::Conflict) => Some(false),
                    _ => None,
                };
                if !admitted || found != Some(expected) {
                    wrong.push((name, kind, nexus, found));
                }
            }
        }

        assert_eq!(wrong, []);
    }

    /// Commands that are known, with anything in the fields, and some that are not.
    fn any_cdb() -> impl Strategy<Value = Cdb> {
        (any::<prop::sample::Index>(), any::<Cdb>(), any::<bool>()).prop_map(
            |(index, mut cdb, masked)| {
                let op = &OPS[index.index(OPS.len())];
                if masked {
                    for (byte, usage) in cdb.iter_mut().zip(op.usage) {
                        *byte &= usage;
                    }
                    cdb[0] = op.code;
                    if let Some(action) = op.action {
                        cdb[1] = action;
                    }
                }
                cdb
            },
        )
    }

    proptest! {
        #[test]
        fn no_command_leaves_the_unit(
            commands in prop::collection::vec(
                (any_cdb(), 0usize..2, prop::collection::vec(any::<u8>(), 0..600)), 1..20),
        ) {
            let unit = unit();
            for (cdb, nexus, list) in commands {
                if unit.admit(nexus, &cdb).is_err() {
                    continue;
                }
                let asked = transfer(&cdb, 512);
                match unit.execute(nexus, &cdb, &list) {
                    Action::Read { lba, blocks, .. } | Action::Write { lba, blocks, .. }
                    | Action::Verify { lba, blocks, .. } => {
                        prop_assert!(blocks <= 100 && lba + blocks <= BLOCKS);
                    }
                    Action::WriteSame { lba, blocks, .. } => {
                        prop_assert!(blocks <= 300 && lba + blocks <= BLOCKS);
                    }
                    Action::Unmap(ranges) => {
                        prop_assert!(ranges.len() <= 4);
                        for (lba, blocks) in ranges {
                            prop_assert!(lba + blocks <= BLOCKS);
                        }
                    }
                    Action::Reply(Reply::Data(data)) => {
                        prop_assert!(matches!(asked, Transfer::In(most) if data.len() as u64 <= most));
                    }
                    Action::Reply(_) | Action::Flush | Action::Abort(_) => {}
                }
            }
        }
    }
}
