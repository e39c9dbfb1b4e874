// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Sense data (SPC-4, 4.5).

/// Additional sense code and its qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u8, pub u8);

/// Sense keys.
#[allow(missing_docs)]
pub mod key {
    pub const NO_SENSE: u8 = 0;
    pub const NOT_READY: u8 = 2;
    pub const MEDIUM_ERROR: u8 = 3;
    pub const HARDWARE_ERROR: u8 = 4;
    pub const ILLEGAL_REQUEST: u8 = 5;
    pub const UNIT_ATTENTION: u8 = 6;
    pub const DATA_PROTECT: u8 = 7;
    pub const ABORTED_COMMAND: u8 = 0xb;
    pub const MISCOMPARE: u8 = 0xe;
}

#[allow(missing_docs)]
impl Code {
    pub const NONE: Self = Self(0, 0);
    pub const INITIALIZING_COMMAND_REQUIRED: Self = Self(0x04, 0x02);
    pub const WRITE_ERROR: Self = Self(0x0c, 0x00);
    pub const UNRECOVERED_READ_ERROR: Self = Self(0x11, 0x00);
    pub const PARAMETER_LIST_LENGTH_ERROR: Self = Self(0x1a, 0x00);
    pub const MISCOMPARE_DURING_VERIFY: Self = Self(0x1d, 0x00);
    pub const INVALID_COMMAND_OPERATION_CODE: Self = Self(0x20, 0x00);
    pub const LBA_OUT_OF_RANGE: Self = Self(0x21, 0x00);
    pub const INVALID_FIELD_IN_CDB: Self = Self(0x24, 0x00);
    pub const LOGICAL_UNIT_NOT_SUPPORTED: Self = Self(0x25, 0x00);
    pub const INVALID_FIELD_IN_PARAMETER_LIST: Self = Self(0x26, 0x00);
    pub const INVALID_RELEASE_OF_PERSISTENT_RESERVATION: Self = Self(0x26, 0x04);
    pub const WRITE_PROTECTED: Self = Self(0x27, 0x00);
    pub const LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED: Self = Self(0x27, 0x02);
    pub const SPACE_ALLOCATION_FAILED_WRITE_PROTECT: Self = Self(0x27, 0x07);
    pub const POWER_ON_OCCURRED: Self = Self(0x29, 0x01);
    pub const BUS_DEVICE_RESET_FUNCTION_OCCURRED: Self = Self(0x29, 0x03);
    pub const I_T_NEXUS_LOSS_OCCURRED: Self = Self(0x29, 0x07);
    pub const MODE_PARAMETERS_CHANGED: Self = Self(0x2a, 0x01);
    pub const RESERVATIONS_PREEMPTED: Self = Self(0x2a, 0x03);
    pub const RESERVATIONS_RELEASED: Self = Self(0x2a, 0x04);
    pub const REGISTRATIONS_PREEMPTED: Self = Self(0x2a, 0x05);
    pub const CAPACITY_DATA_HAS_CHANGED: Self = Self(0x2a, 0x09);
    pub const COMMANDS_CLEARED_BY_ANOTHER_INITIATOR: Self = Self(0x2f, 0x00);
    pub const SAVING_PARAMETERS_NOT_SUPPORTED: Self = Self(0x39, 0x00);
    pub const REPORTED_LUNS_DATA_HAS_CHANGED: Self = Self(0x3f, 0x0e);
    pub const INTERNAL_TARGET_FAILURE: Self = Self(0x44, 0x00);
    pub const INVALID_MESSAGE_ERROR: Self = Self(0x49, 0x00);
    pub const INSUFFICIENT_REGISTRATION_RESOURCES: Self = Self(0x55, 0x04);
}

/// Where a bad field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// In the command block, not in the data.
    pub in_cdb: bool,
    /// The byte, from 0 on.
    pub byte: u16,
    /// Its highest bad bit, if it is not all of the byte.
    pub bit: Option<u8>,
}

/// Why a command did not do what it was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// See [`key`].
    pub key: u8,
    /// What exactly.
    pub code: Code,
    /// Which field, for an ILLEGAL REQUEST.
    pub field: Option<Field>,
    /// Which block, for errors of the medium.
    pub information: Option<u64>,
}

/// Long enough for all that is reported here, in either format.
pub const MAX_SENSE: usize = 32;

impl Sense {
    /// Without details.
    pub const fn new(key: u8, code: Code) -> Self {
        Self {
            key,
            code,
            field: None,
            information: None,
        }
    }

