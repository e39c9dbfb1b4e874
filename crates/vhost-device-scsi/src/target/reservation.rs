// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Persistent reservations (SPC-4, 5.13 and 6.15, 6.16).

use super::opcodes::{Access, be32, be64};
use super::sense::{Code, Sense};

/// The types of reservations (SPC-4, table 201).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// One writes, all read.
    WriteExclusive = 1,
    /// One writes and reads.
    ExclusiveAccess = 3,
    /// The registered write, all read.
    WriteExclusiveRegistrantsOnly = 5,
    /// The registered write and read.
    ExclusiveAccessRegistrantsOnly = 6,
    /// The registered write, all read; all of the registered hold the reservation.
    WriteExclusiveAllRegistrants = 7,
    /// The registered write and read; all of them hold the reservation.
    ExclusiveAccessAllRegistrants = 8,
}

impl Kind {
    /// `None` for codes without a type.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::WriteExclusive,
            3 => Self::ExclusiveAccess,
            5 => Self::WriteExclusiveRegistrantsOnly,
            6 => Self::ExclusiveAccessRegistrantsOnly,
            7 => Self::WriteExclusiveAllRegistrants,
            8 => Self::ExclusiveAccessAllRegistrants,
            _ => return None,
        })
    }

    fn admits_reads(self) -> bool {
        matches!(
            self,
            Self::WriteExclusive
                | Self::WriteExclusiveRegistrantsOnly
                | Self::WriteExclusiveAllRegistrants
        )
    }

    /// The registered may do what the holder may.
    fn is_for_registrants(self) -> bool {
        !matches!(self, Self::WriteExclusive | Self::ExclusiveAccess)
    }

    /// Every one of the registered is a holder.
    pub fn is_all_registrants(self) -> bool {
        matches!(
            self,
            Self::WriteExclusiveAllRegistrants | Self::ExclusiveAccessAllRegistrants
        )
    }
}

/// One initiator's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Which initiator.
    pub nexus: usize,
    /// Its key, never zero.
    pub key: u64,
}

/// The reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who made it; of no account where all of the registered hold it.
    pub nexus: usize,
    /// What it excludes.
    pub kind: Kind,
}

/// The reservation and the registrations of one logical unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservations {
    generation: u32,
    registrations: Vec<Registration>,
    held: Option<Held>,
    /// They are to survive the end of the daemon (APTPL).
    persistent: bool,
}

/// Why a PERSISTENT RESERVE OUT did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// RESERVATION CONFLICT.
    Conflict,
    /// CHECK CONDITION.
    Check(Sense),
}

impl From<Sense> for Refused {
    fn from(sense: Sense) -> Self {
        Self::Check(sense)
    }
}

/// What else a PERSISTENT RESERVE OUT brings about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Who is to be told, and of what.
    pub attentions: Vec<(usize, Code)>,
    /// Whose commands are to be aborted.
    pub abort: Vec<usize>,
}

/// Service actions of PERSISTENT RESERVE OUT.
mod out {
    pub(super) const REGISTER: u8 = 0;
    pub(super) const RESERVE: u8 = 1;
    pub(super) const RELEASE: u8 = 2;
    pub(super) const CLEAR: u8 = 3;
    pub(super) const PREEMPT: u8 = 4;
    pub(super) const PREEMPT_AND_ABORT: u8 = 5;
    pub(super) const REGISTER_AND_IGNORE_EXISTING_KEY: u8 = 6;
}

/// Length of a parameter list.
pub const PARAMETER_LEN: usize = 24;

const SPEC_I_PT: u8 = 0x08;
const ALL_TG_PT: u8 = 0x04;
const APTPL: u8 = 0x01;

