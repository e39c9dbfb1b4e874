// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Grants: pages that one domain lets another one map.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use xen_sys::*;

use crate::call::{call, open};
use crate::mapping::{Access, Mapping, Release};
use crate::{Error, Result};

/// The kernel allocates for each grant of one request; more than this is nobody's honest wish.
const MAX_PAGES: usize = 1 << 20;

/// What happens on the other side when a mapping goes, even if this process dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// The byte at this offset of the mapping becomes zero.
    pub clear_byte: Option<usize>,
    /// This event channel, of an `EvtChn` of this process, is notified.
    pub event: Option<evtchn_port_t>,
}

/// Maps pages that other domains granted.
#[derive(Clone, Debug)]
pub struct GntDev(Arc<File>);

impl GntDev {
    /// Opens `/dev/xen/gntdev`.
    pub fn open() -> Result<Self> {
        open(Path::new("/dev/xen/gntdev")).map(Self::from)
    }

    /// Maps these grants of one domain next to each other, in this order.
    pub fn map(&self, domain: domid_t, refs: &[grant_ref_t], access: Access) -> Result<Mapping> {
        self.map_notifying(domain, refs, access, Notify::default())
    }

    /// As [`map`](Self::map), and says what happens when the mapping goes.
    pub fn map_notifying(
        &self,
        domain: domid_t,
        refs: &[grant_ref_t],
        access: Access,
        notify: Notify,
    ) -> Result<Mapping> {
        let what = || format!("map {} of domain {domain}", named(refs));
        let count =
            pages(refs.len()).ok_or_else(|| Error::new(what(), io::ErrorKind::InvalidInput))?;
        let mut request = map_request(domain, count, refs);
        let argument = request.as_mut_ptr().cast();
        // SAFETY: a header that says how many references follow, and those.
        unsafe { call(&self.0, IOCTL_GNTDEV_MAP_GRANT_REF, argument) }
            .map_err(|error| Error::new(what(), error))?;
        let index = request.get(1).copied().unwrap_or_default();
        let references = Unmap {
            device: Arc::clone(&self.0),
            index,
            count,
        };
        let result = self.finish(index, refs.len(), access, notify);
        match result {
            Ok(mut mapping) => {
                mapping.on_release(references);
                Ok(mapping)
            }
            Err(error) => {
                references.release();
                Err(error.within(what()))
            }
        }
    }

    fn finish(&self, index: u64, pages: usize, access: Access, notify: Notify) -> Result<Mapping> {
        let len = pages * XEN_PAGE_SIZE;
        let mapping = Mapping::new(&self.0, index, len, access)?;
        if let Some(mut request) = notify_request(index, len, notify)? {
            let argument = (&raw mut request).cast();
            // SAFETY: the argument is what this ioctl takes.
            unsafe { call(&self.0, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, argument) }
                .map_err(|error| Error::new(format!("set {notify:?}"), error))?;
        }
        Ok(mapping)
    }
}

/// For a device that was opened elsewhere.
impl From<File> for GntDev {
    fn from(device: File) -> Self {
        Self(Arc::new(device))
    }
}

struct Unmap {
    device: Arc<File>,
    index: u64,
    count: u32,
}

impl Release for Unmap {
    fn release(&self) {
        let mut request = ioctl_gntdev_unmap_grant_ref {
            index: self.index,
            count: self.count,
            pad: 0,
        };
        // SAFETY: the argument is what this ioctl takes. Nothing can be done about a failure; closing
        // the device gives the grants back, too.
        let _ = unsafe {
            call(
                &self.device,
                IOCTL_GNTDEV_UNMAP_GRANT_REF,
                (&raw mut request).cast(),
            )
        };
    }
}

/// Grants pages to other domains.
#[derive(Clone, Debug)]
pub struct GntAlloc(Arc<File>);

impl GntAlloc {
    /// Opens `/dev/xen/gntalloc`.
    pub fn open() -> Result<Self> {
        open(Path::new("/dev/xen/gntalloc")).map(Self::from)
    }

