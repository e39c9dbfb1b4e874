// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The registers of a virtio-mmio device, version 2 (VIRTIO 1.3, section 4.2.2).

/// What `MagicValue` reads.
const MAGIC: u32 = 0x7472_6976;
/// A vendor of our own.
const VENDOR: u32 = 0x5658_454e;
/// Registers end and the configuration begins.
const CONFIG: u64 = 0x100;
/// How much of the guest's addresses one device takes.
pub(crate) const SIZE: u64 = 0x200;
/// The largest queue that is offered.
pub(crate) const MAX_QUEUE: u32 = 1024;

const STATUS_DRIVER_OK: u32 = 4;
const STATUS_FEATURES_OK: u32 = 8;
const STATUS_NEEDS_RESET: u32 = 0x40;

/// Interrupt: a queue has news.
pub(crate) const USED: u32 = 1;
/// Interrupt: the configuration or the status has changed.
const CHANGED: u32 = 2;

/// What the driver set for a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) size: u32,
    pub(crate) ready: bool,
    pub(crate) descriptors: u64,
    pub(crate) available: u64,
    pub(crate) used: u64,
}

/// What a write asks of whoever has the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Nothing,
    /// The driver is ready: all queues that are ready start.
    Start,
    /// All queues stop.
    Reset,
    /// One queue stops.
    Stop(usize),
    /// A queue has requests.
    Notify(usize),
    /// The interrupt's causes are as now.
    Acknowledged,
    /// Bytes for the configuration.
    Configure {
        offset: u32,
        size: u32,
    },
}

#[derive(Debug)]
pub(crate) struct Mmio {
    device: u32,
    offered: u64,
    /// Bits without which the driver is refused.
    required: u64,
    /// What is offered, and how many queues there are, from the next reset on.
    next: (u64, usize),
    accepted: u64,
    features_select: u32,
    driver_features_select: u32,
    queue_select: u32,
    queues: Vec<Queue>,
    status: u32,
    interrupt: u32,
    generation: u32,
}

impl Mmio {
    pub(crate) fn new(device: u32, offered: u64, required: u64, queues: usize) -> Self {
        Self {
            device,
            offered,
            required,
            next: (offered, queues),
            accepted: 0,
            features_select: 0,
            driver_features_select: 0,
            queue_select: 0,
            queues: vec![Queue::default(); queues],
            status: 0,
            interrupt: 0,
            generation: 0,
        }
    }

    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Whether queues run.
    pub(crate) fn running(&self) -> bool {
        self.status & STATUS_DRIVER_OK != 0
    }

    pub(crate) fn interrupt(&self) -> u32 {
        self.interrupt
    }

    pub(crate) fn raise(&mut self, cause: u32) {
        self.interrupt |= cause;
    }

    /// Another backend has the device, with these features and queues. Whether the driver can go on
    /// without a reset; what the backend has more is there after one.
    pub(crate) fn offer(&mut self, offered: u64, queues: usize) -> bool {
        self.next = (offered, queues);
        if self.status == 0 {
            self.reset();
        } else if self.status & STATUS_FEATURES_OK == 0 {
            // The driver may have read more: then there will be no agreement.
            self.offered &= offered;
        }
        self.accepted & !offered == 0 && queues >= self.queues.len()
    }

    /// The device cannot go on; the driver is told.
    pub(crate) fn fail(&mut self) {
        self.status |= STATUS_NEEDS_RESET;
        self.generation = self.generation.wrapping_add(1);
        self.raise(CHANGED);
    }

    /// Where in the configuration an access is, if it is there.
    pub(crate) fn config_offset(offset: u64) -> Option<u32> {
        let offset = offset.checked_sub(CONFIG)?;
        u32::try_from(offset)
            .ok()
            .filter(|_| offset < SIZE - CONFIG)
    }