impl Reservations {
    /// What a former life left behind. Entries that make no sense are dropped.
    pub fn restore(registrations: Vec<Registration>, held: Option<Held>, persistent: bool) -> Self {
        let mut all: Vec<Registration> = Vec::new();
        for entry in registrations {
            if entry.key != 0 && all.iter().all(|other| other.nexus != entry.nexus) {
                all.push(entry);
            }
        }
        let held = held.filter(|held| {
            !all.is_empty()
                && (held.kind.is_all_registrants()
                    || all.iter().any(|entry| entry.nexus == held.nexus))
        });
        Self {
            generation: 0,
            registrations: all,
            held,
            persistent,
        }
    }

    /// With the number of changes (PRGENERATION) that initiators have been told of.
    #[must_use]
    pub fn with_generation(mut self, generation: u32) -> Self {
        self.generation = generation;
        self
    }

    /// The number of changes so far, which READ KEYS tells (PRGENERATION).
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The registrations.
    pub fn registrations(&self) -> &[Registration] {
        &self.registrations
    }

    /// The reservation.
    pub fn held(&self) -> Option<Held> {
        self.held
    }

    /// Whether they are to survive the end of the daemon.
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    fn key_of(&self, nexus: usize) -> Option<u64> {
        self.registrations
            .iter()
            .find(|entry| entry.nexus == nexus)
            .map(|entry| entry.key)
    }

    fn is_holder(&self, nexus: usize) -> bool {
        self.held.is_some_and(|held| {
            if held.kind.is_all_registrants() {
                self.key_of(nexus).is_some()
            } else {
                held.nexus == nexus
            }
        })
    }

    /// Whether a command of `nexus` is in conflict with the reservation.
    pub fn conflicts(&self, nexus: usize, access: Access) -> bool {
        let Some(held) = self.held else {
            return false;
        };
        let admitted = self.is_holder(nexus)
            || (held.kind.is_for_registrants() && self.key_of(nexus).is_some());
        match access {
            Access::Free => false,
            Access::Reads => !admitted && !held.kind.admits_reads(),
            Access::Writes => !admitted,
        }
    }

    /// PERSISTENT RESERVE OUT.
    pub fn change(
        &mut self,
        nexus: usize,
        action: u8,
        scope_and_type: u8,
        parameters: &[u8; PARAMETER_LEN],
        can_persist: bool,
    ) -> Result<Effects, Refused> {
        let key = be64(parameters, 0);
        let other = be64(parameters, 8);
        let flags = parameters[20];
        if flags & (SPEC_I_PT | ALL_TG_PT) != 0 {
            // There is one target port, and initiators register themselves.
            return Err(Sense::bad_parameter(20).into());
        }
        let persist = flags & APTPL != 0;
        match action {
            out::REGISTER | out::REGISTER_AND_IGNORE_EXISTING_KEY => {
                if persist && !can_persist {
                    return Err(Sense::bad_parameter(20).into());
                }
                let ignore = action == out::REGISTER_AND_IGNORE_EXISTING_KEY;
                self.register(nexus, (!ignore).then_some(key), other, persist)
            }
            _ => {
                if self.key_of(nexus) != Some(key) {
                    return Err(Refused::Conflict);
                }
                match action {
                    out::RESERVE => self.reserve(nexus, parse_type(scope_and_type)?),
                    out::RELEASE => self.release(nexus, scope_and_type),
                    out::CLEAR => Ok(self.clear(nexus)),
                    out::PREEMPT | out::PREEMPT_AND_ABORT => {
                        let mut effects =
                            self.preempt(nexus, other, parse_type(scope_and_type)?)?;
                        if action == out::PREEMPT {
                            effects.abort.clear();
                        }
                        Ok(effects)
                    }
                    _ => Err(Sense::bad_cdb_bit(1, 4).into()),
                }
            }
        }
    }

