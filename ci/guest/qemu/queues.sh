#!/bin/sh
# A new file system, and work for both request queues: both CPUs at once.
set -e
mkfs.ext4 -q -F /dev/sda1
mount /dev/sda1 /mnt
fio --name=verify --directory=/mnt --size=4M --rw=randrw --bs=4k --verify=crc32c --verify_fatal=1 \
  --ioengine=libaio --iodepth=8 --numjobs=2 --cpus_allowed=0-1 --cpus_allowed_policy=split \
  --direct=1 --minimal >/tmp/said
awk -F';' '$5 != 0 { print; bad = 1 } END { exit bad }' /tmp/said
rm /mnt/verify*
umount /mnt
# An interrupt of each request queue: the last two of the device.
grep -c 'virtio.*-request' /proc/interrupts
awk '/virtio.*-request/ { n++; if ($2 + $3 == 0) bad = 1 } END { exit bad || n < 2 }' /proc/interrupts