    /// New pages, which the domain may read and, if `other` says so, write. Here they can be written.
    pub fn allocate(&self, domain: domid_t, pages_: usize, other: Access) -> Result<Granted> {
        let what = || format!("grant {pages_} pages to domain {domain}");
        let count = pages(pages_).ok_or_else(|| Error::new(what(), io::ErrorKind::InvalidInput))?;
        let writable = other == Access::ReadWrite;
        let mut request = allocate_request(domain, count, writable);
        // SAFETY: a header that says how many references fit behind it, and room for those.
        unsafe {
            call(
                &self.0,
                IOCTL_GNTALLOC_ALLOC_GREF,
                request.as_mut_ptr().cast(),
            )
        }
        .map_err(|error| Error::new(what(), error))?;
        let index = request.get(1).copied().unwrap_or_default();
        let sorted = in_order(index, pages_, &request);
        let allocated = Deallocate {
            device: Arc::clone(&self.0),
            index,
            count,
        };
        let place = || {
            let len = pages_ * XEN_PAGE_SIZE;
            let memory = Mapping::reserve(&self.0, len, Access::ReadWrite)?;
            for (page, (_, offset)) in sorted.iter().enumerate() {
                memory.place(&self.0, page * XEN_PAGE_SIZE, *offset, XEN_PAGE_SIZE)?;
            }
            Ok(memory)
        };
        match place() {
            Ok(mut memory) => {
                memory.on_release(allocated);
                let refs = sorted.into_iter().map(|(reference, _)| reference).collect();
                Ok(Granted { refs, memory })
            }
            Err::<_, Error>(error) => {
                allocated.release();
                Err(error.within(what()))
            }
        }
    }
}

/// For a device that was opened elsewhere.
impl From<File> for GntAlloc {
    fn from(device: File) -> Self {
        Self(Arc::new(device))
    }
}

/// Pages granted to another domain. When dropped, the grants end as soon as that domain unmaps them.
#[derive(Debug)]
pub struct Granted {
    refs: Vec<grant_ref_t>,
    memory: Mapping,
}

impl Granted {
    /// The reference of each page, ascending.
    pub fn refs(&self) -> &[grant_ref_t] {
        &self.refs
    }

    /// The pages, in the order of their references.
    pub fn memory(&self) -> &Mapping {
        &self.memory
    }

    /// The first reference, if those of all pages follow each other without a gap.
    pub fn first_of_run(&self) -> Option<grant_ref_t> {
        let first = *self.refs.first()?;
        let mut expected = first..;
        let run = self
            .refs
            .iter()
            .all(|&reference| expected.next() == Some(reference));
        run.then_some(first)
    }
}

struct Deallocate {
    device: Arc<File>,
    index: u64,
    count: u32,
}

impl Release for Deallocate {
    fn release(&self) {
        let mut request = ioctl_gntalloc_dealloc_gref {
            index: self.index,
            count: self.count,
        };
        // SAFETY: the argument is what this ioctl takes. A failure leaves it to the closing of the device.
        let _ = unsafe {
            call(
                &self.device,
                IOCTL_GNTALLOC_DEALLOC_GREF,
                (&raw mut request).cast(),
            )
        };
    }
}

fn pages(count: usize) -> Option<u32> {
    let wanted = (1..=MAX_PAGES).contains(&count);
    u32::try_from(count).ok().filter(|_| wanted)
}

fn named(refs: &[grant_ref_t]) -> String {
    match refs {
        [one] => format!("grant {one}"),
        [first, ..] => format!("{} grants from {first} on", refs.len()),
        [] => "no grants".to_owned(),
    }
}

/// Two halves of eight bytes, in the order of memory.
fn pair(first: u32, second: u32) -> u64 {
    if cfg!(target_endian = "little") {
        u64::from(first) | (u64::from(second) << 32)
    } else {
        u64::from(second) | (u64::from(first) << 32)
    }
}

/// `ioctl_gntdev_map_grant_ref`, which ends in an array.
fn map_request(domain: domid_t, count: u32, refs: &[grant_ref_t]) -> Vec<u64> {
    let header = [pair(count, 0), 0];
    let refs = refs.iter().map(|&reference| pair(domain.into(), reference));
    header.into_iter().chain(refs).collect()
}

/// `ioctl_gntalloc_alloc_gref`, which ends in an array.
fn allocate_request(domain: domid_t, count: u32, writable: bool) -> Vec<u64> {
    let flags = if writable { GNTALLOC_FLAG_WRITABLE } else { 0 };
    let halves = if cfg!(target_endian = "little") {
        u32::from(domain) | (flags << 16)
    } else {
        (u32::from(domain) << 16) | flags
    };
    let room = (count as usize).div_ceil(2);
    let mut request = vec![pair(halves, count), 0];
    request.resize(2 + room, 0);
    request
}

