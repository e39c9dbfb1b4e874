// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One guest: its I/O requests, its interrupts, and the backends of its devices.

use std::cell::Cell;
use std::fmt::Arguments;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::{info, warn};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use xen_ioctl::{Access, EvtChn, GntDev, IoreqServer, Mapping, PrivCmd};

use crate::backend::Backend;
use crate::mmio::{Action, Mmio, Queue, SIZE, USED};
use crate::regions::{self, GRANTS, MAX_REGIONS, Region};
use crate::request::{Request, read_request};

/// Bits of features that have to do with the transport.
const VERSION_1: u64 = 1 << 32;
const ACCESS_PLATFORM: u64 = 1 << 33;
/// How long until a backend that is gone is looked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// Lines that a guest can cause in a minute.
const LINES: u32 = 10;
const PAGE: u64 = xen_sys::XEN_PAGE_SIZE as u64;
/// Pages that are looked for at once.
const PROBE: usize = 512;

/// How backends reach the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Reach {
    /// All of it, as dom0 may.
    Foreign,
    /// What the guest grants, request by request.
    Grant,
}

impl Reach {
    /// What is offered to a driver where the backend has these, and what it must accept.
    fn features(self, backend: u64) -> (u64, u64) {
        match self {
            Self::Foreign => ((backend | VERSION_1) & !ACCESS_PLATFORM, VERSION_1),
            Self::Grant => {
                // The driver must know that addresses are grants.
                let required = VERSION_1 | ACCESS_PLATFORM;
                (backend | required, required)
            }
        }
    }

    /// What a backend maps the guest's memory through. Each has an open file of its own, so that
    /// what it mapped ends with it.
    fn open(self) -> io::Result<OwnedFd> {
        let path = match self {
            Self::Foreign => "/dev/xen/privcmd",
            Self::Grant => "/dev/xen/gntdev",
        };
        let mut options = std::fs::OpenOptions::new();
        Ok(options.read(true).write(true).open(path)?.into())
    }
}

/// A device, as xenstore describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) device: u32,
    pub(crate) base: u64,
    pub(crate) irq: u32,
    pub(crate) socket: PathBuf,
}

/// What is served to a domain.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) domain: u16,
    pub(crate) reach: Reach,
    /// As xenstore has it.
    pub(crate) memory_kib: u64,
    pub(crate) places: Vec<Place>,
}

/// Xen's devices, and who the guest is.
struct Host {
    guest: Guest,
    privcmd: PrivCmd,
    grants: Option<GntDev>,
    /// Since when, and how many lines were logged: a guest must not fill the log.
    logged: Cell<(Instant, u32)>,
}

struct Device {
    place: Place,
    mmio: Mmio,
    backend: Option<Backend>,
    /// The backend is needed again from then on.
    again: Instant,
}

/// Serves until `stop` is readable, or the domain is gone.
pub(crate) fn serve(guest: Guest, stop: &OwnedFd) -> io::Result<()> {
    let host = Host {
        privcmd: PrivCmd::open()?,
        grants: (guest.reach == Reach::Grant)
            .then(GntDev::open)
            .transpose()?,
        logged: Cell::new((Instant::now(), 0)),
        guest,
    };
    let mut devices = Vec::new();
    for place in &host.guest.places {
        let Some(device) = host.first_connection(place, stop)? else {
            return Ok(());
        };
        devices.push(device);
    }
    let domain = host.guest.domain;
    let server = IoreqServer::new(&host.privcmd, domain)?;
    let page = server.requests()?;
    for place in &host.guest.places {
        server.map_memory_range(place.base, place.base + (SIZE - 1))?;
    }
    server.enable(true)?;
    let channels = EvtChn::open()?;
    let mut ports = Vec::new();
    for vcpu in 0..host.privcmd.vcpus(domain)? as usize {
        let offset = vcpu * size_of::<xen_sys::ioreq>();
        let remote = page.atomic_u32(offset + 24)?.load(Ordering::Acquire);
        ports.push(channels.bind_interdomain(domain, remote)?);
    }
    info!(
        "domain {domain}: serving {} devices by {:?}",
        devices.len(),
        host.guest.reach
    );
    let result = host.run(&mut devices, &page, &channels, &ports, stop);
    // A processor whose access is never answered would wait for ever: what came until now is, and
    // from now on accesses find nothing. Where the domain is gone, so are its processors.
    if server.enable(false).is_ok() {
        for (vcpu, port) in ports.iter().enumerate() {
            let _ = host.answer(&mut devices, &page, &channels, vcpu, *port);
        }
    }
    for device in &mut devices {
        if let Some(backend) = &mut device.backend {
            let _ = backend.stop_all(); // the connection ends anyway
        }
    }
    result
}

