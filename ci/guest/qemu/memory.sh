#!/bin/sh
# Waits for memory that is plugged in, then moves so much by the disk that some of it is used.
# Usage: memory.sh KIB-AT-LEAST
set -e
total() { sed -n 's/MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo; }
for try in $(seq 200); do [ $(total) -ge $1 ] && break; sleep 0.1; done
total
[ $(total) -ge $1 ]
# Buffers of the page cache take all that is free, the new memory first.
mkdir -p /tmp/all
mount -t tmpfs -o size=100% all /tmp/all
free=$(sed -n 's/MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo)
fill=$(((free - 60000) / 1024))
dd if=/dev/zero of=/tmp/all/fill bs=1M count=$fill 2>/dev/null
head -c 20971520 /dev/urandom >/mnt/new
sync
md5sum </mnt/new >/tmp/sum
echo 1 >/proc/sys/vm/drop_caches
md5sum </mnt/new | cmp - /tmp/sum
rm /mnt/new
umount /tmp/all
