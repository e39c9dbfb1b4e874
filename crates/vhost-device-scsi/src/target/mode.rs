// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Mode pages (SPC-4, 7.5; SBC-3, 6.5): caching and control.

use super::opcodes::{Cdb, be16, be32, be64, op};
use super::sense::{Code, Sense};

const CACHING: u8 = 0x08;
const CONTROL: u8 = 0x0a;
const ALL_PAGES: u8 = 0x3f;
const ALL_SUBPAGES: u8 = 0xff;

const WCE: u8 = 0x04;
const D_SENSE: u8 = 0x04;
const SWP: u8 = 0x08;

/// What an initiator may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Writes may stay in a cache until they are flushed (WCE).
    pub write_cache: bool,
    /// Sense data has the descriptor format (D_SENSE).
    pub descriptor_sense: bool,
    /// Writes are refused until this is taken back (SWP).
    pub write_protect: bool,
}

/// What it cannot change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// What the unit starts with.
    pub default: Mode,
    /// The medium cannot be written at all.
    pub read_only: bool,
    /// The write cache can be turned on and off.
    pub cache_changes: bool,
    /// Bytes of a block.
    pub block_size: u32,
    /// Number of blocks.
    pub blocks: u64,
}

impl Fixed {
    fn caching(&self, mode: Mode) -> [u8; 20] {
        let mut page = [0; 20];
        page[..2].copy_from_slice(&[CACHING, 18]);
        page[2] = if mode.write_cache { WCE } else { 0 };
        page
    }

    fn control(&self, mode: Mode) -> [u8; 12] {
        let mut page = [0; 12];
        page[..2].copy_from_slice(&[CONTROL, 10]);
        // Log parameters are not saved.
        page[2] = 0x02 | if mode.descriptor_sense { D_SENSE } else { 0 };
        // Commands may be reordered without restriction.
        page[3] = 0x10;
        page[4] = if mode.write_protect { SWP } else { 0 };
        // No limit on how long a unit may be busy.
        page[8..10].fill(0xff);
        page
    }

    /// The pages with a one for each bit that can be changed.
    fn changeable(&self) -> ([u8; 20], [u8; 12]) {
        let (mut caching, mut control) = ([0; 20], [0; 12]);
        caching[..2].copy_from_slice(&[CACHING, 18]);
        control[..2].copy_from_slice(&[CONTROL, 10]);
        if self.cache_changes {
            caching[2] = WCE;
        }
        control[2] = D_SENSE;
        control[4] = SWP;
        (caching, control)
    }

    fn block_descriptor(&self, long: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        if long {
            bytes.extend(self.blocks.to_be_bytes());
            bytes.extend([0; 4]);
            bytes.extend(self.block_size.to_be_bytes());
        } else {
            let blocks = u32::try_from(self.blocks).unwrap_or(u32::MAX);
            bytes.extend(blocks.to_be_bytes());
            bytes.extend(self.block_size.to_be_bytes());
        }
        bytes
    }

    /// MODE SENSE.
    pub(crate) fn sense(&self, cdb: &Cdb, current: Mode) -> Result<Vec<u8>, Sense> {
        let ten = cdb[0] == op::MODE_SENSE_10;
        let without_descriptor = cdb[1] & 0x08 != 0;
        let long = ten && cdb[1] & 0x10 != 0;
        let (control, page, subpage) = (cdb[2] >> 6, cdb[2] & 0x3f, cdb[3]);
        let (caching_page, control_page) = match control {
            0 => (self.caching(current), self.control(current)),
            1 => self.changeable(),
            2 => (self.caching(self.default), self.control(self.default)),
            _ => return Err(Sense::illegal(Code::SAVING_PARAMETERS_NOT_SUPPORTED)),
        };
        if subpage != 0 && subpage != ALL_SUBPAGES {
            return Err(Sense::bad_cdb(3));
        }
        let mut pages = Vec::new();
        match page {
            CACHING => pages.extend(caching_page),
            CONTROL => pages.extend(control_page),
            ALL_PAGES => {
                pages.extend(caching_page);
                pages.extend(control_page);
            }
            _ => return Err(Sense::bad_cdb_bit(2, 5)),
        }
        let descriptor = if without_descriptor {
            Vec::new()
        } else {
            self.block_descriptor(long)
        };
        let protected = if self.read_only || current.write_protect {
            0x80
        } else {
            0
        };
        // DPO and FUA are known.
        let specific = protected | 0x10;
        let body = descriptor.len() + pages.len();
        let mut out = Vec::new();
        if ten {
            out.extend((body as u16 + 6).to_be_bytes());
            out.extend([0, specific, u8::from(long), 0]);
            out.extend((descriptor.len() as u16).to_be_bytes());
        } else {
            out.extend([body as u8 + 3, 0, specific, descriptor.len() as u8]);
        }
        out.extend(descriptor);
        out.extend(pages);
        Ok(out)
    }