impl Host {
    /// Waits for a backend to be there.
    fn first_connection(&self, place: &Place, stop: &OwnedFd) -> io::Result<Option<Device>> {
        let mut told = false;
        loop {
            match Backend::connect(&place.socket) {
                Ok(backend) => return Ok(Some(self.device(place, backend))),
                Err(error) if !told => {
                    told = true;
                    let Place { device, socket, .. } = place;
                    warn!(
                        "device {device}: cannot use {}: {error}; waiting",
                        socket.display()
                    );
                }
                Err(_) => {}
            }
            if wait(&[stop.as_fd()], PAUSE)?.contains(&true) {
                return Ok(None);
            }
        }
    }

    /// Logs what a guest or a backend can cause again and again.
    fn complain(&self, text: Arguments<'_>) {
        let (since, lines) = self.logged.get();
        let (since, lines) = match since.elapsed() {
            past if past > Duration::from_secs(60) => (Instant::now(), 0),
            _ => (since, lines),
        };
        self.logged.set((since, lines.saturating_add(1)));
        match lines {
            0..LINES => warn!("domain {}: {text}", self.guest.domain),
            LINES => warn!("domain {}: more of that for a minute", self.guest.domain),
            _ => {}
        }
    }

    fn device(&self, place: &Place, backend: Backend) -> Device {
        let (offered, required) = self.guest.reach.features(backend.features());
        Device {
            place: place.clone(),
            mmio: Mmio::new(place.device, offered, required, backend.queues()),
            backend: Some(backend),
            again: Instant::now(),
        }
    }

    fn run(
        &self,
        devices: &mut [Device],
        page: &Mapping,
        channels: &EvtChn,
        ports: &[u32],
        stop: &OwnedFd,
    ) -> io::Result<()> {
        loop {
            let mut watched = vec![stop.as_fd(), channels.as_fd()];
            for backend in devices.iter().filter_map(|device| device.backend.as_ref()) {
                watched.extend(backend.calls());
            }
            let calls = watched.len();
            watched.extend(
                devices
                    .iter()
                    .filter_map(|device| Some(device.backend.as_ref()?.as_fd())),
            );
            let ready = wait(&watched, PAUSE)?;
            let is_ready = |index: usize| ready.get(index).copied().unwrap_or_default();
            if is_ready(0) {
                return Ok(());
            }
            let mut gone = ready.iter().skip(calls);
            for device in devices.iter_mut().filter(|device| device.backend.is_some()) {
                if gone.next() == Some(&true) {
                    self.lose(device, "it closed the connection");
                }
            }
            if is_ready(1) {
                self.requests(devices, page, channels, ports)?;
            }
            for device in devices.iter_mut() {
                if device.backend.as_ref().is_some_and(Backend::called) {
                    device.mmio.raise(USED);
                    self.interrupt(device, true);
                }
                self.reconnect(device);
            }
        }
    }