    fn register(
        &mut self,
        nexus: usize,
        expected: Option<u64>,
        new: u64,
        persist: bool,
    ) -> Result<Effects, Refused> {
        let registered = self.key_of(nexus);
        if expected.is_some_and(|expected| registered.unwrap_or(0) != expected) {
            return Err(Refused::Conflict);
        }
        let mut effects = Effects::default();
        match (registered, new) {
            (None, 0) => return Ok(effects),
            (None, key) => self.registrations.push(Registration { nexus, key }),
            (Some(_), 0) => effects.attentions = self.unregister(nexus),
            (Some(_), key) => {
                for entry in &mut self.registrations {
                    if entry.nexus == nexus {
                        entry.key = key;
                    }
                }
            }
        }
        self.persistent = persist;
        self.generation = self.generation.wrapping_add(1);
        Ok(effects)
    }

    /// Returns who is to be told that the reservation went with the registration.
    fn unregister(&mut self, nexus: usize) -> Vec<(usize, Code)> {
        self.registrations.retain(|entry| entry.nexus != nexus);
        let Some(held) = self.held else {
            return Vec::new();
        };
        if held.kind.is_all_registrants() {
            // The last one takes it along.
            if self.registrations.is_empty() {
                self.held = None;
            }
            return Vec::new();
        }
        if held.nexus != nexus {
            return Vec::new();
        }
        self.held = None;
        if held.kind.is_for_registrants() {
            self.tell_others(nexus, Code::RESERVATIONS_RELEASED)
        } else {
            Vec::new()
        }
    }

    fn tell_others(&self, nexus: usize, code: Code) -> Vec<(usize, Code)> {
        self.registrations
            .iter()
            .filter(|entry| entry.nexus != nexus)
            .map(|entry| (entry.nexus, code))
            .collect()
    }

    fn reserve(&mut self, nexus: usize, kind: Kind) -> Result<Effects, Refused> {
        match self.held {
            None => self.held = Some(Held { nexus, kind }),
            Some(held) if self.is_holder(nexus) && held.kind == kind => {}
            Some(_) => return Err(Refused::Conflict),
        }
        Ok(Effects::default())
    }

    fn release(&mut self, nexus: usize, scope_and_type: u8) -> Result<Effects, Refused> {
        let Some(held) = self.held.filter(|_| self.is_holder(nexus)) else {
            return Ok(Effects::default());
        };
        if scope_and_type != held.kind as u8 {
            let code = Code::INVALID_RELEASE_OF_PERSISTENT_RESERVATION;
            return Err(Sense::illegal(code).into());
        }
        self.held = None;
        let attentions = if held.kind.is_for_registrants() {
            self.tell_others(nexus, Code::RESERVATIONS_RELEASED)
        } else {
            Vec::new()
        };
        Ok(Effects {
            attentions,
            abort: Vec::new(),
        })
    }

    fn clear(&mut self, nexus: usize) -> Effects {
        let attentions = self.tell_others(nexus, Code::RESERVATIONS_PREEMPTED);
        self.held = None;
        self.registrations.clear();
        self.generation = self.generation.wrapping_add(1);
        Effects {
            attentions,
            abort: Vec::new(),
        }
    }

    fn preempt(&mut self, nexus: usize, victim: u64, kind: Kind) -> Result<Effects, Refused> {
        let all_registrants = self.held.filter(|held| held.kind.is_all_registrants());
        let holder_is_victim = match (self.held, all_registrants) {
            // Where all hold it, only key zero means the reservation.
            (Some(_), Some(_)) => victim == 0,
            (Some(held), None) => victim != 0 && self.key_of(held.nexus) == Some(victim),
            (None, _) => false,
        };
        if victim == 0 && !holder_is_victim {
            return Err(Sense::bad_parameter(8).into());
        }
        let is_victim =
            |entry: &Registration| entry.nexus != nexus && (victim == 0 || entry.key == victim);
        let gone: Vec<usize> = self
            .registrations
            .iter()
            .filter(|entry| is_victim(entry))
            .map(|entry| entry.nexus)
            .collect();
        let own = self.key_of(nexus) == Some(victim);
        if gone.is_empty() && !holder_is_victim && !own {
            return Err(Refused::Conflict);
        }
        self.registrations.retain(|entry| !is_victim(entry));
        let mut attentions: Vec<_> = gone
            .iter()
            .map(|&nexus| (nexus, Code::REGISTRATIONS_PREEMPTED))
            .collect();
        if holder_is_victim {
            let former = self.held.replace(Held { nexus, kind });
            if former.is_some_and(|former| former.kind != kind) {
                attentions.extend(self.tell_others(nexus, Code::RESERVATIONS_RELEASED));
            }
        }
        self.generation = self.generation.wrapping_add(1);
        Ok(Effects {
            attentions,
            abort: gone,
        })
    }

