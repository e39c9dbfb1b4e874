#!/bin/sh
# Makes a machine's files, read-only, the root that programs run in: with modules of this kernel, and
# with folders to write to.
set -e
options=ro,trans=virtio,version=9p2000.L,cache=loose,msize=524288
/usr/bin/modprobe -a 9pnet_virtio 9p
mount -t 9p -o $options host /mnt
for folder in tmp run var/tmp; do mount -t tmpfs tmp /mnt/$folder; done
mkdir /mnt/tmp/private
mount -t 9p -o $options private /mnt/tmp/private
mount -t proc proc /mnt/proc
mount -t sysfs sysfs /mnt/sys
mount -t devtmpfs dev /mnt/dev