    /// MODE SELECT: what the mode becomes.
    pub(crate) fn select(&self, cdb: &Cdb, list: &[u8], current: Mode) -> Result<Mode, Sense> {
        let ten = cdb[0] == op::MODE_SELECT_10;
        if cdb[1] & 0x01 != 0 {
            return Err(Sense::bad_cdb_bit(1, 0));
        }
        if list.is_empty() {
            return Ok(current);
        }
        if cdb[1] & 0x10 == 0 {
            return Err(Sense::bad_cdb_bit(1, 4));
        }
        let too_short = Sense::illegal(Code::PARAMETER_LIST_LENGTH_ERROR);
        let header = if ten { 8 } else { 4 };
        if list.len() < header {
            return Err(too_short);
        }
        let (long, descriptor) = if ten {
            (list[4] & 1 != 0, usize::from(be16(list, 6)))
        } else {
            (false, usize::from(list[3]))
        };
        let expected = if long { 16 } else { 8 };
        if descriptor != 0 && descriptor != expected {
            return Err(Sense::bad_parameter(if ten { 6 } else { 3 }));
        }
        if list.len() < header + descriptor {
            return Err(too_short);
        }
        if descriptor > 0 {
            self.check_descriptor(&list[header..header + descriptor], header)?;
        }
        let mut mode = current;
        let mut at = header + descriptor;
        while at < list.len() {
            at = self.select_page(list, at, current, &mut mode)?;
        }
        Ok(mode)
    }

    /// The size of a medium cannot be changed, so the descriptor must say what is.
    fn check_descriptor(&self, descriptor: &[u8], at: usize) -> Result<(), Sense> {
        let (blocks, all, size, size_at) = if descriptor.len() == 16 {
            (be64(descriptor, 0), u64::MAX, be32(descriptor, 12), 12)
        } else {
            // The first byte of the size is the reserved one behind the number.
            (
                be32(descriptor, 0).into(),
                u32::MAX.into(),
                be32(descriptor, 4),
                4,
            )
        };
        if blocks != 0 && blocks != all && blocks != self.blocks {
            return Err(Sense::bad_parameter(at as u16));
        }
        if size != self.block_size {
            return Err(Sense::bad_parameter((at + size_at) as u16));
        }
        Ok(())
    }

