// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Survives a frontend that truncates the files it shares.
//!
//! A page of a shared mapping that no longer has a file behind it raises SIGBUS in whoever touches
//! it, which ends the process and with it every other guest. The handler here looks the address up
//! among the registered ranges, puts a zero page in the place of the lost one, and records that it
//! did; the guest's worker sees the record and its connection ends. A SIGBUS anywhere else takes
//! its former course.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The handler may neither lock nor allocate, so the ranges stand in a table of fixed size.
/// vhost-user allows 509 memory slots a guest.
pub(crate) const MAX_RANGES: usize = 8192;

/// The largest page that any architecture maps at a time and that memory of a guest may have.
const MAX_PAGE_SIZE: usize = 1 << 30;

struct Slot {
    /// Zero: free.
    start: AtomicUsize,
    end: AtomicUsize,
    vanished: AtomicPtr<AtomicBool>,
}

static SLOTS: [Slot; MAX_RANGES] = [const {
    Slot {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        vanished: AtomicPtr::new(ptr::null_mut()),
    }
}; MAX_RANGES];

/// One more than the highest slot that was ever used: how far the handler has to look.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Serialises changes of the table.
static CHANGES: Mutex<()> = Mutex::new(());

static FORMER: OnceLock<libc::sigaction> = OnceLock::new();

/// Keeps a range registered for as long as it lives. Must be dropped before the range is unmapped.
#[derive(Debug)]
pub(crate) struct Guard {
    slot: usize,
    /// The handler sees this through the slot.
    _vanished: Arc<AtomicBool>,
}

impl Guard {
    /// `None` when the table is full.
    pub(crate) fn new(start: *mut u8, len: usize, vanished: Arc<AtomicBool>) -> Option<Self> {
        install();
        let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = SLOTS
            .iter()
            .position(|slot| slot.start.load(Ordering::Relaxed) == 0)?;
        // The handler may be reading the former content: it sees that the slot was freed in between.
        fence(Ordering::Release);
        SLOTS[slot]
            .vanished
            .store(Arc::as_ptr(&vanished).cast_mut(), Ordering::Relaxed);
        SLOTS[slot]
            .end
            .store((start as usize).saturating_add(len), Ordering::Relaxed);
        SLOTS[slot].start.store(start as usize, Ordering::Release);
        USED.fetch_max(slot + 1, Ordering::Release);
        Some(Self {
            slot,
            _vanished: vanished,
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        SLOTS[self.slot].start.store(0, Ordering::Release);
    }
}

fn install() {
    FORMER.get_or_init(|| {
        // SAFETY: an all-zero sigaction is a valid value of this C structure.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut former: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = on_sigbus as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: both pointers are valid, and the handler only does what a signal handler may:
        // atomics, mmap, sigaction and raise. The call cannot fail for a signal that exists.
        unsafe { libc::sigaction(libc::SIGBUS, &action, &mut former) };
        former
    });
}

extern "C" fn on_sigbus(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands a valid siginfo to a handler with SA_SIGINFO, and errno is this
    // thread's own.
    let (address, code, errno) = unsafe {
        (
            (*info).si_addr() as usize,
            (*info).si_code,
            *libc::__errno_location(),
        )
    };
    // A misaligned access would fail again on any page.
    let lost = matches!(
        code,
        libc::BUS_ADRERR | libc::BUS_MCEERR_AR | libc::BUS_MCEERR_AO
    );
    if lost && replace_page(address) {
        // SAFETY: as above; mmap may have changed it under the code that was interrupted.
        unsafe { *libc::__errno_location() = errno };
        return;
    }
    // Not guest memory. With the former disposition back in place, returning repeats the access,
    // which then ends as it would have without this handler.
    if let Some(former) = FORMER.get() {
        // SAFETY: `former` is what sigaction itself reported.
        unsafe { libc::sigaction(libc::SIGBUS, former, ptr::null_mut()) };
    }
    if code <= 0 {
        // Sent by a process: nothing will repeat it.
        // SAFETY: raise is async-signal-safe.
        unsafe { libc::raise(libc::SIGBUS) };
    }
}

fn replace_page(address: usize) -> bool {
    let used = USED.load(Ordering::Acquire).min(MAX_RANGES);
    for slot in &SLOTS[..used] {
        let start = slot.start.load(Ordering::Acquire);
        let end = slot.end.load(Ordering::Relaxed);
        let vanished = slot.vanished.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        // The slot may be given to another range meanwhile; the one that is being accessed cannot.
        if start == 0
            || address < start
            || address >= end
            || slot.start.load(Ordering::Relaxed) != start
        {
            continue;
        }
        let mut page_size = rustix::param::page_size();
        let end = end.next_multiple_of(page_size);
        while page_size <= MAX_PAGE_SIZE {
            let page = address & !(page_size - 1);
            // Never more than what is registered: behind it lies somebody else's memory.
            if page < start || page_size > end - page {
                break;
            }
            // SAFETY: the page lies in a range that is registered, so it belongs to a mapping of
            // guest memory that stays mapped until its guard is gone; what replaces it is plain
            // memory of the same size. Guest memory is only accessed through pointers and
            // atomics, so no reference sees its content change.
            let mapped = unsafe {
                libc::mmap(
                    page as *mut libc::c_void,
                    page_size,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
                    -1,
                    0,
                )
            };
            if mapped != libc::MAP_FAILED {
                // SAFETY: the guard keeps the flag alive, and it is still registered, because the
                // range is still being accessed.
                unsafe { (*vanished).store(true, Ordering::Release) };
                return true;
            }
            // Of a hugetlbfs mapping only whole huge pages can be replaced, and only the mapping
            // knows how large those are. Anything else would fail again.
            // SAFETY: errno is this thread's own.
            if unsafe { *libc::__errno_location() } != libc::EINVAL {
                break;
            }
            page_size *= 2;
        }
        return false;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::fs::MemfdFlags;

    use crate::{GuestAddress, MappedRegion, Memory, Tracking};

    #[test]
    fn a_truncated_file_reads_as_zeroes_and_is_recorded() {
        let file = File::from(rustix::fs::memfd_create("t", MemfdFlags::CLOEXEC).unwrap());
        file.set_len(0x3000).unwrap();
        let tracking = Tracking::new();
        let handle = file.try_clone().unwrap();
        let region = MappedRegion::from_file(file, 0, 0x3000, GuestAddress(0), &tracking).unwrap();
        let memory = Memory::new(vec![region]).unwrap();
        memory.write(0x2000, &[7; 16]).unwrap();

        handle.set_len(0x1000).unwrap();
        let mut bytes = [1; 16];
        memory.read(0x2000, &mut bytes).unwrap();

        assert_eq!(bytes, [0; 16]);
        assert!(tracking.has_vanished());
    }

    #[test]
    fn another_guests_memory_is_not_blamed() {
        let victim = Tracking::new();
        let bystander = Tracking::new();
        let file = File::from(rustix::fs::memfd_create("t", MemfdFlags::CLOEXEC).unwrap());
        file.set_len(0x1000).unwrap();
        let handle = file.try_clone().unwrap();
        let lost = MappedRegion::from_file(file, 0, 0x1000, GuestAddress(0), &victim).unwrap();
        let memory = Memory::new(vec![lost]).unwrap();
        let other = MappedRegion::anonymous(0x1000, GuestAddress(0), &bystander).unwrap();

        handle.set_len(0).unwrap();
        memory.write(0, &[1]).unwrap();

        assert!(victim.has_vanished());
        assert!(!bystander.has_vanished());
        drop(other);
    }
}