    /// ILLEGAL REQUEST.
    pub const fn illegal(code: Code) -> Self {
        Self::new(key::ILLEGAL_REQUEST, code)
    }

    /// INVALID FIELD IN CDB: this byte.
    pub const fn bad_cdb(byte: u16) -> Self {
        let mut sense = Self::illegal(Code::INVALID_FIELD_IN_CDB);
        sense.field = Some(Field {
            in_cdb: true,
            byte,
            bit: None,
        });
        sense
    }

    /// INVALID FIELD IN CDB: this bit.
    pub const fn bad_cdb_bit(byte: u16, bit: u8) -> Self {
        let mut sense = Self::illegal(Code::INVALID_FIELD_IN_CDB);
        sense.field = Some(Field {
            in_cdb: true,
            byte,
            bit: Some(bit),
        });
        sense
    }

    /// INVALID FIELD IN PARAMETER LIST: this byte.
    pub const fn bad_parameter(byte: u16) -> Self {
        let mut sense = Self::illegal(Code::INVALID_FIELD_IN_PARAMETER_LIST);
        sense.field = Some(Field {
            in_cdb: false,
            byte,
            bit: None,
        });
        sense
    }

    /// With the block that it is about.
    pub const fn at(mut self, block: u64) -> Self {
        self.information = Some(block);
        self
    }

    fn specific(&self) -> Option<[u8; 3]> {
        let field = self.field?;
        let in_cdb = if field.in_cdb { 0x40 } else { 0 };
        let bit = field.bit.map_or(0, |bit| 0x08 | (bit & 7));
        let [high, low] = field.byte.to_be_bytes();
        Some([0x80 | in_cdb | bit, high, low])
    }

    /// The bytes, in the fixed or the descriptor format, and how many of them count.
    pub fn to_bytes(&self, descriptor_format: bool) -> ([u8; MAX_SENSE], usize) {
        let mut bytes = [0; MAX_SENSE];
        if !descriptor_format {
            bytes[0] = 0x70;
            // Blocks beyond what fits are not reported.
            if let Some(block) = self.information.and_then(|block| u32::try_from(block).ok()) {
                bytes[0] |= 0x80;
                bytes[3..7].copy_from_slice(&block.to_be_bytes());
            }
            bytes[2] = self.key;
            bytes[7] = 10;
            bytes[12] = self.code.0;
            bytes[13] = self.code.1;
            if let Some(specific) = self.specific() {
                bytes[15..18].copy_from_slice(&specific);
            }
            return (bytes, 18);
        }
        bytes[..4].copy_from_slice(&[0x72, self.key, self.code.0, self.code.1]);
        let mut len = 8;
        if let Some(block) = self.information {
            bytes[len..len + 4].copy_from_slice(&[0x00, 0x0a, 0x80, 0]);
            bytes[len + 4..len + 12].copy_from_slice(&block.to_be_bytes());
            len += 12;
        }
        if let Some(specific) = self.specific() {
            bytes[len..len + 4].copy_from_slice(&[0x02, 0x06, 0, 0]);
            bytes[len + 4..len + 7].copy_from_slice(&specific);
            len += 8;
        }
        bytes[7] = len as u8 - 8;
        (bytes, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_bit_is_pointed_at_in_the_fixed_format() {
        let (bytes, len) = Sense::bad_cdb_bit(2, 6).to_bytes(false);

        assert_eq!(len, 18);
        assert_eq!((bytes[0], bytes[2], bytes[7]), (0x70, 5, 10));
        assert_eq!(bytes[12..14], [0x24, 0]);
        assert_eq!(bytes[15..18], [0xce, 0, 2]);
    }

    #[test]
    fn block_and_field_are_descriptors_in_the_descriptor_format() {
        let (bytes, len) = Sense::bad_parameter(9).at(0x1_0000_0001).to_bytes(true);

        assert_eq!(len, 28);
        assert_eq!(bytes[..8], [0x72, 5, 0x26, 0, 0, 0, 0, 20]);
        assert_eq!(bytes[8..20], [0, 10, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!(bytes[20..28], [2, 6, 0, 0, 0x80, 0, 9, 0]);
    }

    #[test]
    fn a_block_that_does_not_fit_the_fixed_format_is_left_out() {
        let sense = Sense::new(key::MEDIUM_ERROR, Code::WRITE_ERROR);

        assert_eq!(sense.at(7).to_bytes(false).0[..7], [0xf0, 0, 3, 0, 0, 0, 7]);
        assert_eq!(
            sense.at(1 << 32).to_bytes(false).0[..7],
            [0x70, 0, 3, 0, 0, 0, 0]
        );
    }
}