    fn requests(
        &self,
        devices: &mut [Device],
        page: &Mapping,
        channels: &EvtChn,
        ports: &[u32],
    ) -> io::Result<()> {
        for port in channels.pending()? {
            channels.unmask(port)?;
            let Some(vcpu) = ports.iter().position(|known| *known == port) else {
                continue;
            };
            self.answer(devices, page, channels, vcpu, port)?;
        }
        Ok(())
    }

    /// Answers what a processor asks, if it asks anything.
    fn answer(
        &self,
        devices: &mut [Device],
        page: &Mapping,
        channels: &EvtChn,
        vcpu: usize,
        port: u32,
    ) -> io::Result<()> {
        let offset = vcpu * size_of::<xen_sys::ioreq>();
        if let Some(request) = read_request(page, offset)? {
            let answer = self.access(devices, &request);
            request.answer(page, offset, answer)?;
            channels.notify(port)?;
        }
        Ok(())
    }

    /// What a guest's access reads; of no meaning after a write.
    fn access(&self, devices: &mut [Device], request: &Request) -> u64 {
        let found = devices.iter_mut().find_map(|device| {
            let offset = request.addr.checked_sub(device.place.base)?;
            (offset < SIZE).then_some((device, offset))
        });
        let Some((device, offset)) = found else {
            self.complain(format_args!(
                "an access that is by string, or to no register"
            ));
            return u64::MAX;
        };
        if request.is_read {
            return match Mmio::config_offset(offset) {
                Some(offset) => self.read_config(device, offset, request.size),
                None => device.mmio.read(offset, request.size).into(),
            };
        }
        let action = device.mmio.write(offset, request.size, request.data as u32);
        self.act(device, action, request.data);
        0
    }

    fn read_config(&self, device: &mut Device, offset: u32, size: u32) -> u64 {
        let Some(backend) = &mut device.backend else {
            return 0;
        };
        match backend.config(offset, size.min(8)) {
            Ok(bytes) => {
                let mut value = [0; 8];
                value
                    .iter_mut()
                    .zip(bytes)
                    .for_each(|(to, from)| *to = from);
                u64::from_le_bytes(value)
            }
            Err(error) => {
                self.lose(device, &error.to_string());
                0
            }
        }
    }

    fn act(&self, device: &mut Device, action: Action, data: u64) {
        let result = match (&mut device.backend, action) {
            (_, Action::Acknowledged) => {
                self.interrupt(device, false);
                Ok(())
            }
            (Some(_), Action::Start) => self.start(device, false),
            (Some(backend), Action::Notify(queue)) => backend.kick(queue),
            (Some(backend), Action::Stop(queue)) => backend.stop(queue),
            (backend, Action::Reset) => {
                let stopped = backend.as_mut().map_or(Ok(()), Backend::stop_all);
                self.interrupt(device, false);
                stopped
            }
            (Some(backend), Action::Configure { offset, size }) => {
                let bytes = data.to_le_bytes();
                let bytes = bytes.get(..size as usize).unwrap_or(&bytes);
                backend.set_config(offset, bytes)
            }
            (_, Action::Nothing) | (None, _) => Ok(()),
        };
        if let Err(error) = result {
            self.lose(device, &error.to_string());
        }
    }

    /// Starts the backend, from the beginning or from where the rings are.
    fn start(&self, device: &mut Device, resumed: bool) -> io::Result<()> {
        let queues = device.mmio.queues();
        let found = match self.guest.reach {
            Reach::Foreign => Some(self.foreign()),
            Reach::Grant => regions::grants(queues),
        };
        let regions = found.filter(|found| (1..=MAX_REGIONS).contains(&found.len()));
        let (Some(regions), Some(backend)) = (regions, &mut device.backend) else {
            let Place { device: number, .. } = device.place;
            self.complain(format_args!(
                "device {number}: its rings are in no memory that can be shared: reset needed"
            ));
            device.mmio.fail();
            self.interrupt(device, true);
            return Ok(());
        };
        let file = self.guest.reach.open()?;
        let regions: Vec<_> = regions.into_iter().map(|one| (one, file.as_fd())).collect();
        let base = |queue: &Queue| {
            if resumed {
                self.used_index(queue)
            } else {
                Ok(0)
            }
        };
        backend.start(
            device.mmio.accepted(),
            &regions,
            self.guest.domain,
            queues,
            base,
        )
    }

