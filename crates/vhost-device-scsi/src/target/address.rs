// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Which logical unit is meant: the eight bytes of virtio-scsi (VIRTIO 1.3, 5.6.6.1) and of SAM-5
//! (4.7).

/// The highest logical unit number that single-level flat addressing has.
pub const MAX_LUN: u16 = 0x3fff;

/// What the eight bytes name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A logical unit of a target.
    Unit {
        /// Number of the target.
        target: u8,
        /// Number of the unit in it.
        lun: u16,
    },
    /// The well-known unit that reports the others: of a target, or of all.
    ReportLuns {
        /// Number of the target.
        target: Option<u8>,
    },
}

/// First byte, and second, of the well-known unit's address.
const REPORT_LUNS: [u8; 2] = [0xc1, 0x01];

impl Address {
    /// `None` for what no unit here can have.
    pub fn parse(bytes: &[u8; 8]) -> Option<Self> {
        let [first, target, high, low, rest @ ..] = *bytes;
        if rest != [0; 4] {
            return None;
        }
        if [first, target] == REPORT_LUNS {
            return ([high, low] == [0, 0]).then_some(Self::ReportLuns { target: None });
        }
        if first != 1 {
            return None;
        }
        if [high, low] == REPORT_LUNS {
            return Some(Self::ReportLuns {
                target: Some(target),
            });
        }
        let lun = match high >> 6 {
            // Peripheral addressing: on bus 0.
            0 if high == 0 => u16::from(low),
            // Flat addressing.
            1 => u16::from_be_bytes([high & 0x3f, low]),
            _ => return None,
        };
        Some(Self::Unit { target, lun })
    }
}

/// The unit's address as this device's driver writes it, in flat addressing.
pub fn to_virtio(target: u8, lun: u16) -> [u8; 8] {
    let [high, low] = (lun & MAX_LUN).to_be_bytes();
    [1, target, 0x40 | high, low, 0, 0, 0, 0]
}

/// The unit's address as an event names it: peripheral addressing where the number fits. Linux's driver
/// takes the two bytes for the number as it has it from REPORT LUNS, and would look for unit 16384 where
/// flat addressing says 0.
pub fn to_event(target: u8, lun: u16) -> [u8; 8] {
    let [high, low, ..] = to_sam(lun);
    [1, target, high, low, 0, 0, 0, 0]
}

/// The unit's address within its target: peripheral addressing where the number fits.
pub fn to_sam(lun: u16) -> [u8; 8] {
    let [high, low] = (lun & MAX_LUN).to_be_bytes();
    let high = if lun < 0x100 { 0 } else { 0x40 | high };
    [high, low, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_and_peripheral_addresses_name_the_same_unit() {
        let unit = Some(Address::Unit { target: 9, lun: 5 });

        assert_eq!(Address::parse(&[1, 9, 0x40, 5, 0, 0, 0, 0]), unit);
        assert_eq!(Address::parse(&[1, 9, 0, 5, 0, 0, 0, 0]), unit);
    }

    #[test]
    fn every_unit_is_found_again_by_its_address() {
        for (target, lun) in [(0, 0), (255, 1), (3, 255), (4, 256), (5, MAX_LUN)] {
            let unit = Some(Address::Unit { target, lun });
            assert_eq!(Address::parse(&to_virtio(target, lun)), unit);
            let sam = to_sam(lun);
            let virtio = [1, target, sam[0], sam[1], 0, 0, 0, 0];
            assert_eq!(Address::parse(&virtio), unit);
            assert_eq!(to_event(target, lun), virtio);
        }
    }

    #[test]
    fn the_well_known_unit_is_known_in_both_forms() {
        assert_eq!(
            Address::parse(&[0xc1, 1, 0, 0, 0, 0, 0, 0]),
            Some(Address::ReportLuns { target: None })
        );
        assert_eq!(
            Address::parse(&[1, 7, 0xc1, 1, 0, 0, 0, 0]),
            Some(Address::ReportLuns { target: Some(7) })
        );
    }

    #[test]
    fn what_no_unit_can_have_is_refused() {
        for bytes in [
            [0, 0, 0, 0, 0, 0, 0, 0],
            [2, 0, 0x40, 0, 0, 0, 0, 0],
            [1, 0, 0x01, 0, 0, 0, 0, 0],
            [1, 0, 0x80, 0, 0, 0, 0, 0],
            [1, 0, 0xc1, 2, 0, 0, 0, 0],
            [1, 0, 0x40, 0, 0, 0, 0, 1],
            [0xc1, 1, 0, 0, 0, 0, 1, 0],
            [0xff; 8],
        ] {
            assert_eq!(Address::parse(&bytes), None, "{bytes:x?}");
        }
    }
}
