// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What privileged domains may do with others.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use xen_sys::*;

use crate::call::{call, open};
use crate::mapping::{Access, Mapping};
use crate::{Error, Result};

/// Memory of other domains, and the operations of a device model.
#[derive(Clone, Debug)]
pub struct PrivCmd(Arc<File>);

/// Another domain's memory. A page that could not be mapped faults when it is touched: look first.
#[derive(Debug)]
pub struct Foreign {
    mapping: Mapping,
    errors: Vec<i32>,
}

impl Foreign {
    /// The memory.
    pub fn memory(&self) -> &Mapping {
        &self.mapping
    }

    /// What kept each page from being mapped, by its place in the request.
    pub fn failures(&self) -> impl Iterator<Item = (usize, io::Error)> {
        failures(&self.errors)
    }

    /// The memory, if every page is mapped.
    pub fn whole(self) -> Result<Mapping> {
        match failures(&self.errors).next() {
            None => Ok(self.mapping),
            Some((page, error)) => {
                Err(Error::new(format!("map page {page} of the request"), error))
            }
        }
    }
}

fn failures(errors: &[i32]) -> impl Iterator<Item = (usize, io::Error)> {
    let failed = errors.iter().enumerate().filter(|(_, error)| **error != 0);
    failed.map(|(page, error)| (page, io::Error::from_raw_os_error(error.saturating_neg())))
}

impl PrivCmd {
    /// Opens `/dev/xen/privcmd`.
    pub fn open() -> Result<Self> {
        open(Path::new("/dev/xen/privcmd")).map(Self::from)
    }

    /// Maps these pages of another domain next to each other, and says how each one fared.
    pub fn map_foreign(
        &self,
        domain: domid_t,
        pages: &[xen_pfn_t],
        access: Access,
    ) -> Result<Foreign> {
        let first = pages.first().copied().unwrap_or_default();
        let what = || {
            format!(
                "map {} pages of domain {domain} from {first:#x} on",
                pages.len()
            )
        };
        let invalid = || Error::new(what(), io::ErrorKind::InvalidInput);
        let num = u32::try_from(pages.len()).map_err(|_| invalid())?;
        let len = pages.len().checked_mul(XEN_PAGE_SIZE).ok_or_else(invalid)?;
        let mapping =
            Mapping::new(&self.0, 0, len, access).map_err(|error| error.within(what()))?;
        let mut errors = vec![0; pages.len()];
        let mut request = privcmd_mmapbatch_v2 {
            num,
            dom: domain,
            addr: mapping.as_ptr() as u64,
            arr: pages.as_ptr(),
            err: errors.as_mut_ptr(),
        };
        // SAFETY: the argument is what this ioctl takes; both arrays have `num` elements, and the
        // addresses are those of the new mapping.
        match unsafe {
            call(
                &self.0,
                IOCTL_PRIVCMD_MMAPBATCH_V2,
                (&raw mut request).cast(),
            )
        } {
            // Then, too, each page has its error.
            Ok(_) | Err(Errno::NOENT) => Ok(Foreign { mapping, errors }),
            Err(error) => Err(Error::new(what(), error)),
        }
    }

    /// Maps pages that Xen itself keeps for a domain: type and id as of `XENMEM_resource_*`.
    pub fn map_resource(
        &self,
        domain: domid_t,
        (type_, id): (u32, u32),
        first_frame: u32,
        frames: usize,
    ) -> Result<Mapping> {
        let what = || {
            format!(
                "map {frames} frames from {first_frame} on of resource {type_}/{id} of domain {domain}"
            )
        };
        let invalid = || Error::new(what(), io::ErrorKind::InvalidInput);
        let len = frames.checked_mul(XEN_PAGE_SIZE).ok_or_else(invalid)?;
        let mapping = Mapping::new(&self.0, 0, len, Access::ReadWrite)
            .map_err(|error| error.within(what()))?;
        let mut request = privcmd_mmap_resource {
            dom: domain,
            type_,
            id,
            idx: first_frame,
            num: frames as u64,
            addr: mapping.as_ptr() as u64,
        };
        // SAFETY: the argument is what this ioctl takes; the addresses are those of the new mapping.
        unsafe {
            call(
                &self.0,
                IOCTL_PRIVCMD_MMAP_RESOURCE,
                (&raw mut request).cast(),
            )
        }
        .map_err(|error| Error::new(what(), error))?;
        Ok(mapping)
    }