    /// All memory that the guest has now.
    fn foreign(&self) -> Vec<Region> {
        let pages = self.guest.memory_kib / 4;
        let end = match () {
            () if cfg!(target_arch = "aarch64") => 0x4_0000 + pages,
            // A hole for devices, and the rest above.
            () if pages > 0xc_0000 => 0x10_0000 + pages,
            () => pages,
        };
        let mut present = Vec::new();
        for first in (0..end).step_by(PROBE) {
            let chunk: Vec<u64> = (first..end.min(first + PROBE as u64)).collect();
            let from = present.len();
            let mapped = self
                .privcmd
                .map_foreign(self.guest.domain, &chunk, Access::Read);
            present.resize(from + chunk.len(), mapped.is_ok());
            for (index, _) in mapped.iter().flat_map(|mapped| mapped.failures()) {
                if let Some(one) = present.get_mut(from + index) {
                    *one = false;
                }
            }
        }
        regions::foreign(end, |page| {
            present.get(page as usize).copied().unwrap_or_default()
        })
    }

    /// How far a queue is used: where a backend goes on that has forgotten it.
    fn used_index(&self, queue: &Queue) -> io::Result<u16> {
        let address = queue
            .used
            .checked_add(2)
            .ok_or(io::ErrorKind::InvalidData)?;
        let page = match &self.grants {
            Some(grants) => {
                let reference = (address & !GRANTS) / PAGE;
                let reference = u32::try_from(reference).map_err(io::Error::other)?;
                grants.map(self.guest.domain, &[reference], Access::Read)?
            }
            None => {
                let pages = [address / PAGE];
                let foreign = self
                    .privcmd
                    .map_foreign(self.guest.domain, &pages, Access::Read)?;
                foreign.whole()?
            }
        };
        let mut index = [0; 2];
        page.read((address % PAGE) as usize, &mut index)?;
        Ok(u16::from_le_bytes(index))
    }

    fn lose(&self, device: &mut Device, why: &str) {
        let Place {
            device: number,
            socket,
            ..
        } = &device.place;
        self.complain(format_args!(
            "device {number}: lost {}: {why}",
            socket.display()
        ));
        device.backend = None;
        device.again = Instant::now() + PAUSE;
    }

    /// A backend that came back goes on where the rings are.
    fn reconnect(&self, device: &mut Device) {
        if device.backend.is_some() || Instant::now() < device.again {
            return;
        }
        device.again = Instant::now() + PAUSE;
        let Ok(backend) = Backend::connect(&device.place.socket) else {
            return;
        };
        let Place { device: number, .. } = device.place;
        self.complain(format_args!("device {number}: its backend is back"));
        let (offered, _) = self.guest.reach.features(backend.features());
        let enough = device.mmio.offer(offered, backend.queues());
        device.backend = Some(backend);
        if !enough {
            self.complain(format_args!(
                "device {number}: the new backend lacks features or queues that were there: reset needed"
            ));
            device.mmio.fail();
            self.interrupt(device, true);
        } else if device.mmio.running() {
            match self.start(device, true) {
                Ok(()) => {
                    // The former backend may have answered, and ended before it was heard.
                    device.mmio.raise(USED);
                    self.interrupt(device, true);
                }
                Err(error) => self.lose(device, &error.to_string()),
            }
        }
    }