/// Each reference with its page's offset in the device. The kernel hands references out last in,
/// first out; a region of guest memory wants them ascending.
fn in_order(index: u64, count: usize, request: &[u64]) -> Vec<(grant_ref_t, u64)> {
    let answers = request.iter().skip(2);
    let refs = answers.flat_map(|two| {
        let [a, b, c, d, e, f, g, h] = two.to_ne_bytes();
        [[a, b, c, d], [e, f, g, h]].map(u32::from_ne_bytes)
    });
    let offsets = (index..).step_by(XEN_PAGE_SIZE);
    let mut found: Vec<_> = refs.zip(offsets).take(count).collect();
    found.sort_unstable();
    found
}

fn notify_request(
    index: u64,
    len: usize,
    notify: Notify,
) -> Result<Option<ioctl_gntdev_unmap_notify>> {
    let mut request = ioctl_gntdev_unmap_notify {
        index,
        ..Default::default()
    };
    if let Some(byte) = notify.clear_byte {
        if byte >= len {
            return Err(Error::new(
                format!("clear byte {byte} of {len} mapped"),
                io::ErrorKind::InvalidInput,
            ));
        }
        request.index += byte as u64;
        request.action |= UNMAP_NOTIFY_CLEAR_BYTE;
    }
    if let Some(port) = notify.event {
        request.action |= UNMAP_NOTIFY_SEND_EVENT;
        request.event_channel_port = port;
    }
    Ok((request.action != 0).then_some(request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// What the kernel would see at this offset.
    fn at(request: &[u64], offset: usize) -> u32 {
        let bytes: Vec<u8> = request.iter().flat_map(|part| part.to_ne_bytes()).collect();
        u32::from_ne_bytes(bytes[offset..offset + 4].try_into().unwrap())
    }

    #[test]
    fn a_map_request_has_each_field_where_the_kernel_reads_it() {
        let request = map_request(5, 2, &[8, 9]);

        let refs = offset_of!(ioctl_gntdev_map_grant_ref, refs);
        let one = size_of::<ioctl_gntdev_grant_ref>();
        assert_eq!(
            at(&request, offset_of!(ioctl_gntdev_map_grant_ref, count)),
            2
        );
        assert_eq!((at(&request, refs), at(&request, refs + 4)), (5, 8));
        assert_eq!(
            (at(&request, refs + one), at(&request, refs + one + 4)),
            (5, 9)
        );
    }

    #[test]
    fn an_allocation_request_has_room_for_every_reference() {
        let request = allocate_request(3, 5, true);

        let room = request.len() * 8 - offset_of!(ioctl_gntalloc_alloc_gref, gref_ids);
        assert_eq!(at(&request, 0), 3 | (1 << 16));
        assert_eq!(
            at(&request, offset_of!(ioctl_gntalloc_alloc_gref, count)),
            5
        );
        assert!(room >= 5 * 4);
    }

    #[test]
    fn references_in_falling_order_are_sorted_with_their_pages() {
        let answer = [0, 0x10_0000, pair(12, 11), pair(10, 0)];

        let sorted = in_order(0x10_0000, 3, &answer);

        assert_eq!(sorted, [(10, 0x10_2000), (11, 0x10_1000), (12, 0x10_0000)]);
    }

    #[test]
    fn no_page_and_too_many_pages_are_refused() {
        assert_eq!(pages(0), None);
        assert_eq!(pages(1), Some(1));
        assert_eq!(pages(MAX_PAGES), Some(1 << 20));
        assert_eq!(pages(MAX_PAGES + 1), None);
    }

    #[test]
    fn a_notification_names_byte_and_event() {
        let notify = Notify {
            clear_byte: Some(9),
            event: Some(4),
        };

        let request = notify_request(4096, 4096, notify).unwrap().unwrap();

        assert_eq!(
            (request.index, request.action, request.event_channel_port),
            (4105, 3, 4)
        );
        assert!(notify_request(4096, 9, notify).is_err());
        assert!(notify_request(0, 1, Notify::default()).unwrap().is_none());
    }

    #[test]
    fn errors_name_the_grants_and_have_errno() {
        let null = || File::open("/dev/null").unwrap();

        let mapped = GntDev::from(null())
            .map(2, &[17], Access::Read)
            .unwrap_err();
        let granted = GntAlloc::from(null())
            .allocate(3, 4, Access::Read)
            .unwrap_err();

        assert!(
            mapped
                .to_string()
                .starts_with("cannot map grant 17 of domain 2: "),
            "{mapped}"
        );
        assert!(
            granted
                .to_string()
                .starts_with("cannot grant 4 pages to domain 3: "),
            "{granted}"
        );
        assert_eq!(
            mapped.errno(),
            Some(rustix::io::Errno::NOTTY.raw_os_error())
        );
    }
}
