// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Feature bits, protocol features and device ids by name.

type Table = &'static [(u32, &'static str)];

const COMMON: Table = &[
    (24, "NOTIFY_ON_EMPTY"),
    (26, "LOG_ALL"),
    (27, "ANY_LAYOUT"),
    (28, "INDIRECT_DESC"),
    (29, "EVENT_IDX"),
    (30, "PROTOCOL_FEATURES"),
    (32, "VERSION_1"),
    (33, "ACCESS_PLATFORM"),
    (34, "RING_PACKED"),
    (35, "IN_ORDER"),
    (36, "ORDER_PLATFORM"),
    (37, "SR_IOV"),
    (38, "NOTIFICATION_DATA"),
    (39, "NOTIF_CONFIG_DATA"),
    (40, "RING_RESET"),
    (41, "ADMIN_VQ"),
];

const PROTOCOL: Table = &[
    (0, "MQ"),
    (1, "LOG_SHMFD"),
    (2, "RARP"),
    (3, "REPLY_ACK"),
    (4, "MTU"),
    (5, "BACKEND_REQ"),
    (6, "CROSS_ENDIAN"),
    (7, "CRYPTO_SESSION"),
    (8, "PAGEFAULT"),
    (9, "CONFIG"),
    (10, "BACKEND_SEND_FD"),
    (11, "HOST_NOTIFIER"),
    (12, "INFLIGHT_SHMFD"),
    (13, "RESET_DEVICE"),
    (14, "INBAND_NOTIFICATIONS"),
    (15, "CONFIGURE_MEM_SLOTS"),
    (16, "STATUS"),
    (17, "XEN_MMAP"),
    (18, "SHARED_OBJECT"),
    (19, "DEVICE_STATE"),
    (20, "GET_VRING_BASE_INFLIGHT"),
    (21, "GPA_ADDRESSES"),
    (22, "SHMEM"),
];

fn of_device(id: u32) -> Table {
    match id {
        1 => &[
            (0, "CSUM"),
            (1, "GUEST_CSUM"),
            (3, "MTU"),
            (5, "MAC"),
            (15, "MRG_RXBUF"),
            (16, "STATUS"),
            (17, "CTRL_VQ"),
            (22, "MQ"),
        ],
        2 => &[
            (1, "SIZE_MAX"),
            (2, "SEG_MAX"),
            (4, "GEOMETRY"),
            (5, "RO"),
            (6, "BLK_SIZE"),
            (9, "FLUSH"),
            (10, "TOPOLOGY"),
            (11, "CONFIG_WCE"),
            (12, "MQ"),
            (13, "DISCARD"),
            (14, "WRITE_ZEROES"),
        ],
        3 => &[(0, "SIZE"), (1, "MULTIPORT"), (2, "EMERG_WRITE")],
        8 => &[(0, "INOUT"), (1, "HOTPLUG"), (2, "CHANGE"), (3, "T10_PI")],
        16 => &[
            (0, "VIRGL"),
            (1, "EDID"),
            (2, "RESOURCE_UUID"),
            (3, "RESOURCE_BLOB"),
            (4, "CONTEXT_INIT"),
        ],
        17 => &[(0, "ALARM")],
        19 => &[(0, "STREAM"), (1, "SEQPACKET"), (2, "NO_IMPLIED_STREAM")],
        25 => &[(0, "CTLS")],
        32 => &[(0, "P2P_CHANNELS"), (1, "SHARED_MEMORY")],
        34 => &[(0, "ZERO_LENGTH_REQUEST")],
        36 => &[
            (0, "CAN_CLASSIC"),
            (1, "CAN_FD"),
            (2, "RTR_FRAMES"),
            (3, "LATE_TX_ACK"),
        ],
        41 => &[(0, "IRQ")],
        30 | 31 => &[
            (0, "RESOURCE_GUEST_PAGES"),
            (1, "RESOURCE_NON_CONTIG"),
            (2, "RESOURCE_VIRTIO_OBJECT"),
        ],
        _ => &[],
    }
}

const DEVICES: Table = &[
    (1, "net"),
    (2, "block"),
    (3, "console"),
    (4, "rng"),
    (5, "balloon"),
    (8, "scsi"),
    (16, "gpu"),
    (17, "rtc"),
    (18, "input"),
    (19, "vsock"),
    (20, "crypto"),
    (23, "iommu"),
    (24, "mem"),
    (25, "sound"),
    (26, "fs"),
    (27, "pmem"),
    (30, "video-encoder"),
    (31, "video-decoder"),
    (32, "scmi"),
    (34, "i2c"),
    (36, "can"),
    (41, "gpio"),
    (45, "spi"),
    (48, "media"),
];

/// Names of the feature bits that a device of this virtio id offers; an unknown bit is `bit N`.
pub fn virtio_features(device_id: u32, bits: u64) -> Vec<String> {
    names(&[of_device(device_id), COMMON], bits)
}

/// Names of vhost-user protocol features; an unknown bit is `bit N`.
pub fn protocol_features(bits: u64) -> Vec<String> {
    names(&[PROTOCOL], bits)
}

/// The short name of a device.
pub fn device(id: u32) -> Option<&'static str> {
    DEVICES
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}

/// The virtio id of a device with this short name.
pub fn device_id(name: &str) -> Option<u32> {
    DEVICES
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(id, _)| *id)
}

fn names(tables: &[Table], bits: u64) -> Vec<String> {
    (0..64)
        .filter(|bit| bits & (1 << bit) != 0)
        .map(|bit| {
            tables
                .iter()
                .flat_map(|table| table.iter())
                .find(|(known, _)| *known == bit)
                .map_or_else(|| format!("bit {bit}"), |(_, name)| (*name).to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_named_by_device_and_unknown_ones_by_number() {
        assert_eq!(
            virtio_features(3, 1 << 32 | 1 << 29 | 1 | 1 << 7),
            ["SIZE", "bit 7", "EVENT_IDX", "VERSION_1"]
        );
        assert_eq!(virtio_features(4, 1), ["bit 0"]);
        assert_eq!(protocol_features(0x9), ["MQ", "REPLY_ACK"]);
    }

    #[test]
    fn device_names_lead_to_ids_and_back() {
        assert_eq!(device_id("rng"), Some(4));
        assert_eq!(device(19), Some("vsock"));
        assert_eq!(device(999), None);
    }
}