    /// What a register reads; others and odd widths read as zero.
    pub(crate) fn read(&self, offset: u64, size: u32) -> u32 {
        if size != 4 {
            return 0;
        }
        let queue = self.selected();
        match offset {
            0x000 => MAGIC,
            0x004 => 2,
            0x008 => self.device,
            0x00c => VENDOR,
            0x010 => half(self.offered, self.features_select),
            0x034 => queue.map_or(0, |_| MAX_QUEUE),
            0x044 => queue.map_or(0, |queue| queue.ready.into()),
            0x060 => self.interrupt,
            0x070 => self.status,
            // No shared memory: a length of all ones.
            0x0b0 | 0x0b4 | 0x0b8 | 0x0bc => u32::MAX,
            0x0fc => self.generation,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u64, size: u32, value: u32) -> Action {
        if let Some(offset) = Self::config_offset(offset) {
            return Action::Configure { offset, size };
        }
        if size != 4 {
            return Action::Nothing;
        }
        match offset {
            0x014 => self.features_select = value,
            0x020 if self.status & STATUS_FEATURES_OK == 0 => {
                set_half(&mut self.accepted, self.driver_features_select, value);
            }
            0x024 => self.driver_features_select = value,
            0x030 => self.queue_select = value,
            0x050 => {
                let index = value as usize;
                let ready = self.queues.get(index).is_some_and(|queue| queue.ready);
                if ready && self.running() {
                    return Action::Notify(index);
                }
            }
            0x064 => {
                self.interrupt &= !value;
                return Action::Acknowledged;
            }
            0x070 => return self.set_status(value),
            0x044 => return self.set_ready(value),
            _ => self.set_queue(offset, value),
        }
        Action::Nothing
    }

    fn selected(&self) -> Option<&Queue> {
        self.queues.get(self.queue_select as usize)
    }

    fn set_status(&mut self, value: u32) -> Action {
        if value == 0 {
            self.reset();
            return Action::Reset;
        }
        let was_running = self.running();
        let mut value = value | (self.status & STATUS_NEEDS_RESET);
        let acceptable =
            self.accepted & !self.offered == 0 && self.accepted & self.required == self.required;
        if !acceptable {
            value &= !(STATUS_FEATURES_OK | STATUS_DRIVER_OK);
        }
        // Without the agreement on features, nothing runs.
        if value & STATUS_FEATURES_OK == 0 {
            value &= !STATUS_DRIVER_OK;
        }
        // A running device stops by a reset only.
        self.status = value | (self.status & (STATUS_DRIVER_OK | STATUS_FEATURES_OK));
        if self.running() && !was_running {
            return Action::Start;
        }
        Action::Nothing
    }

    fn set_ready(&mut self, value: u32) -> Action {
        let index = self.queue_select as usize;
        let running = self.running();
        let Some(queue) = self.queues.get_mut(index) else {
            return Action::Nothing;
        };
        let was = queue.ready;
        // Queues are set up before DRIVER_OK.
        queue.ready = value == 1 && (was || (!running && queue.size != 0));
        if was && !queue.ready && running {
            return Action::Stop(index);
        }
        Action::Nothing
    }

    fn set_queue(&mut self, offset: u64, value: u32) {
        let Some(queue) = self.queues.get_mut(self.queue_select as usize) else {
            return;
        };
        if queue.ready {
            return;
        }
        match offset {
            0x038 if value.is_power_of_two() && value <= MAX_QUEUE => queue.size = value,
            0x080 | 0x084 => set_half(&mut queue.descriptors, u32::from(offset == 0x084), value),
            0x090 | 0x094 => set_half(&mut queue.available, u32::from(offset == 0x094), value),
            0x0a0 | 0x0a4 => set_half(&mut queue.used, u32::from(offset == 0x0a4), value),
            _ => {}
        }
    }

    fn reset(&mut self) {
        *self = Self {
            generation: self.generation,
            ..Self::new(self.device, self.next.0, self.required, self.next.1)
        };
    }
}

fn half(value: u64, select: u32) -> u32 {
    match select {
        0 => value as u32,
        1 => (value >> 32) as u32,
        _ => 0,
    }
}

fn set_half(value: &mut u64, select: u32, half: u32) {
    match select {
        0 => *value = (*value & !0xffff_ffff) | u64::from(half),
        1 => *value = (*value & 0xffff_ffff) | (u64::from(half) << 32),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION_1: u64 = 1 << 32;

    fn device() -> Mmio {
        Mmio::new(4, VERSION_1 | 1, VERSION_1, 2)
    }

    fn accept(mmio: &mut Mmio, features: u64) {
        mmio.write(0x070, 4, 3);
        for select in [0, 1] {
            mmio.write(0x024, 4, select);
            mmio.write(0x020, 4, half(features, select));
        }
        mmio.write(0x070, 4, 11);
    }

    fn set_up(mmio: &mut Mmio) -> Action {
        accept(mmio, VERSION_1);
        mmio.write(0x030, 4, 0);
        mmio.write(0x038, 4, 8);
        for (offset, value) in [
            (0x080, 0x1000),
            (0x084, 0x8000_0000),
            (0x090, 0x2000),
            (0x0a0, 0x3000),
        ] {
            mmio.write(offset, 4, value);
        }
        mmio.write(0x044, 4, 1);
        mmio.write(0x070, 4, 15)
    }

    #[test]
    fn identity_is_that_of_version_2() {
        let mmio = device();

        let read = [0x000, 0x004, 0x008].map(|offset| mmio.read(offset, 4));

        assert_eq!(read, [0x7472_6976, 2, 4]);
        assert_eq!(mmio.read(0x000, 1), 0);
    }

    #[test]
    fn both_halves_of_the_features_are_read() {
        let mut mmio = device();

        let low = mmio.read(0x010, 4);
        mmio.write(0x014, 4, 1);
        let high = mmio.read(0x010, 4);
        mmio.write(0x014, 4, 2);

        assert_eq!((low, high, mmio.read(0x010, 4)), (1, 1, 0));
    }

    #[test]
    fn features_that_were_not_offered_are_not_ok() {
        let mut mmio = device();

        accept(&mut mmio, VERSION_1 | 2);

        assert_eq!(mmio.read(0x070, 4), 3);
        assert_eq!(mmio.write(0x070, 4, 15), Action::Nothing);
        assert!(!mmio.running());
    }

    #[test]
    fn features_without_a_required_one_are_not_ok() {
        let mut mmio = device();

        accept(&mut mmio, 1);

        assert_eq!(mmio.read(0x070, 4), 3);
    }

    #[test]
    fn a_driver_that_is_ready_starts_its_queues_once() {
        let mut mmio = device();

        let action = set_up(&mut mmio);
        let again = mmio.write(0x070, 4, 15);

        assert_eq!((action, again), (Action::Start, Action::Nothing));
        let queue = mmio.queues()[0];
        assert_eq!((queue.size, queue.ready), (8, true));
        assert_eq!(queue.descriptors, 0x8000_0000_0000_1000);
        assert_eq!((queue.available, queue.used), (0x2000, 0x3000));
    }

    #[test]
    fn a_running_queue_is_not_changed() {
        let mut mmio = device();
        set_up(&mut mmio);

        mmio.write(0x038, 4, 16);
        mmio.write(0x080, 4, 0);

        assert_eq!(mmio.queues()[0].size, 8);
        assert_eq!(mmio.queues()[0].descriptors, 0x8000_0000_0000_1000);
    }

    #[test]
    fn only_ready_queues_of_a_running_device_are_notified() {
        let mut mmio = device();

        let early = mmio.write(0x050, 4, 0);
        set_up(&mut mmio);

        assert_eq!(early, Action::Nothing);
        assert_eq!(mmio.write(0x050, 4, 0), Action::Notify(0));
        assert_eq!(mmio.write(0x050, 4, 1), Action::Nothing);
        assert_eq!(mmio.write(0x050, 4, u32::MAX), Action::Nothing);
    }

    #[test]
    fn sizes_that_are_no_power_of_two_or_too_large_are_not_taken() {
        let mut mmio = device();

        for size in [0, 3, 2048, u32::MAX] {
            mmio.write(0x038, 4, size);
        }
        mmio.write(0x044, 4, 1);

        assert_eq!(mmio.queues()[0], Queue::default());
    }

    #[test]
    fn a_queue_that_does_not_exist_is_nothing() {
        let mut mmio = device();

        mmio.write(0x030, 4, 7);
        mmio.write(0x038, 4, 8);

        assert_eq!(mmio.read(0x034, 4), 0);
        assert_eq!(mmio.write(0x044, 4, 1), Action::Nothing);
    }

    #[test]
    fn a_reset_forgets_all_but_the_identity() {
        let mut mmio = device();
        set_up(&mut mmio);
        mmio.raise(USED);

        let action = mmio.write(0x070, 4, 0);

        assert_eq!(action, Action::Reset);
        assert_eq!((mmio.interrupt(), mmio.running()), (0, false));
        assert_eq!(mmio.queues(), [Queue::default(); 2]);
        assert_eq!(set_up(&mut mmio), Action::Start);
    }

    #[test]
    fn a_driver_goes_on_with_a_backend_that_has_as_much() {
        let mut mmio = device();
        set_up(&mut mmio);

        let goes_on = mmio.offer(VERSION_1 | 3, 2);

        assert!(goes_on);
        assert!(mmio.running());
        assert_eq!(mmio.read(0x010, 4), 1);
    }

    #[test]
    fn a_backend_with_fewer_features_or_queues_needs_a_reset_that_offers_those() {
        for (offered, queues) in [(VERSION_1, 2), (VERSION_1 | 1, 1)] {
            let mut mmio = device();
            accept(&mut mmio, VERSION_1 | 1);
            mmio.write(0x070, 4, 15);

            let goes_on = mmio.offer(offered, queues);
            mmio.write(0x070, 4, 0);

            assert!(!goes_on);
            assert_eq!(mmio.read(0x010, 4), offered as u32);
            assert_eq!(mmio.queues().len(), queues);
        }
    }

    #[test]
    fn a_driver_that_has_not_begun_sees_the_new_offer_at_once() {
        let mut mmio = device();

        assert!(mmio.offer(VERSION_1, 1));

        assert_eq!((mmio.read(0x010, 4), mmio.queues().len()), (0, 1));
    }

    #[test]
    fn features_that_went_before_the_agreement_are_not_ok() {
        let mut mmio = device();
        mmio.write(0x070, 4, 3);

        assert!(mmio.offer(VERSION_1, 2));
        accept(&mut mmio, VERSION_1 | 1);

        assert_eq!(mmio.read(0x070, 4), 3);
    }

    #[test]
    fn a_queue_made_unready_stops() {
        let mut mmio = device();
        set_up(&mut mmio);

        assert_eq!(mmio.write(0x044, 4, 0), Action::Stop(0));
        assert_eq!(mmio.write(0x044, 4, 1), Action::Nothing);
        assert!(!mmio.queues()[0].ready);
    }

    #[test]
    fn causes_are_kept_until_acknowledged() {
        let mut mmio = device();
        mmio.raise(USED);
        mmio.fail();

        let before = mmio.read(0x060, 4);
        let action = mmio.write(0x064, 4, 1);

        assert_eq!((before, action), (3, Action::Acknowledged));
        assert_eq!(mmio.read(0x060, 4), 2);
        assert_eq!(mmio.read(0x070, 4), STATUS_NEEDS_RESET);
    }

    #[test]
    fn the_configuration_begins_at_0x100_and_ends_with_the_device() {
        let mut mmio = device();

        assert_eq!(
            mmio.write(0x104, 2, 7),
            Action::Configure { offset: 4, size: 2 }
        );
        assert_eq!(Mmio::config_offset(0xff), None);
        assert_eq!(Mmio::config_offset(0x1ff), Some(0xff));
        assert_eq!(Mmio::config_offset(0x200), None);
    }
}
