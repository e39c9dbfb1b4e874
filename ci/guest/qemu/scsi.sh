#!/bin/sh
# Partition, file system, content that survives, queues, discard.
set -e
for try in $(seq 100); do [ -b /dev/sda ] && break; sleep 0.1; done
sg_inq /dev/sda >/tmp/said
grep -q RUSTVMM /tmp/said
sg_vpd --page=bl /dev/sda >/dev/null
sg_readcap --16 /dev/sda >/tmp/said
grep -q 'Logical block provisioning: lbpme=1' /tmp/said || { cat /tmp/said; exit 1; }
sg_persist --out --register --param-sark=abc /dev/sda >/dev/null
sg_persist --in --read-keys /dev/sda >/tmp/said
grep -qi 0xabc /tmp/said
sg_persist --out --register --param-rk=abc --param-sark=0 /dev/sda >/dev/null
echo 'start=2048, type=83' | sfdisk -q /dev/sda
for try in $(seq 100); do [ -b /dev/sda1 ] && break; sleep 0.1; done
mkfs.ext4 -q /dev/sda1
mount /dev/sda1 /mnt
dd if=/dev/urandom of=/mnt/file bs=1M count=16 conv=fsync 2>/dev/null
md5sum </mnt/file >/tmp/sum
# Both CPUs at once, so that both queues have work.
fio --name=verify --directory=/mnt --size=4M --rw=randrw --bs=4k --verify=crc32c --verify_fatal=1 \
  --ioengine=libaio --iodepth=8 --numjobs=2 --cpus_allowed=0-1 --cpus_allowed_policy=split \
  --direct=1 --minimal >/tmp/said
awk -F';' '$5 != 0 { print; bad = 1 } END { exit bad }' /tmp/said
rm /mnt/verify*
umount /mnt
mount -o ro /dev/sda1 /mnt
md5sum </mnt/file | cmp - /tmp/sum
umount /mnt
# An interrupt of each request queue: the last two of the device.
grep -c 'virtio.*-request' /proc/interrupts
awk '/virtio.*-request/ { n++; if ($2 + $3 == 0) bad = 1 } END { exit bad || n < 2 }' /proc/interrupts