    /// One device model operation; `what` goes into the error.
    fn dm_op(&self, domain: domid_t, op: &mut xen_dm_op, what: impl Fn() -> String) -> Result<()> {
        let buffer = privcmd_dm_op_buf {
            uptr: (op as *mut xen_dm_op).cast(),
            size: size_of::<xen_dm_op>(),
        };
        let mut request = privcmd_dm_op {
            dom: domain,
            num: 1,
            ubufs: &raw const buffer,
        };
        // SAFETY: the argument is what this ioctl takes: one buffer, which is exclusively borrowed.
        unsafe { call(&self.0, IOCTL_PRIVCMD_DM_OP, (&raw mut request).cast()) }
            .map(drop)
            .map_err(|error| Error::new(format!("{} of domain {domain}", what()), error))
    }

    /// How many processors a domain has.
    pub fn vcpus(&self, domain: domid_t) -> Result<u32> {
        let mut op = operation(XEN_DMOP_nr_vcpus);
        self.dm_op(domain, &mut op, || "count the processors".to_owned())?;
        // SAFETY: this operation answers with this member; any bits are a number.
        Ok(unsafe { op.u.nr_vcpus.vcpus })
    }

    /// Raises or lowers an interrupt line of Arm's distributor.
    pub fn set_irq_level(&self, domain: domid_t, irq: u32, high: bool) -> Result<()> {
        let mut op = operation(XEN_DMOP_set_irq_level);
        op.u.set_irq_level = xen_dm_op_set_irq_level {
            irq,
            level: high.into(),
            pad: [0; 3],
        };
        self.dm_op(domain, &mut op, || format!("set interrupt {irq}"))
    }

    /// Raises or lowers one of the 16 interrupt lines of a PC.
    pub fn set_isa_irq_level(&self, domain: domid_t, irq: u8, high: bool) -> Result<()> {
        let mut op = operation(XEN_DMOP_set_isa_irq_level);
        op.u.set_isa_irq_level = xen_dm_op_set_isa_irq_level {
            isa_irq: irq,
            level: high.into(),
        };
        self.dm_op(domain, &mut op, || format!("set ISA interrupt {irq}"))
    }

    /// Sends a message-signalled interrupt.
    pub fn inject_msi(&self, domain: domid_t, addr: u64, data: u32) -> Result<()> {
        let mut op = operation(XEN_DMOP_inject_msi);
        op.u.inject_msi = xen_dm_op_inject_msi { data, pad: 0, addr };
        self.dm_op(domain, &mut op, || {
            format!("send interrupt message {data:#x}")
        })
    }
}

/// For a device that was opened elsewhere.
impl From<File> for PrivCmd {
    fn from(device: File) -> Self {
        Self(Arc::new(device))
    }
}

/// What a frontend hands to a backend, which maps foreign memory through it.
impl AsFd for PrivCmd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn operation(number: u32) -> xen_dm_op {
    xen_dm_op {
        op: number,
        ..Default::default()
    }
}

/// A server for I/O requests of a domain. When dropped, Xen forgets it; accesses to its ranges then find
/// nothing.
#[derive(Debug)]
pub struct IoreqServer {
    device: PrivCmd,
    domain: domid_t,
    id: ioservid_t,
}

impl IoreqServer {
    /// A new server, without a page for buffered requests. It gets none before [`enable`](Self::enable).
    pub fn new(device: &PrivCmd, domain: domid_t) -> Result<Self> {
        let mut op = operation(XEN_DMOP_create_ioreq_server);
        op.u.create_ioreq_server = xen_dm_op_create_ioreq_server {
            handle_bufioreq: HVM_IOREQSRV_BUFIOREQ_OFF as u8,
            ..Default::default()
        };
        device.dm_op(domain, &mut op, || {
            "create a server for I/O requests".to_owned()
        })?;
        Ok(Self {
            device: device.clone(),
            domain,
            // SAFETY: this operation answers with this member; any bits are a number.
            id: unsafe { op.u.create_ioreq_server.id },
        })
    }

