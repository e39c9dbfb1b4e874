// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! INQUIRY (SPC-4, 6.6) and the vital product data (SPC-4, 7.8; SBC-3, 6.6).

use super::opcodes::Cdb;
use super::reservation::RELATIVE_TARGET_PORT;
use super::sense::Sense;

const VENDOR: &[u8; 8] = b"RUSTVMM ";
const PRODUCT: &[u8; 16] = b"VHOST-USER DISK ";
const REVISION: &[u8; 4] = b"0001";

/// SPC-4.
const VERSION: u8 = 0x06;
/// SAM-5, SPC-4 and SBC-3, none of them a certain revision.
const VERSION_DESCRIPTORS: [u16; 3] = [0x00a0, 0x0460, 0x04c0];

const STANDARD_LEN: usize = 96;

/// The longest serial number.
pub const MAX_SERIAL: usize = 64;

/// How a unit is told from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Printable ASCII, at most [`MAX_SERIAL`] of it.
    pub serial: String,
    /// World-wide name: a NAA designator of eight bytes.
    pub wwn: u64,
}

/// The limits of one command (VPD page B0h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Blocks of READ, WRITE and VERIFY.
    pub transfer: u32,
    /// Blocks of UNMAP, in all.
    pub unmap: u32,
    /// Ranges of UNMAP.
    pub unmap_ranges: u32,
    /// Blocks of WRITE SAME.
    pub write_same: u32,
    /// What discards should be multiples of, in blocks.
    pub granularity: u32,
}

/// What INQUIRY tells of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its names.
    pub identity: Identity,
    /// Its limits.
    pub limits: Limits,
    /// It has no rotating medium.
    pub solid_state: bool,
    /// Blocks can be discarded, and read as zeroes then.
    pub discards: bool,
}

/// INQUIRY of a unit that is not there: no device can be there, or one could.
pub(crate) fn absent(cdb: &Cdb) -> Result<Vec<u8>, Sense> {
    standard(cdb, 0x7f)
}

/// INQUIRY of the well-known unit that reports the others.
pub(crate) fn well_known(cdb: &Cdb) -> Result<Vec<u8>, Sense> {
    standard(cdb, 0x1e)
}

fn standard(cdb: &Cdb, peripheral: u8) -> Result<Vec<u8>, Sense> {
    if cdb[1] & 1 != 0 {
        return Err(Sense::bad_cdb(2));
    }
    if cdb[2] != 0 {
        return Err(Sense::bad_cdb(2));
    }
    let mut out = vec![0; STANDARD_LEN];
    out[0] = peripheral;
    out[2] = VERSION;
    // Hierarchical addresses, response data of this standard.
    out[3] = 0x12;
    out[4] = STANDARD_LEN as u8 - 5;
    // Commands are queued.
    out[7] = 0x02;
    out[8..16].copy_from_slice(VENDOR);
    out[16..32].copy_from_slice(PRODUCT);
    out[32..36].copy_from_slice(REVISION);
    for (at, version) in (58..).step_by(2).zip(VERSION_DESCRIPTORS) {
        out[at..at + 2].copy_from_slice(&version.to_be_bytes());
    }
    Ok(out)
}

/// INQUIRY of a unit.
pub(crate) fn answer(cdb: &Cdb, facts: &Facts) -> Result<Vec<u8>, Sense> {
    if cdb[1] & 1 == 0 {
        return standard(cdb, 0);
    }
    let page = match cdb[2] {
        0x00 => vec![0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2],
        0x80 => facts.identity.serial.as_bytes().to_vec(),
        0x83 => identification(&facts.identity),
        0xb0 => block_limits(facts),
        0xb1 => characteristics(facts),
        0xb2 => provisioning(facts),
        _ => return Err(Sense::bad_cdb(2)),
    };
    let mut out = vec![0, cdb[2]];
    out.extend((page.len() as u16).to_be_bytes());
    out.extend(page);
    Ok(out)
}

fn identification(identity: &Identity) -> Vec<u8> {
    let mut out = Vec::new();
    // ASCII, the logical unit, by T10 vendor id.
    let name = identity.serial.as_bytes();
    out.extend([0x02, 0x01, 0, (VENDOR.len() + name.len()) as u8]);
    out.extend(VENDOR);
    out.extend(name);
    // Binary, the logical unit, NAA.
    out.extend([0x01, 0x03, 0, 8]);
    out.extend(identity.wwn.to_be_bytes());
    // Binary, the target port, its relative number.
    out.extend([0x01, 0x14, 0, 4, 0, 0]);
    out.extend(RELATIVE_TARGET_PORT.to_be_bytes());
    out
}