    /// PERSISTENT RESERVE IN.
    pub fn report(&self, action: u8, can_persist: bool) -> Result<Vec<u8>, Sense> {
        let mut out = Vec::new();
        match action {
            // READ KEYS
            0 => {
                out.extend(self.generation.to_be_bytes());
                out.extend((8 * self.registrations.len() as u32).to_be_bytes());
                for entry in &self.registrations {
                    out.extend(entry.key.to_be_bytes());
                }
            }
            // READ RESERVATION
            1 => {
                out.extend(self.generation.to_be_bytes());
                match self.held {
                    None => out.extend([0; 4]),
                    Some(held) => {
                        let key = if held.kind.is_all_registrants() {
                            0
                        } else {
                            self.key_of(held.nexus).unwrap_or(0)
                        };
                        out.extend(16u32.to_be_bytes());
                        out.extend(key.to_be_bytes());
                        out.extend([0, 0, 0, 0, 0, held.kind as u8, 0, 0]);
                    }
                }
            }
            // REPORT CAPABILITIES
            2 => {
                let persist = u8::from(can_persist);
                let active = u8::from(self.persistent);
                // All six types, and the mask is valid.
                out.extend([0, 8, persist, 0x80 | active, 0xea, 0x01, 0, 0]);
            }
            // READ FULL STATUS
            3 => {
                out.extend(self.generation.to_be_bytes());
                out.extend([0; 4]);
                for entry in &self.registrations {
                    let holder = self.held.filter(|_| self.is_holder(entry.nexus));
                    out.extend(entry.key.to_be_bytes());
                    out.extend([0; 4]);
                    out.push(u8::from(holder.is_some()));
                    out.push(holder.map_or(0, |held| held.kind as u8));
                    out.extend([0; 4]);
                    out.extend(RELATIVE_TARGET_PORT.to_be_bytes());
                    out.extend((TRANSPORT_ID_LEN as u32).to_be_bytes());
                    out.extend(transport_id(entry.nexus));
                }
                let len = out.len() as u32 - 8;
                out[4..8].copy_from_slice(&len.to_be_bytes());
            }
            _ => return Err(Sense::bad_cdb_bit(1, 4)),
        }
        Ok(out)
    }
}

/// Scope and type of a command block: the scope must be the logical unit.
fn parse_type(scope_and_type: u8) -> Result<Kind, Sense> {
    if scope_and_type & 0xf0 != 0 {
        return Err(Sense::bad_cdb_bit(2, 7));
    }
    Kind::from_code(scope_and_type).ok_or(Sense::bad_cdb_bit(2, 3))
}

/// The one port that a target here has.
pub const RELATIVE_TARGET_PORT: u16 = 1;

const TRANSPORT_ID_LEN: usize = 24;

/// virtio has no transport id of its own: that of SAS, with a locally assigned name.
fn transport_id(nexus: usize) -> [u8; TRANSPORT_ID_LEN] {
    let mut id = [0; TRANSPORT_ID_LEN];
    id[0] = 0x06;
    let name = 0x3000_0000_0000_0000 | (nexus as u64 + 1);
    id[4..12].copy_from_slice(&name.to_be_bytes());
    id
}

