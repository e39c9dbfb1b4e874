// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A SCSI target (SAM-5, SPC-4, SBC-3) that knows neither virtio nor files.
//!
//! | file | what it is about |
//! |---|---|
//! | [`address`] | the eight bytes that name a logical unit |
//! | [`opcodes`] | the table of commands, their ranges and data |
//! | [`mod@unit`] | a logical unit: checks, answers, what the medium has to do |
//! | [`sense`] | sense data in both formats |
//! | [`inquiry`], [`mode`], [`reservation`] | INQUIRY and VPD, mode pages, persistent reservations |
//! | [`tasks`] | commands under way, for task management |

pub mod address;
pub mod inquiry;
pub mod mode;
pub mod opcodes;
pub mod reservation;
pub mod sense;
pub mod tasks;
pub mod unit;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use opcodes::{Cdb, be16, be32, op};
use sense::{Code, Sense, key};
use tasks::Tasks;
use unit::{LogicalUnit, Reply};

/// A logical unit, with what its medium is.
#[derive(Debug)]
pub struct Lun<M> {
    /// Number of its target.
    pub target: u8,
    /// Its number in the target.
    pub lun: u16,
    /// What is standard about it.
    pub unit: LogicalUnit,
    /// Where its blocks are.
    pub medium: M,
}

/// The units at one moment.
pub type Luns<M> = BTreeMap<(u8, u16), Arc<Lun<M>>>;

/// The targets, which all initiators share.
#[derive(Debug)]
pub struct Targets<M> {
    luns: RwLock<Arc<Luns<M>>>,
    /// Commands under way.
    pub tasks: Arc<Tasks>,
}

/// Why a unit cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("target {target} has a unit {lun} already")]
pub struct Occupied {
    /// Number of the target.
    pub target: u8,
    /// Number of the unit.
    pub lun: u16,
}

impl<M> Default for Targets<M> {
    fn default() -> Self {
        Self {
            luns: RwLock::default(),
            tasks: Arc::default(),
        }
    }
}

impl<M> Targets<M> {
    /// The units as they are now.
    pub fn luns(&self) -> Arc<Luns<M>> {
        self.luns
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Adds a unit. The initiators hear of it from the other units of its target.
    pub fn add(&self, lun: Lun<M>) -> Result<Arc<Lun<M>>, Occupied> {
        let (target, number) = (lun.target, lun.lun);
        let lun = Arc::new(lun);
        self.change(|luns| {
            if luns.contains_key(&(target, number)) {
                return Err(Occupied {
                    target,
                    lun: number,
                });
            }
            tell_target(luns, target);
            luns.insert((target, number), lun.clone());
            Ok(lun.clone())
        })
    }

    /// Removes a unit. Commands that it works on end as they would.
    pub fn remove(&self, target: u8, lun: u16) -> Option<Arc<Lun<M>>> {
        self.change(|luns| {
            let removed = luns.remove(&(target, lun));
            if removed.is_some() {
                tell_target(luns, target);
            }
            removed
        })
    }

    fn change<R>(&self, change: impl FnOnce(&mut Luns<M>) -> R) -> R {
        let mut shared = self.luns.write().unwrap_or_else(PoisonError::into_inner);
        let mut luns = Luns::clone(&shared);
        let result = change(&mut luns);
        *shared = Arc::new(luns);
        result
    }
}

fn tell_target<M>(luns: &Luns<M>, target: u8) {
    for (_, lun) in luns.range((target, 0)..=(target, u16::MAX)) {
        lun.unit.tell_all(Code::REPORTED_LUNS_DATA_HAS_CHANGED);
    }
}

/// Whether a target has any unit.
pub fn has_target<M>(luns: &Luns<M>, target: u8) -> bool {
    luns.range((target, 0)..=(target, u16::MAX))
        .next()
        .is_some()
}

/// REPORT LUNS (SPC-4, 6.33), of one target or of all of them.
pub fn report_luns<M>(luns: &Luns<M>, target: Option<u8>, cdb: &Cdb) -> Reply {
    let allocated = be32(cdb, 6);
    if allocated < 16 {
        return Reply::Check(Sense::bad_cdb(6));
    }
    let mut list: Vec<u8> = Vec::new();
    match cdb[2] {
        0 | 2 => {
            for &(number, lun) in luns.keys() {
                match target {
                    Some(target) if target == number => list.extend(address::to_sam(lun)),
                    Some(_) => {}
                    None => list.extend(address::to_virtio(number, lun)),
                }
            }
        }
        // Only well-known units: there is one, and it is not in the list.
        1 => {}
        _ => return Reply::Check(Sense::bad_cdb(2)),
    }
    let mut out = (list.len() as u32).to_be_bytes().to_vec();
    out.extend([0; 4]);
    out.extend(list);
    out.truncate(allocated as usize);
    Reply::Data(out)
}

/// What a command gets that was sent to a unit that a target does not have (SAM-5, 5.11).
pub fn answer_absent<M>(luns: &Luns<M>, target: u8, cdb: &Cdb) -> Reply {
    let unsupported = Sense::illegal(Code::LOGICAL_UNIT_NOT_SUPPORTED);
    match cdb[0] {
        op::INQUIRY => truncated(inquiry::absent(cdb), be16(cdb, 3).into()),
        op::REPORT_LUNS => report_luns(luns, Some(target), cdb),
        op::REQUEST_SENSE => sense_as_data(unsupported, cdb),
        _ => Reply::Check(unsupported),
    }
}

/// What a command gets that was sent to the well-known unit.
pub fn answer_well_known<M>(luns: &Luns<M>, target: Option<u8>, cdb: &Cdb) -> Reply {
    match cdb[0] {
        op::INQUIRY => truncated(inquiry::well_known(cdb), be16(cdb, 3).into()),
        op::REPORT_LUNS => report_luns(luns, target, cdb),
        op::REQUEST_SENSE => sense_as_data(Sense::new(key::NO_SENSE, Code::NONE), cdb),
        op::TEST_UNIT_READY => Reply::Good,
        _ => Reply::Check(Sense::illegal(Code::INVALID_COMMAND_OPERATION_CODE)),
    }
}

fn truncated(answer: Result<Vec<u8>, Sense>, allocated: usize) -> Reply {
    match answer {
        Ok(mut bytes) => {
            bytes.truncate(allocated);
            Reply::Data(bytes)
        }
        Err(sense) => Reply::Check(sense),
    }
}

fn sense_as_data(sense: Sense, cdb: &Cdb) -> Reply {
    let (bytes, len) = sense.to_bytes(cdb[1] & 1 != 0);
    let len = len.min(cdb[4].into());
    Reply::Data(bytes[..len].to_vec())
}