fn block_limits(facts: &Facts) -> Vec<u8> {
    let Limits {
        transfer,
        unmap,
        unmap_ranges,
        write_same,
        granularity,
    } = facts.limits;
    let mut page = vec![0; 60];
    let mut put = |at: usize, value: u32| {
        page[at - 4..at].copy_from_slice(&value.to_be_bytes());
    };
    // Offsets in the standard count the page's header of four bytes.
    put(8, transfer);
    if facts.discards {
        put(20, unmap);
        put(24, unmap_ranges);
        put(28, granularity);
    }
    put(40, write_same);
    // WRITE SAME of no blocks is refused.
    page[0] = 1;
    let least = u16::try_from(granularity).unwrap_or(u16::MAX);
    page[2..4].copy_from_slice(&least.to_be_bytes());
    page
}

fn characteristics(facts: &Facts) -> Vec<u8> {
    let mut page = vec![0; 60];
    // 1: it does not rotate; 0: it does not tell.
    page[1] = u8::from(facts.solid_state);
    page
}

fn provisioning(facts: &Facts) -> Vec<u8> {
    if facts.discards {
        // UNMAP, both forms of WRITE SAME, and zeroes are read afterwards. Thin provisioning.
        vec![0, 0xe4, 0x02, 0]
    } else {
        vec![0, 0, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::opcodes::{MAX_CDB, be16, be32, be64};

    fn facts() -> Facts {
        Facts {
            identity: Identity {
                serial: "disk-1".to_owned(),
                wwn: 0x3123_4567_89ab_cdef,
            },
            limits: Limits {
                transfer: 1000,
                unmap: 2000,
                unmap_ranges: 30,
                write_same: 4000,
                granularity: 8,
            },
            solid_state: true,
            discards: true,
        }
    }

    fn ask(page: Option<u8>) -> Result<Vec<u8>, Sense> {
        let mut cdb = [0; MAX_CDB];
        cdb[0] = 0x12;
        if let Some(page) = page {
            cdb[1] = 1;
            cdb[2] = page;
        }
        answer(&cdb, &facts())
    }

    #[test]
    fn standard_data_tells_disk_version_and_names() {
        let bytes = ask(None).unwrap();

        assert_eq!(bytes.len(), 96);
        assert_eq!(bytes[..8], [0, 0, 6, 0x12, 91, 0, 0, 2]);
        assert_eq!(&bytes[8..16], VENDOR);
        assert_eq!(be16(&bytes, 60), 0x0460);
    }

    #[test]
    fn every_listed_page_is_there_and_names_itself() {
        let list = ask(Some(0)).unwrap();
        assert_eq!(list[4..], [0, 0x80, 0x83, 0xb0, 0xb1, 0xb2]);
        for &page in &list[4..] {
            let bytes = ask(Some(page)).unwrap();
            assert_eq!(bytes[1], page);
            assert_eq!(usize::from(be16(&bytes, 2)) + 4, bytes.len());
        }
        assert_eq!(ask(Some(0x81)), Err(Sense::bad_cdb(2)));
    }

    #[test]
    fn serial_and_world_wide_name_are_told() {
        let serial = ask(Some(0x80)).unwrap();
        let names = ask(Some(0x83)).unwrap();

        assert_eq!(&serial[4..], b"disk-1");
        assert_eq!(names[4..8], [2, 1, 0, 14]);
        assert_eq!(&names[8..22], b"RUSTVMM disk-1");
        assert_eq!(names[22..26], [1, 3, 0, 8]);
        assert_eq!(be64(&names, 26), 0x3123_4567_89ab_cdef);
        assert_eq!(names[34..], [1, 0x14, 0, 4, 0, 0, 0, 1]);
    }

    #[test]
    fn limits_stand_where_the_standard_puts_them() {
        let page = ask(Some(0xb0)).unwrap();

        assert_eq!(page.len(), 64);
        assert_eq!(page[4], 1);
        assert_eq!(be16(&page, 6), 8);
        assert_eq!(be32(&page, 8), 1000);
        assert_eq!(be32(&page, 20), 2000);
        assert_eq!(be32(&page, 24), 30);
        assert_eq!(be32(&page, 28), 8);
        assert_eq!(be64(&page, 36), 4000);
    }

    #[test]
    fn rotation_and_provisioning_are_told() {
        assert_eq!(ask(Some(0xb1)).unwrap()[4..6], [0, 1]);
        assert_eq!(ask(Some(0xb2)).unwrap()[4..], [0, 0xe4, 2, 0]);
    }

    #[test]
    fn a_page_code_without_evpd_is_refused() {
        let mut cdb = [0; MAX_CDB];
        cdb[0] = 0x12;
        cdb[2] = 0x80;

        assert_eq!(answer(&cdb, &facts()), Err(Sense::bad_cdb(2)));
        assert_eq!(absent(&[0; MAX_CDB]).unwrap()[0], 0x7f);
    }
}
