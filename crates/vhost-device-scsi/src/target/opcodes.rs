// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The commands that a disk here knows: which bits of each it evaluates, what each is allowed to do
//! beside a reservation, and how much data belongs to it.
//!
//! One table serves the check for bits that must be zero, the conflicts of persistent reservations
//! and REPORT SUPPORTED OPERATION CODES, so that these cannot disagree.

use super::sense::{Code, Sense};

/// Operation codes (SPC-4, SBC-3).
#[allow(missing_docs)]
pub mod op {
    pub const TEST_UNIT_READY: u8 = 0x00;
    pub const REQUEST_SENSE: u8 = 0x03;
    pub const READ_6: u8 = 0x08;
    pub const WRITE_6: u8 = 0x0a;
    pub const INQUIRY: u8 = 0x12;
    pub const MODE_SELECT_6: u8 = 0x15;
    pub const MODE_SENSE_6: u8 = 0x1a;
    pub const START_STOP_UNIT: u8 = 0x1b;
    pub const READ_CAPACITY_10: u8 = 0x25;
    pub const READ_10: u8 = 0x28;
    pub const WRITE_10: u8 = 0x2a;
    pub const VERIFY_10: u8 = 0x2f;
    pub const SYNCHRONIZE_CACHE_10: u8 = 0x35;
    pub const WRITE_SAME_10: u8 = 0x41;
    pub const UNMAP: u8 = 0x42;
    pub const MODE_SELECT_10: u8 = 0x55;
    pub const MODE_SENSE_10: u8 = 0x5a;
    pub const PERSISTENT_RESERVE_IN: u8 = 0x5e;
    pub const PERSISTENT_RESERVE_OUT: u8 = 0x5f;
    pub const READ_16: u8 = 0x88;
    pub const WRITE_16: u8 = 0x8a;
    pub const VERIFY_16: u8 = 0x8f;
    pub const SYNCHRONIZE_CACHE_16: u8 = 0x91;
    pub const WRITE_SAME_16: u8 = 0x93;
    pub const SERVICE_ACTION_IN_16: u8 = 0x9e;
    pub const REPORT_LUNS: u8 = 0xa0;
    pub const MAINTENANCE_IN: u8 = 0xa3;
    pub const READ_12: u8 = 0xa8;
    pub const WRITE_12: u8 = 0xaa;
    pub const VERIFY_12: u8 = 0xaf;
}

/// SERVICE ACTION IN (16): READ CAPACITY (16).
pub const READ_CAPACITY_16: u8 = 0x10;
/// MAINTENANCE IN: REPORT SUPPORTED OPERATION CODES.
pub const REPORT_SUPPORTED_OPCODES: u8 = 0x0c;
/// MAINTENANCE IN: REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS.
pub const REPORT_SUPPORTED_TMFS: u8 = 0x0d;

/// What a command is to a persistent reservation that another holds (SPC-4, 5.13.1, tables 66 and
/// following; SBC-3, 4.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Never in conflict, or with rules of its own.
    Free,
    /// In conflict with exclusive access.
    Reads,
    /// In conflict with exclusive access and with write exclusive.
    Writes,
}

/// A command.
#[derive(Debug)]
pub struct Op {
    /// Operation code.
    pub code: u8,
    /// Service action.
    pub action: Option<u8>,
    /// The command block, with a one for each bit that is evaluated; first the code itself.
    pub usage: &'static [u8],
    /// What it does.
    pub access: Access,
    /// Whether it needs a unit that was started.
    pub needs_medium: bool,
    /// Whether it is there only for units that can discard.
    pub discards: bool,
}

const fn command(code: u8, usage: &'static [u8], access: Access) -> Op {
    Op {
        code,
        action: None,
        usage,
        access,
        needs_medium: false,
        discards: false,
    }
}

const fn medium(code: u8, usage: &'static [u8], access: Access) -> Op {
    let mut op = command(code, usage, access);
    op.needs_medium = true;
    op
}

const fn action(code: u8, action: u8, usage: &'static [u8], access: Access) -> Op {
    let mut op = command(code, usage, access);
    op.action = Some(action);
    op
}

const fn discards(code: u8, usage: &'static [u8]) -> Op {
    let mut op = medium(code, usage, Access::Writes);
    op.discards = true;
    op
}

use Access::{Free, Reads, Writes};