    /// Its number, which is Xen's.
    pub fn id(&self) -> ioservid_t {
        self.id
    }

    /// The page with one request for each processor.
    pub fn requests(&self) -> Result<Mapping> {
        // Frame 0 is the ring of buffered requests, frame 1 is this page.
        let resource = (XENMEM_resource_ioreq_server, self.id.into());
        self.device.map_resource(self.domain, resource, 1, 1)
    }

    fn range(&self, number: u32, first: u64, last: u64, verb: &str) -> Result<()> {
        let mut op = operation(number);
        op.u.map_io_range_to_ioreq_server = xen_dm_op_ioreq_server_range {
            id: self.id,
            pad: 0,
            type_: XEN_DMOP_IO_RANGE_MEMORY,
            start: first,
            end: last,
        };
        self.device.dm_op(self.domain, &mut op, || {
            format!("{verb} {first:#x}-{last:#x}")
        })
    }

    /// Accesses from `first` to `last`, both included, come to this server.
    pub fn map_memory_range(&self, first: u64, last: u64) -> Result<()> {
        self.range(XEN_DMOP_map_io_range_to_ioreq_server, first, last, "serve")
    }

    /// They do not any more.
    pub fn unmap_memory_range(&self, first: u64, last: u64) -> Result<()> {
        self.range(
            XEN_DMOP_unmap_io_range_from_ioreq_server,
            first,
            last,
            "stop serving",
        )
    }

    /// Requests come from now on, or no more.
    pub fn enable(&self, on: bool) -> Result<()> {
        let mut op = operation(XEN_DMOP_set_ioreq_server_state);
        op.u.set_ioreq_server_state = xen_dm_op_set_ioreq_server_state {
            id: self.id,
            enabled: on.into(),
            pad: 0,
        };
        self.device.dm_op(self.domain, &mut op, || {
            format!("enable I/O requests ({on})")
        })
    }
}

impl Drop for IoreqServer {
    fn drop(&mut self) {
        let mut op = operation(XEN_DMOP_destroy_ioreq_server);
        op.u.destroy_ioreq_server = xen_dm_op_destroy_ioreq_server {
            id: self.id,
            pad: 0,
        };
        // The domain may be gone already, and the server with it.
        let _ = self
            .device
            .dm_op(self.domain, &mut op, || "destroy".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_that_failed_is_named_with_its_error() {
        let errors: Vec<_> = failures(&[0, -22, 0, -2])
            .map(|(page, error)| (page, error.raw_os_error()))
            .collect();

        assert_eq!(errors, [(1, Some(22)), (3, Some(2))]);
    }

    #[test]
    fn errors_name_domain_and_pages() {
        let no_device = PrivCmd::from(File::open("/dev/null").unwrap());

        let foreign = no_device
            .map_foreign(4, &[0x12, 0x13], Access::Read)
            .unwrap_err();
        let vcpus = no_device.vcpus(4).unwrap_err();

        let text = foreign.to_string();
        assert!(
            text.starts_with("cannot map 2 pages of domain 4 from 0x12 on: "),
            "{text}"
        );
        assert_eq!(vcpus.errno(), Some(Errno::NOTTY.raw_os_error()));
    }

    #[test]
    fn a_mapping_that_fails_keeps_the_number_and_says_what_it_is_for() {
        let for_reading = PrivCmd::from(File::open("/dev/null").unwrap());

        let error = for_reading
            .map_foreign(4, &[0x12], Access::ReadWrite)
            .unwrap_err();

        assert!(error.errno().is_some());
        let text = error.to_string();
        assert!(
            text.starts_with(
                "cannot map 1 pages of domain 4 from 0x12 on: cannot map 4096 bytes: "
            ),
            "{text}"
        );
    }

    #[test]
    fn no_pages_are_refused() {
        let no_device = PrivCmd::from(File::open("/dev/null").unwrap());

        assert!(no_device.map_foreign(4, &[], Access::Read).is_err());
    }
}