/// Bytes 5 to 8 of the command block.
pub(crate) fn parameter_length(cdb: &[u8]) -> u32 {
    be32(cdb, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: usize = 0;
    const B: usize = 1;
    const C: usize = 2;

    const KINDS: [Kind; 6] = [
        Kind::WriteExclusive,
        Kind::ExclusiveAccess,
        Kind::WriteExclusiveRegistrantsOnly,
        Kind::ExclusiveAccessRegistrantsOnly,
        Kind::WriteExclusiveAllRegistrants,
        Kind::ExclusiveAccessAllRegistrants,
    ];

    fn parameters(key: u64, other: u64, flags: u8) -> [u8; PARAMETER_LEN] {
        let mut bytes = [0; PARAMETER_LEN];
        bytes[..8].copy_from_slice(&key.to_be_bytes());
        bytes[8..16].copy_from_slice(&other.to_be_bytes());
        bytes[20] = flags;
        bytes
    }

    fn change(
        state: &mut Reservations,
        nexus: usize,
        action: u8,
        kind: u8,
        key: u64,
        other: u64,
    ) -> Result<Effects, Refused> {
        state.change(nexus, action, kind, &parameters(key, other, 0), true)
    }

    /// A and B are registered by their numbers plus 10, and A holds a reservation.
    fn held(kind: Kind) -> Reservations {
        let mut state = Reservations::default();
        for nexus in [A, B] {
            change(&mut state, nexus, out::REGISTER, 0, 0, nexus as u64 + 10).unwrap();
        }
        change(&mut state, A, out::RESERVE, kind as u8, 10, 0).unwrap();
        state
    }

    /// SPC-4, table 66, and SBC-3, table 13: who may read, and who may write.
    #[test]
    fn the_conflicts_are_those_of_the_standard() {
        use Kind::*;
        // (read, write) of the holder, of another that is registered, and of one that is not.
        let table = [
            (WriteExclusive, [(true, true), (true, false), (true, false)]),
            (
                ExclusiveAccess,
                [(true, true), (false, false), (false, false)],
            ),
            (
                WriteExclusiveRegistrantsOnly,
                [(true, true), (true, true), (true, false)],
            ),
            (
                ExclusiveAccessRegistrantsOnly,
                [(true, true), (true, true), (false, false)],
            ),
            (
                WriteExclusiveAllRegistrants,
                [(true, true), (true, true), (true, false)],
            ),
            (
                ExclusiveAccessAllRegistrants,
                [(true, true), (true, true), (false, false)],
            ),
        ];
        for (kind, expected) in table {
            let state = held(kind);
            for (nexus, (read, write)) in [A, B, C].into_iter().zip(expected) {
                assert_eq!(
                    !state.conflicts(nexus, Access::Reads),
                    read,
                    "{kind:?} {nexus}"
                );
                assert_eq!(
                    !state.conflicts(nexus, Access::Writes),
                    write,
                    "{kind:?} {nexus}"
                );
                assert!(!state.conflicts(nexus, Access::Free));
            }
        }
    }

    #[test]
    fn nobody_is_in_conflict_with_registrations_alone() {
        let mut state = Reservations::default();
        change(&mut state, A, out::REGISTER, 0, 0, 1).unwrap();

        assert!(!state.conflicts(B, Access::Writes));
    }

    #[test]
    fn a_wrong_key_is_a_conflict_for_every_action() {
        for action in 0..=5 {
            let mut state = held(Kind::WriteExclusive);
            let before = state.clone();

            let result = change(&mut state, A, action, 1, 99, 5);

            assert_eq!(result, Err(Refused::Conflict), "action {action}");
            assert_eq!(state, before);
        }
    }

    #[test]
    fn ignoring_the_existing_key_registers_over_it() {
        let mut state = held(Kind::WriteExclusive);

        let action = out::REGISTER_AND_IGNORE_EXISTING_KEY;
        change(&mut state, A, action, 0, 99, 77).unwrap();

        assert_eq!(state.key_of(A), Some(77));
        assert!(state.is_holder(A));
    }

    #[test]
    fn registering_with_key_zero_when_unregistered_does_nothing() {
        let mut state = Reservations::default();

        change(&mut state, A, out::REGISTER, 0, 0, 0).unwrap();

        assert_eq!(state, Reservations::default());
    }

    #[test]
    fn a_second_reservation_of_another_or_of_another_type_is_a_conflict() {
        let mut state = held(Kind::WriteExclusive);

        assert_eq!(
            change(&mut state, B, out::RESERVE, 1, 11, 0),
            Err(Refused::Conflict)
        );
        assert_eq!(
            change(&mut state, A, out::RESERVE, 3, 10, 0),
            Err(Refused::Conflict)
        );
        assert!(change(&mut state, A, out::RESERVE, 1, 10, 0).is_ok());
    }

    #[test]
    fn unregistering_the_holder_ends_its_reservation_and_tells_registrants() {
        for kind in KINDS {
            let mut state = held(kind);

            let effects = change(&mut state, A, out::REGISTER, 0, 10, 0).unwrap();

            let told = matches!(
                kind,
                Kind::WriteExclusiveRegistrantsOnly | Kind::ExclusiveAccessRegistrantsOnly
            );
            let expected = if told {
                vec![(B, Code::RESERVATIONS_RELEASED)]
            } else {
                vec![]
            };
            assert_eq!(effects.attentions, expected, "{kind:?}");
            assert_eq!(
                state.held().is_some(),
                kind.is_all_registrants(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn the_last_of_all_registrants_takes_the_reservation_along() {
        let mut state = held(Kind::WriteExclusiveAllRegistrants);

        change(&mut state, A, out::REGISTER, 0, 10, 0).unwrap();
        change(&mut state, B, out::REGISTER, 0, 11, 0).unwrap();

        assert_eq!(state.held(), None);
    }

    #[test]
    fn a_release_of_another_type_is_refused_and_of_ones_own_tells_registrants() {
        for kind in KINDS {
            let mut state = held(kind);

            let wrong = if kind == Kind::WriteExclusive { 3 } else { 1 };
            let refused = change(&mut state, A, out::RELEASE, wrong, 10, 0);
            let code = Code::INVALID_RELEASE_OF_PERSISTENT_RESERVATION;
            assert_eq!(refused, Err(Sense::illegal(code).into()));

            let effects = change(&mut state, A, out::RELEASE, kind as u8, 10, 0).unwrap();
            assert_eq!(!effects.attentions.is_empty(), kind.is_for_registrants());
            assert_eq!(state.held(), None);
        }
    }

    #[test]
    fn a_release_by_one_who_does_not_hold_it_changes_nothing() {
        let mut state = held(Kind::WriteExclusive);

        change(&mut state, B, out::RELEASE, 1, 11, 0).unwrap();

        assert!(state.is_holder(A));
    }

    #[test]
    fn clear_removes_all_and_tells_the_others() {
        let mut state = held(Kind::ExclusiveAccess);

        let effects = change(&mut state, B, out::CLEAR, 0, 11, 0).unwrap();

        assert_eq!(effects.attentions, [(A, Code::RESERVATIONS_PREEMPTED)]);
        assert_eq!((state.registrations(), state.held()), (&[][..], None));
    }

    #[test]
    fn preempting_the_holder_takes_its_place() {
        let mut state = held(Kind::WriteExclusive);

        let effects = change(&mut state, B, out::PREEMPT, 3, 11, 10).unwrap();

        assert_eq!(effects.attentions, [(A, Code::REGISTRATIONS_PREEMPTED)]);
        assert!(effects.abort.is_empty());
        assert_eq!(state.key_of(A), None);
        let kind = Kind::ExclusiveAccess;
        assert_eq!(state.held(), Some(Held { nexus: B, kind }));
    }

    #[test]
    fn preempting_another_leaves_the_reservation() {
        let mut state = held(Kind::WriteExclusive);
        change(&mut state, C, out::REGISTER, 0, 0, 12).unwrap();

        let effects = change(&mut state, B, out::PREEMPT_AND_ABORT, 1, 11, 12).unwrap();

        assert_eq!(effects.abort, [C]);
        assert!(state.is_holder(A));
        assert_eq!(state.key_of(C), None);
    }

    #[test]
    fn preempting_with_key_zero_needs_all_registrants() {
        let mut all = held(Kind::WriteExclusiveAllRegistrants);
        let mut one = held(Kind::WriteExclusive);

        change(&mut all, B, out::PREEMPT, 1, 11, 0).unwrap();
        let refused = change(&mut one, B, out::PREEMPT, 1, 11, 0);

        let kind = Kind::WriteExclusive;
        assert_eq!(all.held(), Some(Held { nexus: B, kind }));
        assert_eq!(all.registrations().len(), 1);
        assert_eq!(refused, Err(Sense::bad_parameter(8).into()));
    }

    #[test]
    fn preempting_a_key_that_nobody_has_is_a_conflict() {
        let mut state = held(Kind::WriteExclusive);

        assert_eq!(
            change(&mut state, B, out::PREEMPT, 1, 11, 99),
            Err(Refused::Conflict)
        );
    }

    #[test]
    fn the_others_are_told_when_preempting_changes_the_type() {
        let mut state = held(Kind::WriteExclusiveRegistrantsOnly);
        change(&mut state, C, out::REGISTER, 0, 0, 12).unwrap();

        let effects = change(&mut state, B, out::PREEMPT, 6, 11, 10).unwrap();

        assert!(
            effects
                .attentions
                .contains(&(C, Code::RESERVATIONS_RELEASED))
        );
    }

    #[test]
    fn bad_scopes_types_and_flags_are_pointed_at() {
        let mut state = held(Kind::WriteExclusive);

        let scope = change(&mut state, A, out::RESERVE, 0x11, 10, 0);
        let kind = change(&mut state, A, out::RESERVE, 2, 10, 0);
        let spec = state.change(A, 0, 0, &parameters(10, 10, SPEC_I_PT), true);
        let aptpl = state.change(A, 0, 0, &parameters(10, 10, APTPL), false);

        assert_eq!(scope, Err(Sense::bad_cdb_bit(2, 7).into()));
        assert_eq!(kind, Err(Sense::bad_cdb_bit(2, 3).into()));
        assert_eq!(spec, Err(Sense::bad_parameter(20).into()));
        assert_eq!(aptpl, Err(Sense::bad_parameter(20).into()));
    }

    #[test]
    fn the_reports_have_generation_keys_and_holder() {
        let state = held(Kind::WriteExclusive);

        let keys = state.report(0, false).unwrap();
        let reservation = state.report(1, false).unwrap();
        let capabilities = state.report(2, true).unwrap();
        let full = state.report(3, false).unwrap();

        assert_eq!(keys[..8], [0, 0, 0, 2, 0, 0, 0, 16]);
        assert_eq!(be64(&keys, 8), 10);
        assert_eq!(be64(&keys, 16), 11);
        assert_eq!(reservation.len(), 24);
        assert_eq!((be64(&reservation, 8), reservation[21]), (10, 1));
        assert_eq!(capabilities, [0, 8, 1, 0x80, 0xea, 1, 0, 0]);
        assert_eq!(full.len(), 8 + 2 * 48);
        assert_eq!((full[8 + 12], full[8 + 13], full[8 + 48 + 12]), (1, 1, 0));
    }

    #[test]
    fn what_was_left_behind_is_read_as_if_it_were_hostile() {
        let entry = |nexus, key| Registration { nexus, key };
        let kind = Kind::WriteExclusive;

        let state = Reservations::restore(
            vec![entry(A, 1), entry(A, 2), entry(B, 0)],
            Some(Held { nexus: C, kind }),
            true,
        );

        assert_eq!(state.registrations(), [entry(A, 1)]);
        assert_eq!(state.held(), None);
    }
}