    fn select_page(
        &self,
        list: &[u8],
        at: usize,
        current: Mode,
        mode: &mut Mode,
    ) -> Result<usize, Sense> {
        let too_short = Sense::illegal(Code::PARAMETER_LIST_LENGTH_ERROR);
        let [code, len] = match list.get(at..at + 2) {
            Some(&[code, len]) => [code, len],
            _ => return Err(too_short),
        };
        let (changeable_caching, changeable_control) = self.changeable();
        let (caching, control) = (self.caching(current), self.control(current));
        // PS is reserved in this direction; the sub-page format has no pages here.
        let (now, changeable): (&[u8], &[u8]) = match code {
            CACHING => (&caching, &changeable_caching),
            CONTROL => (&control, &changeable_control),
            _ => return Err(Sense::bad_parameter(at as u16)),
        };
        if usize::from(len) + 2 != now.len() {
            return Err(Sense::bad_parameter(at as u16 + 1));
        }
        let Some(page) = list.get(at..at + now.len()) else {
            return Err(too_short);
        };
        for offset in 2..now.len() {
            if (page[offset] ^ now[offset]) & !changeable[offset] != 0 {
                return Err(Sense::bad_parameter((at + offset) as u16));
            }
        }
        if code == CACHING {
            mode.write_cache = page[2] & WCE != 0;
        } else {
            mode.descriptor_sense = page[2] & D_SENSE != 0;
            mode.write_protect = page[4] & SWP != 0;
        }
        Ok(at + now.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::opcodes::MAX_CDB;

    const MODE: Mode = Mode {
        write_cache: true,
        descriptor_sense: false,
        write_protect: false,
    };

    const FIXED: Fixed = Fixed {
        default: MODE,
        read_only: false,
        cache_changes: true,
        block_size: 512,
        blocks: 2048,
    };

    fn cdb(bytes: &[u8]) -> Cdb {
        let mut cdb = [0; MAX_CDB];
        cdb[..bytes.len()].copy_from_slice(bytes);
        cdb
    }

    fn select(list: &[u8]) -> Result<Mode, Sense> {
        FIXED.select(&cdb(&[op::MODE_SELECT_6, 0x10]), list, MODE)
    }

    #[test]
    fn all_pages_come_with_header_and_block_descriptor() {
        let bytes = FIXED
            .sense(&cdb(&[op::MODE_SENSE_6, 0, 0x3f]), MODE)
            .unwrap();

        assert_eq!(bytes.len(), 4 + 8 + 20 + 12);
        assert_eq!(bytes[..4], [43, 0, 0x10, 8]);
        assert_eq!(bytes[4..12], [0, 0, 8, 0, 0, 0, 2, 0]);
        assert_eq!(bytes[12..15], [8, 18, WCE]);
        assert_eq!(bytes[32..34], [10, 10]);
    }

    #[test]
    fn the_long_descriptor_comes_only_when_asked_for() {
        let ask = cdb(&[op::MODE_SENSE_10, 0x10, 0x08]);
        let bytes = FIXED.sense(&ask, MODE).unwrap();

        assert_eq!(bytes[..8], [0, 42, 0, 0x10, 1, 0, 0, 16]);
        assert_eq!(be64(&bytes, 8), 2048);
        assert_eq!(be32(&bytes, 20), 512);
    }

    #[test]
    fn a_read_only_unit_says_so() {
        let fixed = Fixed {
            read_only: true,
            ..FIXED
        };

        let bytes = fixed
            .sense(&cdb(&[op::MODE_SENSE_6, 8, 0x08]), MODE)
            .unwrap();

        assert_eq!(bytes[2], 0x90);
    }

    #[test]
    fn saved_values_and_unknown_pages_are_refused() {
        let saved = FIXED.sense(&cdb(&[op::MODE_SENSE_6, 0, 0xc8]), MODE);
        let page = FIXED.sense(&cdb(&[op::MODE_SENSE_6, 0, 0x1c]), MODE);
        let subpage = FIXED.sense(&cdb(&[op::MODE_SENSE_6, 0, 0x0a, 1]), MODE);

        let code = Code::SAVING_PARAMETERS_NOT_SUPPORTED;
        assert_eq!(saved, Err(Sense::illegal(code)));
        assert_eq!(page, Err(Sense::bad_cdb_bit(2, 5)));
        assert_eq!(subpage, Err(Sense::bad_cdb(3)));
    }

    #[test]
    fn what_was_sensed_with_a_bit_changed_can_be_selected() {
        let mut list = FIXED
            .sense(&cdb(&[op::MODE_SENSE_6, 0, 0x3f]), MODE)
            .unwrap();
        list[0] = 0;
        list[2] = 0;
        list[14] = 0;
        list[34] |= D_SENSE;

        let mode = select(&list).unwrap();

        assert_eq!(
            mode,
            Mode {
                write_cache: false,
                descriptor_sense: true,
                write_protect: false
            }
        );
    }

    #[test]
    fn a_bit_that_cannot_be_changed_is_pointed_at() {
        let mut list = vec![0, 0, 0, 0];
        list.extend(FIXED.caching(MODE));
        list[4 + 3] = 1;

        assert_eq!(select(&list), Err(Sense::bad_parameter(7)));
    }

    fn select_ten(list: &[u8]) -> Result<Mode, Sense> {
        FIXED.select(&cdb(&[op::MODE_SELECT_10, 0x10]), list, MODE)
    }

    /// What MODE SENSE (10) tells of both pages, as MODE SELECT (10) takes it: without its length and the
    /// parameter of the device, which are reserved in that direction.
    fn list_of_ten(long: bool) -> Vec<u8> {
        let flags = if long { 0x10 } else { 0 };
        let ask = cdb(&[op::MODE_SENSE_10, flags, 0x3f]);
        let mut list = FIXED.sense(&ask, MODE).unwrap();
        list[..2].fill(0);
        list[3] = 0;
        list
    }

    #[test]
    fn what_was_sensed_by_ten_with_either_descriptor_can_be_selected_by_ten() {
        for (long, descriptor) in [(false, 8), (true, 16)] {
            let mut list = list_of_ten(long);
            assert_eq!(list[4..8], [u8::from(long), 0, 0, descriptor]);
            let pages = 8 + usize::from(descriptor);
            list[pages + 2] = 0;
            list[pages + 20 + 4] |= SWP;

            let mode = select_ten(&list);

            let expected = Mode {
                write_cache: false,
                descriptor_sense: false,
                write_protect: true,
            };
            assert_eq!(mode, Ok(expected), "long {long}");
        }
    }

    #[test]
    fn a_list_for_ten_without_descriptor_has_its_pages_behind_the_header() {
        let mut list = vec![0; 8];
        list.extend(FIXED.control(MODE));
        list[8 + 2] |= D_SENSE;

        let mode = select_ten(&list).unwrap();

        assert!(mode.descriptor_sense);
    }

    #[test]
    fn a_descriptor_of_ten_must_be_as_long_as_its_form() {
        let mut short = list_of_ten(false);
        short[4] = 1;
        let mut long = list_of_ten(true);
        long[4] = 0;
        let mut odd = list_of_ten(true);
        odd[7] = 15;

        for list in [short, long, odd] {
            assert_eq!(select_ten(&list), Err(Sense::bad_parameter(6)));
        }
    }

    #[test]
    fn another_size_in_a_descriptor_of_ten_is_pointed_at() {
        let mut blocks = list_of_ten(true);
        blocks[8] = 1;
        let mut long_size = list_of_ten(true);
        long_size[8 + 14] = 16;
        let mut short_size = list_of_ten(false);
        short_size[8 + 6] = 16;

        assert_eq!(select_ten(&blocks), Err(Sense::bad_parameter(8)));
        assert_eq!(select_ten(&long_size), Err(Sense::bad_parameter(20)));
        assert_eq!(select_ten(&short_size), Err(Sense::bad_parameter(12)));
    }

    #[test]
    fn every_cut_of_a_list_for_ten_is_refused_or_ends_between_pages() {
        let list = list_of_ten(true);
        for len in 1..list.len() {
            let result = select_ten(&list[..len]);
            // Behind the descriptor, and behind the first page.
            assert_eq!(result.is_ok(), matches!(len, 24 | 44), "{len}");
        }
        assert!(select_ten(&list).is_ok());
    }

    #[test]
    fn every_cut_of_a_parameter_list_is_refused_or_ends_between_pages() {
        let mut list = vec![0, 0, 0, 8];
        list.extend(FIXED.block_descriptor(false));
        list.extend(FIXED.caching(MODE));
        for len in 1..list.len() {
            let result = select(&list[..len]);
            assert_eq!(result.is_ok(), len == 12, "{len}");
        }
        assert!(select(&list).is_ok());
    }

    #[test]
    fn another_block_size_is_refused() {
        let mut list = vec![0, 0, 0, 8];
        list.extend([0, 0, 0, 0, 0, 0, 16, 0]);

        assert_eq!(select(&list), Err(Sense::bad_parameter(8)));
    }

    #[test]
    fn saving_and_the_vendors_format_are_refused() {
        let saving = FIXED.select(&cdb(&[op::MODE_SELECT_6, 0x11]), &[0; 4], MODE);
        let vendor = FIXED.select(&cdb(&[op::MODE_SELECT_6, 0]), &[0; 4], MODE);

        assert_eq!(saving, Err(Sense::bad_cdb_bit(1, 0)));
        assert_eq!(vendor, Err(Sense::bad_cdb_bit(1, 4)));
    }
}
