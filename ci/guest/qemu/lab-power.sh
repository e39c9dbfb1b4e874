#!/bin/sh
# The test of the SCSI device that cuts the power: lab-power.sh PROGRAM FOLDER, the folder being what cargo
# builds in. The image is a disk in memory, behind a target that records what reaches it.
set -e
/usr/bin/modprobe brd rd_nr=2 rd_size=65536
/usr/bin/modprobe dm-log-writes
[ -e "/mnt$1" ] || {
  mkdir -p "/mnt$2"
  mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=524288 target "/mnt$2"
}
private=/tmp/private
dmsetup="$private/lib64/ld-linux-x86-64.so.2 --library-path $private/usr/lib/x86_64-linux-gnu $private/usr/sbin/dmsetup"
chroot /mnt $dmsetup create cut --noudevsync --table "0 131072 log-writes /dev/ram0 /dev/ram1"
export POWER_CUT_IMAGE=/dev/dm-0 POWER_CUT_LOG=/dev/ram1
export POWER_CUT_MARK="$dmsetup message cut 0 mark"
export POWER_CUT_END="$dmsetup remove --noudevsync cut"
said=$(chroot /mnt "$1" --nocapture 2>&1) || failed=1
echo "$said"
[ -z "$failed" ]
echo "$said" | grep -q "test result: ok. 1 passed"