    /// The line follows the causes; a message is sent when there is a new one.
    fn interrupt(&self, device: &Device, new: bool) {
        let high = device.mmio.interrupt() != 0;
        let domain = self.guest.domain;
        let irq = device.place.irq;
        let done = match u8::try_from(irq) {
            _ if cfg!(target_arch = "aarch64") => self.privcmd.set_irq_level(domain, irq, high),
            Ok(0) => Ok(()), // the driver polls
            Ok(line @ 1..16) => self.privcmd.set_isa_irq_level(domain, line, high),
            // A vector of the first processor's.
            _ if new && high => self.privcmd.inject_msi(domain, 0xfee0_0000, irq & 0xff),
            _ => Ok(()),
        };
        if let Err(error) = done {
            self.complain(format_args!("{error}"));
        }
    }
}

/// Which of them are readable, or broken, within `time`.
fn wait(watched: &[BorrowedFd<'_>], time: Duration) -> io::Result<Vec<bool>> {
    let mut polled: Vec<_> = watched
        .iter()
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut polled, Some(&time)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(polled.iter().map(|one| !one.revents().is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::backend::tests::{ALL, answer, served};

    const BASE: u64 = 0xfe00_0000;
    /// Only the one bit that a backend must have here.
    const XEN_MMAP: u64 = 1 << 17;

    /// Where there is no Xen, nothing can be mapped and no interrupt sent.
    fn host() -> Host {
        Host {
            privcmd: PrivCmd::from(File::open("/dev/null").unwrap()),
            grants: None,
            logged: Cell::new((Instant::now(), 0)),
            guest: Guest {
                domain: 7,
                reach: Reach::Foreign,
                memory_kib: 64,
                places: Vec::new(),
            },
        }
    }

    fn place(socket: &str) -> Place {
        Place {
            device: 4,
            base: BASE,
            irq: 64,
            socket: socket.into(),
        }
    }

    fn read(host: &Host, devices: &mut [Device], offset: u64) -> u64 {
        access(host, devices, offset, None)
    }

    fn write(host: &Host, devices: &mut [Device], offset: u64, value: u64) {
        access(host, devices, offset, Some(value));
    }

    fn access(host: &Host, devices: &mut [Device], offset: u64, value: Option<u64>) -> u64 {
        let request = Request {
            addr: BASE + offset,
            size: 4,
            data: value.unwrap_or_default(),
            is_read: value.is_none(),
        };
        host.access(devices, &request)
    }

    /// Queue 0 and DRIVER_OK, as a driver goes about it.
    fn set_up(host: &Host, devices: &mut [Device]) {
        let steps = [
            (0x070, 3),
            (0x024, 1),
            (0x020, 1),
            (0x070, 11),
            (0x038, 8),
            (0x044, 1),
            (0x070, 15),
        ];
        for (offset, value) in steps {
            write(host, devices, offset, value);
        }
    }

    const NEEDS_RESET: u64 = 0x40;

    #[test]
    fn an_access_finds_its_register_and_one_beside_all_finds_nothing() {
        let host = host();
        let (backend, _) = served(ALL);
        let mut devices = [host.device(&place("/none"), backend.unwrap())];

        assert_eq!(read(&host, &mut devices, 0), 0x7472_6976);
        assert_eq!(read(&host, &mut devices, SIZE), u64::MAX);
        write(&host, &mut devices, SIZE, 1);
    }

    #[test]
    fn the_configuration_goes_through_to_the_backend() {
        let host = host();
        let (backend, server) = served(ALL);
        let mut devices = [host.device(&place("/none"), backend.unwrap())];

        let value = read(&host, &mut devices, 0x108);
        write(&host, &mut devices, 0x104, 0x0403_0201);

        assert_eq!(value, u64::from(u32::from_le_bytes(*b"abcd")));
        drop(devices);
        let said = server.join().unwrap();
        assert!(said.last().unwrap().1.ends_with(&[1, 2, 3, 4]));
    }

    #[test]
    fn a_backend_that_is_gone_leaves_registers_and_an_empty_configuration() {
        let host = host();
        let (backend, _) = served(ALL);
        let mut devices = [host.device(&place("/none"), backend.unwrap())];

        host.lose(&mut devices[0], "it is a test");

        assert!(devices[0].backend.is_none());
        assert_eq!(read(&host, &mut devices, 0x100), 0);
        assert_eq!(read(&host, &mut devices, 0), 0x7472_6976);
        write(&host, &mut devices, 0x104, 1);
    }

    #[test]
    fn a_driver_whose_memory_cannot_be_shared_is_told_to_reset_and_may_do_so() {
        let host = host();
        let (backend, _) = served(ALL);
        let mut devices = [host.device(&place("/none"), backend.unwrap())];

        set_up(&host, &mut devices);

        assert_eq!(read(&host, &mut devices, 0x070), 15 | NEEDS_RESET);
        assert_eq!(read(&host, &mut devices, 0x060), 2);
        write(&host, &mut devices, 0x064, 2);
        assert_eq!(read(&host, &mut devices, 0x060), 0);
        write(&host, &mut devices, 0x070, 0);
        assert_eq!(read(&host, &mut devices, 0x070), 0);
    }

    #[test]
    fn a_backend_is_looked_for_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let host = host();
        let (backend, _) = served(ALL);
        let mut device = host.device(&place(socket.to_str().unwrap()), backend.unwrap());
        host.lose(&mut device, "it is a test");

        device.again = Instant::now();
        host.reconnect(&mut device);
        assert!(device.backend.is_none());
        let listener = UnixListener::bind(&socket).unwrap();
        let thread = std::thread::spawn(move || answer(listener.accept().unwrap().0, ALL));
        device.again = Instant::now();
        host.reconnect(&mut device);

        assert!(device.backend.is_some());
        drop(device);
        thread.join().unwrap().join().unwrap();
    }

    #[test]
    fn a_running_driver_is_interrupted_when_its_backend_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let host = host();
        let (backend, _) = served(ALL);
        let mut devices = [host.device(&place(socket.to_str().unwrap()), backend.unwrap())];
        set_up(&host, &mut devices);
        write(&host, &mut devices, 0x064, 3);
        host.lose(&mut devices[0], "it is a test");
        let listener = UnixListener::bind(&socket).unwrap();
        let thread = std::thread::spawn(move || answer(listener.accept().unwrap().0, ALL));

        devices[0].again = Instant::now();
        host.reconnect(&mut devices[0]);

        assert_eq!(read(&host, &mut devices, 0x060) & 1, 1);
        drop(devices);
        thread.join().unwrap().join().unwrap();
    }

    #[test]
    fn a_driver_must_reset_where_another_backend_has_fewer_queues() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let host = host();
        let (backend, _) = served(ALL);
        let mut devices = [host.device(&place(socket.to_str().unwrap()), backend.unwrap())];
        devices[0].mmio.write(0x070, 4, 3);
        host.lose(&mut devices[0], "it is a test");
        let listener = UnixListener::bind(&socket).unwrap();
        let thread = std::thread::spawn(move || answer(listener.accept().unwrap().0, XEN_MMAP));

        devices[0].again = Instant::now();
        host.reconnect(&mut devices[0]);

        assert_eq!(read(&host, &mut devices, 0x070), 3 | NEEDS_RESET);
        write(&host, &mut devices, 0x070, 0);
        assert_eq!(devices[0].mmio.queues().len(), 1);
        drop(devices);
        thread.join().unwrap().join().unwrap();
    }

    #[test]
    fn a_driver_under_grants_must_accept_that_addresses_are_those() {
        let both = VERSION_1 | ACCESS_PLATFORM;

        assert_eq!(Reach::Grant.features(1), (both | 1, both));
    }

    #[test]
    fn a_driver_under_foreign_mapping_is_not_offered_addresses_of_another_kind() {
        let offered = Reach::Foreign.features(ACCESS_PLATFORM | 1);

        assert_eq!(offered, (VERSION_1 | 1, VERSION_1));
    }
}