/// All commands, by code and service action.
#[rustfmt::skip]
pub const OPS: &[Op] = &[
    command(op::TEST_UNIT_READY, &[0x00, 0, 0, 0, 0, 0], Free),
    command(op::REQUEST_SENSE, &[0x03, 0x01, 0, 0, 0xff, 0], Free),
    medium(op::READ_6, &[0x08, 0x1f, 0xff, 0xff, 0xff, 0], Reads),
    medium(op::WRITE_6, &[0x0a, 0x1f, 0xff, 0xff, 0xff, 0], Writes),
    command(op::INQUIRY, &[0x12, 0x01, 0xff, 0xff, 0xff, 0], Free),
    command(op::MODE_SELECT_6, &[0x15, 0x11, 0, 0, 0xff, 0], Writes),
    command(op::MODE_SENSE_6, &[0x1a, 0x08, 0xff, 0xff, 0xff, 0], Reads),
    command(op::START_STOP_UNIT, &[0x1b, 0x01, 0, 0, 0x05, 0], Free),
    medium(op::READ_CAPACITY_10, &[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], Free),
    medium(op::READ_10, &[0x28, 0x18, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0], Reads),
    medium(op::WRITE_10, &[0x2a, 0x18, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0], Writes),
    medium(op::VERIFY_10, &[0x2f, 0x16, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0], Reads),
    medium(op::SYNCHRONIZE_CACHE_10, &[0x35, 0x06, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0], Writes),
    medium(op::WRITE_SAME_10, &[0x41, 0x08, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0], Writes),
    discards(op::UNMAP, &[0x42, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0]),
    command(op::MODE_SELECT_10, &[0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0], Writes),
    command(op::MODE_SENSE_10, &[0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0], Reads),
    action(op::PERSISTENT_RESERVE_IN, 0, &[0x5e, 0x00, 0, 0, 0, 0, 0, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_IN, 1, &[0x5e, 0x01, 0, 0, 0, 0, 0, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_IN, 2, &[0x5e, 0x02, 0, 0, 0, 0, 0, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_IN, 3, &[0x5e, 0x03, 0, 0, 0, 0, 0, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_OUT, 0, &[0x5f, 0x00, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_OUT, 1, &[0x5f, 0x01, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_OUT, 2, &[0x5f, 0x02, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_OUT, 3, &[0x5f, 0x03, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_OUT, 4, &[0x5f, 0x04, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_OUT, 5, &[0x5f, 0x05, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], Free),
    action(op::PERSISTENT_RESERVE_OUT, 6, &[0x5f, 0x06, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], Free),
    medium(op::READ_16, &[0x88, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Reads),
    medium(op::WRITE_16, &[0x8a, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Writes),
    medium(op::VERIFY_16, &[0x8f, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Reads),
    medium(op::SYNCHRONIZE_CACHE_16, &[0x91, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Writes),
    medium(op::WRITE_SAME_16, &[0x93, 0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Writes),
    Op { needs_medium: true, ..action(op::SERVICE_ACTION_IN_16, READ_CAPACITY_16, &[0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], Free) },
    command(op::REPORT_LUNS, &[0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], Free),
    action(op::MAINTENANCE_IN, REPORT_SUPPORTED_OPCODES, &[0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0], Reads),
    action(op::MAINTENANCE_IN, REPORT_SUPPORTED_TMFS, &[0xa3, 0x0d, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], Reads),
    medium(op::READ_12, &[0xa8, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Reads),
    medium(op::WRITE_12, &[0xaa, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Writes),
    medium(op::VERIFY_12, &[0xaf, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], Reads),
];

/// Index of the first command with each operation code.
const FIRST: [u8; 256] = {
    let mut first = [u8::MAX; 256];
    let mut index = OPS.len();
    while index > 0 {
        index -= 1;
        first[OPS[index].code as usize] = index as u8;
    }
    first
};

/// The longest command block that is known, and the shortest that a driver may be told to send.
pub const MAX_CDB: usize = 16;

/// A command block, padded with zeroes.
pub type Cdb = [u8; MAX_CDB];

/// Finds the command and checks the bits that must be zero.
pub fn find(cdb: &Cdb, can_discard: bool) -> Result<&'static Op, Sense> {
    let op = look_up(cdb[0], Some(cdb[1] & 0x1f), can_discard)?;
    for (byte, (&value, &usage)) in cdb.iter().zip(op.usage).enumerate().skip(1) {
        let last = byte + 1 == op.usage.len();
        let allowed = match byte {
            // The service action, and three bits where old initiators put the unit's number. Where
            // commands have a protection field there, it must be zero.
            1 if op.action.is_some() => 0xff,
            1 if !has_protection(op.code) => usage | 0xe0,
            // Of the control byte only NACA means anything: there is no auto-contingent allegiance.
            _ if last => !0x04,
            _ => usage,
        };
        let bad = value & !allowed;
        if bad != 0 {
            let bit = 7 - bad.leading_zeros() as u8;
            return Err(Sense::bad_cdb_bit(byte as u16, bit));
        }
    }
    Ok(op)
}

fn look_up(code: u8, action: Option<u8>, can_discard: bool) -> Result<&'static Op, Sense> {
    let unknown = Sense::illegal(Code::INVALID_COMMAND_OPERATION_CODE);
    let first = usize::from(FIRST[usize::from(code)]);
    let mut same = OPS
        .get(first..)
        .unwrap_or_default()
        .iter()
        .take_while(|op| op.code == code)
        .filter(|op| can_discard || !op.discards)
        .peekable();
    if same.peek().is_none() {
        return Err(unknown);
    }
    same.find(|op| op.action.is_none() || op.action == action)
        // The operation code exists, the service action does not.
        .ok_or(Sense::bad_cdb_bit(1, 4))
}

/// Whether it moves blocks to the driver and does nothing else.
pub(crate) fn is_read(code: u8) -> bool {
    matches!(code, op::READ_6 | op::READ_10 | op::READ_12 | op::READ_16)
}

fn has_protection(code: u8) -> bool {
    matches!(
        code,
        op::READ_10
            | op::READ_12
            | op::READ_16
            | op::WRITE_10
            | op::WRITE_12
            | op::WRITE_16
            | op::VERIFY_10
            | op::VERIFY_12
            | op::VERIFY_16
            | op::WRITE_SAME_10
            | op::WRITE_SAME_16
    )
}

/// How much data a command asks the other side to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// None.
    None,
    /// Room for so many bytes.
    In(u64),
    /// So many bytes.
    Out(u64),
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> u16 {
    let mut word = [0; 2];
    word.copy_from_slice(&bytes[at..at + 2]);
    u16::from_be_bytes(word)
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

pub(crate) fn be64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(word)
}

/// First block and number of blocks of a command that has them.
pub fn range(cdb: &Cdb) -> (u64, u64) {
    match cdb[0] >> 5 {
        0 => {
            let lba = be32(cdb, 0) & 0x1f_ffff;
            // In this form, none means all that a byte can count, and one more.
            let blocks = if cdb[4] == 0 { 256 } else { cdb[4].into() };
            (lba.into(), blocks)
        }
        1 | 2 => (be32(cdb, 2).into(), be16(cdb, 7).into()),
        4 => (be64(cdb, 2), be32(cdb, 10).into()),
        _ => (be32(cdb, 2).into(), be32(cdb, 6).into()),
    }
}

/// What data belongs to a command that [`find`] accepted.
pub fn transfer(cdb: &Cdb, block_size: u32) -> Transfer {
    let block = u64::from(block_size);
    let bytes = || range(cdb).1.saturating_mul(block);
    match cdb[0] {
        op::READ_6 | op::READ_10 | op::READ_12 | op::READ_16 => Transfer::In(bytes()),
        op::WRITE_6 | op::WRITE_10 | op::WRITE_12 | op::WRITE_16 => Transfer::Out(bytes()),
        op::VERIFY_10 | op::VERIFY_12 | op::VERIFY_16 => match (cdb[1] >> 1) & 3 {
            1 => Transfer::Out(bytes()),
            3 => Transfer::Out(block),
            _ => Transfer::None,
        },
        op::WRITE_SAME_10 => Transfer::Out(block),
        op::WRITE_SAME_16 if cdb[1] & 1 == 0 => Transfer::Out(block),
        op::REQUEST_SENSE | op::MODE_SENSE_6 => Transfer::In(cdb[4].into()),
        op::INQUIRY => Transfer::In(be16(cdb, 3).into()),
        op::MODE_SENSE_10 | op::PERSISTENT_RESERVE_IN => Transfer::In(be16(cdb, 7).into()),
        op::READ_CAPACITY_10 => Transfer::In(8),
        op::SERVICE_ACTION_IN_16 => Transfer::In(be32(cdb, 10).into()),
        op::REPORT_LUNS | op::MAINTENANCE_IN => Transfer::In(be32(cdb, 6).into()),
        op::MODE_SELECT_6 => Transfer::Out(cdb[4].into()),
        op::MODE_SELECT_10 | op::UNMAP => Transfer::Out(be16(cdb, 7).into()),
        op::PERSISTENT_RESERVE_OUT => Transfer::Out(be32(cdb, 5).into()),
        _ => Transfer::None,
    }
}

/// The answer to REPORT SUPPORTED OPERATION CODES (SPC-4, 6.34).
pub(crate) fn report(cdb: &Cdb, can_discard: bool) -> Result<Vec<u8>, Sense> {
    let timeouts = cdb[2] & 0x80 != 0;
    let (code, action) = (cdb[3], be16(cdb, 4));
    let mut out = Vec::new();
    match cdb[2] & 7 {
        0 => {
            out.extend([0; 4]);
            for op in OPS.iter().filter(|op| can_discard || !op.discards) {
                let has_action = u8::from(op.action.is_some());
                let with_timeouts = if timeouts { 2 } else { 0 };
                out.extend([op.code, 0, 0, op.action.unwrap_or(0), 0]);
                out.push(with_timeouts | has_action);
                out.extend([0, op.usage.len() as u8]);
                if timeouts {
                    out.extend(NO_TIMEOUTS);
                }
            }
            let len = out.len() as u32 - 4;
            out[..4].copy_from_slice(&len.to_be_bytes());
        }
        option @ 1..=3 => {
            let first = usize::from(FIRST[usize::from(code)]);
            let has_actions = OPS.get(first).is_some_and(|op| op.action.is_some());
            match (option, has_actions) {
                (1, true) => return Err(Sense::bad_cdb_bit(2, 2)),
                (2, false) if OPS.get(first).is_some() => return Err(Sense::bad_cdb_bit(2, 2)),
                _ => {}
            }
            let wanted = match u8::try_from(action) {
                Ok(action) => Some(action),
                Err(_) => Some(u8::MAX),
            };
            let found = match look_up(code, wanted, can_discard) {
                // Option 3 asks for a service action of zero where there are none.
                Ok(op) if option == 3 && op.action.is_none() && action != 0 => None,
                other => other.ok(),
            };
            let with_timeouts = if timeouts && found.is_some() { 0x80 } else { 0 };
            match found {
                Some(op) => {
                    out.extend([0, with_timeouts | 3, 0, op.usage.len() as u8]);
                    out.extend(op.usage);
                    if timeouts {
                        out.extend(NO_TIMEOUTS);
                    }
                }
                None => out.extend([0, 1, 0, 0]),
            }
        }
        _ => return Err(Sense::bad_cdb_bit(2, 2)),
    }
    Ok(out)
}

/// A timeouts descriptor that gives none.
const NO_TIMEOUTS: [u8; 12] = [0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;

    fn cdb(bytes: &[u8]) -> Cdb {
        let mut cdb = [0; MAX_CDB];
        cdb[..bytes.len()].copy_from_slice(bytes);
        cdb
    }

    #[test]
    fn the_table_is_in_order_and_lengths_fit_the_groups() {
        assert!(OPS.is_sorted_by_key(|op| (op.code, op.action)));
        for op in OPS {
            let len = match op.code >> 5 {
                0 => 6,
                1 | 2 => 10,
                4 => 16,
                _ => 12,
            };
            assert_eq!(op.usage.len(), len, "{:#x}", op.code);
            assert_eq!(op.usage[0], op.code);
        }
    }

    #[test]
    fn an_unknown_code_and_an_unknown_service_action_are_told_apart() {
        let code = find(&cdb(&[0xff]), true).unwrap_err();
        let action = find(&cdb(&[op::SERVICE_ACTION_IN_16, 0x12]), true).unwrap_err();

        assert_eq!(code.code, Code::INVALID_COMMAND_OPERATION_CODE);
        assert_eq!(action, Sense::bad_cdb_bit(1, 4));
    }

    #[test]
    fn every_reserved_bit_of_every_command_is_pointed_at() {
        for op in OPS {
            let mut good = [0; MAX_CDB];
            good[0] = op.code;
            good[1] = op.action.unwrap_or(0);
            find(&good, true).unwrap();
            for byte in 2..op.usage.len() - 1 {
                for bit in 0..8u8 {
                    let mut cdb = good;
                    cdb[byte] |= 1 << bit;
                    let expected = if op.usage[byte] & (1 << bit) != 0 {
                        None
                    } else {
                        Some(Sense::bad_cdb_bit(byte as u16, bit))
                    };
                    assert_eq!(find(&cdb, true).err(), expected, "{:#x}", op.code);
                }
            }
        }
    }

    #[test]
    fn contingent_allegiance_and_protection_are_refused() {
        let naca = find(&cdb(&[op::TEST_UNIT_READY, 0, 0, 0, 0, 4]), true);
        let protect = find(&cdb(&[op::READ_10, 0x20]), true);

        assert_eq!(naca.unwrap_err(), Sense::bad_cdb_bit(5, 2));
        assert_eq!(protect.unwrap_err(), Sense::bad_cdb_bit(1, 5));
    }

    #[test]
    fn an_old_initiators_unit_number_in_the_second_byte_is_ignored() {
        assert!(find(&cdb(&[op::INQUIRY, 0x20, 0, 0, 36]), true).is_ok());
        assert!(find(&cdb(&[op::TEST_UNIT_READY, 0xe0]), true).is_ok());
    }

    #[test]
    fn unmap_is_unknown_to_a_unit_that_cannot_discard() {
        let unmap = cdb(&[op::UNMAP]);

        assert!(find(&unmap, true).is_ok());
        assert_eq!(
            find(&unmap, false).unwrap_err().code,
            Code::INVALID_COMMAND_OPERATION_CODE
        );
    }

    #[test]
    fn ranges_of_all_four_lengths_are_read() {
        assert_eq!(range(&cdb(&[op::READ_6, 0xe1, 2, 3, 4])), (0x1_0203, 4));
        assert_eq!(range(&cdb(&[op::READ_6])), (0, 256));
        assert_eq!(
            range(&cdb(&[op::READ_10, 0, 1, 2, 3, 4, 0, 5, 6])),
            (0x0102_0304, 0x0506)
        );
        assert_eq!(
            range(&cdb(&[op::READ_12, 0, 1, 2, 3, 4, 5, 6, 7, 8])),
            (0x0102_0304, 0x0506_0708)
        );
        assert_eq!(
            range(&cdb(&[
                op::READ_16,
                0,
                1,
                2,
                3,
                4,
                5,
                6,
                7,
                8,
                9,
                10,
                11,
                12
            ])),
            (0x0102_0304_0506_0708, 0x090a_0b0c)
        );
    }

    #[test]
    fn all_commands_are_reported_with_and_without_timeouts() {
        let all = report(&cdb(&[0xa3, 0x0c]), true).unwrap();
        let timed = report(&cdb(&[0xa3, 0x0c, 0x80]), true).unwrap();
        let fewer = report(&cdb(&[0xa3, 0x0c]), false).unwrap();

        assert_eq!(all.len(), 4 + 8 * OPS.len());
        assert_eq!(be32(&all, 0) as usize, 8 * OPS.len());
        assert_eq!(timed.len(), 4 + 20 * OPS.len());
        assert_eq!(fewer.len(), all.len() - 8);
    }

    #[test]
    fn one_command_is_reported_with_its_usage() {
        let read = report(&cdb(&[0xa3, 0x0c, 1, op::READ_10]), true).unwrap();
        let unknown = report(&cdb(&[0xa3, 0x0c, 1, 0xff]), true).unwrap();
        let action = report(&cdb(&[0xa3, 0x0c, 2, 0x9e, 0, 0x10]), true).unwrap();
        let other = report(&cdb(&[0xa3, 0x0c, 3, 0x9e, 0, 0x11]), true).unwrap();
        let wrong = report(&cdb(&[0xa3, 0x0c, 1, 0x9e]), true);

        assert_eq!(read[..4], [0, 3, 0, 10]);
        assert_eq!(read[4..6], [0x28, 0x18]);
        assert_eq!(unknown, [0, 1, 0, 0]);
        assert_eq!(action[..6], [0, 3, 0, 16, 0x9e, 0x10]);
        assert_eq!(other, [0, 1, 0, 0]);
        assert!(wrong.is_err());
    }
}
